/**
 * Hands what waits in a queue to a producer, as much as one commit may take.
 */
import { OUTCOME_NUMBER } from "../errors.ts";
import { COMMIT_BYTES_MAX, COMMIT_RECORDS_MAX } from "../limits/delivery.ts";
import type { FailureTally } from "./failure-tally.ts";
import { KAFKA_CODE, outcomeOf } from "./kafka-codes.ts";
import type { ProducerPort } from "./producer-port.ts";
import type { HandedOver } from "./progress.ts";
import type { RecordQueue } from "./record-queue.ts";
import { SKIPPED } from "./record-segment.ts";

/** These say nothing of the record at hand: it stays where it is. */
const STOPPING_CODES: ReadonlySet<number> = new Set([
  KAFKA_CODE.queueFull,
  KAFKA_CODE.fatal,
  KAFKA_CODE.state,
]);

export interface HandingOver {
  readonly port: ProducerPort;
  /** Counts what the producer took, and says what it may be given. */
  readonly handedOver: HandedOver;
  /** Counts what it refused at once. */
  readonly failures: FailureTally;
  readonly topicNames: readonly string[];
}

export interface CommitSize {
  records: number;
  bytes: number;
}

/** Adds to `size` what was handed over; answers the Kafka code that stopped it, or 0. */
export function handOver(
  queue: RecordQueue,
  size: CommitSize,
  { port, handedOver, failures, topicNames }: HandingOver,
): number {
  for (const segment of queue.segments) {
    for (let row = segment.produced; row < segment.count; row += 1) {
      if (size.records >= COMMIT_RECORDS_MAX || size.bytes >= COMMIT_BYTES_MAX) return 0;
      if (segment.code[row] !== SKIPPED) {
        const topic = segment.topic[row] ?? 0;
        const partition = segment.partition[row] ?? 0;
        if (!handedOver.acquaintance.admits(topic, partition)) return 0;
        const kafkaCode = port.produce(segment, row);
        if (kafkaCode === 0) handedOver.add(topic, partition);
        else {
          if (STOPPING_CODES.has(kafkaCode)) return kafkaCode;
          segment.mark(row, OUTCOME_NUMBER[outcomeOf(kafkaCode)]);
          failures.count(topicNames[topic] ?? "", kafkaCode);
        }
        size.records += 1;
        size.bytes += segment.recordBytes(row);
      }
      segment.produced = row + 1;
    }
  }
  return 0;
}
