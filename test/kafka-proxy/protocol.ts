/**
 * What the fault proxy knows of the Kafka protocol: API keys, the request header, from which
 * version on a message is flexible, and error codes worth stamping.
 * Source: https://kafka.apache.org/protocol, the message definitions of Apache Kafka 4.3.
 */
import type { WireReader } from "./wire.ts";

export const API = {
  Produce: 0,
  Fetch: 1,
  ListOffsets: 2,
  Metadata: 3,
  OffsetCommit: 8,
  OffsetFetch: 9,
  FindCoordinator: 10,
  JoinGroup: 11,
  Heartbeat: 12,
  LeaveGroup: 13,
  SyncGroup: 14,
  SaslHandshake: 17,
  ApiVersions: 18,
  CreateTopics: 19,
  DeleteTopics: 20,
  InitProducerId: 22,
  DescribeConfigs: 32,
  SaslAuthenticate: 36,
  CreatePartitions: 37,
} as const;

export type ApiName = keyof typeof API;

/** First flexible version of the messages whose bodies the proxy reads. */
export const FLEXIBLE_FROM = {
  [API.Produce]: 9,
  [API.Metadata]: 9,
  [API.FindCoordinator]: 3,
  [API.ApiVersions]: 3,
} as const;

/**
 * Highest versions that are let through: these are read to the byte. Later ones of Produce and
 * Fetch may name brokers' addresses at the end of an answer, behind the proxy's back.
 */
export const VERSION_MAX: ReadonlyMap<number, number> = new Map([
  [API.Produce, 9],
  [API.Fetch, 15],
  [API.Metadata, 13],
  [API.FindCoordinator, 6],
]);

/** Error codes of the protocol by name. */
export const KAFKA_ERROR = {
  UNKNOWN_SERVER_ERROR: -1,
  CORRUPT_MESSAGE: 2,
  UNKNOWN_TOPIC_OR_PARTITION: 3,
  LEADER_NOT_AVAILABLE: 5,
  NOT_LEADER_OR_FOLLOWER: 6,
  REQUEST_TIMED_OUT: 7,
  MESSAGE_TOO_LARGE: 10,
  NETWORK_EXCEPTION: 13,
  RECORD_LIST_TOO_LARGE: 18,
  NOT_ENOUGH_REPLICAS: 19,
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 20,
  TOPIC_AUTHORIZATION_FAILED: 29,
  CLUSTER_AUTHORIZATION_FAILED: 31,
  INVALID_TIMESTAMP: 32,
  POLICY_VIOLATION: 44,
  OUT_OF_ORDER_SEQUENCE_NUMBER: 45,
  DUPLICATE_SEQUENCE_NUMBER: 46,
  INVALID_PRODUCER_EPOCH: 47,
  KAFKA_STORAGE_ERROR: 56,
  UNKNOWN_PRODUCER_ID: 59,
  INVALID_RECORD: 87,
  PRODUCER_FENCED: 90,
  THROTTLING_QUOTA_EXCEEDED: 89,
} as const;

export type KafkaErrorName = keyof typeof KAFKA_ERROR;

export interface RequestHeader {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly clientId: string;
}

/** The part of a request header that is the same in all its versions. */
export function readRequestHeader(reader: WireReader): RequestHeader {
  const apiKey = reader.int16();
  const apiVersion = reader.int16();
  const correlationId = reader.int32();
  // The client's name keeps its 16-bit length in flexible versions too.
  const clientId = reader.string(false) ?? "";
  return { apiKey, apiVersion, correlationId, clientId };
}

export function isFlexible(apiKey: keyof typeof FLEXIBLE_FROM, apiVersion: number): boolean {
  return apiVersion >= FLEXIBLE_FROM[apiKey];
}
