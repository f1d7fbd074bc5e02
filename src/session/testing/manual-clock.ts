/** A clock and timers that move only when a test says so. */
import type { SessionTimers } from "../sessions.ts";

interface Waiting {
  readonly task: () => void;
  readonly everyMs: number;
  dueMs: number;
}

export class ManualClock {
  nowMs: number;
  readonly #waiting = new Set<Waiting>();

  constructor(nowMs = 1_700_000_000_000) {
    this.nowMs = nowMs;
  }

  readonly timers: SessionTimers = {
    setInterval: (task, delayMs) => this.#wait(task, delayMs, delayMs),
    clearInterval: (handle) => void this.#waiting.delete(handle as Waiting),
    setTimeout: (task, delayMs) => this.#wait(task, delayMs, 0),
  };

  /** Runs what falls due on the way, in order; promises settle after each task. */
  async advance(byMs: number): Promise<void> {
    await settle();
    const untilMs = this.nowMs + byMs;
    for (;;) {
      const next = this.#nextDue(untilMs);
      if (next === undefined) {
        break;
      }
      this.nowMs = Math.max(this.nowMs, next.dueMs);
      if (next.everyMs === 0) {
        this.#waiting.delete(next);
      } else {
        next.dueMs += next.everyMs;
      }
      next.task();
      await settle();
    }
    this.nowMs = untilMs;
    await settle();
  }

  #nextDue(untilMs: number): Waiting | undefined {
    const due = [...this.#waiting].filter((waiting) => waiting.dueMs <= untilMs);
    return due.toSorted((left, right) => left.dueMs - right.dueMs)[0];
  }

  #wait(task: () => void, delayMs: number, everyMs: number): Waiting {
    const waiting = { task, everyMs, dueMs: this.nowMs + delayMs };
    this.#waiting.add(waiting);
    return waiting;
  }
}

/** Lets every promise that can settle do so. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
