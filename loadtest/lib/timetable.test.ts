import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { SCENARIOS } from "../catalog.ts";
import { arrivalMs } from "./timetable.ts";

describe("arrivalMs", () => {
  it("steady: one after the other", () => {
    const timetable = { perS: 20, durationS: 60, stages: null };
    assert.deepEqual(
      [0, 1, 20, 1_199].map((index) => arrivalMs(index, timetable)),
      [0, 50, 1_000, 59_950],
    );
  });

  it("a rate that rises evenly: twice as many arrivals take √2 of the time", () => {
    const timetable = { perS: 10, durationS: 10, stages: [[0, 0] as const, [1, 1] as const] };
    assert.equal(Math.round(arrivalMs(24, timetable)), Math.round(10_000 * Math.sqrt(25 / 50)));
    assert.equal(Math.round(arrivalMs(49, timetable)), 10_000);
    assert.equal(arrivalMs(1_000, timetable), 10_000, "there are no more");
  });

  it("never goes back, and fills the time of every scenario", () => {
    for (const [name, { stages, durationS, batches }] of Object.entries(SCENARIOS)) {
      if (stages === null || batches === null) continue;
      const timetable = { perS: batches.perS, durationS, stages };
      let lastMs = 0;
      let index = 0;
      for (; arrivalMs(index, timetable) < durationS * 1_000; index += 1) {
        const ms = arrivalMs(index, timetable);
        assert.ok(ms >= lastMs, `${name}: ${index} is at ${ms}, after ${lastMs}`);
        lastMs = ms;
      }
      assert.ok(lastMs > durationS * 990, name);
    }
  });
});
