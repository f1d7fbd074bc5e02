/** Dashboards of what clients see: the overview, and streams. Data only. */
import { each, quantile, quantiles, rate, sum, type Dashboard } from "./panel.ts";

export const OVERVIEW: Dashboard = {
  title: "sluice / Overview",
  panels: [
    {
      title: "Ready gateways",
      description: "Processes that want traffic.",
      unit: "short",
      isStat: true,
      queries: { [sum("sluice_ready")]: "ready" },
    },
    {
      title: "Ledger drift",
      description: "Events nobody accounts for. Anything but 0 is a defect.",
      unit: "short",
      isStat: true,
      alarmAt: 1,
      queries: { "sum(abs(sluice_ledger_drift_events{SELECT}))": "drift" },
    },
    {
      title: "Burn of the budgets, one hour",
      description: "Share of bad events, slow batches, refused requests over an hour.",
      unit: "percentunit",
      isStat: true,
      queries: { 'sluice:slo_bad:ratio_rate1h{job=~"$job"}': "{{slo}}" },
    },
    {
      title: "Events by outcome",
      description: "What senders were told, per second.",
      unit: "ops",
      queries: { [rate("sluice_events_outcome_total", "outcome")]: "{{outcome}}" },
    },
    {
      title: "Why not stored",
      description: "Events answered rejected or retry, by code.",
      unit: "ops",
      queries: {
        [rate("sluice_events_outcome_total", "code", ',outcome=~"rejected|retry"')]: "{{code}}",
      },
    },
    {
      title: "Time to the answer",
      description: "From receiving a batch to answering its last event: the service level.",
      unit: "s",
      alarmAt: 0.5,
      queries: quantiles("sluice_ack_latency_seconds"),
    },
    {
      title: "Time by stage",
      description: "99th percentile: bodies received, encoding, Kafka, writing answers.",
      unit: "s",
      queries: {
        [quantile(0.99, "sluice_receive_seconds")]: "receive",
        [quantile(0.99, "sluice_encode_seconds")]: "encode",
        [quantile(0.99, "sluice_commit_seconds")]: "commit",
        [quantile(0.99, "sluice_answer_seconds")]: "answer",
      },
    },
    {
      title: "Time of HTTP requests",
      description: "99th percentile by route.",
      unit: "s",
      queries: { [quantile(0.99, "sluice_http_request_seconds", ", route")]: "{{route}}" },
    },
    {
      title: "Events received",
      description: "By dialect and transport, per second.",
      unit: "ops",
      queries: {
        [rate("sluice_events_received_total", "dialect, transport")]: "{{dialect}} {{transport}}",
      },
    },
    {
      title: "HTTP answers",
      description: "By route and status, per second.",
      unit: "ops",
      queries: { [rate("sluice_http_requests_total", "route, status")]: "{{route}} {{status}}" },
    },
    {
      title: "Event loop",
      description: "Share of the last second it was busy. Near 1: no CPU time left.",
      unit: "percentunit",
      alarmAt: 0.9,
      queries: { [each("sluice_event_loop_utilization_ratio")]: "{{instance}}" },
    },
    {
      title: "Event loop delay",
      description: "99th percentile of how late timers come.",
      unit: "s",
      alarmAt: 0.2,
      queries: { [each("nodejs_eventloop_lag_p99_seconds")]: "{{instance}}" },
    },
    {
      title: "Memory",
      description: "Resident memory of the processes.",
      unit: "bytes",
      queries: { [each("process_resident_memory_bytes")]: "{{instance}}" },
    },
    {
      title: "CPU",
      description: "Cores in use.",
      unit: "short",
      queries: { "rate(process_cpu_seconds_total{SELECT}[EVERY])": "{{instance}}" },
    },
    {
      title: "File descriptors",
      description: "Share of those allowed.",
      unit: "percentunit",
      alarmAt: 0.8,
      queries: { "process_open_fds{SELECT} / process_max_fds{SELECT}": "{{instance}}" },
    },
    {
      title: "Errors nobody expected",
      description: "Internal errors and workers that died.",
      unit: "ops",
      queries: {
        [rate("sluice_internal_errors_total", "job")]: "internal errors",
        [rate("sluice_workers_restarted_total", "job")]: "workers restarted",
      },
    },
    {
      title: "Workers",
      description: "That want traffic, and what died, was renewed, or was asked to move.",
      unit: "short",
      queries: {
        [sum("sluice_workers_ready")]: "ready",
        "sum(increase(sluice_workers_renewed_total{SELECT}[5m]))": "renewed in 5 min",
        "sum(increase(sluice_connections_rebalanced_total{SELECT}[5m]))": "moved in 5 min",
        "sum(increase(sluice_events_unanswered_total{SELECT}[5m]))": "unanswered in 5 min",
      },
    },
    {
      title: "Connections by worker",
      description: "Open WebSockets of each; the balance.",
      unit: "short",
      queries: { [each("sluice_worker_connections")]: "{{instance}} {{worker}}" },
    },
    {
      title: "Shed and turned away",
      description: "Level of shedding (0 none, 1 low priority, 2 all but high); 429 by address.",
      unit: "short",
      queries: {
        "max(sluice_shed_level{SELECT})": "level",
        [rate("sluice_turned_away_total", "by")]: "{{by}}",
        [rate("sluice_bad_credentials_total", "job")]: "bad credentials",
      },
    },
    {
      title: "Clocks of senders",
      description: "99th percentile of how far sentAt is off, and which way.",
      unit: "s",
      queries: { [quantile(0.99, "sluice_clock_skew_seconds", ", clock")]: "{{clock}}" },
    },
    {
      title: "In the gateway",
      description: "Events received and not answered yet.",
      unit: "short",
      queries: { [each("sluice_inflight_events")]: "{{instance}}" },
    },
    {
      title: "Came again",
      description: "Requests answered as the first time; ids that other processes were asked for.",
      unit: "ops",
      queries: {
        [rate("sluice_http_requests_repeated_total", "kind")]: "{{kind}}",
        [rate("sluice_repeats_looked_up_total", "result")]: "looked up: {{result}}",
        [rate("sluice_repeats_shared_total", "result")]: "shared: {{result}}",
      },
    },
    {
      title: "Garbage collection",
      description: "Share of time spent, by kind.",
      unit: "percentunit",
      queries: { [rate("nodejs_gc_duration_seconds_sum", "kind")]: "{{kind}}" },
    },
  ],
};

export const STREAMS: Dashboard = {
  title: "sluice / Streams",
  panels: [
    {
      title: "Open WebSockets",
      description: "By gateway.",
      unit: "short",
      queries: { [each("sluice_ws_connections")]: "{{instance}}" },
    },
    {
      title: "Opened",
      description: "WebSockets opened, per second.",
      unit: "ops",
      queries: { [rate("sluice_ws_opened_total", "instance")]: "{{instance}}" },
    },
    {
      title: "Closed",
      description: "By close code; 1006 is a connection that broke.",
      unit: "ops",
      queries: { [rate("sluice_ws_closed_total", "code")]: "{{code}}" },
    },
    {
      title: "Not let in",
      description: "By reason.",
      unit: "ops",
      queries: { [rate("sluice_ws_refused_total", "reason")]: "{{reason}}" },
    },
    {
      title: "Slow readers",
      description: "Frames that waited for a client to read; connections cut for it.",
      unit: "ops",
      queries: { [rate("sluice_ws_backlogs_total", "result")]: "{{result}}" },
    },
    {
      title: "Welcomes",
      description: "Streams opened: new, resumed, or unsure (events may be stored twice).",
      unit: "ops",
      queries: { [rate("sluice_streams_welcomed_total", "how")]: "{{how}}" },
    },
    {
      title: "Claims",
      description: "What the stream memory said of claimed streams.",
      unit: "ops",
      queries: { [rate("sluice_stream_claims_total", "how")]: "{{how}}" },
    },
    {
      title: "Credit",
      description: "Events that clients may send and have not sent.",
      unit: "short",
      queries: { [each("sluice_stream_credit_events")]: "{{instance}}" },
    },
    {
      title: "Overcommit",
      description: "That credit over the budget of unacked events.",
      unit: "short",
      queries: { [each("sluice_stream_overcommit_ratio")]: "{{instance}}" },
    },
    {
      title: "Stream memory",
      description: "1 while it answers.",
      unit: "short",
      queries: { [each("sluice_stream_memory_up")]: "{{instance}}" },
    },
    {
      title: "Saves and losses",
      description: "Writes of stream records, records given up, streams taken over.",
      unit: "ops",
      queries: {
        [rate("sluice_stream_saves_total", "result")]: "saves {{result}}",
        [rate("sluice_streams_forgotten_total", "job")]: "forgotten",
        [rate("sluice_streams_superseded_total", "job")]: "taken over",
      },
    },
    {
      title: "Hand-over",
      description: "How long claims waited for other processes to let go.",
      unit: "s",
      queries: quantiles("sluice_stream_hand_over_seconds"),
    },
    {
      title: "Streams held",
      description: "By gateway.",
      unit: "short",
      queries: { [each("sluice_streams_held")]: "{{instance}}" },
    },
  ],
};
