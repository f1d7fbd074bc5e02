/**
 * Alerts on the systems behind sluice: Kafka, the schema registry, Redis. Each row says when it
 * fires and shows it with series.
 */
import type { Alert } from "./alert.ts";

export const BACKEND_ALERTS: readonly Alert[] = [
  {
    name: "SluiceKafkaAway",
    severity: "page",
    expression: "sluice_kafka_up == 0",
    keeps: "instance",
    holds: "1m",
    summary: "Kafka does not take records: events are answered retry",
    dashboard: "delivery",
    test: {
      at: "5m",
      bad: [["sluice_kafka_up", "1x2 0x10"]],
      good: [["sluice_kafka_up", "1x10"]],
    },
  },
  {
    name: "SluiceProducerFatal",
    severity: "page",
    expression: "increase(sluice_kafka_producers_rebuilt_total[10m]) > 0",
    keeps: "instance",
    holds: "0m",
    summary: "A producer failed for good and was replaced; what it held was answered retry",
    dashboard: "delivery",
    test: {
      at: "10m",
      bad: [["sluice_kafka_producers_rebuilt_total", "0x5 1x10"]],
      good: [["sluice_kafka_producers_rebuilt_total", "1x20"]],
    },
  },
  {
    name: "SluiceCommitsStuck",
    severity: "ticket",
    expression: "increase(sluice_kafka_commits_stuck_total[15m]) > 0",
    keeps: "instance",
    holds: "0m",
    summary: "Group commits outlive their deadline",
    dashboard: "delivery",
    test: {
      at: "15m",
      bad: [["sluice_kafka_commits_stuck_total", "0x5 1x20"]],
      good: [["sluice_kafka_commits_stuck_total", "1x20"]],
    },
  },
  {
    name: "SluiceTopicsUnusable",
    severity: "ticket",
    expression: "sluice_topics_unusable > 0",
    keeps: "instance",
    holds: "5m",
    summary: "Topics are missing or closed to sluice; their events are answered retry",
    dashboard: "delivery",
    test: {
      at: "10m",
      bad: [["sluice_topics_unusable", "1x10"]],
      good: [["sluice_topics_unusable", "0x10"]],
    },
  },
  {
    name: "SluiceStoredLate",
    severity: "ticket",
    expression:
      "sum by (job) (increase(sluice_events_stored_late_total[1h])) / " +
      "sum by (job) (increase(sluice_events_outcome_total[1h])) > 0.001",
    keeps: "job",
    holds: "10m",
    summary: "Kafka confirms events after their senders were told retry: doubles for consumers",
    dashboard: "delivery",
    test: {
      at: "30m",
      bad: [
        ["sluice_events_stored_late_total", "0+5x60"],
        ['sluice_events_outcome_total{outcome="stored",code="none"}', "0+100x60"],
      ],
      good: [
        ["sluice_events_stored_late_total", "0x60"],
        ['sluice_events_outcome_total{outcome="stored",code="none"}', "0+100x60"],
      ],
    },
  },
  {
    name: "SluiceDeadLettersGrow",
    severity: "ticket",
    expression:
      'sum by (job) (rate(sluice_dead_letters_total{result="stored"}[15m])) > 1 and ' +
      'sum by (job) (rate(sluice_dead_letters_total{result="stored"}[15m])) > ' +
      '4 * sum by (job) (rate(sluice_dead_letters_total{result="stored"}[2h]))',
    keeps: "job",
    holds: "10m",
    summary: "Dead letters grow four times as fast as over the last two hours",
    dashboard: "codec",
    test: {
      at: "110m",
      bad: [['sluice_dead_letters_total{result="stored"}', "0x90 0+300x60"]],
      good: [['sluice_dead_letters_total{result="stored"}', "0+300x200"]],
    },
  },
  {
    name: "SluiceDeadLettersLost",
    severity: "ticket",
    expression:
      'sum by (job, instance) (increase(sluice_dead_letters_total{result="failed"}[15m])) > 0',
    keeps: "instance",
    holds: "0m",
    summary: "Dead letters could not be written; their senders were told rejected all the same",
    dashboard: "codec",
    test: {
      at: "15m",
      bad: [['sluice_dead_letters_total{result="failed"}', "0x5 4x20"]],
      good: [['sluice_dead_letters_total{result="stored"}', "0+1x20"]],
    },
  },
  {
    name: "SluiceRegistryUnreachable",
    severity: "ticket",
    expression: "sluice_schema_age_seconds > 600",
    keeps: "instance",
    holds: "1m",
    summary: "The schema registry has not confirmed the schemas for ten minutes",
    dashboard: "backends",
    test: {
      at: "15m",
      bad: [["sluice_schema_age_seconds", "0+60x20"]],
      good: [["sluice_schema_age_seconds", "30x20"]],
    },
  },
  {
    name: "SluiceSchemasOld",
    severity: "ticket",
    expression: "sluice_schema_age_seconds > 86400",
    keeps: "instance",
    holds: "5m",
    summary: "The schemas in use have not been confirmed for a day",
    dashboard: "backends",
    test: {
      at: "10m",
      bad: [["sluice_schema_age_seconds", "90000x20"]],
      good: [["sluice_schema_age_seconds", "80000x20"]],
    },
  },
  {
    name: "SluiceSchemasMissing",
    severity: "ticket",
    expression: "sluice_schemas_missing > 0",
    keeps: "instance",
    holds: "10m",
    summary: "Types of the pack have no schema; their events cannot be stored",
    dashboard: "backends",
    test: {
      at: "15m",
      bad: [["sluice_schemas_missing", "2x20"]],
      good: [["sluice_schemas_missing", "0x20"]],
    },
  },
  {
    name: "SluiceSchemaRefused",
    severity: "ticket",
    expression:
      "sum by (job, instance) " +
      '(increase(sluice_schema_changes_total{kind="refused_version"}[30m])) > 0',
    keeps: "instance",
    holds: "0m",
    summary: "A new version of a schema cannot be used; the one before it stays in force",
    dashboard: "codec",
    test: {
      at: "15m",
      bad: [['sluice_schema_changes_total{kind="refused_version"}', "0x5 1x20"]],
      good: [['sluice_schema_changes_total{kind="new_version"}', "0x5 1x20"]],
    },
  },
  {
    name: "SluiceRedisDown",
    severity: "ticket",
    expression: "sluice_redis_up == 0",
    keeps: "instance",
    holds: "2m",
    summary: "Session updates do not reach Redis; sessions live on in memory",
    dashboard: "sessions",
    test: {
      at: "5m",
      bad: [["sluice_redis_up", "0x10"]],
      good: [["sluice_redis_up", "0x1 1x10"]],
    },
  },
  {
    name: "SluiceStreamMemoryDown",
    severity: "ticket",
    expression: "sluice_stream_memory_up == 0",
    keeps: "instance",
    holds: "2m",
    summary: "The memory of streams does not answer; who resumes may store events twice",
    dashboard: "streams",
    test: {
      at: "5m",
      bad: [["sluice_stream_memory_up", "0x10"]],
      good: [["sluice_stream_memory_up", "0x1 1x10"]],
    },
  },
  {
    name: "SluiceStreamsForgotten",
    severity: "ticket",
    expression: "increase(sluice_streams_forgotten_total[15m]) > 0",
    keeps: "instance",
    holds: "0m",
    summary: "Stream records were given up; who resumes those streams may store events twice",
    dashboard: "streams",
    test: {
      at: "15m",
      bad: [["sluice_streams_forgotten_total", "0x5 9x20"]],
      good: [["sluice_streams_forgotten_total", "9x20"]],
    },
  },
];
