import assert from "node:assert/strict";
import { it } from "node:test";

import { Budget, nextLevel } from "./budget.ts";
import type { PressureLevel } from "./delivery.ts";

it("nextLevel has a gap between where a level begins and where it ends", () => {
  const walk = [0, 0.69, 0.7, 0.6, 0.5, 0.49, 0.99, 1, 0.9, 0.85, 0.84, 0.7, 0.5, 0.4];
  const levels: PressureLevel[] = [];
  let level: PressureLevel = "open";
  for (const filled of walk) {
    level = nextLevel(level, filled);
    levels.push(level);
  }
  assert.deepEqual(levels, [
    ...["open", "open", "high", "high", "high", "open", "high"],
    ...["hard", "hard", "hard", "high", "high", "high", "open"],
  ]);
});

it("Budget counts events or bytes, whichever fill it more, and tells each change once", () => {
  const told: PressureLevel[] = [];
  const budget = new Budget({
    eventsMax: 10,
    bytesMax: 1_000,
    onLevel: (level) => told.push(level),
  });
  budget.take(1, 1_000);
  budget.judge();
  budget.judge();
  budget.take(9, 0);
  budget.judge();
  budget.release(3, 1_000);
  budget.release(7, 0);
  assert.deepEqual(told, ["hard", "high", "open"]);
  assert.deepEqual(budget.pressure(), { unackedEvents: 0, unackedBytes: 0, level: "open" });
  assert.throws(() => budget.release(1, 0));
});
