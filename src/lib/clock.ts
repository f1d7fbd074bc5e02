/** Time as a value that is passed in, so that tests decide what time it is. */

/** Stops a timer; calling it again, or after the timer fired, does nothing. */
export type CancelTimer = () => void;

interface TimerOptions {
  readonly keepAlive?: boolean;
}

export interface Clock {
  /** Milliseconds since 1970. May jump when the machine's clock is set. */
  nowMs(): number;
  /** Milliseconds since an arbitrary start, with fractions. Never goes back; for durations. */
  monotonicMs(): number;
  /**
   * Calls `action` once after the delay. The timer alone does not keep the process alive, unless
   * that is asked for.
   */
  after(delayMs: number, action: () => void, options?: TimerOptions): CancelTimer;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (delayMs, action, options) => {
    const timer = setTimeout(action, delayMs);
    if (options?.keepAlive !== true) {
      timer.unref();
    }
    return () => clearTimeout(timer);
  },
};

/** Waits until something is so, at most for so many milliseconds. */
export async function waitUntil(ms: number, isSo: () => boolean): Promise<void> {
  const endMs = systemClock.monotonicMs() + ms;
  while (!isSo() && systemClock.monotonicMs() < endMs) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

interface FakeTimer {
  readonly atMs: number;
  readonly order: number;
  readonly action: () => void;
}

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  #nowMs: number;
  readonly #startMs: number;
  readonly #timers = new Set<FakeTimer>();
  #timersMade = 0;

  constructor(startMs = 1_700_000_000_000) {
    this.#startMs = startMs;
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs - this.#startMs;
  }

  after(delayMs: number, action: () => void): CancelTimer {
    this.#timersMade += 1;
    const atMs = this.#nowMs + Math.max(0, delayMs);
    const timer: FakeTimer = { atMs, order: this.#timersMade, action };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  /** Timers that have not fired and were not stopped. */
  get pendingCount(): number {
    return this.#timers.size;
  }

  /** Moves on, firing every timer that falls due at its own time, also those made meanwhile. */
  advance(durationMs: number): void {
    const endMs = this.#nowMs + durationMs;
    for (let next = this.#nextUntil(endMs); next !== undefined; next = this.#nextUntil(endMs)) {
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.action();
    }
    this.#nowMs = endMs;
  }

  #nextUntil(endMs: number): FakeTimer | undefined {
    let first: FakeTimer | undefined;
    for (const timer of this.#timers) {
      const isDue = timer.atMs <= endMs;
      const isEarlier =
        first === undefined ||
        timer.atMs < first.atMs ||
        (timer.atMs === first.atMs && timer.order < first.order);
      if (isDue && isEarlier) {
        first = timer;
      }
    }
    return first;
  }
}
