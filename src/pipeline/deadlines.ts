/**
 * Deadlines of batches that all have the same time to live: one list and one timer for all of them,
 * instead of a timer each. Time is monotonic: a clock that is set must not expire anything. As long
 * as the batches that are not settled, which requests and credit bound.
 */
import type { OutcomeCode } from "../errors.ts";
import type { Batch } from "./batch.ts";

/** How much later than its deadline a batch may expire, in milliseconds. */
const SWEEP_MS = 100;

/** Below this length nothing is gained by forgetting settled batches early. */
const COMPACT_FIRST = 1_024;

export interface DeadlinesOptions {
  readonly ttlMs: number;
  /** What is said of events that are still open. */
  readonly code: OutcomeCode;
  /** Monotonic milliseconds. */
  readonly clockMs: () => number;
}

/**
 * A place in the list. A batch leaves it as soon as it is settled: all that a batch refers to would
 * otherwise outlive a collection of young garbage, which copies what it finds alive.
 */
class Entry {
  batch: Batch | null;
  readonly deadlineMs: number;

  constructor(batch: Batch, deadlineMs: number) {
    this.batch = batch;
    this.deadlineMs = deadlineMs;
    batch.whenSettled(this);
  }

  batchSettled(): void {
    this.batch = null;
  }
}

export class Deadlines {
  readonly #options: DeadlinesOptions;
  readonly #timer: NodeJS.Timeout;
  #entries: Entry[] = [];
  #compactAt = COMPACT_FIRST;

  constructor(options: DeadlinesOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.sweep(), SWEEP_MS);
    this.#timer.unref();
  }

  /** Batches that are remembered. */
  get length(): number {
    return this.#entries.length;
  }

  /** `arrivedMs`: when the batch came in, on the monotonic clock; now, unless it had to wait. */
  add(batch: Batch, arrivedMs = this.#options.clockMs()): void {
    this.#entries.push(new Entry(batch, arrivedMs + this.#options.ttlMs));
    if (this.#entries.length >= this.#compactAt) {
      // One that takes long must not keep all those behind it in memory.
      this.#forgetSettled();
      this.#compactAt = Math.max(COMPACT_FIRST, 2 * this.#entries.length);
    }
  }

  /** Expires what is overdue. */
  sweep(): void {
    const nowMs = this.#options.clockMs();
    for (const { batch, deadlineMs } of this.#entries) {
      if (deadlineMs < nowMs) batch?.expire(this.#options.code);
    }
    this.#forgetSettled();
  }

  #forgetSettled(): void {
    this.#entries = this.#entries.filter(({ batch }) => batch !== null);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
