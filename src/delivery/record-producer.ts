/**
 * Writes records as they are given, for the commands that copy or note something: idempotent, acks
 * of all, in order. It knows neither events nor clients; the gateway has producers of its own.
 */
import kafka from "@confluentinc/kafka-javascript";
import type { HighLevelProducer } from "@confluentinc/kafka-javascript";

import type { KafkaSecurity } from "./delivery.ts";
import { connectionSettings } from "./kafka-settings.ts";
import { murmur2 } from "./murmur2.ts";
import { ReaderError } from "./reader.ts";

export interface OutgoingRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  /** In their order; names may repeat. */
  readonly headers: ReadonlyArray<readonly [string, Uint8Array]>;
  /** Milliseconds since 1970; null: now. */
  readonly timestampMs: number | null;
  /** For a record without a key; modulo the partitions of the topic. */
  readonly partitionHint: number;
}

export interface RecordProducerOptions {
  /** host:port[,host:port] */
  readonly brokers: string;
  readonly security: KafkaSecurity | null;
  readonly topic: string;
  readonly timeoutMs: number;
}

/** librdkafka gives a record up after this. */
const MESSAGE_TIMEOUT_MS = 30_000;
/** Records handed over and not confirmed: what `store` takes at once at most. */
export const PRODUCE_RECORDS_MAX = 500;

export class RecordProducer {
  readonly #producer: HighLevelProducer;
  readonly #topic: string;
  readonly #partitions: number;
  /**
   * Partitions that have stored something of it: the others get one record first (acquaintance.ts).
   */
  readonly #known: Set<number> = new Set();

  private constructor(producer: HighLevelProducer, topic: string, partitions: number) {
    this.#producer = producer;
    this.#topic = topic;
    this.#partitions = partitions;
  }

  /** @throws {ReaderError} with one sentence: no answer, or no such topic */
  static async open(options: RecordProducerOptions): Promise<RecordProducer> {
    const { topic, timeoutMs } = options;
    const producer = new kafka.HighLevelProducer(
      {
        ...connectionSettings({ ...options, clientId: "sluice" }),
        "enable.idempotence": true,
        "allow.auto.create.topics": false,
        "linger.ms": 5,
        log_level: 0,
      },
      { "request.required.acks": -1, "message.timeout.ms": MESSAGE_TIMEOUT_MS },
    );
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    producer.connect({ allTopics: true, timeout: timeoutMs }, (error, metadata) => {
      // The types promise an error always; null is what comes when all is well.
      const failure: { readonly message: string } | null | undefined = error;
      if (failure === null || failure === undefined) {
        resolve(metadata.topics.find(({ name }) => name === topic)?.partitions.length ?? 0);
      } else reject(new ReaderError(`Kafka is not reachable: ${failure.message}.`));
    });
    const opened = new RecordProducer(producer, topic, await promise);
    if (opened.#partitions > 0) return opened;
    await opened.close();
    throw new ReaderError(`Kafka has no topic ${topic} to write to.`);
  }

  /** Resolves when Kafka has all of them. @throws {ReaderError} when it does not take one */
  async store(records: readonly OutgoingRecord[]): Promise<void> {
    const first = new Map<number, OutgoingRecord>();
    for (const record of records) {
      const partition = this.#partitionOf(record);
      if (!this.#known.has(partition) && !first.has(partition)) first.set(partition, record);
    }
    const strangers = new Set(first.values());
    await Promise.all([...strangers].map((record) => this.#store(record)));
    for (const partition of first.keys()) this.#known.add(partition);
    const others = records.filter((record) => !strangers.has(record));
    await Promise.all(others.map((record) => this.#store(record)));
  }

  async close(): Promise<void> {
    if (!this.#producer.isConnected()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#producer.disconnect(() => resolve());
    await promise;
  }

  #partitionOf({ key, partitionHint }: OutgoingRecord): number {
    return (key === null ? partitionHint : murmur2(key)) % this.#partitions;
  }

  #store(record: OutgoingRecord): Promise<void> {
    const { key, value, headers, timestampMs } = record;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#producer.produce(
      this.#topic,
      this.#partitionOf(record),
      value === null ? null : Buffer.from(value),
      key === null ? null : Buffer.from(key),
      timestampMs,
      headers.map(([name, bytes]) => ({ [name]: Buffer.from(bytes) })),
      (error: Error | null) => {
        if (error === null) resolve();
        else reject(new ReaderError(`Kafka does not take a record: ${error.message}.`));
      },
    );
    return promise;
  }
}
