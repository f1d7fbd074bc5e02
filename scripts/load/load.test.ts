import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { SCENARIOS, scenarioOf } from "../../loadtest/catalog.ts";
import type { ClientNumbers } from "../../loadtest/lib/ledger.ts";
import { parseLoadArguments, usage, UsageError } from "./arguments.ts";
import { niceCeil, renderChart } from "./chart.ts";
import { readLook } from "./gateway-watch.ts";
import { renderReport } from "./report.ts";
import { generatorNote, judgeRecords } from "./result.ts";
import type { LoadSummary } from "./result.ts";
import { nodeFlagsOf } from "./scene.ts";
import { Histogram, Series } from "./series.ts";

const parse = (line: string) => parseLoadArguments(line.split(" "), {});

describe("parseLoadArguments", () => {
  it("takes a scenario and what is to be changed", () => {
    const request = parse("steady --duration 20 --streams 7 --batches 0 --ack-p99-ms 900");
    assert.deepEqual(request?.changes, {
      durationS: 20,
      streams: 7,
      batchesPerS: 0,
      ackP99Ms: 900,
    });
    assert.equal(request.servers, "real");
    assert.equal(parse("smoke")?.servers, "embedded");
  });

  for (const line of [
    "",
    "everything",
    "smoke steady",
    "smoke --duration 1e9",
    "smoke --streams many",
    "smoke --servers none",
    "kafka-stall --servers embedded",
    "smoke --url sluice.example",
    "smoke --rate 5",
  ]) {
    it(`refuses "${line}"`, () => {
      assert.throws(() => parse(line), UsageError);
    });
  }

  it("loads no other machine unless told that it may", () => {
    const line = "smoke --url https://staging.example --admin-url http://127.0.0.1:9464";
    assert.throws(() => parse(line), /say --remote/);
    assert.equal(parse(`${line} --remote`)?.target?.url, "https://staging.example");
  });

  it("tells of every scenario", () => {
    for (const name of Object.keys(SCENARIOS)) assert.ok(usage().includes(`  ${name} `), name);
  });
});

describe("scenarioOf", () => {
  it("moves storms and lives along with another duration", () => {
    const { streams, fault, durationS } = scenarioOf("reconnect-storm", { durationS: 12 });
    assert.deepEqual([durationS, streams?.lifeS, streams?.stormEveryS, fault], [12, 10, 3, null]);
  });
});

describe("scale", () => {
  it("is of streams and requests that are not named", () => {
    const { streams, batches } = scenarioOf("steady", { scale: 0.5, batchesPerS: 7 });
    assert.deepEqual([streams?.count, batches?.perS], [100, 7]);
    assert.equal(parse("steady --scale 2")?.changes.scale, 2);
    assert.throws(() => parse("steady --scale 1e9"), UsageError);
  });
});

describe("Series", () => {
  const line = (metric: string, value: number, second: number): string =>
    JSON.stringify({
      metric,
      type: "Point",
      data: { time: new Date(second * 1_000 + 500).toISOString(), value, tags: null },
    });

  it("sums by second, gaps included, and leaves out what is not drawn", () => {
    const series = new Series();
    series.line(line("events_stored", 5, 100));
    series.line(line("events_stored", 2, 100));
    series.line(line("events_stored", 1, 103));
    series.line(line("http_req_duration", 9, 200));
    series.line('{"type":"Metric","metric":"events_stored"}');
    const stored = series.seconds().map(({ counts }) => counts.stored ?? 0);
    assert.deepEqual(stored, [7, 0, 0, 1]);
  });

  it("knows quantiles within its buckets", () => {
    const histogram = new Histogram();
    for (let ms = 1; ms <= 1_000; ms += 1) histogram.add(ms);
    for (const share of [0.01, 0.5, 0.99, 1]) {
      const ratio = (histogram.quantile(share) ?? 0) / (share * 1_000);
      assert.ok(ratio >= 1 && ratio < 1.09, `${share}: ${ratio}`);
    }
    assert.equal(new Histogram().quantile(0.5), null);
  });
});

const CLIENTS: ClientNumbers = {
  offered: 10,
  sent: 12,
  stored: 9,
  duplicate: 1,
  duplicateRejected: 0,
  rejected: 0,
  retried: 2,
  unsettled: 0,
  breaks: 0,
};

const SUMMARY: LoadSummary = {
  scenario: "smoke",
  url: "http://127.0.0.1:8080",
  durationMs: 5_000,
  clients: CLIENTS,
  gateway: null,
  complaints: [],
  thresholds: [
    { metric: "wrong_answers", rule: "count==0", ok: true },
    { metric: "ack_latency{door:http}", rule: "max>=0", ok: true },
  ],
  metrics: { wrong_answers: { values: { count: 0 } } },
};

describe("judgeRecords", () => {
  it("wants a record for every stored event, and none that cannot be", () => {
    assert.deepEqual(
      [9, 10, 12, 13].map((records) => judgeRecords(records, SUMMARY).length),
      [1, 0, 0, 1],
    );
  });
});

describe("generatorNote", () => {
  const late = (lateMs: number, metric: string, ok = false): string | null =>
    generatorNote({
      ...SUMMARY,
      thresholds: [
        {
          metric: "ack_latency{phase:calm}",
          rule: "p(99)<500",
          ok: metric !== "ack_latency" || ok,
        },
        { metric: "events_unsettled", rule: "count==0", ok: metric !== "events_unsettled" || ok },
        { metric: "wrong_outcomes", rule: "count==0", ok: metric !== "wrong_outcomes" || ok },
      ],
      metrics: { generator_lag: { values: { "p(99)": lateMs } } },
    });

  it("says what is nobody's fault, where k6 was late and an objective of time was missed", () => {
    assert.match(late(251, "ack_latency") ?? "", /k6 itself was late by 251 ms.* by ack_latency\./);
    assert.match(late(251, "events_unsettled") ?? "", / by events_unsettled\./);
    assert.deepEqual([late(251, "ack_latency", true), late(250, "ack_latency")], [null, null]);
  });

  it("says so too where others took a part of the machine", () => {
    const missed = { metric: "ack_latency", rule: "p(99)<500", ok: false };
    const seen = (othersCores: number): string | null =>
      generatorNote({ ...SUMMARY, thresholds: [missed], machine: { cores: 2, othersCores } });
    assert.match(seen(1.24) ?? "", /other programs took 1\.2 of 2 cores/);
    assert.equal(seen(0.2), null);
  });

  it("never excuses a wrong outcome", () => {
    assert.equal(late(5_000, "wrong_outcomes"), null);
  });
});

describe("nodeFlagsOf", () => {
  it("reads how ./sluice starts Node.js", () => {
    const launcher = readFileSync(new URL("../../sluice", import.meta.url), "utf8");
    const flags = nodeFlagsOf(launcher);
    assert.ok(flags.length > 0 && flags.every((flag) => flag.startsWith("--")), flags.join(" "));
    assert.throws(() => nodeFlagsOf("exec node"), /as expected/);
  });
});

describe("readLook", () => {
  it("sums a series over labels and gateways", () => {
    const page = 'process_cpu_seconds_total 2\nprocess_cpu_seconds_total{worker="2"} 3\n';
    assert.deepEqual([readLook(page, 7).cpuSeconds, readLook(page, 7).atMs], [5, 7]);
  });
});

describe("renderReport", () => {
  it("needs nothing besides itself, and escapes what it quotes", () => {
    const page = renderReport({
      summary: SUMMARY,
      complaints: ["<b>lost</b>"],
      further: [["open descriptors", "130, +2"]],
      scenario: scenarioOf("smoke"),
      seconds: [],
      looks: [],
      fault: null,
    });
    assert.doesNotMatch(page, /(?:src|href)=|@import|url\(/);
    assert.match(page, /✗ failed/);
    assert.match(page, /open descriptors.*130, \+2/);
    assert.match(page, /&lt;b&gt;lost&lt;\/b&gt;/);
    assert.doesNotMatch(page, /max&gt;=0/);
  });

  it("draws gaps as gaps, and the time of a fault", () => {
    const chart = renderChart({
      title: "t",
      unit: "u",
      atS: [0, 1, 2, 3],
      lines: [{ name: "l", values: [1, null, 3, 4] }],
      format: String,
      band: { fromS: 1, untilS: 2, name: "stall" },
    });
    assert.equal(chart.match(/d="M[^"]*M[^"]*L[^"]*"/g)?.length, 1);
    assert.match(chart, /class="band" x="222.0"/);
  });

  it("rounds axes up to numbers that people like", () => {
    assert.deepEqual([0, 1, 1.2, 23, 480, 6_000].map(niceCeil), [1, 1, 2, 25, 500, 10_000]);
  });
});
