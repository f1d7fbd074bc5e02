/**
 * Deadlines of batches that all have the same time to live, so that the oldest is always first: a
 * ring of batches and one timer for all of them, instead of a timer each. It knows nothing of what a
 * batch is about. Bounded by its owner, who admits no more requests than HTTP_REQUESTS_MAX.
 */
import type { OutcomeCode } from "../errors.ts";
import type { Batch } from "./batch.ts";

/** How much later than its deadline a batch may expire, in milliseconds. */
const SWEEP_MS = 100;

export interface DeadlinesOptions {
  readonly ttlMs: number;
  readonly code: OutcomeCode;
  readonly now: () => number;
}

export class Deadlines {
  readonly #options: DeadlinesOptions;
  #waiting: Batch[] = [];
  #first = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(options: DeadlinesOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.sweep(), SWEEP_MS);
    this.#timer.unref();
  }

  /** Batches are added in the order of their receive times. */
  add(batch: Batch): void {
    this.#waiting.push(batch);
  }

  /** Expires what is overdue and forgets what is settled. */
  sweep(): void {
    const overdueMs = this.#options.now() - this.#options.ttlMs;
    for (; this.#first < this.#waiting.length; this.#first += 1) {
      const batch = this.#waiting[this.#first];
      if (batch === undefined || batch.settled) continue;
      if (batch.receivedAtMs > overdueMs) break;
      batch.expire(this.#options.code);
    }
    if (this.#first > 1_024 || this.#first === this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
