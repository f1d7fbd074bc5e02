/**
 * For how long brokers have asked a producer to wait, by their quotas. It is asked for now and
 * then, and throttled answers are few: what was asked for stays known for a while.
 */

/** Longer than metrics are usually apart. */
const KNOWN_MS = 30_000;

export class Throttling {
  #longestMs = 0;
  #heardAtMs = Number.NEGATIVE_INFINITY;

  /** A broker asks to wait; times are monotonic. */
  heard(throttleMs: number, nowMs: number): void {
    if (throttleMs < this.longestMs(nowMs)) return;
    this.#longestMs = throttleMs;
    this.#heardAtMs = nowMs;
  }

  /** Of the last half minute; 0: nobody asked. */
  longestMs(nowMs: number): number {
    return nowMs - this.#heardAtMs < KNOWN_MS ? this.#longestMs : 0;
  }
}
