/** Dashboards of the parts: delivery, codec, sessions, systems behind. Data only. */
import { each, quantile, quantiles, rate, sum, type Dashboard } from "./panel.ts";

export const DELIVERY: Dashboard = {
  title: "sluice / Delivery",
  panels: [
    {
      title: "Kafka",
      description: "1 while records can be produced.",
      unit: "short",
      isStat: true,
      queries: { "min(sluice_kafka_up{SELECT})": "up" },
    },
    {
      title: "Pressure",
      description: "0 open, 1 high (credit stops, 503), 2 hard (sockets refused).",
      unit: "short",
      isStat: true,
      alarmAt: 1,
      queries: { "max(sluice_pressure_level{SELECT})": "level" },
    },
    {
      title: "Topics unusable",
      description: "Missing, or closed to sluice.",
      unit: "short",
      isStat: true,
      alarmAt: 1,
      queries: { "max(sluice_topics_unusable{SELECT})": "topics" },
    },
    {
      title: "Unacked records",
      description: "Handed to Kafka, fate unknown.",
      unit: "short",
      queries: { [each("sluice_unacked_events")]: "{{instance}}" },
    },
    {
      title: "Unacked bytes",
      description: "Bytes handed to Kafka, fate unknown.",
      unit: "bytes",
      queries: { [each("sluice_inflight_bytes")]: "{{instance}}" },
    },
    {
      title: "Delivery of records",
      description: "From the flush of a record's commit to knowing its fate.",
      unit: "s",
      queries: quantiles("sluice_kafka_delivery_seconds"),
    },
    {
      title: "Group commits",
      description: "From the flush of a commit to its last report.",
      unit: "s",
      queries: quantiles("sluice_kafka_commit_seconds"),
    },
    {
      title: "Records per commit",
      description: "Average size of a group commit.",
      unit: "short",
      queries: {
        [`${rate("sluice_kafka_commit_records_sum", "job")} / ${rate(
          "sluice_kafka_commit_records_count",
          "job",
        )}`]: "average",
      },
    },
    {
      title: "Records not confirmed",
      description: "By what their events were answered.",
      unit: "ops",
      queries: { [rate("sluice_kafka_records_failed_total", "code")]: "{{code}}" },
    },
    {
      title: "Errors of the Kafka client",
      description: "By kind.",
      unit: "ops",
      queries: { [rate("sluice_kafka_errors_total", "kind")]: "{{kind}}" },
    },
    {
      title: "Queues of the Kafka client",
      description: "Records in them; the fullest one over what it holds.",
      unit: "short",
      queries: {
        [sum("sluice_kafka_queue_records")]: "records",
        "max(sluice_kafka_queue_fill_ratio{SELECT})": "fullest",
      },
    },
    {
      title: "Bytes in the Kafka client",
      description: "In its queues.",
      unit: "bytes",
      queries: { [each("sluice_kafka_queue_bytes")]: "{{instance}}" },
    },
    {
      title: "Brokers",
      description: "Connected, by the producer that sees fewest; producers without a number.",
      unit: "short",
      queries: {
        "min(sluice_kafka_brokers_up{SELECT})": "connected",
        [sum("sluice_kafka_producers_unassigned")]: "producers without a number",
        [sum("sluice_kafka_requests_waiting")]: "requests waiting",
      },
    },
    {
      title: "Round trips",
      description:
        "To the slowest broker, p99; how long brokers ask to wait, records and requests wait.",
      unit: "s",
      queries: {
        "max(sluice_kafka_round_trip_seconds{SELECT})": "round trip",
        "max(sluice_kafka_throttle_seconds{SELECT})": "throttled",
        "max by (what) (sluice_kafka_queue_wait_seconds{SELECT})": "{{what}} wait",
      },
    },
    {
      title: "Trouble with brokers",
      description: "Retries, timeouts, errors, connections of the Kafka client.",
      unit: "ops",
      queries: { [rate("sluice_kafka_broker_troubles_total", "kind")]: "{{kind}}" },
    },
    {
      title: "Busiest partition",
      description: "Its records over an even share of its topic: 1 is even.",
      unit: "short",
      queries: { [each("sluice_kafka_hot_partition_ratio")]: "{{instance}}" },
    },
    {
      title: "Signs of trouble",
      description: "Commits stuck, partitions set apart, lanes told to wait, producers replaced.",
      unit: "ops",
      queries: {
        [rate("sluice_kafka_commits_stuck_total", "job")]: "commits stuck",
        [rate("sluice_kafka_sidings_opened_total", "job")]: "partitions set apart",
        [rate("sluice_kafka_circuits_opened_total", "job")]: "lanes waiting",
        [rate("sluice_kafka_producers_rebuilt_total", "job")]: "producers replaced",
      },
    },
    {
      title: "Canary",
      description: "Records of sluice's own by what became of them; missing is a broken promise.",
      unit: "ops",
      queries: { [rate("sluice_canary_visits_total", "result")]: "{{result}}" },
    },
    {
      title: "Freshness",
      description: "From producing a canary record to reading it.",
      unit: "s",
      queries: quantiles("sluice_canary_freshness_seconds"),
    },
    {
      title: "Age of the canary",
      description: "Since the topic that was seen longest ago was last seen.",
      unit: "s",
      alarmAt: 900,
      queries: { [each("sluice_canary_age_seconds")]: "{{instance}}" },
    },
    {
      title: "Stored late",
      description: "Confirmed after their senders were told retry: doubles for consumers.",
      unit: "ops",
      queries: { [rate("sluice_events_stored_late_total", "job")]: "stored late" },
    },
  ],
};

export const CODEC: Dashboard = {
  title: "sluice / Codec",
  panels: [
    {
      title: "Validating and encoding",
      description: "One batch.",
      unit: "s",
      queries: quantiles("sluice_encode_seconds"),
    },
    {
      title: "Events per batch",
      description: "Average, by transport.",
      unit: "short",
      queries: {
        [`${rate("sluice_batch_events_sum", "transport")} / ${rate(
          "sluice_batch_events_count",
          "transport",
        )}`]: "{{transport}}",
      },
    },
    {
      title: "Bytes received",
      description: "Bytes of requests and frames with events, inflated.",
      unit: "Bps",
      queries: { [rate("sluice_received_bytes_total", "transport")]: "{{transport}}" },
    },
    {
      title: "Compressed bodies",
      description: "Bytes as they came, and inflated.",
      unit: "Bps",
      queries: { [rate("sluice_compressed_body_bytes_total", "form")]: "{{form}}" },
    },
    {
      title: "Faults",
      description: "Events that do not fit their schema, by kind.",
      unit: "ops",
      queries: { [rate("sluice_validation_errors_total", "kind")]: "{{kind}}" },
    },
    {
      title: "Dead letters",
      description: "Rejected events written to dead-letter topics.",
      unit: "ops",
      queries: { [rate("sluice_dead_letters_total", "result")]: "{{result}}" },
    },
    {
      title: "Traps",
      description: "Events that made the encoder fail.",
      unit: "ops",
      queries: { [rate("sluice_codec_traps_total", "instance")]: "{{instance}}" },
    },
    {
      title: "Memory",
      description: "Of the encoder, and of the compiled schemas in it.",
      unit: "bytes",
      queries: {
        [sum("sluice_codec_memory_bytes")]: "encoder",
        [sum("sluice_codec_plan_bytes")]: "schemas",
      },
    },
    {
      title: "Compiled schemas",
      description: "Held by the encoder.",
      unit: "short",
      queries: { [each("sluice_codec_plans")]: "{{instance}}" },
    },
  ],
};

export const SESSIONS: Dashboard = {
  title: "sluice / Sessions",
  panels: [
    {
      title: "Sessions in memory",
      description: "By gateway.",
      unit: "short",
      queries: { [each("sluice_sessions_active")]: "{{instance}}" },
    },
    {
      title: "Sessions begun",
      description: "Per second.",
      unit: "ops",
      queries: { [rate("sluice_sessions_started_total", "instance")]: "{{instance}}" },
    },
    {
      title: "Session store",
      description: "1 while session updates reach it.",
      unit: "short",
      queries: { [each("sluice_redis_up")]: "{{instance}}" },
    },
    {
      title: "Pipelines",
      description: "Of session updates, by result.",
      unit: "ops",
      queries: { [rate("sluice_redis_pipelines_total", "result")]: "{{result}}" },
    },
    {
      title: "Time of a pipeline",
      description: "From sending it to its answer. No event waits for it.",
      unit: "s",
      queries: quantiles("sluice_redis_pipeline_seconds"),
    },
    {
      title: "Updates per pipeline",
      description: "99th percentile.",
      unit: "short",
      queries: { [quantile(0.99, "sluice_redis_pipeline_size")]: "p99" },
    },
    {
      title: "Starts and ends told",
      description: "Records about sessions by result, looks for them that failed.",
      unit: "ops",
      queries: {
        [rate("sluice_session_news_total", "result")]: "{{result}}",
        [rate("sluice_session_sweep_failures_total", "job")]: "look failed",
      },
    },
    {
      title: "Erasures",
      description: "Requests to erase a person's sessions, in one hour.",
      unit: "short",
      queries: {
        "sum by (result) (increase(sluice_session_erasures_total{SELECT}[1h]))": "{{result}}",
      },
    },
  ],
};

export const BACKENDS: Dashboard = {
  title: "sluice / Backends",
  panels: [
    {
      title: "Traces",
      description: "Spans sent and lost, batches not traced for want of room.",
      unit: "ops",
      queries: {
        [rate("sluice_trace_spans_total", "result")]: "{{result}}",
        [rate("sluice_traces_dropped_total", "job")]: "no room",
      },
    },
    {
      title: "Up",
      description: "Kafka, session store and stream memory, the worst of the gateways.",
      unit: "short",
      queries: {
        "min(sluice_kafka_up{SELECT})": "Kafka",
        "min(sluice_redis_up{SELECT})": "session store",
        "min(sluice_stream_memory_up{SELECT})": "stream memory",
      },
    },
    {
      title: "Age of the schemas",
      description: "Since the registry last confirmed them.",
      unit: "dtdurations",
      alarmAt: 600,
      queries: { [each("sluice_schema_age_seconds")]: "{{instance}}" },
    },
    {
      title: "Questions to the registry",
      description: "By result.",
      unit: "ops",
      queries: { [rate("sluice_schema_fetches_total", "result")]: "{{result}}" },
    },
    {
      title: "Schemas",
      description: "Held, and missing for types of the pack.",
      unit: "short",
      queries: {
        "max(sluice_schemas_loaded{SELECT})": "loaded",
        "max(sluice_schemas_missing{SELECT})": "missing",
      },
    },
    {
      title: "Changes of schemas",
      description: "In one hour.",
      unit: "short",
      queries: { "sum by (kind) (increase(sluice_schema_changes_total{SELECT}[1h]))": "{{kind}}" },
    },
    {
      title: "Certificate",
      description: "Time until that of the public port ends.",
      unit: "dtdurations",
      queries: {
        "sluice_certificate_expiry_timestamp_seconds{SELECT} - time()": "{{instance}}",
      },
    },
    {
      title: "Log lines",
      description: "By level, and those left out because they came too often.",
      unit: "ops",
      queries: {
        [rate("sluice_log_lines_total", "level")]: "{{level}}",
        [rate("sluice_log_lines_suppressed_total", "job")]: "left out",
        [rate("sluice_log_write_errors_total", "job")]: "not written",
      },
    },
    {
      title: "Versions",
      description: "Gateways by version of sluice and of Node.js.",
      unit: "short",
      queries: { "count by (version, node) (sluice_build_info{SELECT})": "{{version}}, {{node}}" },
    },
  ],
};
