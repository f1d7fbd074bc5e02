import assert from "node:assert/strict";
import { test } from "node:test";

import { FAULT_KINDS, planFaults } from "./schedule.ts";

test("planFaults: the same seed gives the same faults, another one others", () => {
  assert.deepEqual(planFaults(7, 60_000), planFaults(7, 60_000));
  assert.notDeepEqual(planFaults(7, 60_000), planFaults(8, 60_000));
});

test("planFaults: a minute has every kind, and no group overlaps itself", () => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const faults = planFaults(seed, 60_000);
    assert.equal(new Set(faults.map(({ kind }) => kind)).size, Object.keys(FAULT_KINDS).length);
    const busyUntil = new Map<string, number>();
    for (const { kind, atMs, durationMs, target } of faults) {
      const { group, ms, targets } = FAULT_KINDS[kind];
      assert.ok(atMs >= (busyUntil.get(group) ?? 0) && atMs < 60_000);
      assert.ok(durationMs >= ms[0] && durationMs <= ms[1]);
      assert.ok(target >= 0 && target < targets);
      busyUntil.set(group, atMs + durationMs);
    }
  }
});
