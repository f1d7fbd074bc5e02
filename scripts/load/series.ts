/**
 * k6's measurements, second by second: sums of counters and quantiles of latencies, in bounded
 * memory however long a test runs. It reads lines of k6's JSON output; it knows nothing of charts.
 */

/** Buckets grow by this: quantiles are true within 4 %. */
const BUCKET_GROWTH = 1.08;
const BUCKET_LOG = Math.log(BUCKET_GROWTH);
/** Below it all latencies are one bucket. */
const LATENCY_MS_MIN = 0.1;

/** What is drawn of k6's metrics. */
const COUNTERS = {
  events_offered: "offered",
  events_stored: "stored",
  events_rejected: "rejected",
  events_retried: "retried",
  connections_broken: "broken",
} as const;
export type CounterName = (typeof COUNTERS)[keyof typeof COUNTERS];

const LATENCY = "ack_latency";
const LINE_BEGIN = /^\{"metric":"(\w+)","type":"Point"/;

interface Point {
  readonly data: {
    readonly time: string;
    readonly value: number;
    readonly tags: Readonly<Record<string, string>> | null;
  };
}

export interface Second {
  /** ms since 1970. */
  readonly atMs: number;
  readonly counts: Readonly<Partial<Record<CounterName, number>>>;
  readonly latencies: Histogram;
}

export class Histogram {
  readonly #buckets = new Map<number, number>();
  #count = 0;

  add(ms: number): void {
    const bucket = Math.max(0, Math.ceil(Math.log(ms / LATENCY_MS_MIN) / BUCKET_LOG));
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + 1);
    this.#count += 1;
  }

  /** Upper end of the bucket in which the quantile is, ms; null: nothing was measured. */
  quantile(share: number): number | null {
    if (this.#count === 0) return null;
    let left = Math.ceil(share * this.#count);
    for (const bucket of [...this.#buckets.keys()].toSorted((a, b) => a - b)) {
      left -= this.#buckets.get(bucket) ?? 0;
      if (left <= 0) return LATENCY_MS_MIN * BUCKET_GROWTH ** bucket;
    }
    return null;
  }
}

interface MutableSecond extends Second {
  readonly counts: Partial<Record<CounterName, number>>;
}

export class Series {
  readonly #seconds = new Map<number, MutableSecond>();

  /** One line of `k6 run --out json`; those that are not drawn cost next to nothing. */
  line(text: string): void {
    const metric = LINE_BEGIN.exec(text)?.[1];
    if (metric === undefined) return;
    const counter = (COUNTERS as Readonly<Record<string, CounterName>>)[metric];
    if (counter === undefined && metric !== LATENCY) return;
    // A line that k6 wrote, of the form that it documents.
    const { data } = JSON.parse(text) as Point;
    const second = this.#second(Date.parse(data.time));
    if (counter === undefined) second.latencies.add(data.value);
    else second.counts[counter] = (second.counts[counter] ?? 0) + data.value;
  }

  /** All seconds between the first and the last, also those in which nothing happened. */
  seconds(): readonly Second[] {
    const keys = [...this.#seconds.keys()].toSorted((a, b) => a - b);
    const first = keys[0];
    const last = keys.at(-1);
    if (first === undefined || last === undefined) return [];
    return Array.from({ length: last - first + 1 }, (_, index) => this.#at(first + index));
  }

  /** The last whole second there is. */
  latest(): Second | undefined {
    const keys = [...this.#seconds.keys()].toSorted((a, b) => a - b);
    const key = keys.at(-2);
    return key === undefined ? undefined : this.#seconds.get(key);
  }

  #second(atMs: number): MutableSecond {
    const key = Math.floor(atMs / 1_000);
    const known = this.#seconds.get(key);
    if (known !== undefined) return known;
    const second = emptySecond(key);
    this.#seconds.set(key, second);
    return second;
  }

  #at(key: number): Second {
    return this.#seconds.get(key) ?? emptySecond(key);
  }
}

function emptySecond(key: number): MutableSecond {
  return { atMs: key * 1_000, counts: {}, latencies: new Histogram() };
}
