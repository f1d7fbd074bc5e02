import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { CounterCells, GaugeCells, HistogramCells } from "./cells.ts";
import { each, isKeyed, pairs, type MetricDeclaration } from "./declaration.ts";
import { mergedText, MetricRegistry } from "./metric-registry.ts";
import { METRICS } from "./metrics.ts";

/** Look hard above 100 series (Prometheus' advice): requests by route and status need more. */
const SERIES_MAX = 200;

describe("METRICS", () => {
  for (const metric of Object.values<MetricDeclaration>(METRICS)) {
    it(`${metric.name} follows the rules of naming and is bounded`, () => {
      assert.match(metric.name, /^sluice_[a-z][a-z_]*$/);
      assert.equal(metric.name.endsWith("_total"), metric.type === "counter");
      assert.match(metric.help, /^[A-Z0-9].*[.:a-z]$/);
      assert.equal(metric.buckets !== undefined, metric.type === "histogram");
      const buckets = [...(metric.buckets ?? [])];
      assert.deepEqual(
        buckets,
        buckets.toSorted((left, right) => left - right),
      );
      assert.ok((metric.series?.length ?? 1) <= SERIES_MAX);
      for (const series of metric.series ?? []) {
        const labels = metric.labels?.length ?? 0;
        assert.equal(series.length, isKeyed(metric) ? labels - 1 : labels);
      }
      const keys = (metric.series ?? []).map((series) => series.join());
      assert.equal(new Set(keys).size, keys.length, "no series twice");
    });
  }
});

describe("CounterCells", () => {
  const declaration: MetricDeclaration = {
    name: "sluice_test_total",
    type: "counter",
    help: "Test.",
    labels: ["a", "b"],
    series: pairs(["x", "y"], ["1", "2"]),
  };

  it("adds to one series and exports all, those at zero too", () => {
    const cells = new CounterCells(declaration);
    cells.add(2, "x", "2");
    cells.add(3, "x", "2");
    assert.equal(cells.value("x", "2"), 5);
    assert.deepEqual(
      cells.get().values.map(({ labels, value }) => [labels["a"], labels["b"], value]),
      [
        ["x", "1", 0],
        ["x", "2", 5],
        ["y", "1", 0],
        ["y", "2", 0],
      ],
    );
  });

  it("a series that is not declared is a broken invariant", () => {
    const cells = new CounterCells(declaration);
    assert.throws(() => cells.add(1, "x", "3"), /sluice_test_total declares the series/);
    assert.throws(() => cells.add(1), /declares the series/);
  });
});

describe("GaugeCells", () => {
  const declaration: MetricDeclaration = { name: "sluice_test", type: "gauge", help: "Test." };

  it("is read when it is asked for; undefined leaves it out", () => {
    const cells = new GaugeCells(declaration);
    assert.deepEqual(cells.get().values, []);
    let value: number | undefined = 7;
    cells.readFrom(() => value);
    assert.equal(cells.get().values[0]?.value, 7);
    value = undefined;
    assert.deepEqual(cells.get().values, []);
  });
});

describe("HistogramCells", () => {
  it("counts by upper bound, bounds included, and sums", () => {
    const cells = new HistogramCells({
      name: "sluice_test_seconds",
      type: "histogram",
      help: "Test.",
      labels: ["t"],
      series: each(["a", "b"]),
      buckets: [0.1, 1],
    });
    cells.observe(0.1, 1, "b");
    cells.observe(0.5, 10, "b");
    cells.observe(9, 1, "b");
    const shown = cells
      .get()
      .values.filter(({ labels }) => labels["t"] === "b")
      .map(({ metricName, labels, value }) => [metricName, labels["le"], value]);
    assert.deepEqual(shown, [
      ["sluice_test_seconds_bucket", 0.1, 1],
      ["sluice_test_seconds_bucket", 1, 11],
      ["sluice_test_seconds_bucket", "+Inf", 12],
      ["sluice_test_seconds_sum", undefined, 14.1],
      ["sluice_test_seconds_count", undefined, 12],
    ]);
  });
});

describe("MetricRegistry", () => {
  it("text has every metric of the table with help and type", async () => {
    const registry = new MetricRegistry({ nodeMetrics: false });
    registry.cells.buildInfo.readInfo({ version: "1.2.3", node: "v24" });
    registry.cells.ackLatency.observe(0.003, 1, "ws");
    const text = await registry.text();
    for (const { name, type } of Object.values(METRICS)) {
      assert.ok(
        text.includes(`# TYPE ${name} ${type}\n`) || text.includes(`# TYPE ${name} `),
        name,
      );
    }
    assert.match(text, /^sluice_build_info\{version="1.2.3",node="v24"\} 1$/m);
    assert.match(text, /^sluice_ack_latency_seconds_bucket\{le="0.005",transport="ws"\} 1$/m);
    assert.match(text, /^sluice_ack_latency_seconds_bucket\{le="0.002",transport="ws"\} 0$/m);
    assert.match(text, /^sluice_ack_latency_seconds_count\{transport="ws"\} 1$/m);
  });

  it("every line is sound exposition text", async () => {
    const text = await new MetricRegistry({ nodeMetrics: true }).text();
    const label = /[a-z_]+="[^"\n]*"/.source;
    const sample = new RegExp(
      `^[a-z_0-9]+(\\{${label}(,${label})*\\})? (-?[0-9.e+-]+|Nan|\\+Inf)$`,
    );
    for (const line of text.split("\n")) {
      assert.ok(line === "" || /^# (HELP|TYPE) /.test(line) || sample.test(line), line);
    }
    assert.match(text, /^process_cpu_seconds_total /m);
    assert.match(text, /^nodejs_eventloop_lag_p99_seconds /m);
  });

  it("mergedText sums counters and histograms and treats gauges as declared", async () => {
    const snapshots = [1, 2].map(async (factor) => {
      const registry = new MetricRegistry({ nodeMetrics: false });
      const { cells } = registry;
      cells.eventsReceived.add(factor, "native", "http");
      cells.encode.observe(0.001, factor);
      cells.kafkaUp.readFrom(() => factor - 1);
      cells.schemasLoaded.readFrom(() => factor);
      cells.wsConnections.readFrom(() => factor);
      // As over IPC.
      return JSON.parse(JSON.stringify(await registry.snapshot())) as Awaited<
        ReturnType<MetricRegistry["snapshot"]>
      >;
    });
    const text = await mergedText(await Promise.all(snapshots));
    assert.match(text, /^sluice_events_received_total\{dialect="native",transport="http"\} 3$/m);
    assert.match(text, /^sluice_encode_seconds_count 3$/m);
    assert.match(text, /^sluice_encode_seconds_bucket\{le="0.001"\} 3$/m);
    assert.match(text, /^sluice_kafka_up 0$/m);
    assert.match(text, /^sluice_schemas_loaded 2$/m);
    assert.match(text, /^sluice_ws_connections 3$/m);
  });
});
