import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { backoffMs } from "./backoff.ts";

describe("backoffMs", () => {
  it("the upper end doubles up to the ceiling", () => {
    const options = { firstMs: 100, ceilingMs: 1_000, randomUnit: () => 0.999_999 };
    const waits = [1, 2, 3, 4, 5, 99].map((attempt) => backoffMs(attempt, options));
    assert.deepEqual(waits, [99, 199, 399, 799, 999, 999]);
  });

  it("the jitter is full: the lower end is zero", () => {
    const options = { firstMs: 100, ceilingMs: 1_000, randomUnit: () => 0 };
    assert.equal(backoffMs(7, options), 0);
  });
});
