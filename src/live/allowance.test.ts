/**
 * The bound on the live feed's time, on an event loop whose clock is moved by the work alone: what
 * the feed does, the writes that follow in the same turn, and what comes in.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Allowance } from "./allowance.ts";
import type { SliceKind } from "./allowance.ts";

const SHARE = 0.3;

interface Timer {
  readonly atMs: number;
  readonly action: () => void;
}

/** Work that came in and waits for its turn. */
interface Arrival {
  readonly atMs: number;
  readonly costMs: number;
}

/** A turn in Node.js' order: due timers, writes that uWebSockets has, what came in, immediates. */
class Loop {
  nowMs = 0;
  timers: Timer[] = [];
  soon: (() => void)[] = [];
  /** Of the feed, to be done at the end of the turn. */
  writesMs = 0;
  arrivals: Arrival[] = [];
  /** How long each arrival waited until it was done. */
  readonly waitedMs: number[] = [];
  utilization = 0;

  async run(untilMs: number): Promise<void> {
    while (this.nowMs < untilMs) {
      const due = this.timers.filter(({ atMs }) => atMs <= this.nowMs);
      this.timers = this.timers.filter(({ atMs }) => atMs > this.nowMs);
      for (const { action } of due) await this.#do(action);
      this.nowMs += this.writesMs;
      this.writesMs = 0;
      while ((this.arrivals[0]?.atMs ?? Infinity) <= this.nowMs) {
        const { atMs, costMs } = this.arrivals.shift() ?? { atMs: 0, costMs: 0 };
        this.waitedMs.push(this.nowMs - atMs);
        this.nowMs += costMs;
      }
      const soon = this.soon;
      this.soon = [];
      for (const action of soon) await this.#do(action);
      if (this.soon.length > 0) continue;
      const next = Math.min(
        ...this.timers.map(({ atMs }) => atMs),
        this.arrivals[0]?.atMs ?? untilMs,
      );
      this.nowMs = Math.max(this.nowMs, next);
    }
  }

  /** And what its promises have to do, as Node.js does before anything else. */
  async #do(action: () => void): Promise<void> {
    action();
    for (let turns = 0; turns < 5; turns += 1) await Promise.resolve();
  }

  allowance(): Allowance {
    return new Allowance({
      share: SHARE,
      clock: {
        nowMs: () => this.nowMs,
        monotonicMs: () => this.nowMs,
        after: (delayMs, action) => {
          this.timers.push({ atMs: this.nowMs + delayMs, action });
          return () => {};
        },
      },
      soon: (action) => void this.soon.push(action),
      utilization: () => this.utilization,
    });
  }
}

interface Feed {
  readonly kind?: SliceKind;
  readonly sliceMs: number;
  readonly writes: number;
  readonly writeMs: number;
}

/** More work than fits, without end; what it has taken, writes included. */
function flood(loop: Loop, allowance: Allowance, feed: Feed): { takenMs: number } {
  const sum = { takenMs: 0 };
  const { sliceMs, writes, writeMs, kind = "present" } = feed;
  void (async () => {
    for (;;) {
      const slice = await allowance.turn(kind);
      loop.nowMs += sliceMs;
      loop.writesMs += writes * writeMs;
      sum.takenMs += sliceMs + writes * writeMs;
      slice.end(writes);
    }
  })();
  return sum;
}

const RUN_MS = 10_000;

describe("Allowance", () => {
  for (const writeMs of [0.003, 0.01, 0.03]) {
    it(`more than fits, writes of ${writeMs} ms: its share is kept, and all of it used`, async () => {
      const loop = new Loop();
      const sum = flood(loop, loop.allowance(), { sliceMs: 1, writes: 250, writeMs });
      await loop.run(RUN_MS);
      const share = sum.takenMs / loop.nowMs;
      assert.ok(share <= SHARE * 1.02, `took ${share}`);
      assert.ok(share >= SHARE * 0.8, `took only ${share}`);
    });
  }

  it("what comes in waits for one slice at most, also while a debt is made", async () => {
    const loop = new Loop();
    flood(loop, loop.allowance(), { sliceMs: 1, writes: 250, writeMs: 0.01 });
    loop.arrivals = Array.from({ length: 1_000 }, (_, index) => {
      return { atMs: index * 10 + 0.3, costMs: 0.5 };
    });
    await loop.run(RUN_MS);
    assert.equal(loop.waitedMs.length, 1_000);
    // A slice, its writes, and one arrival that came before.
    const worst = Math.max(...loop.waitedMs);
    assert.ok(worst <= 1 + 2.5 + 0.5, `waited ${worst} ms`);
  });

  it("a busy process: it steps back", async () => {
    const calm = new Loop();
    const busy = new Loop();
    busy.utilization = 1;
    const taken = [];
    for (const loop of [calm, busy]) {
      const sum = flood(loop, loop.allowance(), { sliceMs: 1, writes: 10, writeMs: 0.01 });
      loop.arrivals = Array.from({ length: 5_000 }, (_, index) => {
        return { atMs: index * 2, costMs: 1.4 };
      });
      await loop.run(RUN_MS);
      taken.push(sum.takenMs / loop.nowMs);
    }
    const [calmShare = 0, busyShare = 0] = taken;
    assert.ok(busyShare < calmShare * 0.6, `${busyShare} of ${calmShare}`);
  });

  it("the past waits for the present, and gets a quarter of the turns", async () => {
    const loop = new Loop();
    const allowance = loop.allowance();
    const work = { sliceMs: 1, writes: 0, writeMs: 0 };
    const present = flood(loop, allowance, work);
    const past = [1, 2, 3].map(() => flood(loop, allowance, { ...work, kind: "past" }));
    await loop.run(RUN_MS);
    const pastMs = past.reduce((sum, { takenMs }) => sum + takenMs, 0);
    const share = pastMs / (pastMs + present.takenMs);
    assert.ok(share > 0.2 && share < 0.6, `${share}`);
  });
});
