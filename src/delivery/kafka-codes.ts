/**
 * librdkafka's error numbers as far as delivery acts on them, and which outcome each gives an
 * event. Negative numbers are librdkafka's own, positive ones the Kafka protocol's.
 */
import type { OutcomeCode } from "../errors.ts";

export const KAFKA_CODE = {
  none: 0,
  timedOutInFlight: -192,
  assignPartitions: -175,
  unknownPartition: -190,
  unknownTopic: -188,
  allBrokersDown: -187,
  timedOut: -185,
  queueFull: -184,
  state: -172,
  timedOutInQueue: -166,
  fatal: -150,
  noSuchTopic: 3,
  requestTimedOut: 7,
  recordTooLarge: 10,
  topicException: 17,
  batchTooLarge: 18,
  topicNotAuthorized: 29,
  clusterNotAuthorized: 31,
  invalidTimestamp: 32,
  policyViolation: 44,
  invalidRecord: 87,
} as const;

/** The topic is missing, closed to us or refuses such records: its operator has to act. */
const DESTINATION_CODES: ReadonlySet<number> = new Set([
  KAFKA_CODE.unknownPartition,
  KAFKA_CODE.unknownTopic,
  KAFKA_CODE.noSuchTopic,
  KAFKA_CODE.recordTooLarge,
  KAFKA_CODE.topicException,
  KAFKA_CODE.batchTooLarge,
  KAFKA_CODE.topicNotAuthorized,
  KAFKA_CODE.clusterNotAuthorized,
  KAFKA_CODE.invalidTimestamp,
  KAFKA_CODE.policyViolation,
  KAFKA_CODE.invalidRecord,
]);

/** Not confirmed in time; the record may be in the log. */
const TIMEOUT_CODES: ReadonlySet<number> = new Set([
  KAFKA_CODE.timedOutInFlight,
  KAFKA_CODE.timedOut,
  KAFKA_CODE.timedOutInQueue,
  KAFKA_CODE.requestTimedOut,
]);

/** After these the destination itself is looked at again. */
const SUSPECT_CODES: ReadonlySet<number> = new Set([
  KAFKA_CODE.unknownPartition,
  KAFKA_CODE.unknownTopic,
  KAFKA_CODE.noSuchTopic,
]);

const DENIED_CODES: ReadonlySet<number> = new Set([
  KAFKA_CODE.topicNotAuthorized,
  KAFKA_CODE.clusterNotAuthorized,
]);

/** The outcome of an event whose record failed with this number; all are `retry` to the client. */
export function outcomeOf(kafkaCode: number): OutcomeCode {
  if (DESTINATION_CODES.has(kafkaCode)) return "destination_unavailable";
  if (TIMEOUT_CODES.has(kafkaCode)) return "kafka_timeout";
  return "kafka_unavailable";
}

/** What a failure says about its topic. */
export function topicTroubleOf(kafkaCode: number): "none" | "suspect" | "denied" {
  if (SUSPECT_CODES.has(kafkaCode)) return "suspect";
  if (DENIED_CODES.has(kafkaCode)) return "denied";
  return "none";
}
