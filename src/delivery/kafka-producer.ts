/**
 * The real producer: @confluentinc/kafka-javascript behind the port. What is peculiar to the
 * binding stays in here:
 * - the native client is called directly where the wrapper would build an Error per call;
 * - background polling only after `ready` (earlier it crashes the process);
 * - no opaque is ever passed (it would leak for every stored record);
 * - nothing is called after `disconnect`: it would block the loop until all is freed.
 */
import assert from "node:assert/strict";

import kafka from "@confluentinc/kafka-javascript";

import { BrokerWatch } from "./broker-watch.ts";
import { SYSTEM_CLOCK } from "./clock.ts";
import { KAFKA_CODE } from "./kafka-codes.ts";
import {
  parseSettingLine,
  settingsProblem,
  type KafkaSettings,
  type ProducerSettings,
} from "./kafka-settings.ts";
import type { ProducerHandlers, ProducerPort, TopicMetadata } from "./producer-port.ts";
import { numbersTaken, parseProgress, parseStatistics } from "./kafka-statistics.ts";
import type { ProducerStatistics } from "./kafka-statistics.ts";
import type { RecordSegment } from "./record-segment.ts";
import { Throttling } from "./throttling.ts";

/** The part of the native client that is used directly. */
interface NativeClient {
  produce(
    topic: string,
    partition: number,
    value: Uint8Array,
    key: Uint8Array | null,
    timestampMs: number,
    opaque: undefined,
    headers: ReadonlyArray<Record<string, Uint8Array | string>> | undefined,
  ): number;
  flush(
    timeoutMs: number,
    done: (error: { readonly code?: number } | null | undefined) => void,
  ): void;
}

interface NativeReport {
  readonly topic: string;
  readonly partition: number;
  readonly size: number;
  readonly key: Uint8Array | null;
}

/** librdkafka logs up to this level (syslog numbers) are passed on as broker errors. */
const LOG_LEVEL_MAX = 4;

/** What the wrapper's flush may take before it frees the client. */
const LAST_FLUSH_MS = 1;

const SLUICE_HEADER = "sluice";

/** How long one question about a topic may hold a thread, and when a failed one is repeated. */
const LEARN_TIMEOUT_MS = 1_000;
const LEARN_AGAIN_MS = 5_000;

export class KafkaProducer implements ProducerPort {
  readonly #producer: InstanceType<typeof kafka.Producer>;
  readonly #native: NativeClient;
  readonly #settings: ProducerSettings;
  readonly #handlers: ProducerHandlers;
  readonly #topicNames: readonly string[];
  readonly #inForce: Map<string, string> = new Map();
  /** Reused for every record: the binding copies it. */
  readonly #header: Record<string, Uint8Array> = {};
  readonly #headers: ReadonlyArray<Record<string, Uint8Array>> = [this.#header];
  readonly #brokers = new BrokerWatch();
  #isConnected = false;
  /** How many numbers it has had. */
  #numbers = 0;
  /** The latest, as text: it is read only when somebody asks. */
  #statistics = "";
  readonly #throttling = new Throttling();
  /** Of the topics, so many from the first on are known to it. */
  #learned = 0;
  #isLearning = false;
  #learnAtMs = 0;

  /** Throws if librdkafka does not know a property or its value. */
  constructor(options: {
    readonly settings: ProducerSettings;
    readonly topicNames: readonly string[];
    readonly handlers: ProducerHandlers;
  }) {
    this.#settings = options.settings;
    this.#topicNames = options.topicNames;
    this.#handlers = options.handlers;
    this.#producer = createProducer(options.settings);
    // The binding types its native client as any.
    this.#native = this.#producer.getClient() as NativeClient;
    this.#listen();
  }

  connect(timeoutMs: number, done: (problem: string | null) => void): void {
    this.#producer.connect({ allTopics: false, timeout: timeoutMs }, (error, metadata) => {
      // The types promise an error always; null is what comes when all is well.
      const failure: { message: string } | null | undefined = error;
      if (failure !== null && failure !== undefined) {
        done(failure.message);
        return;
      }
      this.#producer.setPollInBackground(true);
      this.#isConnected = true;
      // It has forgotten those it was told of by now.
      const isBrokerless = metadata.brokers.length === 0;
      const problem = isBrokerless
        ? "Kafka names no broker that is in service"
        : settingsProblem(this.#settings, this.#inForce);
      if (problem === null) {
        done(null);
        return;
      }
      this.disconnect(() => done(problem));
    });
  }

  produce(segment: RecordSegment, row: number): number {
    const start = segment.start[row] ?? 0;
    const keyStart = start + (segment.valueBytes[row] ?? 0);
    const headerStart = keyStart + (segment.keyBytes[row] ?? 0);
    const end = headerStart + (segment.headerBytes[row] ?? 0);
    const { bytes } = segment;
    const letter = segment.letters?.get(row);
    let headers: ReadonlyArray<Record<string, Uint8Array | string>> | undefined;
    if (letter !== undefined) {
      const further: Record<string, Uint8Array | string>[] = letter.map(([name, value]) => ({
        [name]: value,
      }));
      if (end > headerStart) further.unshift({ [SLUICE_HEADER]: bytes.subarray(headerStart, end) });
      headers = further;
    } else if (end > headerStart) {
      this.#header[SLUICE_HEADER] = bytes.subarray(headerStart, end);
      headers = this.#headers;
    }
    return this.#native.produce(
      this.#topicNames[segment.topic[row] ?? 0] ?? "",
      segment.partition[row] ?? 0,
      bytes.subarray(start, keyStart),
      headerStart > keyStart ? bytes.subarray(keyStart, headerStart) : null,
      segment.timestampMs[row] ?? 0,
      undefined,
      headers,
    );
  }

  flush(timeoutMs: number, done: (kafkaCode: number) => void): void {
    this.#native.flush(timeoutMs, (error) => {
      if (error === null || error === undefined) done(KAFKA_CODE.none);
      else done(typeof error.code === "number" ? error.code : KAFKA_CODE.state);
    });
  }

  metadata(topic: string | null, timeoutMs: number, done: (answer: TopicMetadata) => void): void {
    const what = topic === null ? {} : { topic };
    this.#producer.getMetadata(
      { ...what, allTopics: false, timeout: timeoutMs },
      (error, found) => {
        // As in connect: null when all is well.
        const failure: { code?: number; message: string } | null | undefined = error;
        if (failure !== null && failure !== undefined) {
          const kafkaCode = failure.code ?? KAFKA_CODE.state;
          done({ kafkaCode, reason: failure.message, partitions: 0 });
          return;
        }
        const partitions = found.topics.find((entry) => entry.name === topic)?.partitions ?? [];
        done({ kafkaCode: KAFKA_CODE.none, reason: "", partitions: partitions.length });
      },
    );
  }

  /**
   * One after the other it gets to know all topics; librdkafka keeps what it knows fresh. A spare
   * that had to ask where a topic's leaders are when it takes another lane's place may ask the very
   * broker that stands still.
   */
  #learn(): void {
    const topic = this.#topicNames[this.#learned];
    const nowMs = SYSTEM_CLOCK.monotonicMs();
    if (topic === undefined || this.#isLearning || !this.#isConnected || nowMs < this.#learnAtMs) {
      return;
    }
    this.#isLearning = true;
    this.metadata(topic, LEARN_TIMEOUT_MS, ({ kafkaCode }) => {
      this.#isLearning = false;
      if (kafkaCode === KAFKA_CODE.none) this.#learned += 1;
      else this.#learnAtMs = SYSTEM_CLOCK.monotonicMs() + LEARN_AGAIN_MS;
    });
  }

  disconnect(done: () => void): void {
    if (!this.#isConnected) {
      setImmediate(done);
      return;
    }
    this.#isConnected = false;
    this.#producer.disconnect(LAST_FLUSH_MS, () => done());
  }

  statistics(): ProducerStatistics | null {
    if (this.#statistics === "") return null;
    const throttleMsMax = this.#throttling.longestMs(SYSTEM_CLOCK.monotonicMs());
    return { ...parseStatistics(this.#statistics), throttleMsMax };
  }

  describe(kafkaCode: number): string {
    return describeKafkaCode(kafkaCode);
  }

  #listen(): void {
    this.#producer.on("delivery-report", (error, report) => {
      // Numbers and buffers as in callbacks.cc; the types are wider.
      const failed = error as { code: number } | null;
      const native = report as unknown as NativeReport;
      assert(failed !== null, "only failures are reported");
      this.#handlers.onReport({
        kafkaCode: failed.code,
        topic: native.topic,
        partition: native.partition,
        valueBytes: native.size,
        key: native.key,
      });
    });
    this.#producer.on("event.error", (error) => {
      // The binding loses the number of such errors and keeps the text.
      if (/fatal error/i.test(error.message)) this.#handlers.onFatal(error.message);
      else {
        const allDown = /all broker connections are down/i.test(error.message);
        const kafkaCode = allDown ? KAFKA_CODE.allBrokersDown : error.code;
        this.#handlers.onBrokerError({ kafkaCode, reason: error.message });
      }
    });
    this.#producer.on("event.stats", (statistics: { readonly message: string }) => {
      this.#statistics = statistics.message;
      if (this.#brokers.hasForgotten(statistics.message)) this.#handlers.onForlorn();
      const numbers = numbersTaken(statistics.message);
      if (numbers > 1 && numbers !== this.#numbers) this.#handlers.onNumber();
      this.#numbers = numbers;
      this.#handlers.onProgress(() => parseProgress(statistics.message));
      this.#learn();
    });
    this.#producer.on("event.throttle", ({ throttleTime }: { readonly throttleTime: number }) => {
      this.#throttling.heard(throttleTime, SYSTEM_CLOCK.monotonicMs());
    });
    this.#producer.on("event.log", (entry: { severity: number; message: string }) => {
      const setting = parseSettingLine(entry.message);
      if (setting !== undefined && !this.#isConnected) this.#inForce.set(...setting);
      if (entry.severity <= LOG_LEVEL_MAX) {
        this.#handlers.onBrokerError({ kafkaCode: KAFKA_CODE.none, reason: entry.message });
      }
    });
  }
}

/** librdkafka's name of an error number, e.g. `ERR__MSG_TIMED_OUT (-192)`. */
function describeKafkaCode(kafkaCode: number): string {
  const codes: Readonly<Record<string, number>> = kafka.CODES.ERRORS;
  const name = Object.keys(codes).find((key) => codes[key] === kafkaCode);
  return `${name ?? "unknown error"} (${kafkaCode})`;
}

function createProducer(settings: ProducerSettings): InstanceType<typeof kafka.Producer> {
  const mutable = (table: KafkaSettings): Record<string, unknown> => ({ ...table });
  return new kafka.Producer(mutable(settings.global), mutable(settings.topic));
}
