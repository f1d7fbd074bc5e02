import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { BackendTelemetry } from "./backends.ts";
import { KAFKA_ERRORS, SCHEMA_CHANGES } from "./label-sets.ts";
import { MetricRegistry } from "./metric-registry.ts";
import { ProcessTelemetry } from "./process.ts";
import { SilentLogger } from "./silent-logger.ts";

function setUp() {
  const log = new SilentLogger();
  const registry = new MetricRegistry({ nodeMetrics: false });
  const { cells } = registry;
  const backends = new BackendTelemetry({ cells, log });
  return { log, registry, cells, backends, process: new ProcessTelemetry({ cells, log }) };
}

describe("BackendTelemetry", () => {
  it("kafkaState logs changes only and drives sluice_kafka_up", () => {
    const { backends, cells, log } = setUp();
    const up = () => cells.kafkaUp.get().values[0]?.value;
    assert.equal(up(), 0);
    for (const state of ["ready", "ready", "unavailable", "unavailable", "ready"] as const) {
      backends.kafkaState(state, { brokers: "k:1" });
    }
    assert.equal(up(), 1);
    assert.deepEqual(
      log.lines.map((line) => line.level),
      ["info", "warn", "info"],
    );
  });

  it("every kind of Kafka error and of schema change has its series", () => {
    const { backends, cells } = setUp();
    for (const kind of KAFKA_ERRORS) {
      backends.kafkaError(kind);
      assert.equal(cells.kafkaErrors.value(kind), 1);
    }
    for (const change of SCHEMA_CHANGES) {
      backends.schemaChanged(change, { type: "page" });
      assert.equal(cells.schemaChanges.value(change), 1);
    }
  });

  it("watch reads gauges from their owners", async () => {
    const { backends, registry } = setUp();
    let ageMs: number | undefined;
    backends.watch({
      unacked: () => ({ events: 3, bytes: 900 }),
      codec: () => ({ memoryBytes: 65_536, plans: 2, planBytes: 100 }),
      schemaAgeMs: () => ageMs,
    });
    backends.watch({ sessionsActive: () => 9, schemasLoaded: () => 4, schemasMissing: () => 0 });
    let text = await registry.text();
    assert.match(text, /^sluice_inflight_bytes 900$/m);
    assert.match(text, /^sluice_unacked_events 3$/m);
    assert.match(text, /^sluice_codec_memory_bytes 65536$/m);
    assert.match(text, /^sluice_sessions_active 9$/m);
    assert.doesNotMatch(text, /^sluice_schema_age_seconds /m);
    ageMs = 1_500;
    text = await registry.text();
    assert.match(text, /^sluice_schema_age_seconds 1.5$/m);
  });

  it("a store that goes down and comes back is two lines; failed pipelines are counted", () => {
    const { backends, cells, log } = setUp();
    backends.sessionsFlushed({ updates: 12, durationMs: 3 });
    backends.sessionStoreDown({ reason: "connection" });
    backends.sessionsFlushFailed({ updates: 12 });
    assert.equal(cells.redisUp.get().values[0]?.value, 0);
    backends.sessionStoreUp({ afterMs: 100 });
    assert.equal(cells.redisUp.get().values[0]?.value, 1);
    assert.equal(cells.redisPipelines.value("ok"), 1);
    assert.equal(cells.redisPipelines.value("failed"), 1);
    const loud = log.lines.filter((line) => line.level !== "debug");
    assert.equal(loud.length, 2);
  });

  it("commits, deliveries, traps, rebuilt producers and sessions are counted", async () => {
    const { backends, registry, log } = setUp();
    backends.commitSettled({ records: 500, durationMs: 12 });
    backends.codecTrapped();
    backends.producerRebuilt({ reason: "fenced" });
    backends.recordsFailed("kafka_timeout", { count: 7, lane: 1, reason: "timed out" });
    backends.commitStuck({ lane: 1 });
    backends.circuitOpened({ lane: 1 });
    backends.partitionsStalled({ lane: 1, partitions: "events/3" });
    let started = 2;
    backends.watch({ sessionsStarted: () => started });
    started = 3;
    backends.schemaFetched();
    backends.schemaFetchFailed({ url: "http://registry" });
    const text = await registry.text();
    assert.match(text, /^sluice_kafka_commit_seconds_count 1$/m);
    assert.match(text, /^sluice_kafka_delivery_seconds_count 500$/m);
    assert.match(text, /^sluice_kafka_records_failed_total\{code="kafka_timeout"\} 7$/m);
    assert.match(text, /^sluice_kafka_commits_stuck_total 1$/m);
    assert.match(text, /^sluice_kafka_circuits_opened_total 1$/m);
    assert.match(text, /^sluice_kafka_sidings_opened_total 1$/m);
    assert.match(text, /^sluice_kafka_commit_records_bucket\{le="500"\} 1$/m);
    assert.match(text, /^sluice_codec_traps_total 1$/m);
    assert.match(text, /^sluice_kafka_producers_rebuilt_total 1$/m);
    assert.match(text, /^sluice_sessions_started_total 3$/m);
    assert.match(text, /^sluice_schema_fetches_total\{result="failed"\} 1$/m);
    assert.deepEqual(
      log.lines.map((line) => line.level),
      ["error", "error", "warn", "warn", "error", "warn", "warn"],
    );
  });
});

describe("BackendTelemetry, pressure and topics", () => {
  it("the level is a gauge", () => {
    const { backends, cells } = setUp();
    const level = () => cells.pressure.get().values[0]?.value;
    assert.equal(level(), 0);
    backends.pressureChanged("hard");
    assert.equal(level(), 2);
    backends.pressureChanged("high");
    assert.equal(level(), 1);
  });

  it("a topic counts as unusable from missing or denied until known or created", () => {
    const { backends, cells, log } = setUp();
    const unusable = () => cells.topicsUnusable.get().values[0]?.value;
    const topic = (name: string) => ({ topic: name, partitions: 6, reason: "because" });
    backends.topicChanged("missing", topic("a"));
    backends.topicChanged("missing", topic("a"));
    backends.topicChanged("denied", topic("b"));
    assert.equal(unusable(), 2);
    backends.topicChanged("created", topic("a"));
    backends.topicChanged("known", topic("b"));
    assert.equal(unusable(), 0);
    assert.equal(log.lines.filter((line) => line.level === "warn").length, 3);
  });
});

describe("ProcessTelemetry", () => {
  it("unexpected errors are counted", () => {
    const { process, cells } = setUp();
    process.unexpected("somewhere", new Error("boom"));
    assert.equal(cells.internalErrors.value(), 1);
  });
});
