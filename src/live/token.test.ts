/** Tokens of offsets: they come back as they were, to their tenant only, and damage is seen. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import fc from "fast-check";

import { readToken, writeToken } from "./token.ts";

const offsets = fc
  .array(
    fc.oneof(
      fc.maxSafeNat().map((each) => Math.max(0, each - 1)),
      fc.nat(300),
    ),
    {
      minLength: 1,
      maxLength: 20,
    },
  )
  .map((list) => new Map(list.entries()));
const positions = fc
  .array(fc.tuple(fc.string({ minLength: 1, maxLength: 30 }), offsets), { maxLength: 16 })
  .map((entries) => new Map(entries));

describe("readToken", () => {
  it("any positions, come back", () => {
    fc.assert(
      fc.property(positions, (at) => {
        const token = writeToken("acme", at);
        if (token.length > 8_192) return;
        assert.deepEqual(readToken("acme", token), at);
      }),
    );
  });

  it("another tenant's token, is none", () => {
    const token = writeToken("acme", new Map([["alerts", new Map([[0, 5]])]]));
    assert.equal(readToken("umbrella", token), null);
  });

  it("a token with one character changed or cut off, is none", () => {
    const token = writeToken("acme", new Map([["alerts", new Map([[0, 5]])]]));
    for (let index = 0; index < token.length; index += 1) {
      const other = token[index] === "A" ? "B" : "A";
      const changed = token.slice(0, index) + other + token.slice(index + 1);
      // The last character may hold bits that no byte has.
      if (Buffer.from(changed, "base64url").equals(Buffer.from(token, "base64url"))) continue;
      assert.equal(readToken("acme", changed), null, `at ${index}`);
      assert.equal(readToken("acme", token.slice(0, index)), null, `cut at ${index}`);
    }
  });

  it("any text, is a token or none", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        assert.equal(readToken("acme", text), null);
      }),
    );
  });

  it("a partition that is left out, stays out", () => {
    const at = new Map([["alerts", new Map([[2, 7]])]]);
    assert.deepEqual(readToken("acme", writeToken("acme", at)), at);
  });
});
