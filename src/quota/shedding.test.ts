import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { Priority } from "../admission/policy.ts";
import { FakeClock } from "../lib/clock.ts";
import { SHED_CALM_MS, SHED_LOOK_MS } from "../limits/admission.ts";
import { Shedding } from "./shedding.ts";

function setUp() {
  const clock = new FakeClock();
  const readings = { utilization: 0.1, delayMs: 5 };
  const changes: (readonly Priority[])[] = [];
  const shedding = new Shedding({
    busyFrom: 0.95,
    utilization: () => readings.utilization,
    clockMs: () => clock.monotonicMs(),
    onChange: (shed) => changes.push(shed),
  });
  const shed = (): readonly Priority[] => {
    shedding.answered(readings.delayMs);
    clock.advance(SHED_LOOK_MS);
    return (["low", "normal", "high"] as const).filter((priority) => shedding.sheds(priority));
  };
  return { clock, readings, changes, shedding, shed };
}

describe("Shedding", () => {
  it("sheds nothing while there is time", () => {
    const { shed, readings } = setUp();
    assert.deepEqual(shed(), []);
    Object.assign(readings, { utilization: 0.94, delayMs: 400 });
    assert.deepEqual(shed(), []);
  });

  it("sheds the lowest priority for either reading, the next for both, the highest never", () => {
    const { shed, readings } = setUp();
    Object.assign(readings, { utilization: 0.95, delayMs: 5 });
    assert.deepEqual(shed(), ["low"]);
    Object.assign(readings, { utilization: 1, delayMs: 5 });
    assert.deepEqual(shed(), ["low"], "busy, but in time");
    Object.assign(readings, { utilization: 0.2, delayMs: 2_000 });
    assert.deepEqual(shed(), ["low"], "late, but not by its own doing");
    Object.assign(readings, { utilization: 1, delayMs: 2_000 });
    assert.deepEqual(shed(), ["low", "normal"]);
    Object.assign(readings, { utilization: 1, delayMs: 60_000 });
    assert.deepEqual(shed(), ["low", "normal"]);
  });

  it("takes them back one by one, when it was calm for a while", () => {
    const { shed, readings, clock, changes } = setUp();
    Object.assign(readings, { utilization: 1, delayMs: 2_000 });
    assert.deepEqual(shed(), ["low", "normal"]);
    Object.assign(readings, { utilization: 0.1, delayMs: 5 });
    assert.deepEqual(shed(), ["low", "normal"]);
    clock.advance(SHED_CALM_MS);
    assert.deepEqual(shed(), ["low"]);
    assert.deepEqual(shed(), ["low"]);
    clock.advance(SHED_CALM_MS);
    assert.deepEqual(shed(), []);
    assert.deepEqual(changes, [["low", "normal"], ["low"], []]);
  });

  it("does not flap: a busy moment in between begins the calm anew", () => {
    const { shed, readings, clock } = setUp();
    readings.utilization = 1;
    shed();
    readings.utilization = 0.1;
    shed();
    clock.advance(SHED_CALM_MS - 2 * SHED_LOOK_MS);
    readings.utilization = 1;
    assert.deepEqual(shed(), ["low"]);
    readings.utilization = 0.1;
    assert.deepEqual(shed(), ["low"]);
    clock.advance(SHED_CALM_MS);
    assert.deepEqual(shed(), []);
  });
});
