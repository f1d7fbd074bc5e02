import assert from "node:assert/strict";
import { test } from "node:test";
import { Sampling } from "./sampling.ts";

const CLIENT = { traceId: "1".repeat(32), spanId: "2".repeat(16), isSampled: true };

function sampling(given: { perMillion?: number; followedPerSecond?: number; random?: number }) {
  const clock = { atMs: 0 };
  const { perMillion = 10_000, followedPerSecond = 0, random = 0 } = given;
  const made = new Sampling({
    perMillion,
    followedPerSecond,
    random: () => random,
    clockMs: () => clock.atMs,
  });
  return { made, clock };
}

test("Sampling picks the share it was given", () => {
  assert.equal(sampling({ random: 0.009_99 }).made.picks(), true);
  assert.equal(sampling({ random: 0.01 }).made.picks(), false);
  assert.equal(sampling({ perMillion: 0, random: 0 }).made.picks(), false);
  assert.equal(sampling({ perMillion: 1_000_000, random: 0.999_999 }).made.picks(), true);
});

test("Sampling does not follow clients unless it is told to", () => {
  const { made } = sampling({});
  assert.equal(made.followsClients, false);
  assert.equal(made.follows(CLIENT), false);
});

test("Sampling follows so many clients a second, and only those that trace", () => {
  const { made, clock } = sampling({ followedPerSecond: 2 });
  assert.equal(made.follows({ ...CLIENT, isSampled: false }), false);
  assert.equal(made.follows(null), false);
  assert.deepEqual(
    [1, 2, 3].map(() => made.follows(CLIENT)),
    [true, true, false],
  );
  clock.atMs = 500;
  assert.deepEqual(
    [1, 2].map(() => made.follows(CLIENT)),
    [true, false],
  );
});
