/**
 * One thing readiness depends on, with patience both ways: it fails only after it has been bad for
 * a while and recovers only after it has been well for a while. It knows neither what it watches
 * nor what follows from it.
 */
import type { CancelTimer, Clock } from "../lib/clock.ts";

export interface ConditionOptions {
  readonly clock: Clock;
  /** How long it has to be bad before it counts; 0: at once. */
  readonly failAfterMs: number;
  /** How long it has to be well before it is forgiven; 0: at once. */
  readonly recoverAfterMs: number;
  /** Starts as failed with this reason instead of well: for what has to come up first. */
  readonly initially?: string;
  readonly onChange: () => void;
}

export class Condition {
  readonly name: string;
  readonly #options: ConditionOptions;
  /** What was reported last. */
  #reported: string | null;
  /** What counts. */
  #failure: string | null;
  #cancel: CancelTimer | null = null;

  constructor(name: string, options: ConditionOptions) {
    this.name = name;
    this.#options = options;
    this.#reported = options.initially ?? null;
    this.#failure = this.#reported;
  }

  /** Why it fails, as a sentence without a full stop; null while it counts as well. */
  get failure(): string | null {
    return this.#failure;
  }

  /** Something is wrong. Repeating it renews the reason, not the patience. */
  fail(reason: string): void {
    const wasBad = this.#reported !== null;
    this.#reported = reason;
    if (this.#failure !== null) {
      this.#failure = reason;
      this.#cancelTimer();
    } else if (!wasBad) {
      this.#after(this.#options.failAfterMs);
    }
  }

  /** All is well. */
  clear(): void {
    const wasBad = this.#reported !== null;
    this.#reported = null;
    if (this.#failure === null) {
      this.#cancelTimer();
    } else if (wasBad) {
      this.#after(this.#options.recoverAfterMs);
    }
  }

  /** Ends its timer. */
  stop(): void {
    this.#cancelTimer();
  }

  #after(delayMs: number): void {
    this.#cancelTimer();
    if (delayMs <= 0) {
      this.#settle();
    } else {
      this.#cancel = this.#options.clock.after(delayMs, () => this.#settle());
    }
  }

  #settle(): void {
    this.#cancel = null;
    this.#failure = this.#reported;
    this.#options.onChange();
  }

  #cancelTimer(): void {
    this.#cancel?.();
    this.#cancel = null;
  }
}
