import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { FakeClock, systemClock } from "./clock.ts";

describe("FakeClock", () => {
  it("advance fires timers at their own time, in order, also those made meanwhile", () => {
    const clock = new FakeClock(1_000);
    const fired: string[] = [];
    const note = (name: string) => () => fired.push(`${name}@${clock.monotonicMs()}`);
    clock.after(30, note("late"));
    clock.after(10, () => {
      note("first")();
      clock.after(5, note("nested"));
    });
    clock.after(10, note("second"));
    const cancel = clock.after(20, note("cancelled"));
    cancel();
    cancel();
    clock.advance(29);
    assert.deepEqual(fired, ["first@10", "second@10", "nested@15"]);
    assert.equal(clock.pendingCount, 1);
    clock.advance(1);
    assert.equal(fired.at(-1), "late@30");
    assert.equal(clock.nowMs(), 1_030);
  });
});

describe("systemClock", () => {
  it("after fires, a stopped timer does not", async () => {
    await new Promise<void>((resolve, reject) => {
      const cancel = systemClock.after(0, () => reject(new Error("a stopped timer fired")));
      cancel();
      systemClock.after(2, resolve, { keepAlive: true });
    });
  });

  it("monotonicMs never goes back", () => {
    const before = systemClock.monotonicMs();
    assert.ok(systemClock.monotonicMs() >= before);
    assert.ok(systemClock.nowMs() > 1_600_000_000_000);
  });
});
