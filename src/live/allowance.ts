/**
 * How much of the process's time the live feed may take, so that it never slows what comes in. All
 * of its work is done in slices, one per turn of the event loop. What a slice costs is measured
 * until the loop comes round again: with the writes that follow it, and with whatever else the loop
 * had to do. So a busy process makes the feed wait longer, and never the other way round.
 */
import type { Clock } from "../lib/clock.ts";

export interface AllowanceOptions {
  /** Share of the time, above 0 up to 1. */
  readonly share: number;
  readonly clock: Clock;
  /** Calls in the next turn of the event loop. */
  readonly soon: (action: () => void) => void;
}

/** Debts below this are too short for a timer. */
const DEBT_MS_MIN = 2;

export class Allowance {
  readonly #options: AllowanceOptions;
  readonly #waiting: (() => void)[] = [];
  #isRunning = false;
  /** The share is kept if nothing is done before then. */
  #paidAtMs = 0;
  /** Milliseconds that slices have taken, for the metrics. */
  busyMs = 0;

  constructor(options: AllowanceOptions) {
    this.#options = options;
  }

  /** Resolves when a slice may be done, which then is done at once and without a wait. */
  turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#next();
    });
  }

  #next(): void {
    if (this.#isRunning || this.#waiting.length === 0) return;
    this.#isRunning = true;
    const { clock, soon } = this.#options;
    const debtMs = this.#paidAtMs - clock.monotonicMs();
    if (debtMs < DEBT_MS_MIN) soon(() => this.#run());
    else clock.after(debtMs, () => this.#run(), { keepAlive: true });
  }

  #run(): void {
    const { clock, soon, share } = this.#options;
    const startMs = clock.monotonicMs();
    this.#waiting.shift()?.();
    soon(() => {
      const nowMs = clock.monotonicMs();
      const tookMs = nowMs - startMs;
      this.busyMs += tookMs;
      this.#paidAtMs = Math.max(this.#paidAtMs, startMs) + tookMs / share;
      this.#isRunning = false;
      this.#next();
    });
  }
}
