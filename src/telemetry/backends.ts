/**
 * What happens between sluice and the systems behind it (Kafka, the schema registry, the session
 * store) and in the codec: counts it and logs what an operator has to know. Changes of state are
 * one line each; what repeats is limited by the logger.
 */
import type { OutcomeCode } from "../errors.ts";
import type { KafkaErrorKind, LookUpResult, RememberResult, SchemaChange } from "./label-sets.ts";
import type { LogFields } from "./log-fields.ts";
import type { Logger } from "./logger.ts";
import { ProducerWatch, type ProducerReading } from "./producer-watch.ts";
import type { MetricCells } from "./metric-registry.ts";

export type KafkaState = "starting" | "ready" | "unavailable" | "stopped";

const PRESSURE_LEVELS = { open: 0, high: 1, hard: 2 } as const;

type PressureLevel = keyof typeof PRESSURE_LEVELS;

type TopicStatus = "known" | "missing" | "denied" | "created";

/** Read when somebody scrapes; undefined leaves the metric out. */
export interface BackendGauges {
  readonly tenantsHeldBack?: () => number;
  readonly unacked?: () => { readonly events: number; readonly bytes: number };
  readonly codec?: () => {
    readonly memoryBytes: number;
    readonly plans: number;
    readonly planBytes: number;
  };
  readonly sessionsActive?: () => number;
  /** All sessions ever started by this process. */
  readonly sessionsStarted?: () => number;
  readonly schemasLoaded?: () => number;
  readonly schemasMissing?: () => number;
  /** Milliseconds since the registry last confirmed the schemas. */
  readonly schemaAgeMs?: () => number | undefined;
  /** When the certificate of the public port ends, ms since 1970. */
  readonly certificateExpiryMs?: () => number;
}

export class BackendTelemetry {
  readonly #cells: MetricCells;
  readonly #log: Logger;
  #kafkaState: KafkaState = "starting";
  #pressure: PressureLevel = "open";
  /** Names of the pack's topics and their dead-letter topics: bounded by the pack. */
  readonly #unusableTopics = new Set<string>();
  #redisUp = true;

  constructor(parts: { readonly cells: MetricCells; readonly log: Logger }) {
    this.#cells = parts.cells;
    this.#log = parts.log;
    parts.cells.kafkaUp.readFrom(() => (this.#kafkaState === "ready" ? 1 : 0));
    parts.cells.pressure.readFrom(() => PRESSURE_LEVELS[this.#pressure]);
    parts.cells.topicsUnusable.readFrom(() => this.#unusableTopics.size);
    parts.cells.redisUp.readFrom(() => (this.#redisUp ? 1 : 0));
  }

  /** Says where the gauges are read from. May be called again with further ones. */
  watch(gauges: BackendGauges): void {
    const { unacked, codec, schemaAgeMs } = gauges;
    if (unacked !== undefined) {
      this.#cells.unackedEvents.readFrom(() => unacked().events);
      this.#cells.inflightBytes.readFrom(() => unacked().bytes);
    }
    if (gauges.tenantsHeldBack !== undefined) {
      this.#cells.tenantsHeldBack.readFrom(gauges.tenantsHeldBack);
    }
    if (codec !== undefined) {
      this.#cells.codecMemory.readFrom(() => codec().memoryBytes);
      this.#cells.codecPlans.readFrom(() => codec().plans);
      this.#cells.codecPlanBytes.readFrom(() => codec().planBytes);
    }
    if (schemaAgeMs !== undefined) {
      this.#cells.schemaAge.readFrom(() => {
        const ageMs = schemaAgeMs();
        return ageMs === undefined ? undefined : ageMs / 1_000;
      });
    }
    const { certificateExpiryMs } = gauges;
    if (certificateExpiryMs !== undefined) {
      this.#cells.certificateExpiry.readFrom(() => certificateExpiryMs() / 1_000);
    }
    if (gauges.sessionsActive !== undefined) {
      this.#cells.sessionsActive.readFrom(gauges.sessionsActive);
    }
    if (gauges.sessionsStarted !== undefined) {
      this.#cells.sessionsStarted.readFrom(gauges.sessionsStarted);
    }
    if (gauges.schemasLoaded !== undefined) {
      this.#cells.schemasLoaded.readFrom(gauges.schemasLoaded);
    }
    if (gauges.schemasMissing !== undefined) {
      this.#cells.schemasMissing.readFrom(gauges.schemasMissing);
    }
  }

  /** Says how the producers are, whenever somebody scrapes. */
  watchProducers(read: () => ReadonlyMap<number, ProducerReading>, clockMs: () => number): void {
    new ProducerWatch({ cells: this.#cells, read, clockMs }).attach();
  }

  /** Logs changes only, so it may be called as often as somebody looks. */
  kafkaState(state: KafkaState, fields: LogFields = {}): void {
    const before = this.#kafkaState;
    if (state === before) {
      return;
    }
    this.#kafkaState = state;
    if (state === "unavailable") {
      this.#log.warn("Kafka unavailable, events are answered retry", fields);
    } else {
      this.#log.info("Kafka state changed", { from: before, to: state, ...fields });
    }
  }

  /** An error the client library reported; not the fate of a record. */
  kafkaError(kind: KafkaErrorKind, fields: LogFields = {}): void {
    this.#cells.kafkaErrors.add(1, kind);
    this.#log.warn("Kafka client error", { kind, ...fields });
  }

  /** A producer failed for good and was replaced; what it held was answered retry. */
  producerRebuilt(fields: LogFields): void {
    this.#cells.producersRebuilt.add(1);
    this.#log.error("Kafka producer failed for good and was rebuilt", fields);
  }

  producerDoubted(fields: LogFields): void {
    this.#cells.producersRebuilt.add(1);
    this.#log.warn("Kafka producer stores nothing in time and is replaced", fields);
  }

  /** A group commit is settled: every record's fate is known. */
  commitSettled(commit: { readonly records: number; readonly durationMs: number }): void {
    this.#cells.kafkaCommit.observe(commit.durationMs / 1_000);
    this.#cells.kafkaDelivery.observe(commit.durationMs / 1_000, commit.records);
    this.#cells.kafkaCommitRecords.observe(commit.records);
  }

  /** Records of one commit that failed alike. */
  recordsFailed(code: OutcomeCode, failed: { readonly count: number } & LogFields): void {
    this.#cells.kafkaRecordsFailed.add(failed.count, code);
    this.#log.warn("records not stored, their events are answered retry", { code, ...failed });
  }

  /** A commit outlived its deadline. */
  commitStuck(fields: LogFields): void {
    this.#cells.kafkaCommitsStuck.add(1);
    this.#log.warn("a commit outlived its deadline, its events are answered retry", fields);
  }

  /** Some partitions held up the others of their lane and wait by themselves now. */
  partitionsStalled(fields: LogFields): void {
    this.#cells.kafkaSidingsOpened.add(1);
    this.#log.warn("partitions stall, they wait by themselves now", fields);
  }

  /** A producer keeps failing; its lane waits before the next attempt. */
  circuitOpened(fields: LogFields): void {
    this.#cells.kafkaCircuitsOpened.add(1);
    this.#log.error("a producer keeps failing, its lane waits", fields);
  }

  pressureChanged(level: PressureLevel): void {
    this.#pressure = level;
    this.#log.info("pressure changed", { level });
  }

  /** What is known of a topic; logs what an operator has to mend. */
  topicChanged(
    status: TopicStatus,
    topic: { readonly topic: string; readonly partitions: number; readonly reason: string },
  ): void {
    switch (status) {
      case "missing":
        this.#unusableTopics.add(topic.topic);
        this.#log.warn("topic missing, its events are answered retry", {
          topic: topic.topic,
          reason: topic.reason,
          mend: "create it, or start with --create-topics",
        });
        break;
      case "denied":
        this.#unusableTopics.add(topic.topic);
        this.#log.warn("topic closed to sluice, its events are answered retry", {
          topic: topic.topic,
          reason: topic.reason,
        });
        break;
      case "created":
        this.#unusableTopics.delete(topic.topic);
        this.#log.info("topic created", { topic: topic.topic, partitions: topic.partitions });
        break;
      case "known":
        this.#unusableTopics.delete(topic.topic);
        this.#log.debug("topic known", { topic: topic.topic, partitions: topic.partitions });
        break;
      default:
        status satisfies never;
    }
  }

  /** The tenants file was edited. */
  tenantsReloaded(result: "ok" | "failed"): void {
    this.#cells.tenantsReloads.add(1, result);
  }

  /** The keys of a token issuer were fetched; `problem` says why not, null: they were. */
  issuerFetched(issuer: string, problem: string | null): void {
    this.#cells.issuerFetches.add(1, problem === null ? "ok" : "failed");
    if (problem !== null) this.#log.warn("keys of a token issuer not fetched", { issuer, problem });
  }

  /** Other processes were asked for ids or answers. */
  repeatsLookedUp(result: LookUpResult, count: number): void {
    this.#cells.repeatsLookedUp.add(count, result);
  }

  /** They were told of some. */
  repeatsShared(result: RememberResult, count: number): void {
    this.#cells.repeatsShared.add(count, result);
  }

  schemaFetched(): void {
    this.#cells.schemaFetches.add(1, "ok");
  }

  /** The registry did not answer; what is held stays in use. */
  schemaFetchFailed(fields: LogFields): void {
    this.#cells.schemaFetches.add(1, "failed");
    this.#log.warn("schema registry did not answer, schemas at hand stay in use", fields);
  }

  schemaChanged(change: SchemaChange, fields: LogFields): void {
    this.#cells.schemaChanges.add(1, change);
    switch (change) {
      case "loaded":
        this.#log.debug("schema loaded", fields);
        break;
      case "new_version":
        this.#log.info("new schema version in use", fields);
        break;
      case "refused_version":
        this.#log.warn("new schema version cannot be used, the last good one stays", fields);
        break;
      case "from_snapshot":
        this.#log.warn("schema taken from the snapshot on disk", fields);
        break;
      case "unregistered":
        this.#log.warn(
          "subject is not in the registry: its last schema stays, or events are retry",
          fields,
        );
        break;
      default:
        change satisfies never;
    }
  }

  sessionsFlushed(flush: { readonly updates: number; readonly durationMs: number }): void {
    this.#cells.redisPipelines.add(1, "ok");
    this.#cells.redisPipelineSize.observe(flush.updates);
    this.#cells.redisPipelineTime.observe(flush.durationMs / 1_000);
  }

  sessionsFlushFailed(fields: LogFields): void {
    this.#cells.redisPipelines.add(1, "failed");
    this.#log.debug("session updates not written, they are kept and sent again", fields);
  }

  sessionsAnnounced(said: { readonly started: number; readonly ended: number }): void {
    this.#cells.sessionNews.add(said.started, "started");
    this.#cells.sessionNews.add(said.ended, "ended");
  }

  sessionsUnannounced(news: number): void {
    this.#cells.sessionNews.add(news, "unsaid");
    this.#log.warn("starts and ends of sessions not stored, they are tried again", { news });
  }

  sessionSweepFailed(fields: LogFields): void {
    this.#cells.sessionSweepFailures.add(1);
    this.#log.debug("session store not swept", fields);
  }

  /** A person's sessions were erased, or could not be. */
  sessionsErased(result: "ok" | "failed"): void {
    this.#cells.sessionErasures.add(1, result);
  }

  /** The first failure after success. */
  sessionStoreDown(fields: LogFields): void {
    this.#redisUp = false;
    this.#log.warn("session store unavailable, events still flow", fields);
  }

  /** The first success after a failure. */
  sessionStoreUp(fields: LogFields): void {
    this.#redisUp = true;
    this.#log.info("session store available again", fields);
  }

  /** Spans reached the collector, or were lost; `reason` says why, null: they did. */
  spansSent(spans: number, reason: string | null): void {
    this.#cells.traceSpans.add(spans, reason === null ? "exported" : "failed");
    if (reason !== null) this.#log.warn("traces not sent, they are dropped", { spans, reason });
  }

  traceDropped(): void {
    this.#cells.tracesDropped.add(1);
  }

  /** An event made the encoder fail; the instance was replaced. */
  codecTrapped(fields: LogFields = {}): void {
    this.#cells.codecTraps.add(1);
    this.#log.error("the encoder failed on an event, which was rejected", fields);
  }
}
