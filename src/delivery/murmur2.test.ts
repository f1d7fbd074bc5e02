import assert from "node:assert/strict";
import { it } from "node:test";

import { murmur2 } from "./murmur2.ts";

// From Kafka's own UtilsTest, sign bit cleared.
const VECTORS: ReadonlyArray<readonly [string, number]> = [
  ["21", -973_932_308],
  ["foobar", -790_332_482],
  ["a-little-bit-long-string", -985_981_536],
  ["a-little-bit-longer-string", -1_486_304_829],
  ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971],
  ["abc", 479_470_107],
];

it("murmur2 agrees with the Java client", () => {
  for (const [key, hash] of VECTORS) {
    assert.equal(murmur2(new TextEncoder().encode(key)), hash & 0x7fffffff, key);
  }
});
