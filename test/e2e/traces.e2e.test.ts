/**
 * Traces from outside: what a collector gets for batches over HTTP and WebSockets, what records
 * and metrics say of it, and that events do not care whether the collector is there.
 */
import assert from "node:assert/strict";
import { registerHooks } from "node:module";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { KafkaRecord } from "../../src/delivery/reader.ts";
import { loadTracer } from "../../src/tracing/load.ts";
import { Gateway } from "../gateway.ts";
import { OtlpSink } from "../otlp-sink.ts";
import type { SinkSpan } from "../otlp-sink.ts";
import { StreamClient } from "../stream-client.ts";
import { readAll } from "./read-back.ts";

const CLIENT = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7" };
const TRACEPARENT = `00-${CLIENT.traceId}-${CLIENT.spanId}-01`;
const JSON_BODY = { "content-type": "application/json" };

let sink: OtlpSink;
let gateway: Gateway;

before(async () => {
  sink = await OtlpSink.start();
  const headers = ["--otlp-headers", "x-team=edge"];
  const all = ["--trace-samples-per-million", "1000000"];
  gateway = await Gateway.start({ flags: ["--otlp-endpoint", sink.url, ...headers, ...all] });
});

after(async () => {
  await gateway.stop();
  await sink.stop();
});

function page(id: string): object {
  const data = { messageId: id, timestamp: new Date().toISOString(), anonymousId: "visitor" };
  return { type: "page", id, data: { ...data, name: "shop", url: "https://shop.example/" } };
}

function traceparentOf(record: KafkaRecord): string {
  const value = record.headers.find(([name]) => name === "traceparent")?.[1];
  return value === undefined ? "" : Buffer.from(value).toString();
}

/** Every stage lies within the batch, and they follow one another. */
function assertStages(root: SinkSpan, names: readonly string[]): void {
  const stages = sink.childrenOf(root).toSorted((a, b) => Number(a.start - b.start));
  assert.ok(stages.every(({ name }) => names.includes(name)));
  for (const name of names) {
    const ms = Number(root.attributes[`sluice.${name}.duration_ms`]);
    assert.equal(
      stages.some((stage) => stage.name === name),
      ms >= 1,
      `${name} took ${ms} ms`,
    );
  }
  for (const stage of stages) {
    assert.equal(stage.traceId, root.traceId);
    assert.ok(root.start <= stage.start && stage.start <= stage.end && stage.end <= root.end);
  }
}

async function rootOf(transport: "http" | "websocket"): Promise<SinkSpan> {
  for (let count = 1; ; count += 1) {
    const roots = await sink.roots(count);
    const found = roots.find((root) => root.attributes["network.protocol.name"] === transport);
    if (found !== undefined) return found;
  }
}

test("a request is a span with its stages, linked to the client's, and its records carry it", async () => {
  const events = [page("h1"), page("h2"), { type: "page", id: "bad", data: {} }];
  const headers = { ...JSON_BODY, traceparent: TRACEPARENT };
  const response = await gateway.post(JSON.stringify({ events }), headers);
  assert.equal(response.status, 200);
  const root = await rootOf("http");
  assert.equal(root.kind, 4, "a producer");
  assert.match(root.name, /^send /);
  assert.deepEqual(
    root.links.map(({ traceId, spanId }) => ({ traceId, spanId })),
    [CLIENT],
  );
  assert.notEqual(root.traceId, CLIENT.traceId, "the client's trace does not become ours");
  const { attributes } = root;
  assert.equal(attributes["messaging.system"], "kafka");
  assert.equal(Number(attributes["messaging.batch.message_count"]), 2);
  assert.equal(Number(attributes["sluice.events.stored"]), 2);
  assert.equal(Number(attributes["sluice.events.rejected"]), 1);
  assert.equal(root.resource["service.name"], "sluice");
  assert.equal(sink.requests[0]?.["x-team"], "edge");
  assertStages(root, ["receive", "encode", "commit", "answer"]);
  const topic = String(attributes["messaging.destination.name"]);
  const records = await readAll(gateway.run.brokers, [topic]);
  const traced = records.filter(
    (record) => traceparentOf(record) === `00-${root.traceId}-${root.spanId}-01`,
  );
  assert.equal(traced.length, 2);
});

test("a frame is a span, linked to the trace that the hello names", async () => {
  const client = await StreamClient.hello(gateway.streamUrl, { traceparent: TRACEPARENT });
  client.send({ t: "pub", seq: 1, events: [page("w1")] });
  await client.until(() => client.frames.find(({ t, upto }) => t === "ack" && upto === 1));
  client.close();
  const root = await rootOf("websocket");
  assert.equal(root.links[0]?.traceId, CLIENT.traceId);
  assertStages(root, ["encode", "commit", "answer"]);
});

test("the latency histogram names a trace, for those who ask for OpenMetrics", async () => {
  await gateway.post(JSON.stringify({ events: [page("x1")] }), JSON_BODY);
  const accept = "application/openmetrics-text; version=1.0.0, text/plain;q=0.5";
  const response = await fetch(`${gateway.adminUrl}/metrics`, { headers: { accept } });
  assert.match(response.headers.get("content-type") ?? "", /^application\/openmetrics-text/);
  const text = await response.text();
  assert.match(text, /^sluice_ack_latency_seconds_bucket\{.*\} \d+ # \{trace_id="[0-9a-f]{32}"/m);
  assert.match(text, /^# TYPE sluice_events_received counter$/m);
  assert.match(text, /^sluice_events_received_total\{/m);
  assert.ok(text.endsWith("# EOF\n"));
  const plain = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  assert.doesNotMatch(plain, /trace_id/);
});

test("a collector that refuses spans costs spans, no events", async () => {
  sink.refuses = true;
  const response = await gateway.post(JSON.stringify({ events: [page("r1")] }), JSON_BODY);
  assert.equal(response.status, 200);
  const failed = 'sluice_trace_spans_total{result="failed"}';
  while ((await gateway.metric(failed)) === 0) await delay(50);
  while (!gateway.output.includes('"msg":"traces not sent, they are dropped"')) await delay(20);
  sink.refuses = false;
});

test("a drain sends the spans that wait", async () => {
  const flags = ["--otlp-endpoint", sink.url, "--trace-samples-per-million", "1000000"];
  const draining = await Gateway.start({ flags });
  const known = (await sink.roots(0)).length;
  await draining.post(JSON.stringify({ events: [page("d1")] }), JSON_BODY);
  assert.equal(await draining.stop(), 0);
  assert.ok((await sink.roots(0)).length > known);
});

test("row 44: a collector that hangs or is away does not hold up events or the drain", async () => {
  const hanging = await OtlpSink.start();
  const { url } = hanging;
  await hanging.stop();
  const flags = ["--otlp-endpoint", url, "--trace-samples-per-million", "1000000"];
  const alone = await Gateway.start({ flags });
  const response = await alone.post(JSON.stringify({ events: [page("a1")] }), JSON_BODY);
  assert.equal(response.status, 200);
  assert.equal(await alone.stop(), 0);
});

test("without an endpoint nothing of the library is loaded; with one it is", async () => {
  const loaded = new Set<string>();
  const hooks = registerHooks({
    resolve: (specifier, context, next) => {
      // prom-client imports the interfaces by themselves; they do nothing.
      const isLibrary = /^@opentelemetry\/(?!api$)/.test(specifier);
      if (isLibrary) loaded.add(specifier);
      return next(specifier, context);
    },
  });
  const options = {
    headers: [],
    perMillion: 1,
    followedPerSecond: 0,
    version: "0",
    instance: "test",
    nowMs: Date.now,
    clockMs: () => performance.now(),
    random: Math.random,
    onEvent: () => {},
  };
  // All that a gateway imports, and then what it loads.
  await import("../../src/gateway.ts");
  assert.equal(await loadTracer({ ...options, endpoint: "" }), null);
  assert.deepEqual([...loaded], []);
  const tracer = await loadTracer({ ...options, endpoint: sink.url });
  await tracer?.stop(1_000);
  hooks.deregister();
  assert.ok(loaded.has("@opentelemetry/sdk-node"));
});
