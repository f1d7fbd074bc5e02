/** The metrics of sessions: part of the metric table. */
import { each, type MetricDeclaration } from "./declaration.ts";
import { RESULTS } from "./label-sets.ts";

export const SESSION_METRICS = {
  sessionsActive: {
    name: "sluice_sessions_active",
    type: "gauge",
    help: "Sessions held in memory.",
  },
  sessionsStarted: {
    name: "sluice_sessions_started_total",
    type: "counter",
    help: "Sessions begun.",
  },
  sessionNews: {
    name: "sluice_session_news_total",
    type: "counter",
    help: "Starts and ends of sessions: announced, or not now and tried again.",
    labels: ["result"],
    series: each(["started", "ended", "unsaid"]),
  },
  sessionSweepFailures: {
    name: "sluice_session_sweep_failures_total",
    type: "counter",
    help: "Looks for sessions to announce that the session store did not answer.",
  },
  sessionErasures: {
    name: "sluice_session_erasures_total",
    type: "counter",
    help: "Requests to erase a person's sessions, by result.",
    labels: ["result"],
    series: each(RESULTS),
  },
} as const satisfies Readonly<Record<string, MetricDeclaration>>;
