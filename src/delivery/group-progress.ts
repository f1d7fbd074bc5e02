/**
 * How far a command has read a topic, kept in Kafka as the offsets of a consumer group, so that it
 * can go on later and from another machine. It joins no group and takes no partitions: whoever runs
 * the command twice at once reads everything twice.
 */
import kafka from "@confluentinc/kafka-javascript";
import type { KafkaConsumer } from "@confluentinc/kafka-javascript";

import type { KafkaSecurity } from "./delivery.ts";
import { connectionSettings } from "./kafka-settings.ts";
import { ReaderError } from "./reader.ts";

export interface GroupProgressOptions {
  /** host:port[,host:port] */
  readonly brokers: string;
  readonly security: KafkaSecurity | null;
  readonly group: string;
  readonly topic: string;
  readonly timeoutMs: number;
}

export class GroupProgress {
  readonly #consumer: KafkaConsumer;
  readonly #topic: string;
  /** By partition: the next offset to read, for partitions that were read before. */
  readonly offsets: ReadonlyMap<number, number>;

  private constructor(
    consumer: KafkaConsumer,
    options: { readonly topic: string; readonly offsets: ReadonlyMap<number, number> },
  ) {
    this.#consumer = consumer;
    this.#topic = options.topic;
    this.offsets = options.offsets;
  }

  /** @throws {ReaderError} with one sentence when Kafka does not answer */
  static async open(options: GroupProgressOptions): Promise<GroupProgress> {
    const consumer = new kafka.KafkaConsumer(
      {
        ...connectionSettings({ ...options, clientId: "sluice" }),
        "group.id": options.group,
        "enable.auto.commit": false,
        "allow.auto.create.topics": false,
        log_level: 0,
      },
      {},
    );
    const partitions = await connect(consumer, options);
    const offsets = await committed(consumer, options, partitions);
    return new GroupProgress(consumer, { topic: options.topic, offsets });
  }

  /** Everything before these offsets, by partition, is done. Kafka has it when this returns. */
  commit(offsets: ReadonlyMap<number, number>): void {
    const topic = this.#topic;
    const wish = [...offsets].map(([partition, offset]) => ({ topic, partition, offset }));
    if (wish.length > 0) this.#consumer.commitSync(wish);
  }

  async close(): Promise<void> {
    await new Promise<void>((done) => {
      this.#consumer.disconnect(() => done());
    });
  }
}

function connect(consumer: KafkaConsumer, options: GroupProgressOptions): Promise<number[]> {
  const { promise, resolve, reject } = Promise.withResolvers<number[]>();
  const { topic, timeoutMs: timeout } = options;
  consumer.connect({ allTopics: true, timeout }, (error, metadata) => {
    // The types promise an error always; null is what comes when all is well.
    const failure: { readonly message: string } | null | undefined = error;
    if (failure !== null && failure !== undefined) {
      reject(new ReaderError(`Kafka is not reachable: ${failure.message}.`));
      return;
    }
    const found = metadata.topics.find(({ name }) => name === topic)?.partitions ?? [];
    resolve(found.map(({ id }) => id));
  });
  return promise;
}

function committed(
  consumer: KafkaConsumer,
  options: GroupProgressOptions,
  partitions: readonly number[],
): Promise<ReadonlyMap<number, number>> {
  const { topic, group, timeoutMs } = options;
  const wish = partitions.map((partition) => ({ topic, partition, offset: 0 }));
  const { promise, resolve, reject } = Promise.withResolvers<ReadonlyMap<number, number>>();
  consumer.committed(wish, timeoutMs, (error, found) => {
    const failure: { readonly message: string } | null | undefined = error;
    if (failure !== null && failure !== undefined) {
      const why = `how far group ${group} has read ${topic}`;
      reject(new ReaderError(`Kafka does not say ${why} (${failure.message}).`));
      return;
    }
    const offsets = new Map<number, number>();
    for (const { partition, offset } of found) {
      if (offset !== undefined && offset >= 0) offsets.set(partition, offset);
    }
    resolve(offsets);
  });
  return promise;
}
