/** docs/metrics.md, out of the metric table. */
import { isKeyed, type MetricDeclaration } from "./declaration.ts";
import { METRICS } from "./metrics.ts";
import { sinkMetrics } from "./sink-metrics.ts";

const INTRODUCTION = `<!-- Made by scripts/gen-docs.mjs from src/telemetry/metrics.ts. -->

# Metrics

\`GET /metrics\` on the admin port, in the Prometheus text format. With several workers the primary
serves it and merges what the workers report: counters and histograms are summed, gauges as said
below.

Every metric has a closed set of series, whose number is its bound: nothing a client sends becomes a
label value. Metrics by tenant name the first 100 tenants of the tenants file; all others together
are \`other\`. Beside these there are the \`process_*\` and \`nodejs_*\` metrics of prom-client.

What to watch first: \`sluice_ack_latency_seconds\` (the service level),
\`sluice_ledger_drift_events\` (anything but 0 is a defect),
\`sluice_events_outcome_total{outcome="retry"}\` (senders have to come again),
\`sluice_event_loop_utilization_ratio\` (saturation).
`;

const SINK_INTRODUCTION = `# Metrics of sluice sink

On the port of its option \`--admin\`, with \`/livez\` and \`/readyz\`.
`;

/** The whole page, ending with a newline. */
export function metricsReference(): string {
  const sections = Object.values<MetricDeclaration>(METRICS).map(section);
  const sink = Object.values<MetricDeclaration>(sinkMetrics([])).map(section);
  return [INTRODUCTION, ...sections, SINK_INTRODUCTION, ...sink].join("\n");
}

function section(metric: MetricDeclaration): string {
  const lines = [`## ${metric.name}`, "", metric.help, "", `- type: ${metric.type}`];
  if (metric.type === "gauge") {
    lines.push(`- several workers: ${metric.aggregator ?? "sum"}`);
  }
  for (const [index, label] of (metric.labels ?? []).entries()) {
    if (isKeyed(metric) && index === 0) {
      lines.push(`- label \`tenant\`: the first ${metric.tenantsMax} tenants, then \`other\``);
      continue;
    }
    const place = isKeyed(metric) ? index - 1 : index;
    const values = [...new Set((metric.series ?? []).map((series) => series[place] ?? ""))];
    const shown = values.map((value) => `\`${value}\``).join(", ");
    lines.push(`- label \`${label}\`: ${shown === "" ? "fixed for the process" : shown}`);
  }
  if (metric.labels !== undefined) {
    const tenants = isKeyed(metric) ? metric.tenantsMax + 1 : 1;
    lines.push(`- series: ${(metric.series?.length ?? 1) * tenants}`);
  }
  if (metric.buckets !== undefined) {
    lines.push(`- buckets: ${metric.buckets.join(", ")}`);
  }
  return `${lines.join("\n")}\n`;
}
