/**
 * How fast the process takes events and how long acks take: what the allowance of its streams is
 * made from (docs/protocol.md §2.6). Costs a few additions per frame; the sums are done once in a
 * while. Latencies are counted in buckets a quarter of an octave wide, and old ones fade.
 */
import {
  STREAM_ALLOWANCE_BYTES_MIN,
  STREAM_ALLOWANCE_EVENTS_MIN,
  STREAM_INFLIGHT_BYTES_MAX,
  STREAM_INFLIGHT_EVENTS_MAX,
} from "../limits/streams.ts";
import type { Allowance } from "./credit.ts";

/** Between two sums; shorter ones say little. */
const PERIOD_MS = 200;

/** What is left of an old count after each period: half of it after about 1.4 s. */
const FADE = 0.9;

const BUCKETS_PER_OCTAVE = 4;

/** The last one holds everything above a minute. */
const BUCKETS = 16 * BUCKETS_PER_OCTAVE;

/** The least there is: what streams get while credit is over-committed, too. */
export const LEAST_ALLOWANCE: Allowance = {
  events: STREAM_ALLOWANCE_EVENTS_MIN,
  bytes: STREAM_ALLOWANCE_BYTES_MIN,
};

export class Pace {
  readonly #latencies = new Float64Array(BUCKETS);
  #events = 0;
  #bytes = 0;
  #eventsPerMs = 0;
  #bytesPerMs = 0;
  #sinceMs: number;
  #allowance = LEAST_ALLOWANCE;

  /** `nowMs` here and below: monotonic milliseconds. */
  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  get allowance(): Allowance {
    return this.#allowance;
  }

  received(events: number, bytes: number): void {
    this.#events += events;
    this.#bytes += bytes;
  }

  answered(latencyMs: number, frames: number): void {
    const octaves = Math.log2(1 + Math.max(0, latencyMs));
    const bucket = Math.min(Math.floor(octaves * BUCKETS_PER_OCTAVE), BUCKETS - 1);
    this.#latencies[bucket] = (this.#latencies[bucket] ?? 0) + frames;
  }

  /** Brings the allowance up to date if it is time. */
  roll(nowMs: number): void {
    const periodMs = nowMs - this.#sinceMs;
    if (periodMs < PERIOD_MS) return;
    // A burst counts in full at once, so that credit keeps up with those who begin to send.
    this.#eventsPerMs = Math.max(this.#events / periodMs, this.#eventsPerMs * FADE);
    this.#bytesPerMs = Math.max(this.#bytes / periodMs, this.#bytesPerMs * FADE);
    this.#events = 0;
    this.#bytes = 0;
    this.#sinceMs = nowMs;
    const p99Ms = this.#percentile99Ms();
    this.#allowance = {
      events: clamp(2 * this.#eventsPerMs * p99Ms, {
        least: STREAM_ALLOWANCE_EVENTS_MIN,
        most: STREAM_INFLIGHT_EVENTS_MAX,
      }),
      bytes: clamp(2 * this.#bytesPerMs * p99Ms, {
        least: STREAM_ALLOWANCE_BYTES_MIN,
        most: STREAM_INFLIGHT_BYTES_MAX,
      }),
    };
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      this.#latencies[bucket] = (this.#latencies[bucket] ?? 0) * FADE;
    }
  }

  /** Upper end of the bucket that holds it; 0 if nothing was answered. */
  #percentile99Ms(): number {
    const total = this.#latencies.reduce((sum, count) => sum + count, 0);
    let below = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      below += this.#latencies[bucket] ?? 0;
      if (below > 0.99 * total) return 2 ** ((bucket + 1) / BUCKETS_PER_OCTAVE) - 1;
    }
    return 0;
  }
}

function clamp(
  value: number,
  { least, most }: { readonly least: number; readonly most: number },
): number {
  return Math.min(Math.max(Math.ceil(value), least), most);
}
