/**
 * Reads topics as a member of a consumer group, from offsets that somebody else keeps: whoever
 * writes what was read says, for each partition that is handed to this member, where it goes on. It
 * pulls, so nothing is fetched beyond librdkafka's bounded queue; while it is paused it still has
 * to be polled, or the group takes this member for dead. It decodes nothing.
 */
import { setTimeout as delay } from "node:timers/promises";

import kafka from "@confluentinc/kafka-javascript";
import type {
  KafkaConsumer,
  LibrdKafkaError,
  Message,
  TopicPartition,
} from "@confluentinc/kafka-javascript";

import { READER_QUEUE_KIB_MAX } from "../limits/commands.ts";
import { CONSUMER_STATISTICS_MS, onForgotten } from "./broker-watch.ts";
import type { KafkaSecurity } from "./delivery.ts";
import { KAFKA_CODE } from "./kafka-codes.ts";
import { connectionSettings } from "./kafka-settings.ts";
import type { KafkaSettings } from "./kafka-settings.ts";
import { ReaderError, toRecord, type KafkaRecord } from "./reader.ts";

/** A partition that this member reads, and what Kafka has of it now. */
export interface Place {
  readonly topic: string;
  readonly partition: number;
  /** The first offset there is, and the one the next record will get. */
  readonly low: number;
  readonly high: number;
}

export interface PlaceOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export interface GroupReaderOptions {
  /** host:port[,host:port] */
  readonly brokers: string;
  readonly security: KafkaSecurity | null;
  readonly group: string;
  /** Those that do not exist yet are read from when they do. */
  readonly topics: readonly string[];
  readonly connectTimeoutMs: number;
  /** After so long without a sign of life the group gives the partitions to others. */
  readonly sessionTimeoutMs: number;
  /**
   * The offset of the first record wanted of each of these partitions. Has to resolve: until then
   * nothing is read and the group waits.
   */
  readonly startOf: (places: readonly Place[]) => Promise<readonly PlaceOffset[]>;
  /** These partitions are others' from now on. */
  readonly onRevoked: () => void;
  /** One sentence about a trouble that may pass. */
  readonly onNotice: (sentence: string) => void;
  /** Of librdkafka, beyond those set here. */
  readonly settings?: KafkaSettings;
}

/** How long one look for records may wait inside librdkafka. */
const CONSUME_WAIT_MS = 100;
/** A topic that is made later is seen after so long. */
const METADATA_MS = 5_000;
const DISCONNECT_TIMEOUT_MS = 5_000;
/**
 * Kafka answers questions about a partition's ends by itself; it is asked again when it does not.
 */
const WATERMARK_RETRY_MS = 500;

export class GroupReader {
  readonly #options: GroupReaderOptions;
  #consumer: KafkaConsumer;
  #isForgetful = false;
  /** Counts assignments: work for an older one is dropped. */
  #generation = 0;
  #assigned: readonly TopicPartition[] = [];
  /** Where to go on; taken between two looks for records, so that none mixes two assignments. */
  #starts: readonly PlaceOffset[] | undefined;
  #isPaused = false;
  #lastNotice = "";

  private constructor(options: GroupReaderOptions) {
    this.#options = options;
    this.#consumer = this.#create();
  }

  /** @throws {ReaderError} with one sentence when no broker answers in time */
  static async open(options: GroupReaderOptions): Promise<GroupReader> {
    const reader = new GroupReader(options);
    await reader.#join();
    return reader;
  }

  async #join(): Promise<void> {
    await this.#connect();
    this.#consumer.subscribe([...this.#options.topics]);
  }

  /** Which assignment this member has; another number: it has others' partitions, or none. */
  get generation(): number {
    return this.#generation;
  }

  /**
   * What is there, at most `recordsMax`, or nothing after a tenth of a second. One call at a time.
   * Nothing of an assignment that ended meanwhile.
   */
  async poll(recordsMax: number): Promise<readonly KafkaRecord[]> {
    if (this.#isForgetful && !(await this.#joinAnew())) return [];
    this.#begin();
    const generation = this.#generation;
    const { promise, resolve } = Promise.withResolvers<readonly Message[]>();
    this.#consumer.consume(recordsMax, (error: LibrdKafkaError | null, messages) => {
      if (error) this.#notice(error);
      resolve(error ? [] : messages);
    });
    const messages = await promise;
    if (generation !== this.#generation) return [];
    return messages.map((message) => toRecord(message));
  }

  /** What librdkafka has fetched of them is thrown away and fetched again after `resume`. */
  pause(): void {
    if (this.#isPaused || this.#assigned.length === 0) return;
    this.#isPaused = true;
    this.#consumer.pause([...this.#assigned]);
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#consumer.resume([...this.#assigned]);
  }

  /** Reads on from here instead: all partitions of this member, between two polls. */
  restart(places: readonly PlaceOffset[]): void {
    this.#starts = places;
  }

  /** Tells the group, for who looks at it from outside; a failure changes nothing. */
  commit(offsets: readonly PlaceOffset[]): void {
    try {
      this.#consumer.commit(offsets.map((place) => ({ ...place })));
    } catch {
      // The offsets that count are kept elsewhere.
    }
  }

  /** The offset after the newest record of a partition, as far as is known here; −1: unknown. */
  endOf(topic: string, partition: number): number {
    try {
      return this.#consumer.getWatermarkOffsets(topic, partition).highOffset;
    } catch {
      return -1;
    }
  }

  /** Never fails, and takes no longer than its deadline. */
  close(): Promise<void> {
    return close(this.#consumer);
  }

  /**
   * A consumer that knows no broker hears of nothing more; the group takes it for dead. False:
   * Kafka does not answer.
   */
  async #joinAnew(): Promise<boolean> {
    const old = this.#consumer;
    this.#revoked();
    this.#options.onNotice("Kafka named no broker; joining the group anew.");
    this.#consumer = this.#create();
    void close(old);
    try {
      await this.#join();
      this.#isForgetful = false;
    } catch (error) {
      // It is tried again by the next poll.
      this.#options.onNotice(error instanceof Error ? error.message : String(error));
    }
    return !this.#isForgetful;
  }

  #create(): KafkaConsumer {
    const { group, sessionTimeoutMs } = this.#options;
    const consumer = new kafka.KafkaConsumer(
      {
        ...connectionSettings({ ...this.#options, clientId: "sluice-sink" }),
        "group.id": group,
        "enable.auto.commit": false,
        "enable.auto.offset.store": false,
        "allow.auto.create.topics": false,
        "session.timeout.ms": sessionTimeoutMs,
        "heartbeat.interval.ms": Math.floor(sessionTimeoutMs / 5),
        "topic.metadata.refresh.interval.ms": METADATA_MS,
        "queued.max.messages.kbytes": READER_QUEUE_KIB_MAX,
        "statistics.interval.ms": CONSUMER_STATISTICS_MS,
        rebalance_cb: (error: LibrdKafkaError, partitions: TopicPartition[]) => {
          // One that was given up has nothing to say of what its successor has.
          if (consumer === this.#consumer) this.#rebalance(error, partitions);
          else quietly(consumer, () => consumer.unassign());
        },
        log_level: 0,
        ...this.#options.settings,
      },
      { "auto.offset.reset": "earliest" },
    );
    consumer.setDefaultConsumeTimeout(CONSUME_WAIT_MS);
    consumer.on("event.error", (error) => this.#notice(error));
    onForgotten(consumer, () => {
      if (consumer === this.#consumer) this.#isForgetful = true;
    });
    return consumer;
  }

  #connect(): Promise<void> {
    const { brokers, connectTimeoutMs: timeout } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // The binding may wait for its own close before it says that nobody answers.
    const late = new ReaderError(`Kafka is not reachable: ${brokers} gave no answer at all.`);
    const timer = setTimeout(() => reject(late), 2 * timeout);
    this.#consumer.connect({ allTopics: true, timeout }, (error) => {
      // The types promise an error always; null is what comes when all is well.
      const failure: { readonly message: string } | null | undefined = error;
      clearTimeout(timer);
      if (failure === null || failure === undefined) resolve();
      else {
        const detail = `${brokers} gave no answer within ${timeout / 1_000} s`;
        reject(new ReaderError(`Kafka is not reachable: ${detail} (${failure.message}).`));
      }
    });
    return promise;
  }

  #rebalance(error: LibrdKafkaError, partitions: readonly TopicPartition[]): void {
    if (error.code === KAFKA_CODE.assignPartitions) {
      this.#isPaused = false;
      this.#starts = undefined;
      this.#generation += 1;
      void this.#findStarts(partitions, this.#generation);
      return;
    }
    this.#revoked();
    this.#quietly(() => this.#consumer.unassign());
  }

  #revoked(): void {
    this.#generation += 1;
    this.#isPaused = false;
    this.#starts = undefined;
    this.#assigned = [];
    this.#options.onRevoked();
  }

  /** librdkafka waits: the group is told only once `assign` was called. */
  async #findStarts(partitions: readonly TopicPartition[], generation: number): Promise<void> {
    const isCurrent = (): boolean => generation === this.#generation;
    const places: Place[] = [];
    for (const { topic, partition } of partitions) {
      const place = await this.#place({ topic, partition }, isCurrent);
      if (place !== undefined) places.push(place);
    }
    const starts = isCurrent() ? await this.#options.startOf(places) : [];
    if (isCurrent()) this.#starts = starts;
  }

  #begin(): void {
    const starts = this.#starts;
    if (starts === undefined) return;
    this.#starts = undefined;
    this.#isPaused = false;
    this.#assigned = starts.map(({ topic, partition }) => ({ topic, partition }));
    this.#quietly(() => this.#consumer.assign(starts.map((start) => ({ ...start }))));
  }

  /** Asks until Kafka says; undefined: it is not ours any more. */
  async #place(
    { topic, partition }: { readonly topic: string; readonly partition: number },
    isCurrent: () => boolean,
  ): Promise<Place | undefined> {
    const { connectTimeoutMs } = this.#options;
    while (isCurrent() && this.#consumer.isConnected()) {
      const { promise, resolve } = Promise.withResolvers<Place | undefined>();
      this.#consumer.queryWatermarkOffsets(topic, partition, connectTimeoutMs, (error, ends) => {
        if (error) {
          this.#notice(error);
          resolve(undefined);
        } else resolve({ topic, partition, low: ends.lowOffset, high: ends.highOffset });
      });
      const place = await promise;
      if (place !== undefined) return place;
      await delay(WATERMARK_RETRY_MS);
    }
    return undefined;
  }

  #quietly(act: () => void): void {
    quietly(this.#consumer, act);
  }

  /** A topic that is not there yet is no trouble; what repeats itself is said once. */
  #notice({ code, message }: { readonly code: number; readonly message: string }): void {
    if (code === KAFKA_CODE.noSuchTopic || message === this.#lastNotice) return;
    this.#lastNotice = message;
    this.#options.onNotice(message);
  }
}

/** A consumer that was closed in between refuses everything, which harms nobody. */
function quietly(consumer: KafkaConsumer, act: () => void): void {
  try {
    act();
  } catch (error) {
    if (consumer.isConnected()) throw error;
  }
}

/** Never fails, and takes no longer than its deadline. */
async function close(consumer: KafkaConsumer): Promise<void> {
  if (!consumer.isConnected()) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  consumer.disconnect(() => resolve());
  await Promise.race([promise, delay(DISCONNECT_TIMEOUT_MS, undefined, { ref: false })]);
}
