/**
 * A Kafka with a switch for every failure delivery has to live with: a full queue, late reports, a
 * flush that times out, fatal errors, absent topics, a broker that is silent or gone. Its producers
 * stand in for the native client, with the native client's habits: at most 100 reports in a loop
 * turn, and a flush that may finish before the last of them.
 */
import assert from "node:assert/strict";

import { KAFKA_CODE } from "../kafka-codes.ts";
import type {
  FailureReport,
  ProducerFactory,
  ProducerHandlers,
  ProducerPort,
  TopicMetadata,
} from "../producer-port.ts";
import type { RecordSegment } from "../record-segment.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export interface StoredRecord {
  readonly topic: string;
  readonly partition: number;
  readonly key: string | null;
  readonly value: string;
  /** Names. */
  readonly headers: readonly string[];
}

interface PendingRecord extends StoredRecord {
  readonly numberInPartition: number;
  readonly report: Omit<FailureReport, "kafkaCode">;
  readonly producedAtMs: number;
}

/** The switches. */
export class FakeKafka {
  readonly clock: VirtualClock;
  readonly topics: Map<string, number> = new Map();
  /** In the order of storing. */
  readonly log: StoredRecord[] = [];
  readonly producers: FakeProducer[] = [];
  /** Nobody answers. */
  isSilent = false;
  /** Connections are refused. */
  isGone = false;
  /** New connections are; those there are go on. */
  isFull = false;
  latencyMs = 2;
  messageTimeoutMs = 15_000;
  /** Records one producer holds before its queue is full. */
  queueMax = Number.POSITIVE_INFINITY;
  /** What becomes of a record at the broker: 0 or a Kafka code. */
  judge: (record: StoredRecord) => number = () => 0;
  /** May a record that fails be in the log nevertheless? */
  keepsFailed: () => boolean = () => false;
  /** Partitions that do not confirm. */
  readonly stalled: Set<string> = new Set();

  constructor(clock: VirtualClock) {
    this.clock = clock;
  }

  factory(): ProducerFactory {
    return (wish) => {
      const producer = new FakeProducer(this, wish);
      this.producers.push(producer);
      return producer;
    };
  }

  /** The producers in use. */
  get live(): readonly FakeProducer[] {
    return this.producers.filter((producer) => producer.isConnected);
  }
}

const STATISTICS_MS = 50;
const REPORTS_PER_TURN = 100;
const BROKER_LOOK_MS = 1;

export class FakeProducer implements ProducerPort {
  readonly lane: number;
  readonly #kafka: FakeKafka;
  readonly #handlers: ProducerHandlers;
  readonly #topicNames: readonly string[];
  #pending: PendingRecord[] = [];
  #reports: FailureReport[] = [];
  readonly #judged: FailureReport[] = [];
  /** By `topic/partition`: records taken, and the number of the last one confirmed. */
  readonly #produced: Map<string, number> = new Map();
  readonly #confirmed: Map<string, number> = new Map();
  #flushed: (() => void) | null = null;
  #stopTelling: () => void = () => {};
  #isDispatching = false;
  #isServing = false;
  #isFatal = false;
  /** From now on nothing it has or gets is confirmed: what is inside times out, for ever. */
  isSick = false;
  /** As `isSick`, for these partitions (`topic/number`) only. */
  readonly sickOf: Set<string> = new Set();
  isConnected = false;
  isDisconnected = false;

  constructor(kafka: FakeKafka, wish: Parameters<ProducerFactory>[0]) {
    this.#kafka = kafka;
    this.lane = wish.lane;
    this.#handlers = wish.handlers;
    this.#topicNames = wish.topicNames;
  }

  connect(timeoutMs: number, done: (problem: string | null) => void): void {
    const { clock } = this.#kafka;
    const isRefused = (): boolean => {
      const { isSilent, isGone, isFull } = this.#kafka;
      return isSilent || isGone || isFull;
    };
    clock.after(isRefused() ? timeoutMs : 1, () => {
      if (isRefused()) {
        this.isDisconnected = true;
        done("broker transport failure");
        return;
      }
      this.isConnected = true;
      this.#tellProgress();
      done(null);
    });
  }

  produce(segment: RecordSegment, row: number): number {
    assert(this.isConnected, "produce comes between connect and disconnect");
    if (this.#isFatal) return KAFKA_CODE.fatal;
    if (this.#pending.length >= this.#kafka.queueMax) return KAFKA_CODE.queueFull;
    const start = segment.start[row] ?? 0;
    const valueBytes = segment.valueBytes[row] ?? 0;
    const keyBytes = segment.keyBytes[row] ?? 0;
    const key = segment.bytes.slice(start + valueBytes, start + valueBytes + keyBytes);
    const topic = this.#topicNames[segment.topic[row] ?? 0] ?? "";
    const partition = segment.partition[row] ?? 0;
    if (partition >= (this.#kafka.topics.get(topic) ?? Number.POSITIVE_INFINITY)) {
      return KAFKA_CODE.unknownPartition;
    }
    const numberInPartition = (this.#produced.get(`${topic}/${partition}`) ?? 0) + 1;
    this.#produced.set(`${topic}/${partition}`, numberInPartition);
    const text = new TextDecoder();
    const header = (segment.headerBytes[row] ?? 0) > 0 ? ["sluice"] : [];
    this.#pending.push({
      numberInPartition,
      topic,
      partition,
      key: keyBytes > 0 ? text.decode(key) : null,
      value: text.decode(segment.bytes.slice(start, start + valueBytes)),
      headers: segment.letters?.get(row)?.map(([name]) => name) ?? header,
      producedAtMs: this.#kafka.clock.monotonicMs(),
      report: {
        topic,
        partition,
        valueBytes,
        key: keyBytes > 0 ? key : null,
      },
    });
    this.#serve();
    return 0;
  }

  flush(timeoutMs: number, done: (kafkaCode: number) => void): void {
    assert(this.isConnected, "flush comes between connect and disconnect");
    assert(this.#flushed === null, "one flush at a time");
    const { clock } = this.#kafka;
    if (this.#pending.length === 0) {
      clock.io(() => done(KAFKA_CODE.none));
      return;
    }
    const cancel = clock.after(timeoutMs, () => {
      this.#flushed = null;
      done(KAFKA_CODE.timedOut);
    });
    this.#flushed = () => {
      cancel();
      this.#flushed = null;
      clock.io(() => done(KAFKA_CODE.none));
    };
  }

  metadata(topic: string | null, timeoutMs: number, done: (answer: TopicMetadata) => void): void {
    assert(this.isConnected, "metadata comes between connect and disconnect");
    const { clock } = this.#kafka;
    const isAway = this.#kafka.isSilent || this.#kafka.isGone;
    clock.after(isAway ? timeoutMs : 1, () => {
      const isStillAway = this.#kafka.isSilent || this.#kafka.isGone;
      const kafkaCode = isStillAway ? KAFKA_CODE.timedOut : KAFKA_CODE.none;
      const partitions = topic === null || isStillAway ? 0 : (this.#kafka.topics.get(topic) ?? 0);
      done({ kafkaCode, reason: isStillAway ? "timed out" : "", partitions });
    });
  }

  disconnect(done: () => void): void {
    assert(!this.isDisconnected, "a producer is freed once");
    this.isConnected = false;
    this.isDisconnected = true;
    this.#stopTelling();
    this.#pending = [];
    this.#reports = [];
    this.#kafka.clock.after(1, done);
  }

  statistics(): null {
    return null;
  }

  describe(kafkaCode: number): string {
    return `code ${kafkaCode}`;
  }

  /** As after OUT_OF_ORDER_SEQUENCE: what is inside is purged or done, nothing more is taken. */
  breakFatally(): void {
    this.#isFatal = true;
    for (const record of this.#pending.splice(0)) {
      if (this.#kafka.keepsFailed()) this.#kafka.log.push(record);
      else this.#fail({ ...record.report, kafkaCode: PURGED_FROM_QUEUE });
    }
    this.#flushed?.();
    this.#kafka.clock.io(() => {
      if (!this.isDisconnected) this.#handlers.onFatal("fatal error");
    });
  }

  /** A report for a record that delivery never handed over. */
  reportForeign(): void {
    this.#kafka.clock.after(5, () => {
      const report = { topic: "foreign", partition: 0, valueBytes: 1, key: null };
      this.#handlers.onReport({ ...report, kafkaCode: KAFKA_CODE.timedOutInFlight });
    });
  }

  brokersDown(): void {
    this.#handlers.onBrokerError({ kafkaCode: KAFKA_CODE.allBrokersDown, reason: "all down" });
  }

  #serve(): void {
    if (this.#isServing) return;
    this.#isServing = true;
    this.#kafka.clock.after(this.#kafka.latencyMs, () => {
      this.#isServing = false;
      if (this.isDisconnected) return;
      this.#deliver();
      if (this.#pending.length > 0) {
        this.#isServing = true;
        this.#kafka.clock.after(BROKER_LOOK_MS * 10, () => {
          this.#isServing = false;
          this.#serve();
        });
      }
    });
  }

  #deliver(): void {
    const nowMs = this.#kafka.clock.monotonicMs();
    const isAway = this.#kafka.isSilent || this.#kafka.isGone;
    const kept: PendingRecord[] = [];
    for (const record of this.#pending) {
      const place = `${record.topic}/${record.partition}`;
      const isSick = this.isSick || this.sickOf.has(place);
      const isStalled = isAway || isSick || this.#kafka.stalled.has(place);
      if (isStalled && nowMs - record.producedAtMs < this.#kafka.messageTimeoutMs) {
        kept.push(record);
        continue;
      }
      const kafkaCode = isStalled ? KAFKA_CODE.timedOutInFlight : this.#kafka.judge(record);
      if (kafkaCode === 0) {
        this.#kafka.log.push(record);
        this.#confirmed.set(`${record.topic}/${record.partition}`, record.numberInPartition);
      } else {
        if (this.#kafka.keepsFailed()) this.#kafka.log.push(record);
        this.#judged.push({ ...record.report, kafkaCode });
      }
    }
    // The flush is told before the first report is dispatched, as can happen with the native one.
    this.#pending = kept;
    const reports = this.#judged.splice(0);
    if (kept.length === 0) this.#flushed?.();
    for (const report of reports) this.#fail(report);
  }

  /** As statistics do: what was so when they were made is told in a later turn. */
  #tellProgress(): void {
    this.#stopTelling = this.#kafka.clock.every(STATISTICS_MS, () => {
      const confirmed = new Map(this.#confirmed);
      const read = () => ({
        confirmed: (topic: string, partition: number) =>
          confirmed.get(`${topic}/${partition}`) ?? 0,
      });
      this.#kafka.clock.io(() => {
        if (this.isConnected) this.#handlers.onProgress(read);
      });
    });
  }

  #fail(report: FailureReport): void {
    this.#reports.push(report);
    this.#dispatch();
  }

  #dispatch(): void {
    if (this.#isDispatching) return;
    this.#isDispatching = true;
    this.#kafka.clock.io(() => {
      this.#isDispatching = false;
      for (const report of this.#reports.splice(0, REPORTS_PER_TURN)) {
        this.#handlers.onReport(report);
      }
      if (this.#reports.length > 0) this.#dispatch();
    });
  }
}

const PURGED_FROM_QUEUE = -152;
