import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { STREAM_SECRETS_MAX } from "../limits/streams.ts";
import { ResumeTokens } from "./resume-token.ts";
import { streamKey } from "./testing/holders.ts";

const KEY = streamKey({ stream: new Uint8Array(16).fill(7) });
const LIFE_SECONDS = 100;
const BIRTH = "0123456789ab";

function tokens(secret = "a secret of the test"): {
  tokens: ResumeTokens;
  pass: (ms: number) => void;
} {
  let nowMs = 1_700_000_000_000;
  const made = new ResumeTokens(secret, { lifeSeconds: LIFE_SECONDS, nowMs: () => nowMs });
  return { tokens: made, pass: (ms) => void (nowMs += ms) };
}

describe("ResumeTokens", () => {
  test("a token proves its own tenant, source and stream only", () => {
    const { tokens: own } = tokens();
    const token = own.token(KEY, BIRTH);
    assert.equal(own.birthIn(KEY, token), BIRTH);
    assert.equal(own.birthIn({ ...KEY, tenant: "other" }, token), null);
    assert.equal(own.birthIn({ ...KEY, source: "other" }, token), null);
    assert.equal(own.birthIn({ ...KEY, tenant: "demow", source: "eb" }, token), null);
    assert.equal(own.birthIn(streamKey(), token), null);
  });

  test("input 38: a token that was truncated, lengthened or changed in any bit proves nothing", () => {
    const { tokens: own } = tokens();
    const token = own.token(KEY, BIRTH);
    for (let length = 0; length < token.length; length += 1) {
      assert.equal(own.birthIn(KEY, token.slice(0, length)), null);
    }
    for (const wrong of [
      `${token}A`,
      `${token}=`,
      ` ${token}`,
      "",
      "💥".repeat(30),
      token.toLowerCase(),
    ]) {
      assert.equal(own.birthIn(KEY, wrong), null);
    }
    const bytes = Buffer.from(token, "base64url");
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(own.birthIn(KEY, changed.toString("base64url")), null, `bit ${bit}`);
    }
  });

  test("input 38: a token ends at its time", () => {
    const { tokens: own, pass } = tokens();
    const token = own.token(KEY, BIRTH);
    pass(LIFE_SECONDS * 1_000 - 1);
    assert.equal(own.birthIn(KEY, token), BIRTH);
    pass(1);
    assert.equal(own.birthIn(KEY, token), null);
  });

  test("another secret proves nothing; earlier ones go on proving, within bounds", () => {
    const { tokens: own } = tokens();
    const first = own.token(KEY, BIRTH);
    assert.equal(tokens("another").tokens.birthIn(KEY, first), null);
    own.use("another");
    assert.notEqual(own.token(KEY, BIRTH), first);
    assert.equal(own.birthIn(KEY, first), BIRTH);
    assert.equal(tokens("another").tokens.birthIn(KEY, own.token(KEY, BIRTH)), BIRTH);
    for (let turn = 0; turn < STREAM_SECRETS_MAX; turn += 1) own.use(`secret ${turn}`);
    assert.equal(own.birthIn(KEY, first), null);
  });
});
