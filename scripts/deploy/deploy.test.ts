import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { MetricRegistry } from "../../src/telemetry/metric-registry.ts";
import { METRICS } from "../../src/telemetry/metrics.ts";
import { sinkMetrics } from "../../src/telemetry/sink-metrics.ts";
import { DASHBOARDS } from "./dashboards.ts";
import { inspectExpression, namesOf, type KnownNames } from "./expressions.ts";
import { grafanaExpression } from "./grafana.ts";
import { ALERTS, RECORDED_NAMES, RULE_EXPRESSIONS } from "./rules.ts";

const plainName = (series: string): string => series.replace(/_(?:bucket|sum|count)$/, "");

const root = fileURLToPath(new URL("../..", import.meta.url));

async function knownNames(): Promise<KnownNames> {
  const ofNode = await new MetricRegistry({ nodeMetrics: true }).snapshot();
  return { ofNode, recorded: RECORDED_NAMES };
}

describe("inspectExpression", () => {
  it("finds names, labels, values and buckets that nobody exports", async () => {
    const known = await knownNames();
    const found = [
      "sluice_gone_total > 0",
      "sluice_ack_latency_seconds",
      'sluice_kafka_errors_total{kind=~"fatal|timeout"}',
      'sluice_kafka_errors_total{kind="wrong"}',
      'sluice_kafka_errors_total{reason="fatal"}',
      'sluice_ack_latency_seconds_bucket{le="0.25"}',
      "sum by (job) (rate(process_cpu_seconds_total[$__rate_interval])) and up == 1",
    ].map((expression) => inspectExpression(expression, known));
    assert.deepEqual(found, [
      ["sluice_gone_total is no metric"],
      ["sluice_ack_latency_seconds is no metric"],
      [],
      ['sluice_kafka_errors_total is never kind="wrong"'],
      ["sluice_kafka_errors_total has no label reason"],
      ["sluice_ack_latency_seconds has no bucket 0.25"],
      [],
    ]);
  });

  it("takes no function, label or keyword for a series", () => {
    const expression =
      'histogram_quantile(0.99, sum by (le, job) (rate(a_bucket{x="b_total"}[5m]))) or time() - c';
    assert.deepEqual(namesOf(expression), ["a_bucket", "c"]);
  });
});

describe("rules and dashboards", () => {
  it("every series they name exists", async () => {
    const known = await knownNames();
    const expressions = [
      ...RULE_EXPRESSIONS,
      ...Object.values(DASHBOARDS)
        .flatMap(({ panels }) => panels)
        .flatMap(({ queries }) => Object.keys(queries))
        .map(grafanaExpression),
    ];
    const found = expressions.flatMap((expression) =>
      inspectExpression(expression, known).map((sentence) => `${sentence} in ${expression}`),
    );
    assert.deepEqual(found, []);
  });

  it("every metric is shown on a dashboard", () => {
    const queries = Object.values(DASHBOARDS).flatMap(({ panels }) =>
      panels.flatMap((panel) => Object.keys(panel.queries)),
    );
    const shown = new Set(queries.flatMap(namesOf).map(plainName));
    const all = [...Object.values(METRICS), ...Object.values(sinkMetrics([]))];
    const hidden = all.map(({ name }) => name).filter((name) => !shown.has(name));
    // The ledger's states: outcomes and what is in flight are shown, and its drift.
    assert.deepEqual(hidden, ["sluice_ledger_events"]);
  });

  it("no two alerts have one name, no two panels of a dashboard one title", () => {
    const names = ALERTS.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    for (const { title, panels } of Object.values(DASHBOARDS)) {
      assert.equal(new Set(panels.map((panel) => panel.title)).size, panels.length, title);
    }
  });

  it("there is a file for each dashboard and none besides", () => {
    assert.deepEqual(
      readdirSync(`${root}/deploy/grafana/dashboards`).toSorted(),
      Object.keys(DASHBOARDS)
        .map((name) => `sluice-${name}.json`)
        .toSorted(),
    );
  });
});
