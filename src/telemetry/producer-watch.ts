/**
 * Turns what the producers say of themselves into metrics. Their counts run from the start of each
 * producer; here they become counts of the process, and shares of a stretch of time. Reads at most
 * once a second, and only when somebody scrapes.
 */
import type { BrokerTrouble } from "./label-sets.ts";
import type { MetricCells } from "./metric-registry.ts";

/** One producer, as delivery tells it. */
export interface ProducerReading {
  readonly records: number;
  readonly recordsMax: number;
  readonly bytes: number;
  readonly isIdempotent: boolean;
  readonly brokersUp: number;
  readonly requests: number;
  readonly roundTripP99Ms: number;
  readonly recordWaitP99Ms: number;
  readonly requestWaitP99Ms: number;
  readonly throttleMsMax: number;
  readonly retries: number;
  readonly timeouts: number;
  readonly errors: number;
  readonly connects: number;
  readonly sent: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly records: number;
  }[];
}

export interface ProducerWatchOptions {
  readonly cells: MetricCells;
  /** By the number of their lane. */
  readonly read: () => ReadonlyMap<number, ProducerReading>;
  /** Monotonic, ms. */
  readonly clockMs: () => number;
}

const FRESH_MS = 1_000;
const HOT_WINDOW_MS = 10_000;
/** Fewer records in a window say nothing about how they are spread. */
const HOT_RECORDS_MIN = 100;

const TROUBLES: Readonly<Record<BrokerTrouble, (producer: ProducerReading) => number>> = {
  retry: (producer) => producer.retries,
  timeout: (producer) => producer.timeouts,
  error: (producer) => producer.errors,
  reconnect: (producer) => producer.connects,
};

export class ProducerWatch {
  readonly #options: ProducerWatchOptions;
  #producers: ReadonlyMap<number, ProducerReading> = new Map();
  #readAtMs = Number.NEGATIVE_INFINITY;
  /** By lane and trouble: the count that was added last. */
  readonly #added = new Map<string, number>();
  /** By topic and partition, at the beginning of the window. */
  #sentBefore: ReadonlyMap<string, number> = new Map();
  #windowAtMs = Number.NEGATIVE_INFINITY;
  #hot = 0;

  constructor(options: ProducerWatchOptions) {
    this.#options = options;
  }

  /** From now on the metrics are read from here. */
  attach(): void {
    const { cells } = this.#options;
    const sum = (of: (producer: ProducerReading) => number) => () =>
      this.#all().reduce((total, producer) => total + of(producer), 0);
    const most = (of: (producer: ProducerReading) => number) => () =>
      this.#all().reduce((max, producer) => Math.max(max, of(producer)), 0);
    cells.producerQueueRecords.readFrom(sum(({ records }) => records));
    cells.producerQueueBytes.readFrom(sum(({ bytes }) => bytes));
    cells.producerQueueFill.readFrom(
      most(({ records, recordsMax }) => (recordsMax === 0 ? 0 : records / recordsMax)),
    );
    cells.producersWaiting.readFrom(sum(({ isIdempotent }) => (isIdempotent ? 0 : 1)));
    cells.brokersUp.readFrom(() => {
      const counts = this.#all().map(({ brokersUp }) => brokersUp);
      return counts.length === 0 ? undefined : Math.min(...counts);
    });
    cells.brokerRequests.readFrom(sum(({ requests }) => requests));
    cells.brokerRoundTrip.readFrom(most(({ roundTripP99Ms }) => roundTripP99Ms / 1_000));
    const recordWait = most(({ recordWaitP99Ms }) => recordWaitP99Ms / 1_000);
    const requestWait = most(({ requestWaitP99Ms }) => requestWaitP99Ms / 1_000);
    cells.producerWait.readSeriesFrom(() => [recordWait(), requestWait()]);
    cells.brokerThrottle.readFrom(most(({ throttleMsMax }) => throttleMsMax / 1_000));
    cells.hotPartition.readFrom(() => {
      this.#all();
      return this.#hot;
    });
    cells.brokerTroubles.beforeRead(() => this.#all());
  }

  #all(): readonly ProducerReading[] {
    const nowMs = this.#options.clockMs();
    if (nowMs - this.#readAtMs >= FRESH_MS) {
      this.#readAtMs = nowMs;
      this.#producers = this.#options.read();
      for (const [lane, producer] of this.#producers) this.#addTroubles(lane, producer);
      if (nowMs - this.#windowAtMs >= HOT_WINDOW_MS) this.#rollWindow(nowMs);
    }
    return [...this.#producers.values()];
  }

  #addTroubles(lane: number, producer: ProducerReading): void {
    for (const [kind, of] of Object.entries(TROUBLES)) {
      const key = `${lane} ${kind}`;
      const before = this.#added.get(key) ?? 0;
      const count = of(producer);
      // A new producer counts from 0.
      this.#options.cells.brokerTroubles.add(count >= before ? count - before : count, kind);
      this.#added.set(key, count);
    }
  }

  #rollWindow(nowMs: number): void {
    const sent = new Map<string, number>();
    const topics = new Map<string, Map<number, number>>();
    for (const producer of this.#producers.values()) {
      for (const { topic, partition, records } of producer.sent) {
        const key = `${topic} ${partition}`;
        sent.set(key, (sent.get(key) ?? 0) + records);
        const partitions = topics.get(topic) ?? new Map<number, number>();
        const since = Math.max(0, (sent.get(key) ?? 0) - (this.#sentBefore.get(key) ?? 0));
        topics.set(topic, partitions.set(partition, since));
      }
    }
    this.#hot = Math.max(0, ...[...topics.values()].map(hotness));
    this.#sentBefore = sent;
    this.#windowAtMs = nowMs;
  }
}

/** 1: all partitions of a topic are as busy; 0: too few records to tell. */
function hotness(partitions: ReadonlyMap<number, number>): number {
  const counts = [...partitions.values()];
  const total = counts.reduce((sum, count) => sum + count, 0);
  return total < HOT_RECORDS_MIN ? 0 : (Math.max(...counts) * counts.length) / total;
}
