import assert from "node:assert/strict";
import { it } from "node:test";

import { hmacSha256 as hmacOfNode } from "./keyed-hash.ts";
import { hmacSha256 } from "./sha256.ts";

it("HMAC-SHA-256 agrees with Node's on every length around its blocks", () => {
  for (let length = 0; length < 200; length += 1) {
    const value = Uint8Array.from({ length }, (_, index) => (index * 37 + length) & 255);
    const salt = "s\u00e4lt-".repeat(1 + (length % 20));
    assert.deepEqual(
      Buffer.from(hmacSha256(salt, value)).toString("hex"),
      Buffer.from(hmacOfNode(salt, value)).toString("hex"),
    );
  }
  const long = new Uint8Array(1_000_003).fill(7);
  assert.deepEqual(Buffer.from(hmacSha256("k", long)), Buffer.from(hmacOfNode("k", long)));
});
