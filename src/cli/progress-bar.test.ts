import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { progressLine } from "./progress-bar.ts";

describe("progressLine", () => {
  for (const [done, total, elapsedMs, expected] of [
    [0, 2_000, 0, "[------------------------------]   0 %  0 of 2,000  0/s"],
    [
      1_000,
      2_000,
      2_000,
      "[###############---------------]  50 %  1,000 of 2,000  500/s  2 s left",
    ],
    [
      1,
      100_000,
      1_000,
      "[------------------------------]   0 %  1 of 100,000  1/s  27 h 46 min left",
    ],
    [0, 0, 10, "[##############################] 100 %  0 of 0  0/s"],
  ] as const) {
    it(expected, () => assert.equal(progressLine({ done, total, elapsedMs }), expected));
  }
});
