/** The metrics of a primary about its workers: part of the metric table. */
import type { MetricDeclaration } from "./declaration.ts";

export const WORKER_METRICS = {
  workersReady: {
    name: "sluice_workers_ready",
    type: "gauge",
    help: "Workers that want traffic. Absent without workers.",
  },
  workerConnections: {
    name: "sluice_worker_connections",
    type: "gauge",
    help: "Open WebSockets of each worker that lives, by its number as in the log.",
    labels: ["worker"],
  },
  workersRestarted: {
    name: "sluice_workers_restarted_total",
    type: "counter",
    help: "Workers that died and were replaced. Only the primary counts.",
  },
  workersRenewed: {
    name: "sluice_workers_renewed_total",
    type: "counter",
    help: "Workers that were replaced by a rolling restart. Only the primary counts.",
  },
  connectionsRebalanced: {
    name: "sluice_connections_rebalanced_total",
    type: "counter",
    help: "WebSockets asked to reconnect because their worker had many more than the others.",
  },
  eventsUnanswered: {
    name: "sluice_events_unanswered_total",
    type: "counter",
    help: "Events in flight in workers that died, as last seen; their senders come again.",
  },
} as const satisfies Record<string, MetricDeclaration>;
