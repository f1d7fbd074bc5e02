/**
 * Deadlines of batches that all have the same time to live, so that the oldest is always first: one
 * queue and one timer for all of them, instead of a timer each. It knows nothing of what a batch is
 * about. As long as the batches that are not settled: those are bounded by requests and credit.
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
  readonly now: () => number;
}

export class Deadlines {
  readonly #options: DeadlinesOptions;
  readonly #timer: NodeJS.Timeout;
  #waiting: Batch[] = [];
  #compactAt = COMPACT_FIRST;

  constructor(options: DeadlinesOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.sweep(), SWEEP_MS);
    this.#timer.unref();
  }

  /** Batches that are remembered. */
  get length(): number {
    return this.#waiting.length;
  }

  /** Batches are added in the order of their receive times. */
  add(batch: Batch): void {
    this.#waiting.push(batch);
    if (this.#waiting.length >= this.#compactAt) {
      // One that takes long must not keep all those behind it in memory.
      this.#forgetSettled();
      this.#compactAt = Math.max(COMPACT_FIRST, 2 * this.#waiting.length);
    }
  }

  /** Expires what is overdue. */
  sweep(): void {
    const overdueMs = this.#options.now() - this.#options.ttlMs;
    for (const batch of this.#waiting) {
      if (batch.receivedAtMs > overdueMs) break;
      batch.expire(this.#options.code);
    }
    if (this.#waiting[0]?.settled === true) this.#forgetSettled();
  }

  #forgetSettled(): void {
    this.#waiting = this.#waiting.filter((batch) => !batch.settled);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
