/**
 * Topics for the tests of whatever reads Kafka: made on a real broker or on librdkafka's mock
 * cluster, filled with exactly the records a test names. Not used by the gateway.
 */
import { randomUUID } from "node:crypto";

import kafka from "@confluentinc/kafka-javascript";
import type {
  HighLevelProducer,
  IAdminClient,
  LibrdKafkaError,
  Metadata,
  ProducerGlobalConfig,
} from "@confluentinc/kafka-javascript";

interface ScratchRecord {
  readonly partition: number;
  readonly key?: string | Buffer;
  readonly value: Buffer | null;
  readonly headers?: ReadonlyArray<Readonly<Record<string, string | Buffer>>>;
  readonly timestampMs?: number;
}

const TIMEOUT_MS = 60_000;

/** Instead of addresses: a mock cluster of its own. */
export const MOCK = "mock";

/** A topic name no other test uses. */
export function scratchName(what: string): string {
  return `sluice-test-${what}-${randomUUID()}`;
}

/** Topics of a real broker that one suite creates, and removes when it ends. */
export class ScratchTopics {
  readonly #brokers: string;
  readonly #created: string[] = [];

  constructor(brokers: string) {
    this.#brokers = brokers;
  }

  /** Creates a topic and returns its name, once the broker tells of it whoever asks. */
  async create(what: string, partitions: number): Promise<string> {
    const topic = scratchName(what);
    const wanted = { topic, num_partitions: partitions, replication_factor: 1 };
    await this.#admin((admin, done) => admin.createTopic(wanted, TIMEOUT_MS, done));
    this.#created.push(topic);
    while ((await this.#partitions(topic)) !== partitions);
    return topic;
  }

  /** What retention does: records before these offsets are gone. */
  async deleteBefore(
    topic: string,
    places: readonly { readonly partition: number; readonly offset: number }[],
  ): Promise<void> {
    const wanted = places.map((place) => ({ topic, ...place }));
    await this.#admin((admin, done) => admin.deleteRecords(wanted, { timeout: TIMEOUT_MS }, done));
  }

  /** The topic has so many partitions from now on. */
  async grow(topic: string, partitions: number): Promise<void> {
    await this.#admin((admin, done) => {
      admin.createPartitions(topic, partitions, TIMEOUT_MS, done);
    });
    while ((await this.#partitions(topic)) !== partitions);
  }

  /** Of the topic, as the broker tells it: it learns of new ones behind the answer. */
  async #partitions(topic: string): Promise<number> {
    const { metadata, close } = await connected({ "bootstrap.servers": this.#brokers });
    await close();
    const found = metadata.topics.find(({ name }) => name === topic)?.partitions ?? [];
    return found.filter(({ leader }) => leader >= 0).length;
  }

  async remove(): Promise<void> {
    for (const topic of this.#created.splice(0)) {
      await this.#admin((admin, done) => admin.deleteTopic(topic, TIMEOUT_MS, done));
    }
  }

  #admin(
    call: (admin: IAdminClient, done: (error?: LibrdKafkaError) => void) => void,
  ): Promise<void> {
    const admin = kafka.AdminClient.create({ "bootstrap.servers": this.#brokers });
    return new Promise<void>((resolve, reject) => {
      call(admin, (error) => (error ? reject(new Error(error.message)) : resolve()));
    }).finally(() => admin.disconnect());
  }
}

/** A producer that stores records in their order and says when all are there. */
export interface ScratchProducer {
  /** Bootstrap list to read from: of a mock cluster, the address it listens on. */
  readonly brokers: string;
  store(topic: string, records: readonly ScratchRecord[]): Promise<void>;
  close(): Promise<void>;
}

/** Connects to `brokers`, or (MOCK) starts a mock cluster that lives as long as the producer. */
export async function connectProducer(brokers: string): Promise<ScratchProducer> {
  // The binding's types leave out librdkafka's test settings.
  const mock = { "test.mock.num.brokers": 1 } as ProducerGlobalConfig;
  const settings = brokers === MOCK ? mock : { "bootstrap.servers": brokers };
  const { producer, metadata, close } = await connected(settings);
  return {
    brokers: metadata.brokers.map(({ host, port }) => `${host}:${port}`).join(","),
    store: async (topic, records) => {
      await Promise.all(records.map((record) => storeRecord(producer, topic, record)));
    },
    close,
  };
}

async function connected(settings: ProducerGlobalConfig) {
  const producer = new kafka.HighLevelProducer(settings);
  const metadata = await new Promise<Metadata>((resolve, reject) => {
    producer.connect({ allTopics: true, timeout: TIMEOUT_MS }, (error, found) => {
      if (error) reject(new Error(error.message));
      else resolve(found);
    });
  });
  const close = () =>
    new Promise<void>((resolve) => {
      producer.disconnect(() => resolve());
    });
  return { producer, metadata, close };
}

function storeRecord(
  producer: HighLevelProducer,
  topic: string,
  record: ScratchRecord,
): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    producer.produce(
      topic,
      record.partition,
      record.value,
      record.key ?? null,
      record.timestampMs ?? null,
      (record.headers ?? []).map((header) => ({ ...header })),
      (error: Error | null) => (error ? reject(error) : resolve()),
    );
  });
}
