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
  budget.take(1, 1, 1_000);
  budget.judge();
  budget.judge();
  budget.take(1, 9, 0);
  budget.judge();
  budget.release(1, 3, 1_000);
  budget.release(1, 7, 0);
  assert.deepEqual(told, ["hard", "high", "open"]);
  assert.deepEqual(budget.pressure(), { unackedEvents: 0, unackedBytes: 0, level: "open" });
  assert.throws(() => budget.release(1, 1, 0));
});

it("Budget: a tenant that floods is held back, the others are not, and it cannot fill the whole", () => {
  const budget = new Budget({ eventsMax: 1_000, bytesMax: 1e9, onLevel: () => {} });
  const [flood, quiet, third] = ["flood", "quiet", "third"].map((name) =>
    budget.tenants.numberOf(name),
  );
  assert(flood !== undefined && quiet !== undefined && third !== undefined);
  const take = (tenant: number, events: number): number => {
    let taken = 0;
    for (; taken < events && !budget.isFullFor(tenant); taken += 1) {
      budget.take(tenant, 1, 1);
      budget.judge();
    }
    return taken;
  };
  assert.equal(take(flood, 2_000), 800);
  assert.equal(budget.level, "high");
  assert.equal(budget.isHeldBack(flood), true);
  assert.equal(budget.isHeldBack(quiet), false);
  assert.equal(take(quiet, 100), 100);
  assert.equal(take(third, 50), 50);
  assert.equal(budget.heldBack, 1);
  // Settled room goes to those below their share first: the flood is far above its third.
  budget.release(flood, 200, 200);
  assert.equal(budget.level, "high");
  assert.equal(take(flood, 100), 0);
  assert.equal(take(third, 200), 200);
  budget.release(flood, 600, 600);
  budget.judge();
  assert.equal(budget.level, "open");
  assert.equal(budget.isHeldBack(flood), false);
  assert.equal(budget.tenants.active, 2);
});
