/**
 * A clock that stands until a test moves it. A delay of 0 passes at once, so that retries whose
 * pause is a random part of something run without moving the clock while `randomValue` is 0.
 */
import type { Clock } from "../clock.ts";

interface Alarm {
  readonly atMs: number;
  readonly callback: () => void;
}

export class FakeClock implements Clock {
  randomValue = 0;
  #nowMs = 0;
  readonly #alarms = new Set<Alarm>();

  monotonicMs(): number {
    return this.#nowMs;
  }

  random(): number {
    return this.randomValue;
  }

  after(delayMs: number, callback: () => void): () => void {
    const alarm: Alarm = { atMs: this.#nowMs + delayMs, callback };
    this.#alarms.add(alarm);
    if (delayMs === 0) queueMicrotask(() => this.#ring(alarm));
    return () => this.#alarms.delete(alarm);
  }

  /** Delays of the alarms that are set, the next first. */
  pendingMs(): readonly number[] {
    const delays = [...this.#alarms].map(({ atMs }) => atMs - this.#nowMs);
    return delays.toSorted((left, right) => left - right);
  }

  /** Moves the clock and rings what becomes due, in order. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    for (;;) {
      const due = [...this.#alarms].filter(({ atMs }) => atMs <= untilMs);
      const next = due.toSorted((left, right) => left.atMs - right.atMs)[0];
      if (next === undefined) break;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      this.#ring(next);
    }
    this.#nowMs = untilMs;
  }

  #ring(alarm: Alarm): void {
    if (this.#alarms.delete(alarm)) alarm.callback();
  }
}

/** Waits for something that other work, not time, will make true. */
export async function until(isTrue: () => boolean): Promise<void> {
  for (let turn = 0; !isTrue(); turn++) {
    if (turn > 100_000) throw new Error("what the test waits for never came");
    await new Promise((resolve) => setImmediate(resolve));
  }
}
