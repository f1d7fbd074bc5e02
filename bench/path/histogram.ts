/**
 * Durations in buckets that are 2 % wide, so that those of several processes can be added up and a
 * percentile is never an average of percentiles. From 1 µs to some 10 minutes.
 */
const BUCKETS = 1_024;
const GROWTH = 1.02;
const LEAST_MS = 0.001;
const LOG_GROWTH = Math.log(GROWTH);

export class Histogram {
  readonly counts: Float64Array = new Float64Array(BUCKETS);

  /** `weight`: how many events waited so long. */
  add(durationMs: number, weight: number): void {
    const place = Math.log(Math.max(durationMs, LEAST_MS) / LEAST_MS) / LOG_GROWTH;
    const bucket = Math.min(BUCKETS - 1, Math.floor(place));
    this.counts[bucket] = (this.counts[bucket] ?? 0) + weight;
  }

  /** As numbers that can be sent to another process. */
  toJSON(): number[] {
    return [...this.counts];
  }

  clear(): void {
    this.counts.fill(0);
  }

  static from(counts: readonly number[]): Histogram {
    const histogram = new Histogram();
    histogram.counts.set(counts);
    return histogram;
  }

  /** The duration that this share of events did not wait longer for; NaN without any. */
  at(share: number): number {
    const total = this.counts.reduce((sum, count) => sum + count, 0);
    let seen = 0;
    for (const [bucket, count] of this.counts.entries()) {
      seen += count;
      if (total > 0 && seen >= total * share) return LEAST_MS * GROWTH ** (bucket + 1);
    }
    return Number.NaN;
  }
}
