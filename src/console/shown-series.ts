/** Metrics in the short form that the console's page reads. */
import type { ExportedMetric } from "../telemetry/cells.ts";

/** One series: its labels' values in their order, then its value. */
export type ShownSeries = readonly (string | number)[];

/** A histogram's buckets, counts and sums stand by `le`, "count" and "sum" before other labels. */
export function shownSeries(metric: ExportedMetric | undefined): readonly ShownSeries[] {
  if (metric === undefined) return [];
  return metric.values
    .filter(({ value }) => value !== 0 || metric.type !== "counter")
    .map(({ labels, metricName, value }) => {
      const part = metricName === undefined ? [] : partOf(metricName, labels);
      const others = Object.entries(labels).filter(([name]) => name !== "le");
      return [...part, ...others.map(([, text]) => text), value];
    });
}

function partOf(
  metricName: string,
  labels: Readonly<Record<string, string | number>>,
): readonly (string | number)[] {
  if (metricName.endsWith("_bucket")) return [labels["le"] ?? "+Inf"];
  return [metricName.endsWith("_sum") ? "sum" : "count"];
}
