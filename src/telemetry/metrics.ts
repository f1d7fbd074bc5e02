/**
 * The metric table: every metric of sluice with its unit, labels and bound. docs/metrics.md is
 * generated from it. Label values are closed sets; nothing a client sends becomes one. What Node
 * itself reports (process_*, nodejs_*) is prom-client's and stands in its documentation.
 */
import { FAULT_KINDS } from "../errors.ts";
import { each, pairs, type MetricDeclaration } from "./declaration.ts";
import {
  DIALECTS,
  TRANSPORTS,
  DEAD_LETTER_RESULTS,
  KAFKA_ERRORS,
  STREAM_REFUSALS,
  STREAM_WELCOMES,
  SCHEMA_CHANGES,
  LEDGER_STATES,
  RESULTS,
  LOG_LEVELS,
  CLOSE_CODES,
  RETRY_CODES,
  OUTCOMES,
} from "./label-sets.ts";
import { CANARY_METRICS } from "./canary-metrics.ts";
import { FAIRNESS_METRICS } from "./fairness-metrics.ts";
import { HTTP_METRICS } from "./http-metrics.ts";
import { LIVE_METRICS } from "./live-metrics.ts";
import { PRODUCER_METRICS } from "./producer-metrics.ts";
import { SESSION_METRICS } from "./session-metrics.ts";
import { STAGE_METRICS, TRACE_METRICS } from "./stage-metrics.ts";
import { STREAM_MEMORY_METRICS } from "./stream-metrics.ts";
import { TENANT_METRICS } from "./tenant-metrics.ts";
import { WORKER_METRICS } from "./worker-metrics.ts";

const ACK_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 4, 10, 30];
const KAFKA_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15, 30];
const COUNTS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_500, 5_000, 10_000];

export const METRICS = {
  eventsReceived: {
    name: "sluice_events_received_total",
    type: "counter",
    help: "Events that were taken in and will get exactly one outcome.",
    labels: ["dialect", "transport"],
    series: pairs(DIALECTS, TRANSPORTS),
  },
  eventsOutcome: {
    name: "sluice_events_outcome_total",
    type: "counter",
    help: "Events by what their sender was told; code says why, for rejected and retry.",
    labels: ["outcome", "code"],
    series: OUTCOMES,
  },
  eventsStoredLate: {
    name: "sluice_events_stored_late_total",
    type: "counter",
    help: "Events Kafka confirmed after their sender had been told retry.",
  },
  validationErrors: {
    name: "sluice_validation_errors_total",
    type: "counter",
    help: "Events that do not fit their schema, by the kind of fault.",
    labels: ["kind"],
    series: each(FAULT_KINDS.filter((kind) => kind !== "none")),
  },
  ledgerEvents: {
    name: "sluice_ledger_events",
    type: "gauge",
    help: "The event ledger: received = stored + duplicate + rejected + retry + in_flight.",
    labels: ["state"],
    series: each(LEDGER_STATES),
  },
  ledgerDrift: {
    name: "sluice_ledger_drift_events",
    type: "gauge",
    help: "Events the ledger cannot account for, too few or too many. Not 0 is a defect: page.",
  },
  inflightEvents: {
    name: "sluice_inflight_events",
    type: "gauge",
    help: "Events received and not answered yet.",
  },
  unackedEvents: {
    name: "sluice_unacked_events",
    type: "gauge",
    help: "Records handed to Kafka whose fate is not known yet.",
  },
  inflightBytes: {
    name: "sluice_inflight_bytes",
    type: "gauge",
    help: "Bytes handed to Kafka whose fate is not known yet.",
  },
  batchEvents: {
    name: "sluice_batch_events",
    type: "histogram",
    help: "Events of one request or frame.",
    labels: ["transport"],
    series: each(TRANSPORTS),
    buckets: COUNTS,
  },
  receivedBytes: {
    name: "sluice_received_bytes_total",
    type: "counter",
    help: "Bytes of requests and frames with events, inflated.",
    labels: ["transport"],
    series: each(TRANSPORTS),
  },
  ackLatency: {
    name: "sluice_ack_latency_seconds",
    type: "histogram",
    help: "From receiving a batch to answering its last event: the service level indicator.",
    labels: ["transport"],
    series: each(TRANSPORTS),
    buckets: ACK_SECONDS,
  },
  ...CANARY_METRICS,
  ...PRODUCER_METRICS,
  ...TENANT_METRICS,
  ...STAGE_METRICS,
  ...TRACE_METRICS,
  ...HTTP_METRICS,
  wsConnections: {
    name: "sluice_ws_connections",
    type: "gauge",
    help: "Open WebSockets.",
  },
  wsOpened: {
    name: "sluice_ws_opened_total",
    type: "counter",
    help: "WebSockets opened.",
  },
  wsClosed: {
    name: "sluice_ws_closed_total",
    type: "counter",
    help: "WebSockets closed, by close code; 1006 is a connection that broke.",
    labels: ["code"],
    series: each(CLOSE_CODES),
  },
  wsRefused: {
    name: "sluice_ws_refused_total",
    type: "counter",
    help: "WebSockets that were not let in, by reason.",
    labels: ["reason"],
    series: each(STREAM_REFUSALS),
  },
  ...FAIRNESS_METRICS,
  streamsWelcomed: {
    name: "sluice_streams_welcomed_total",
    type: "counter",
    help: "Streams opened: unknown, known, or with events that may be stored twice (flagged).",
    labels: ["how"],
    series: each(STREAM_WELCOMES),
  },
  streamCreditEvents: {
    name: "sluice_stream_credit_events",
    type: "gauge",
    help: "Events WebSocket clients may send and have not sent.",
  },
  streamOvercommit: {
    name: "sluice_stream_overcommit_ratio",
    type: "gauge",
    help: "That credit over the budget of unacked events; see SLUICE_STREAM_OVERCOMMIT.",
    aggregator: "max",
  },
  ...STREAM_MEMORY_METRICS,
  kafkaDelivery: {
    name: "sluice_kafka_delivery_seconds",
    type: "histogram",
    help: "From the flush of a record's commit to knowing its fate, one observation a record.",
    buckets: KAFKA_SECONDS,
  },
  kafkaCommit: {
    name: "sluice_kafka_commit_seconds",
    type: "histogram",
    help: "From the flush of a group commit to its last report, one observation a commit.",
    buckets: KAFKA_SECONDS,
  },
  kafkaCommitRecords: {
    name: "sluice_kafka_commit_records",
    type: "histogram",
    help: "Records of one group commit.",
    buckets: COUNTS,
  },
  kafkaErrors: {
    name: "sluice_kafka_errors_total",
    type: "counter",
    help: "Errors the Kafka client reported, by kind.",
    labels: ["kind"],
    series: each(KAFKA_ERRORS),
  },
  kafkaRecordsFailed: {
    name: "sluice_kafka_records_failed_total",
    type: "counter",
    help: "Records Kafka did not confirm, by what their events were answered.",
    labels: ["code"],
    series: each(RETRY_CODES),
  },
  kafkaCommitsStuck: {
    name: "sluice_kafka_commits_stuck_total",
    type: "counter",
    help: "Group commits that outlived their deadline; their events were answered retry.",
  },
  kafkaSidingsOpened: {
    name: "sluice_kafka_sidings_opened_total",
    type: "counter",
    help: "Times stalled partitions were set apart, so that they hold up no others.",
  },
  kafkaCircuitsOpened: {
    name: "sluice_kafka_circuits_opened_total",
    type: "counter",
    help: "Times a producer kept failing and its lane was told to wait.",
  },
  pressure: {
    name: "sluice_pressure_level",
    type: "gauge",
    help: "0 open; 1 high: credit stops rising, HTTP answers 503; 2 hard: sockets are refused.",
    aggregator: "max",
  },
  tenantsHeldBack: {
    name: "sluice_tenants_held_back",
    type: "gauge",
    help: "Tenants that hold more than their fair share of a budget under pressure.",
  },
  topicsUnusable: {
    name: "sluice_topics_unusable",
    type: "gauge",
    help: "Topics that are missing or closed to sluice; their events are answered retry.",
    aggregator: "max",
  },
  kafkaUp: {
    name: "sluice_kafka_up",
    type: "gauge",
    help: "1 while records can be produced, else 0.",
    aggregator: "min",
  },
  producersRebuilt: {
    name: "sluice_kafka_producers_rebuilt_total",
    type: "counter",
    help: "Producers replaced after a fatal error, or because what they got timed out.",
  },
  deadLetters: {
    name: "sluice_dead_letters_total",
    type: "counter",
    help: "Rejected events written to a dead-letter topic, by result.",
    labels: ["result"],
    series: each(DEAD_LETTER_RESULTS),
  },
  schemaFetches: {
    name: "sluice_schema_fetches_total",
    type: "counter",
    help: "Questions to the schema registry, by result.",
    labels: ["result"],
    series: each(RESULTS),
  },
  schemaChanges: {
    name: "sluice_schema_changes_total",
    type: "counter",
    help: "What happened to the schemas of the pack's types.",
    labels: ["kind"],
    series: each(SCHEMA_CHANGES),
  },
  schemasLoaded: {
    name: "sluice_schemas_loaded",
    type: "gauge",
    help: "Schemas that are held, each version counted.",
    aggregator: "max",
  },
  schemasMissing: {
    name: "sluice_schemas_missing",
    type: "gauge",
    help: "Types of the pack that have no schema yet.",
    aggregator: "max",
  },
  schemaAge: {
    name: "sluice_schema_age_seconds",
    type: "gauge",
    help: "Time since the registry last confirmed the schemas; absent without a registry.",
    aggregator: "max",
  },
  certificateExpiry: {
    name: "sluice_certificate_expiry_timestamp_seconds",
    type: "gauge",
    help: "When the certificate of the public port ends; absent without TLS.",
    aggregator: "min",
  },
  tenantsReloads: {
    name: "sluice_tenants_reloads_total",
    type: "counter",
    help: "Edits of the tenants file: taken, or refused because they are not sound.",
    labels: ["result"],
    series: each(RESULTS),
  },
  issuerFetches: {
    name: "sluice_issuer_fetches_total",
    type: "counter",
    help: "Times that the keys of a token issuer were fetched, by result.",
    labels: ["result"],
    series: each(RESULTS),
  },
  ...SESSION_METRICS,
  redisPipelines: {
    name: "sluice_redis_pipelines_total",
    type: "counter",
    help: "Pipelines of session updates sent to the session store, by result.",
    labels: ["result"],
    series: each(RESULTS),
  },
  redisPipelineSize: {
    name: "sluice_redis_pipeline_size",
    type: "histogram",
    help: "Session updates of one pipeline.",
    buckets: COUNTS,
  },
  redisPipelineTime: {
    name: "sluice_redis_pipeline_seconds",
    type: "histogram",
    help: "One pipeline of session updates, from sending it to its answer.",
    buckets: KAFKA_SECONDS,
  },
  redisUp: {
    name: "sluice_redis_up",
    type: "gauge",
    help: "1 while session updates reach the session store, else 0. Never delays an answer.",
    aggregator: "min",
  },
  ...LIVE_METRICS,
  codecTraps: {
    name: "sluice_codec_traps_total",
    type: "counter",
    help: "Events that made the encoder fail; each was rejected as event_fault.",
  },
  codecMemory: {
    name: "sluice_codec_memory_bytes",
    type: "gauge",
    help: "Memory of the encoder.",
  },
  codecPlans: {
    name: "sluice_codec_plans",
    type: "gauge",
    help: "Schemas compiled into the encoder.",
  },
  codecPlanBytes: {
    name: "sluice_codec_plan_bytes",
    type: "gauge",
    help: "Memory of the compiled schemas.",
  },
  internalErrors: {
    name: "sluice_internal_errors_total",
    type: "counter",
    help: "Errors nobody expected. Each is logged with its stack.",
  },
  logLines: {
    name: "sluice_log_lines_total",
    type: "counter",
    help: "Lines logged, by level.",
    labels: ["level"],
    series: each(LOG_LEVELS),
  },
  logLinesSuppressed: {
    name: "sluice_log_lines_suppressed_total",
    type: "counter",
    help: "Lines left out because their kind came too often; the next one let through counts them.",
  },
  logWriteErrors: {
    name: "sluice_log_write_errors_total",
    type: "counter",
    help: "Times that lines could not be written (disk full, reader gone): they are lost.",
  },
  ...WORKER_METRICS,
  ready: {
    name: "sluice_ready",
    type: "gauge",
    help: "1 while this process wants traffic, else 0.",
    aggregator: "min",
  },
  eventLoopUtilization: {
    name: "sluice_event_loop_utilization_ratio",
    type: "gauge",
    help: "Share of the last second the event loop was busy. Near 1 the process is saturated.",
    aggregator: "max",
  },
  buildInfo: {
    name: "sluice_build_info",
    type: "gauge",
    help: "Version of sluice and of Node.",
    labels: ["version", "node"],
    aggregator: "first",
  },
} as const satisfies Record<string, MetricDeclaration>;
