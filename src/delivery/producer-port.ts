/**
 * What delivery needs of a Kafka producer: the narrow place where the native client can be replaced
 * by a fake. Callbacks never run inside the call that asked for them.
 */
import type { ProducerStatistics } from "./kafka-statistics.ts";
import type { ProducerProgress } from "./progress.ts";
import type { RecordSegment } from "./record-segment.ts";

/** One record that Kafka did not take. librdkafka gives no timestamp with a failure. */
export interface FailureReport {
  readonly kafkaCode: number;
  readonly topic: string;
  readonly partition: number;
  readonly valueBytes: number;
  readonly key: Uint8Array | null;
}

export interface ProducerHandlers {
  onReport(report: FailureReport): void;
  /** A few times a second; `read` may be called in the same turn. */
  onProgress(read: () => ProducerProgress): void;
  /** Kafka has given it another number than it had, as it does after records that timed out. */
  onNumber(): void;
  /** The producer can do nothing any more. */
  onFatal(reason: string): void;
  /** It knows no broker any more, nor will it again; may be told several times. */
  onForlorn(): void;
  /** Something is wrong with one broker or all; librdkafka goes on trying. */
  onBrokerError(error: { readonly kafkaCode: number; readonly reason: string }): void;
}

export interface TopicMetadata {
  readonly kafkaCode: number;
  readonly reason: string;
  /** 0: the topic does not exist, or not for us. */
  readonly partitions: number;
}

export interface ProducerPort {
  /** Once; calls back with a sentence if it failed, after which the port is dead. */
  connect(timeoutMs: number, done: (problem: string | null) => void): void;
  /** Copies the row; answers 0 or a Kafka code, at once. */
  produce(segment: RecordSegment, row: number): number;
  /** Calls back with 0 when no record is left inside, or with a Kafka code after `timeoutMs`. */
  flush(timeoutMs: number, done: (kafkaCode: number) => void): void;
  /** Partitions of a topic; with null only whether a broker answers. */
  metadata(topic: string | null, timeoutMs: number, done: (answer: TopicMetadata) => void): void;
  /** Calls back when everything is freed; drops what is still inside. No call may follow. */
  disconnect(done: () => void): void;
  /** How it is, by its latest word; null: it has said nothing yet. */
  statistics(): ProducerStatistics | null;
  describe(kafkaCode: number): string;
}

export type ProducerFactory = (wish: {
  readonly lane: number;
  readonly handlers: ProducerHandlers;
  /** By destination number; grows. */
  readonly topicNames: readonly string[];
}) => ProducerPort;
