import assert from "node:assert/strict";
import { describe, it } from "node:test";

import fc from "fast-check";

import { TokenBucket } from "./token-bucket.ts";

function setUp(perSecond: number, burst: number) {
  const clock = { atMs: 0 };
  return { clock, bucket: new TokenBucket({ perSecond, burst }, () => clock.atMs) };
}

describe("TokenBucket", () => {
  it("lets a batch through while anything is left, then waits until the debt is paid", () => {
    const { bucket, clock } = setUp(10, 20);
    bucket.take(50);
    assert.equal(bucket.tokens, -30);
    assert.equal(bucket.waitMs, 3_100);
    clock.atMs += 3_099;
    assert.ok(bucket.waitMs > 0);
    clock.atMs += 1;
    assert.equal(bucket.waitMs, 0);
  });

  it("gathers up to its burst, and keeps to a smaller one", () => {
    const { bucket, clock } = setUp(10, 20);
    clock.atMs += 60_000;
    assert.equal(bucket.tokens, 20);
    assert.equal(bucket.isFull, true);
    bucket.changeRate({ perSecond: 1, burst: 2 });
    assert.equal(bucket.tokens, 2);
  });

  it("never lets more through than rate × time + burst + one batch", () => {
    const steps = fc.array(
      fc.record({ waitMs: fc.nat(500), count: fc.integer({ min: 1, max: 50 }) }),
    );
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 100 }), (asked, perSecond) => {
        const { bucket, clock } = setUp(perSecond, 2 * perSecond);
        let through = 0;
        for (const { waitMs, count } of asked) {
          clock.atMs += waitMs;
          if (bucket.waitMs > 0) continue;
          bucket.take(count);
          through += count;
        }
        assert.ok(through <= (clock.atMs / 1_000) * perSecond + 2 * perSecond + 50);
      }),
    );
  });
});
