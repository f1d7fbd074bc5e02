/**
 * A rate with a burst: tokens flow in at `perSecond` up to `burst`, and are taken by whole batches.
 * A batch is let through while anything is left, even if it takes more than that: the debt is paid
 * before the next one. So a batch larger than the burst is not stuck for ever, and the average
 * holds.
 */
export interface Rate {
  readonly perSecond: number;
  /** Most tokens that gather while nobody takes any. */
  readonly burst: number;
}

export class TokenBucket {
  readonly #clockMs: () => number;
  #rate: Rate;
  #tokens: number;
  #atMs: number;

  /** Starts full. `clockMs` is monotonic. */
  constructor(rate: Rate, clockMs: () => number) {
    this.#rate = rate;
    this.#clockMs = clockMs;
    this.#tokens = rate.burst;
    this.#atMs = clockMs();
  }

  get rate(): Rate {
    return this.#rate;
  }

  /** Tokens now; negative: a debt. */
  get tokens(): number {
    this.#flow();
    return this.#tokens;
  }

  /** From now on another rate holds; what has gathered stays, up to the new burst. */
  changeRate(rate: Rate): void {
    this.#flow();
    this.#rate = rate;
    this.#tokens = Math.min(this.#tokens, rate.burst);
  }

  /** How long until something may be taken, ms; 0: now. */
  get waitMs(): number {
    const missing = 1 - this.tokens;
    return missing <= 0 ? 0 : Math.ceil((missing / this.#rate.perSecond) * 1_000);
  }

  /** Takes tokens, whether they are there or not: ask `waitMs` before. */
  take(count: number): void {
    this.#flow();
    this.#tokens -= count;
  }

  /** Nothing was taken for so long that it is as new. */
  get isFull(): boolean {
    return this.tokens >= this.#rate.burst;
  }

  #flow(): void {
    const nowMs = this.#clockMs();
    const gained = ((nowMs - this.#atMs) / 1_000) * this.#rate.perSecond;
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + gained);
    this.#atMs = nowMs;
  }
}
