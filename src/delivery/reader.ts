/**
 * Reads one topic for `sluice tail`: all partitions, from their beginning or their end, record by
 * record. It belongs to no consumer group and commits nothing, so looking never disturbs anybody.
 * It pulls: while nobody asks for the next record, nothing is fetched beyond librdkafka's bounded
 * queue. It knows nothing of Avro.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";

import kafka from "@confluentinc/kafka-javascript";
import type {
  KafkaConsumer,
  LibrdKafkaError,
  Message,
  Metadata,
} from "@confluentinc/kafka-javascript";

import { READER_BATCH_RECORDS_MAX, READER_QUEUE_KIB_MAX } from "../limits/commands.ts";
import type { KafkaSecurity } from "./delivery.ts";
import { connectionSettings } from "./kafka-settings.ts";

export interface KafkaRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since 1970; −1 when Kafka has none. */
  readonly timestampMs: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  /** In the order of the record; names may repeat. */
  readonly headers: ReadonlyArray<readonly [string, Uint8Array]>;
}

export interface ReaderOptions {
  /** host:port[,host:port] */
  readonly brokers: string;
  readonly topic: string;
  /** Or the offset of the first record, by partition; those without one from their beginning. */
  readonly from: "beginning" | "end" | ReadonlyMap<number, number>;
  /** Stop where the partitions ended when reading began, instead of waiting for more. */
  readonly stopAtEnd: boolean;
  /** For the first connection and the look at the topic. */
  readonly connectTimeoutMs: number;
  /** Ends the reading. */
  readonly signal: AbortSignal;
  /**
   * Called when every partition has been asked for its first record: what is stored later is seen.
   */
  readonly onReady?: () => void;
  /** One sentence for the user about a trouble that may pass. */
  readonly onNotice?: (sentence: string) => void;
  readonly security: KafkaSecurity | null;
}

/** Reading cannot begin or go on; the message is one sentence for the user. */
export class ReaderError extends Error {}

/**
 * Unknown partition (librdkafka's own), no answer in time, unknown topic or partition, no leader,
 * not the leader: what is said for moments after a broker came or an election began.
 */
const PASSING_CODES: ReadonlySet<number> = new Set([-190, -185, 3, 5, 6]);
const ASK_AGAIN_MS = 200;
/** One question; else the first one, to a broker that has no leader yet, takes all the time. */
const ASK_MS_MAX = 5_000;
/** Topics a message lists. */
const TOPICS_SHOWN_MAX = 20;
/**
 * How long one look for records may wait inside librdkafka: it delays only the end of the reading.
 */
const CONSUME_WAIT_MS = 100;
/** librdkafka may hang in its close when the brokers are gone. */
const DISCONNECT_TIMEOUT_MS = 2_000;
/** The binding's error events have lost their codes (all are −1); librdkafka's text is left. */
const ALL_BROKERS_DOWN = "all broker connections are down";

/**
 * The records of a topic. Ends when `signal` is aborted or, with `stopAtEnd`, at the end. Throws
 * ReaderError when no broker answers in time or the topic does not exist.
 */
export async function* readTopic(options: ReaderOptions): AsyncGenerator<KafkaRecord, void, void> {
  const consumer = createConsumer(options);
  try {
    const metadata = await connect(consumer, options);
    const partitions = partitionsOf(metadata, options.topic);
    const marks = await Promise.all(
      partitions.map((partition) => watermarks(consumer, options, partition)),
    );
    const ends = new Map(marks.map((mark) => [mark.partition, mark.high]));
    const open = new Set(
      marks.filter((mark) => startOf(mark, options) < mark.high).map((mark) => mark.partition),
    );
    const endOf = (partition: number): number => ends.get(partition) ?? 0;
    // Compaction may have taken the last records before the end, so that only this event shows it.
    consumer.on("partition.eof", ({ partition, offset }) => {
      if (offset >= endOf(partition)) open.delete(partition);
    });
    consumer.assign(
      marks.map((mark) => ({
        topic: options.topic,
        partition: mark.partition,
        offset: startOf(mark, options),
      })),
    );
    options.onReady?.();
    // With stopAtEnd a partition is open until its end, as it was at the start, has been read.
    const isDone = (): boolean =>
      options.signal.aborted || (options.stopAtEnd && (options.from === "end" || open.size === 0));
    while (!isDone()) {
      for (const message of await consume(consumer)) {
        const isBeforeEnd = message.offset < endOf(message.partition);
        if (isBeforeEnd || !options.stopAtEnd) yield toRecord(message);
        if (message.offset >= endOf(message.partition) - 1) open.delete(message.partition);
      }
    }
  } finally {
    await disconnect(consumer);
  }
}

function createConsumer(options: ReaderOptions): KafkaConsumer {
  const consumer = new kafka.KafkaConsumer(
    {
      ...connectionSettings({ ...options, clientId: "sluice-tail" }),
      // librdkafka wants a group even where no group is joined; nothing is ever committed to it.
      "group.id": `sluice-tail-${randomUUID()}`,
      "enable.auto.commit": false,
      "enable.auto.offset.store": false,
      "enable.partition.eof": true,
      "allow.auto.create.topics": false,
      "queued.max.messages.kbytes": READER_QUEUE_KIB_MAX,
      log_level: 0,
    },
    { "auto.offset.reset": "earliest" },
  );
  consumer.setDefaultConsumeTimeout(CONSUME_WAIT_MS);
  tellOfOutages(consumer, options);
  return consumer;
}

/** librdkafka repeats itself while the brokers are away; the user is told once for each outage. */
function tellOfOutages(consumer: KafkaConsumer, options: ReaderOptions): void {
  let isDown = false;
  consumer.on("event.error", (error) => {
    if (isDown || !error.message.includes(ALL_BROKERS_DOWN)) return;
    isDown = true;
    options.onNotice?.("Kafka does not answer; waiting for it.");
  });
  consumer.on("data", () => {
    isDown = false;
  });
}

function connect(consumer: KafkaConsumer, options: ReaderOptions): Promise<Metadata> {
  const { promise, resolve, reject } = Promise.withResolvers<Metadata>();
  consumer.connect({ allTopics: true, timeout: options.connectTimeoutMs }, (error, metadata) => {
    if (error) {
      const seconds = options.connectTimeoutMs / 1_000;
      const detail = `${options.brokers} gave no answer within ${seconds} s (${error.message})`;
      reject(new ReaderError(`Kafka is not reachable: ${detail}.`));
    } else {
      resolve(metadata);
    }
  });
  return promise;
}

function partitionsOf(metadata: Metadata, topic: string): number[] {
  const found = metadata.topics.find((candidate) => candidate.name === topic);
  if (found === undefined || found.partitions.length === 0) {
    const names = metadata.topics.map(({ name }) => name).filter((name) => !name.startsWith("__"));
    const known =
      names.length === 0 ? "there are none yet" : `there are ${shortList(names.sort())}`;
    throw new ReaderError(`Kafka has no topic ${topic}; ${known}.`);
  }
  return found.partitions.map((partition) => partition.id);
}

function shortList(names: readonly string[]): string {
  const shown = names.slice(0, TOPICS_SHOWN_MAX).join(", ");
  const rest = names.length - TOPICS_SHOWN_MAX;
  return rest > 0 ? `${shown} and ${rest} more` : shown;
}

interface Watermarks {
  readonly partition: number;
  /** The first offset there is, and the one the next record will get. */
  readonly low: number;
  readonly high: number;
}

/** An offset that is not there any more, or not yet, is moved to where something is. */
function startOf({ partition, low, high }: Watermarks, { from }: ReaderOptions): number {
  if (from === "beginning") return low;
  if (from === "end") return high;
  return Math.min(high, Math.max(low, from.get(partition) ?? low));
}

/** Asked again while a broker that has just come, or come back, does not know its partitions. */
async function watermarks(
  consumer: KafkaConsumer,
  options: ReaderOptions,
  partition: number,
): Promise<Watermarks> {
  const untilMs = performance.now() + options.connectTimeoutMs;
  for (;;) {
    const answer = await askWatermarks(consumer, options, partition);
    if ("low" in answer) return answer;
    if (!PASSING_CODES.has(answer.code) || performance.now() >= untilMs) {
      const place = `partition ${partition} of ${options.topic}`;
      throw new ReaderError(`Kafka does not say where ${place} ends (${answer.message}).`);
    }
    await delay(ASK_AGAIN_MS);
    await lookAgain(consumer, options);
  }
}

/** librdkafka goes by what it has heard of a topic, and asks anew only if it is told to. */
function lookAgain(consumer: KafkaConsumer, { topic }: ReaderOptions): Promise<void> {
  return new Promise((resolve) => {
    consumer.getMetadata({ topic, timeout: ASK_MS_MAX }, () => resolve());
  });
}

function askWatermarks(
  consumer: KafkaConsumer,
  { topic, connectTimeoutMs }: ReaderOptions,
  partition: number,
): Promise<Watermarks | LibrdKafkaError> {
  const timeoutMs = Math.min(ASK_MS_MAX, connectTimeoutMs);
  return new Promise((resolve) => {
    consumer.queryWatermarkOffsets(topic, partition, timeoutMs, (error, offsets) => {
      resolve(error ?? { partition, low: offsets.lowOffset, high: offsets.highOffset });
    });
  });
}

/** What is there, or nothing after CONSUME_WAIT_MS. */
function consume(consumer: KafkaConsumer): Promise<readonly Message[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly Message[]>();
  consumer.consume(READER_BATCH_RECORDS_MAX, (error: LibrdKafkaError | null, messages) => {
    if (error) {
      reject(new ReaderError(`Kafka refused to go on: ${error.message}.`));
    } else {
      resolve(messages);
    }
  });
  return promise;
}

/** Never fails and never takes longer than its deadline: there is nothing to lose. */
export async function disconnect(consumer: KafkaConsumer): Promise<void> {
  if (!consumer.isConnected()) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  consumer.disconnect(() => resolve());
  await Promise.race([promise, delay(DISCONNECT_TIMEOUT_MS, undefined, { ref: false })]);
}

/** A record as the binding gives it → as sluice knows it. */
export function toRecord(message: Message): KafkaRecord {
  return {
    topic: message.topic,
    partition: message.partition,
    offset: message.offset,
    timestampMs: message.timestamp ?? -1,
    key: bytesOf(message.key),
    value: message.value,
    headers: (message.headers ?? []).flatMap((header) =>
      Object.entries(header).map(
        ([name, value]) => [name, bytesOf(value) ?? new Uint8Array()] as const,
      ),
    ),
  };
}

function bytesOf(value: Buffer | string | null | undefined): Uint8Array | null {
  return typeof value === "string" ? Buffer.from(value) : (value ?? null);
}
