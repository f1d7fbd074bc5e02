/**
 * Rows of the fault matrix in which a broker answers wrongly, late or not at all: real gateways and
 * a real Kafka, with the fault proxy between them. Read back past the proxy.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { KafkaProxy } from "../kafka-proxy/kafka-proxy.ts";
import type { Fault } from "../kafka-proxy/rules.ts";
import { testService } from "../services.ts";
import { PATIENT, faultRow, readiness } from "./fault-row.ts";
import type { FaultRow, FaultRowOptions } from "./fault-row.ts";

let proxy: KafkaProxy;

before(async () => {
  proxy = await KafkaProxy.start({ brokers: testService("kafka") });
});

after(async () => {
  await proxy.stop();
});

async function row(
  options: Pick<FaultRowOptions, "flags" | "load">,
  run: (row: FaultRow) => Promise<void>,
): Promise<void> {
  const brokers = proxy.bootstrap;
  const heal = () => proxy.clear();
  await faultRow({ brokers, readFrom: testService("kafka"), heal, ...options }, run);
  assert.deepEqual(proxy.complaints, []);
}

/** Does this to the next Produce requests and waits until it has happened. */
async function toProduce(fault: Fault, times: number): Promise<void> {
  await proxy.add({ match: { api: "Produce" }, times, fault }).until(times);
}

/** Little patience, so that timeouts come within a test. */
const TIGHT = ["--kafka-message-timeout-ms", "3000", "--http-deadline-ms", "2000"];

const REBUILT = "sluice_kafka_producers_rebuilt_total";
const CIRCUITS = "sluice_kafka_circuits_opened_total";

for (const error of ["NOT_ENOUGH_REPLICAS", "NOT_ENOUGH_REPLICAS_AFTER_APPEND"] as const) {
  test(`row 5: ${error} is retried inside, stored once, and nobody is told`, () =>
    row({ flags: PATIENT }, async ({ load }) => {
      const appended = error.endsWith("APPEND");
      await toProduce({ kind: "stamp", error, appended }, 6);
      await load.more(500);
      assert.equal(load.count("retry"), 0);
    }));
}

test("row 5: replicas missing for longer than the message timeout give retry, never stored", () =>
  row({ flags: TIGHT }, async ({ load, pack }) => {
    const [topic = ""] = pack.topics;
    const error = "NOT_ENOUGH_REPLICAS";
    proxy.add({ match: { api: "Produce", topic }, fault: { kind: "stamp", error } });
    while (!load.retryCodes.http.has("kafka_timeout")) await delay(20);
    while (!load.retryCodes.streams.has("kafka_timeout")) await delay(20);
  }));

test("row 6: append done, answer lost, connection reset: stored once and acked", () =>
  row({ flags: PATIENT }, async ({ load }) => {
    for (let round = 0; round < 5; round += 1) {
      await toProduce({ kind: "reset", when: "after" }, 1);
      await load.more(100);
    }
    assert.equal(load.count("retry"), 0);
  }));

test("row 7: OUT_OF_ORDER_SEQUENCE_NUMBER costs retry and a new producer, no restart", () =>
  row({}, async ({ gateway, load }) => {
    await toProduce({ kind: "stamp", error: "OUT_OF_ORDER_SEQUENCE_NUMBER" }, 1);
    while ((await gateway.metric(REBUILT)) === 0) await delay(10);
    while (load.toldCodes.size === 0) await delay(10);
    await load.more(500);
    assert.equal(await gateway.metric(REBUILT), 1);
    assert.equal(await gateway.metric(CIRCUITS), 0);
  }));

for (const error of ["UNKNOWN_PRODUCER_ID", "INVALID_PRODUCER_EPOCH"] as const) {
  test(`row 8: ${error} stops nobody for long`, () =>
    row({}, async ({ load }) => {
      await toProduce({ kind: "stamp", error }, 1);
      await load.more(500);
    }));
}

test("row 9: fatal again and again opens the circuit: unready, no tight loop, then healed", () =>
  row({ flags: ["--kafka-lanes", "1"] }, async ({ gateway }) => {
    const match = { api: "Produce" } as const;
    const producersBefore = proxy.requests("InitProducerId");
    const rule = proxy.add({
      match,
      fault: { kind: "stamp", error: "OUT_OF_ORDER_SEQUENCE_NUMBER" },
    });
    while ((await gateway.metric(CIRCUITS)) === 0) await delay(20);
    await readiness(gateway, 503);
    const { applied } = rule;
    const producers = proxy.requests("InitProducerId") - producersBefore;
    // A slow machine may look when the circuit has been closed and opened again.
    const opened = await gateway.metric(CIRCUITS);
    assert.ok(applied < 20 * opened, `${applied} requests were sent before it gave up`);
    assert.ok(producers < 20 * opened, `${producers} producers were made`);
    proxy.clear();
    await readiness(gateway, 200);
  }));

test("row 10: TOPIC_AUTHORIZATION_FAILED is retry for that topic, the others flow", () =>
  row({ flags: PATIENT, load: { streams: 0 } }, async ({ load, pack }) => {
    const [topic = ""] = pack.topics;
    const fault = { kind: "stamp", error: "TOPIC_AUTHORIZATION_FAILED" } as const;
    await proxy.add({ match: { api: "Produce", topic }, fault }).until(1);
    while (load.toldCodes.size === 0) await delay(10);
    await load.more(500);
    assert.deepEqual([...load.toldCodes], ["destination_unavailable"]);
  }));

test("row 11: MESSAGE_TOO_LARGE from the broker is retry for that batch, the rest flows", () =>
  row({ flags: PATIENT }, async ({ gateway, load }) => {
    await toProduce({ kind: "stamp", error: "MESSAGE_TOO_LARGE" }, 1);
    const failed = 'sluice_kafka_records_failed_total{code="destination_unavailable"}';
    while ((await gateway.metric(failed)) === 0) await delay(10);
    while (load.toldCodes.size === 0) await delay(10);
    await load.more(500);
    assert.deepEqual([...load.toldCodes], ["destination_unavailable"]);
  }));

test("row 14: half a second to the brokers: all is stored, nobody is told", () =>
  row({ flags: PATIENT, load: { http: 4 } }, async ({ load }) => {
    proxy.add({ fault: { kind: "delay", ms: 500 } });
    await load.more(1_500);
    assert.equal(load.count("retry"), 0);
  }));

test("row 16: a narrow link in small slices: nothing is misread", () =>
  row({ flags: PATIENT }, async ({ load }) => {
    proxy.shape({ bytesPerSecond: 400_000, sliceBytes: 700 });
    await load.more(500);
    assert.equal(load.count("retry"), 0);
  }));

test("row 17: a black hole is found out: another connection, nothing lost, nothing twice", () =>
  row({ flags: TIGHT }, async ({ load }) => {
    await toProduce({ kind: "blackHole" }, 2);
    await load.more(1_000);
  }));
