/**
 * Reads partitions of one topic from chosen offsets, in portions that the caller asks for: what the
 * live feed reads with. It belongs to no consumer group and commits nothing. While nobody asks,
 * nothing is fetched beyond librdkafka's bounded queue; a look never holds a thread of libuv's pool
 * for long, because that belongs to the flushes of producers. It knows nothing of Avro.
 */
import { randomUUID } from "node:crypto";

import kafka from "@confluentinc/kafka-javascript";
import type { KafkaConsumer, LibrdKafkaError, Message } from "@confluentinc/kafka-javascript";

import { CONSUMER_STATISTICS_MS, onForgotten } from "./broker-watch.ts";
import { Continuity } from "./continuity.ts";
import type { Loss, PartitionEnd, Portion, Taken } from "./continuity.ts";
import type { KafkaSecurity } from "./delivery.ts";
import { connectionSettings } from "./kafka-settings.ts";
import type { KafkaSettings } from "./kafka-settings.ts";
import { offsetsIn } from "./offset-answer.ts";
import { disconnect, ReaderError, toRecord } from "./reader.ts";
import type { KafkaRecord } from "./reader.ts";

export type { KafkaRecord, Loss, Portion };

export interface TopicReaderOptions {
  /** host:port[,host:port] */
  readonly brokers: string;
  readonly security: KafkaSecurity | null;
  readonly topic: string;
  /** For the connection, and for each question to Kafka. */
  readonly timeoutMs: number;
  /** What librdkafka may fetch ahead. */
  readonly queueKib: number;
  /** Of librdkafka, beyond those set here. */
  readonly settings?: KafkaSettings;
}

/** What there is of a partition, at the moment of the question. */
export interface PartitionRange {
  readonly partition: number;
  /** The first offset there is, and the one the next record will get. */
  readonly low: number;
  readonly high: number;
}

/** Instead of a time: where a partition ends, and where it begins. */
const LATEST = -1;
const EARLIEST = -2;

export class TopicReader {
  #ranges: readonly PartitionRange[];
  readonly #consumer: KafkaConsumer;
  readonly #options: TopicReaderOptions;
  readonly #continuity = new Continuity();
  #ends: PartitionEnd[] = [];
  /** Read, and not given yet. */
  #rest: Taken | null = null;
  /** It hears of nothing more; another one has to take its place. */
  #isForgetful = false;

  private constructor(
    consumer: KafkaConsumer,
    options: TopicReaderOptions,
    ranges: readonly PartitionRange[],
  ) {
    this.#consumer = consumer;
    this.#options = options;
    this.#ranges = ranges;
    consumer.on("partition.eof", ({ partition, offset }) => {
      this.#ends.push({ partition, offset });
    });
    onForgotten(consumer, () => {
      this.#isForgetful = true;
    });
  }

  /** Connects and looks at the topic. Throws ReaderError: no answer, or no such topic. */
  static async open(options: TopicReaderOptions): Promise<TopicReader> {
    const consumer = newConsumer(options);
    try {
      const partitions = await connect(consumer, options);
      return new TopicReader(consumer, options, await rangesOf(consumer, options, partitions));
    } catch (error) {
      await disconnect(consumer);
      throw error;
    }
  }

  /** Of the partitions that were there when it was opened, and those that were found since. */
  get ranges(): readonly PartitionRange[] {
    return this.#ranges;
  }

  /**
   * Partitions that the topic has got since; they are read once they are assigned. Throws
   * ReaderError.
   */
  async findNew(timeoutMs: number): Promise<readonly PartitionRange[]> {
    const { topic } = this.#options;
    const known = new Set(this.#ranges.map(({ partition }) => partition));
    const partitions = await partitionsOf(this.#consumer, { topic, timeoutMs });
    const found = partitions.filter((partition) => !known.has(partition));
    const added = await rangesOf(this.#consumer, { topic, timeoutMs }, found);
    this.#ranges = [...this.#ranges, ...added];
    return added;
  }

  /**
   * By partition the offset of the first record of this time or later; a partition without such a
   * record is left out. Throws ReaderError.
   */
  offsetsAt(timeMs: number): Promise<ReadonlyMap<number, number>> {
    return this.#offsets(timeMs);
  }

  /** By partition, where it ends now. Throws ReaderError. */
  endsNow(): Promise<ReadonlyMap<number, number>> {
    return this.#offsets(LATEST);
  }

  #offsets(timeMs: number): Promise<ReadonlyMap<number, number>> {
    const partitions = this.#ranges.map(({ partition }) => partition);
    return offsetsOf(this.#consumer, this.#options, { partitions, timeMs });
  }

  /** What there is of all known partitions, now. Throws ReaderError. */
  rangesNow(timeoutMs: number): Promise<readonly PartitionRange[]> {
    return this.#ask(
      this.#ranges.map(({ partition }) => partition),
      timeoutMs,
    );
  }

  #ask(partitions: readonly number[], timeoutMs: number): Promise<readonly PartitionRange[]> {
    return rangesOf(this.#consumer, { topic: this.#options.topic, timeoutMs }, partitions);
  }

  /** By partition, where it ended when Kafka was last heard of it. Asks nobody. */
  knownEnds(): ReadonlyMap<number, number> {
    const { topic } = this.#options;
    const ends = new Map<number, number>();
    for (const { partition } of this.#ranges) {
      const { highOffset } = this.#consumer.getWatermarkOffsets(topic, partition);
      // Negative: nothing was heard of it yet.
      if (highOffset >= 0) ends.set(partition, highOffset);
    }
    return ends;
  }

  /** From now on these partitions are read, each from its offset. */
  assign(starts: ReadonlyMap<number, number>): void {
    const { topic } = this.#options;
    this.#continuity.restart(starts);
    this.#rest = null;
    this.#ends = [];
    this.#consumer.assign([...starts].map(([partition, offset]) => ({ topic, partition, offset })));
  }

  /**
   * What is there, at most so many records; nothing waits. Throws ReaderError; then nothing of it
   * is lost. One that has forgotten Kafka's brokers throws for ever.
   */
  async take(recordsMax: number): Promise<Portion> {
    if (this.#isForgetful) {
      throw new ReaderError(
        `Kafka named no broker, and the reader of ${this.#options.topic} is lost.`,
      );
    }
    this.#rest ??= await this.#read(recordsMax);
    const taken = this.#rest;
    const ranges = await this.#ask([...this.#continuity.skipped(taken)], this.#options.timeoutMs);
    // Meanwhile it may have been told to begin elsewhere.
    if (this.#rest !== taken) return { loss: null, records: [], ends: [] };
    const lows = new Map(ranges.map(({ partition, low }) => [partition, low]));
    const { portion, rest } = this.#continuity.cut(taken, lows);
    this.#rest = rest;
    return portion;
  }

  async #read(recordsMax: number): Promise<Taken> {
    const messages = await consume(this.#consumer, recordsMax);
    // Ends are told by an event of the same turn, after which the promise goes on.
    const ends = this.#ends;
    this.#ends = [];
    return { records: messages.map((message) => toRecord(message)), ends };
  }

  /** Never fails and never takes long. */
  close(): Promise<void> {
    return disconnect(this.#consumer);
  }
}

function newConsumer(options: TopicReaderOptions): KafkaConsumer {
  const consumer = new kafka.KafkaConsumer(
    {
      ...connectionSettings({ ...options, clientId: "sluice-live" }),
      // librdkafka wants a group even where no group is joined; nothing is ever committed to it.
      "group.id": `sluice-live-${randomUUID()}`,
      "enable.auto.commit": false,
      "enable.auto.offset.store": false,
      "enable.partition.eof": true,
      "allow.auto.create.topics": false,
      "queued.max.messages.kbytes": options.queueKib,
      // A record that has come should not wait for company.
      "fetch.wait.max.ms": 100,
      "statistics.interval.ms": CONSUMER_STATISTICS_MS,
      log_level: 0,
      ...options.settings,
    },
    { "auto.offset.reset": "earliest" },
  );
  consumer.setDefaultConsumeTimeout(0);
  // Outages mend themselves; what stays is seen where records are taken.
  consumer.on("event.error", () => {});
  return consumer;
}

/** Numbers of the partitions. */
function connect(
  consumer: KafkaConsumer,
  { topic, timeoutMs, brokers }: TopicReaderOptions,
): Promise<readonly number[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly number[]>();
  consumer.connect({ topic, timeout: timeoutMs }, (error, metadata) => {
    // The types promise an error always; null is what comes when all is well.
    const failure: { message: string } | null | undefined = error;
    if (failure !== null && failure !== undefined) {
      reject(new ReaderError(`Kafka is not reachable at ${brokers} (${failure.message}).`));
      return;
    }
    const found = metadata.topics.find(({ name }) => name === topic);
    const partitions = found?.partitions.map(({ id }) => id) ?? [];
    if (partitions.length > 0) resolve(partitions);
    else reject(new ReaderError(`Kafka has no topic ${topic}.`));
  });
  return promise;
}

function partitionsOf(
  consumer: KafkaConsumer,
  { topic, timeoutMs: timeout }: Question,
): Promise<readonly number[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly number[]>();
  consumer.getMetadata({ topic, timeout }, (error, metadata) => {
    // The types promise an error always; null is what comes when all is well.
    const failure: { message: string } | null | undefined = error;
    if (failure !== null && failure !== undefined) {
      reject(new ReaderError(`Kafka does not tell the partitions of ${topic}.`));
      return;
    }
    const found = metadata.topics.find(({ name }) => name === topic);
    resolve(found?.partitions.map(({ id }) => id) ?? []);
  });
  return promise;
}

type Question = Pick<TopicReaderOptions, "topic" | "timeoutMs">;

/**
 * Throws ReaderError. Both questions are for all partitions at once: each holds a thread that
 * flushes of producers need.
 */
async function rangesOf(
  consumer: KafkaConsumer,
  question: Question,
  partitions: readonly number[],
): Promise<readonly PartitionRange[]> {
  if (partitions.length === 0) return [];
  const lows = await offsetsOf(consumer, question, { partitions, timeMs: EARLIEST });
  const highs = await offsetsOf(consumer, question, { partitions, timeMs: LATEST });
  return partitions.map((partition) => {
    const [low, high] = [lows.get(partition), highs.get(partition)];
    if (low !== undefined && high !== undefined) return { partition, low, high };
    throw new ReaderError(
      `Kafka does not say where partition ${partition} of ${question.topic} is.`,
    );
  });
}

/** One question for all of them; those without such a record are left out. Throws ReaderError. */
function offsetsOf(
  consumer: KafkaConsumer,
  { topic, timeoutMs }: Question,
  { partitions, timeMs }: { readonly partitions: readonly number[]; readonly timeMs: number },
): Promise<ReadonlyMap<number, number>> {
  const { promise, resolve, reject } = Promise.withResolvers<ReadonlyMap<number, number>>();
  const asked = partitions.map((partition) => ({ topic, partition, offset: timeMs }));
  consumer.offsetsForTimes(asked, timeoutMs, (error, answer) => {
    // The types promise an error always; null is what comes when all is well.
    const failure: { message: string } | null | undefined = error;
    const found = failure?.message ?? offsetsIn(answer);
    if (typeof found !== "string") resolve(found);
    else reject(new ReaderError(`Kafka does not find offsets in ${topic} (${found}).`));
  });
  return promise;
}

function consume(consumer: KafkaConsumer, recordsMax: number): Promise<readonly Message[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly Message[]>();
  consumer.consume(recordsMax, (error: LibrdKafkaError | null, messages) => {
    if (error) reject(new ReaderError(`Kafka refused to go on: ${error.message}.`));
    else resolve(messages);
  });
  return promise;
}
