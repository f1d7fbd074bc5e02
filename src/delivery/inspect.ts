/**
 * Looks at Kafka without sending events: are the topics there, may sluice write to them, and does
 * one record come through? For operators' tools; the gateway itself learns these by trying.
 */
import kafka from "@confluentinc/kafka-javascript";
import type { IAdminClient, TopicDescription } from "@confluentinc/kafka-javascript";

import type { KafkaSecurity } from "./delivery.ts";
import { KAFKA_CODE } from "./kafka-codes.ts";
import { connectionSettings } from "./kafka-settings.ts";

export interface KafkaAddress {
  /** host:port[,host:port] */
  readonly brokers: string;
  readonly security: KafkaSecurity | null;
  /** For each question to Kafka. */
  readonly timeoutMs: number;
}

export type TopicReport =
  | {
      readonly kind: "there";
      readonly name: string;
      readonly partitions: number;
      /** Partitions that no broker leads now. */
      readonly leaderless: number;
      /** Partitions of which not all replicas are in sync. */
      readonly lagging: number;
      /** Of the partition that has the fewest. */
      readonly replicas: number;
      /** null: these brokers do not say. */
      readonly mayWrite: boolean | null;
    }
  | { readonly kind: "missing" | "denied"; readonly name: string }
  | { readonly kind: "unclear"; readonly name: string; readonly detail: string };

/** `silent`: no broker gave an answer; `detail` is a phrase for people. */
export type KafkaReport =
  | { readonly kind: "answered"; readonly topics: readonly TopicReport[] }
  | { readonly kind: "silent"; readonly detail: string };

/** librdkafka's words. */
const ALL_BROKERS_DOWN = "all broker connections are down";

/** ALL and WRITE in Kafka's numbering of operations. */
const WRITING: ReadonlySet<number> = new Set([2, 4]);

/** Asks for each topic once; creates none. Throws if librdkafka refuses the settings. */
export async function inspectTopics(
  address: KafkaAddress,
  topics: readonly string[],
): Promise<KafkaReport> {
  let cause = "";
  const noteError = ({ message }: { readonly message: string }): void => {
    // What befell one broker says more than that none is left.
    if (cause === "" || !message.includes(ALL_BROKERS_DOWN)) cause = message;
  };
  const admin = kafka.AdminClient.create(
    { ...connectionSettings({ ...address, clientId: "sluice-doctor" }), log_level: 0 },
    { "event.error": noteError },
  );
  try {
    const described = await describeTopics(admin, topics, address.timeoutMs);
    if (typeof described !== "string") {
      return { kind: "answered", topics: described.map(reportOf) };
    }
    return { kind: "silent", detail: cause === "" ? described : cause };
  } finally {
    admin.disconnect();
  }
}

/** A string says why there is no answer. */
function describeTopics(
  admin: IAdminClient,
  topics: readonly string[],
  timeoutMs: number,
): Promise<readonly TopicDescription[] | string> {
  const { promise, resolve } = Promise.withResolvers<readonly TopicDescription[] | string>();
  const options = { includeAuthorizedOperations: true, timeout: timeoutMs };
  admin.describeTopics([...topics], options, (error, descriptions) => {
    // The types promise an error always; null is what comes when all is well.
    const failure: { message: string } | null | undefined = error;
    resolve(failure === null || failure === undefined ? descriptions : failure.message);
  });
  return promise;
}

function reportOf(topic: TopicDescription): TopicReport {
  const { name, partitions, error, authorizedOperations } = topic;
  if (error !== undefined) {
    if (error.code === KAFKA_CODE.noSuchTopic) return { kind: "missing", name };
    if (error.code === KAFKA_CODE.topicNotAuthorized) return { kind: "denied", name };
    return { kind: "unclear", name, detail: error.message };
  }
  const operations: readonly number[] | undefined = authorizedOperations;
  return {
    kind: "there",
    name,
    partitions: partitions.length,
    leaderless: partitions.filter(({ leader }) => (leader ?? null) === null).length,
    lagging: partitions.filter(({ isr, replicas }) => isr.length < replicas.length).length,
    replicas: Math.min(...partitions.map(({ replicas }) => replicas.length)),
    mayWrite:
      operations === undefined || operations.length === 0
        ? null
        : operations.some((operation) => WRITING.has(operation)),
  };
}

export type ProbeReport =
  | { readonly kind: "stored"; readonly tookMs: number }
  | { readonly kind: "failed"; readonly detail: string };

/** What consumers may know the record by. */
const PROBE_KEY = "sluice-doctor";

/**
 * Writes one record, `value`, with the safety the gateway asks for (idempotent, acks of all), and
 * waits for the ack. A missing topic is not created by sluice; brokers may be set to do so.
 */
export async function probeTopic(
  address: KafkaAddress,
  { topic, value }: { readonly topic: string; readonly value: string },
): Promise<ProbeReport> {
  const { timeoutMs } = address;
  const connection = connectionSettings({ ...address, clientId: "sluice-doctor" });
  const producer = new kafka.HighLevelProducer(
    { ...connection, "enable.idempotence": true, "allow.auto.create.topics": false, log_level: 0 },
    { "request.required.acks": -1, "message.timeout.ms": timeoutMs },
  );
  const { promise, resolve } = Promise.withResolvers<ProbeReport>();
  const fail = (detail: string): void => resolve({ kind: "failed", detail });
  const startMs = performance.now();
  producer.connect({ allTopics: false, timeout: timeoutMs }, (problem) => {
    const failure: { message: string } | null | undefined = problem;
    if (failure !== null && failure !== undefined) {
      fail(failure.message);
      return;
    }
    producer.produce(topic, null, Buffer.from(value), PROBE_KEY, null, (error: Error | null) => {
      if (error !== null) fail(error.message);
      else resolve({ kind: "stored", tookMs: performance.now() - startMs });
    });
  });
  const report = await promise;
  if (producer.isConnected()) await new Promise<void>((done) => producer.disconnect(() => done()));
  return report;
}
