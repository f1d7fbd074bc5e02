/** The metrics of `sluice sink`, which is a process of its own with a port of its own. */
import { each, type MetricDeclaration } from "./declaration.ts";

const SINK_RESULTS = ["written", "double", "erased", "refused", "letter", "session"] as const;
const SINK_SKIPS = ["duplicate", "expired", "empty", "canary"] as const;
const SINK_CAUSES = ["database", "registry"] as const;
const WRITE_SECONDS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 120];

/** `topics`: those the sink reads. */
export function sinkMetrics(topics: readonly string[]) {
  return {
    sinkRecords: {
      name: "sluice_sink_records_total",
      type: "counter",
      help:
        "Records whose transaction is committed, by what became of them: written (a row), double " +
        "(the event was there), erased (of a person who was erased), refused (by the database; a " +
        "dead letter), letter (of the gateway, or unreadable), session.",
      labels: ["result"],
      series: each(SINK_RESULTS),
    },
    sinkSkipped: {
      name: "sluice_sink_skipped_total",
      type: "counter",
      help:
        "Records of which nothing is written: duplicate (its stream and number were read " +
        "before), expired (older than the retention), empty (no value), canary (a record of " +
        "sluice's own).",
      labels: ["why"],
      series: each(SINK_SKIPS),
    },
    sinkBatches: {
      name: "sluice_sink_batches_total",
      type: "counter",
      help: "Transactions that were committed.",
    },
    sinkRetries: {
      name: "sluice_sink_retries_total",
      type: "counter",
      help: "Attempts that failed and are repeated, by who did not answer. Nothing is read then.",
      labels: ["cause"],
      series: each(SINK_CAUSES),
    },
    sinkConflicts: {
      name: "sluice_sink_conflicts_total",
      type: "counter",
      help: "Batches given up because another process had written their partitions.",
    },
    sinkMissed: {
      name: "sluice_sink_missed_records_total",
      type: "counter",
      help: "Records Kafka had dropped before they were written. Not 0: it keeps them too shortly.",
    },
    sinkErasures: {
      name: "sluice_sink_erasures_total",
      type: "counter",
      help: "Erasures of persons that were carried out.",
    },
    sinkLag: {
      name: "sluice_sink_lag_records",
      type: "gauge",
      help: "Records in the partitions of this process that are not gathered yet.",
      labels: ["topic"],
      series: each(topics),
    },
    sinkBatchSeconds: {
      name: "sluice_sink_batch_seconds",
      type: "histogram",
      help: "Time a batch took from its first try to its commit.",
      buckets: WRITE_SECONDS,
    },
  } as const satisfies Record<string, MetricDeclaration>;
}
