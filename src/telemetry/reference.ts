/** docs/metrics.md, out of the metric table. */
import type { MetricDeclaration } from "./declaration.ts";
import { METRICS } from "./metrics.ts";

const INTRODUCTION = `<!-- Made by scripts/gen-docs.mjs from src/telemetry/metrics.ts. -->

# Metrics

\`GET /metrics\` on the admin port, in the Prometheus text format. With several workers the primary
serves it and merges what the workers report: counters and histograms are summed, gauges as said
below.

Every metric has a closed set of series, whose number is its bound: nothing a client sends becomes a
label value. Beside these there are the \`process_*\` and \`nodejs_*\` metrics of prom-client.

What to watch first: \`sluice_ack_latency_seconds\` (the service level),
\`sluice_ledger_drift_events\` (anything but 0 is a defect),
\`sluice_events_outcome_total{outcome="retry"}\` (senders have to come again),
\`sluice_event_loop_utilization_ratio\` (saturation).
`;

/** The whole page, ending with a newline. */
export function metricsReference(): string {
  const sections = Object.values<MetricDeclaration>(METRICS).map(section);
  return [INTRODUCTION, ...sections].join("\n");
}

function section(metric: MetricDeclaration): string {
  const lines = [`## ${metric.name}`, "", metric.help, "", `- type: ${metric.type}`];
  if (metric.type === "gauge") {
    lines.push(`- several workers: ${metric.aggregator ?? "sum"}`);
  }
  for (const [index, label] of (metric.labels ?? []).entries()) {
    const values = [...new Set((metric.series ?? []).map((series) => series[index] ?? ""))];
    const shown = values.map((value) => `\`${value}\``).join(", ");
    lines.push(`- label \`${label}\`: ${shown === "" ? "fixed for the process" : shown}`);
  }
  if (metric.labels !== undefined) {
    lines.push(`- series: ${metric.series?.length ?? 1}`);
  }
  if (metric.buckets !== undefined) {
    lines.push(`- buckets: ${metric.buckets.join(", ")}`);
  }
  return `${lines.join("\n")}\n`;
}
