/**
 * What happens between sluice and the systems behind it (Kafka, the schema registry, the session
 * store) and in the codec: counts it and logs what an operator has to know. Changes of state are
 * one line each; what repeats is limited by the logger.
 */
import type { LogFields } from "./log-fields.ts";
import type { Logger } from "./logger.ts";
import type { MetricCells } from "./metric-registry.ts";
import type { KafkaErrorKind, SchemaChange } from "./metrics.ts";

export type KafkaState = "starting" | "ready" | "unavailable" | "stopped";

/** Read when somebody scrapes; undefined leaves the metric out. */
export interface BackendGauges {
  readonly unacked?: () => { readonly events: number; readonly bytes: number };
  readonly codec?: () => {
    readonly memoryBytes: number;
    readonly plans: number;
    readonly planBytes: number;
  };
  readonly sessionsActive?: () => number;
  readonly schemasLoaded?: () => number;
  readonly schemasMissing?: () => number;
  /** Milliseconds since the registry last confirmed the schemas. */
  readonly schemaAgeMs?: () => number | undefined;
}

export class BackendTelemetry {
  readonly #cells: MetricCells;
  readonly #log: Logger;
  #kafkaState: KafkaState = "starting";
  #redisUp = true;

  constructor(parts: { readonly cells: MetricCells; readonly log: Logger }) {
    this.#cells = parts.cells;
    this.#log = parts.log;
    parts.cells.kafkaUp.readFrom(() => (this.#kafkaState === "ready" ? 1 : 0));
    parts.cells.redisUp.readFrom(() => (this.#redisUp ? 1 : 0));
  }

  /** Says where the gauges are read from. May be called again with further ones. */
  watch(gauges: BackendGauges): void {
    const { unacked, codec, schemaAgeMs } = gauges;
    if (unacked !== undefined) {
      this.#cells.unackedEvents.readFrom(() => unacked().events);
      this.#cells.inflightBytes.readFrom(() => unacked().bytes);
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
    if (gauges.sessionsActive !== undefined) {
      this.#cells.sessionsActive.readFrom(gauges.sessionsActive);
    }
    if (gauges.schemasLoaded !== undefined) {
      this.#cells.schemasLoaded.readFrom(gauges.schemasLoaded);
    }
    if (gauges.schemasMissing !== undefined) {
      this.#cells.schemasMissing.readFrom(gauges.schemasMissing);
    }
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

  /** A group commit is settled: every record's fate is known. */
  commitSettled(commit: { readonly records: number; readonly durationMs: number }): void {
    this.#cells.kafkaCommit.observe(commit.durationMs / 1_000);
    this.#cells.kafkaCommitRecords.observe(commit.records);
  }

  /** So many records were handed over so long ago and their fate is known now. */
  recordsDelivered(delivery: { readonly records: number; readonly durationMs: number }): void {
    this.#cells.kafkaDelivery.observe(delivery.durationMs / 1_000, delivery.records);
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
        this.#log.warn("schema is not registered, its events are answered retry", fields);
        break;
      default:
        change satisfies never;
    }
  }

  sessionsStarted(count: number): void {
    this.#cells.sessionsStarted.add(count);
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

  /** An event made the encoder fail; the instance was replaced. */
  codecTrapped(fields: LogFields = {}): void {
    this.#cells.codecTraps.add(1);
    this.#log.error("the encoder failed on an event, which was rejected", fields);
  }
}
