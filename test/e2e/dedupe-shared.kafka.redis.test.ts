/**
 * What comes twice, the second time to another process: the same id, the same bytes, the same
 * Idempotency-Key, over one Kafka and one Redis. While Redis is away a repeat may be stored twice,
 * and nothing is refused or lost.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { startInstance } from "../../scripts/services/control.mjs";
import type { Instance } from "../../scripts/services/control.mjs";
import { keyDigest } from "../../src/admission/keys.ts";
import { Gateway } from "../gateway.ts";
import { testService } from "../services.ts";
import { StreamClient } from "../stream-client.ts";
import { byId, readAll } from "./read-back.ts";

const TIME = "2026-11-21T10:00:00.000Z";
const TOPIC = `dedupe-${randomUUID()}`;

let directory = "";
let redis: Instance;
let gateways: readonly Gateway[] = [];

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-dedupe-"));
  redis = await startInstance("redis");
  const source = { writeKeys: [{ sha256: keyDigest("wk_exact") }] };
  const topics = { track: TOPIC };
  const exact = { sources: { web: source }, topics, dedupe: { windowSeconds: 600 } };
  const file = join(directory, "tenants.json");
  await writeFile(file, JSON.stringify({ tenants: { exact } }));
  const flags = [
    ...["--tenants-file", file, "--kafka-brokers", testService("kafka"), "--create-topics"],
    ...["--redis-url", redis.address],
  ];
  gateways = await Promise.all([Gateway.start({ flags }), Gateway.start({ flags })]);
});

after(async () => {
  for (const gateway of gateways) assert.equal(await gateway.stop(), 0);
  await redis.remove();
  await rm(directory, { recursive: true });
});

function at(index: number): Gateway {
  const gateway = gateways[index];
  assert.ok(gateway !== undefined);
  return gateway;
}

const track = (messageId: string) => ({ messageId, timestamp: TIME, event: "E", userId: "u" });
const native = (id: string) => ({ type: "track", id, data: track(id) });

function post(
  index: number,
  { path, body, headers = {} }: { path: string; body: object; headers?: Record<string, string> },
) {
  const init = { method: "POST", body: JSON.stringify(body) };
  return at(index).request(path, { ...init, headers: { "X-Write-Key": "wk_exact", ...headers } });
}

/** Stored and duplicate events of one request with these. */
async function send(index: number, events: readonly object[]): Promise<readonly number[]> {
  const answer = await post(index, { path: "/v1/events", body: { events } });
  const text = await answer.text();
  const { stored, duplicate } = JSON.parse(text) as { stored: number; duplicate: number };
  assert.equal(stored + duplicate, events.length, text);
  return [stored, duplicate];
}

const series = (result: string) => `sluice_repeats_shared_total{result="${result}"}`;

/** Writes are behind: until one more is there. */
async function told(index: number, work: () => Promise<unknown>): Promise<void> {
  const known = await at(index).metric(series("written"));
  const dropped = await at(index).metric(series("dropped"));
  await work();
  while ((await at(index).metric(series("written"))) === known) {
    assert.equal(await at(index).metric(series("dropped")), dropped, at(index).output);
    await delay(20);
  }
}

async function copies(id: string): Promise<number> {
  return byId(await readAll(testService("kafka"), [TOPIC])).get(id)?.length ?? 0;
}

describe("two processes", () => {
  it("know each other's ids, over HTTP and on streams", async () => {
    await told(0, () => send(0, [native("s-1"), native("s-2")]));
    assert.deepEqual(await send(1, [native("s-2"), native("s-3")]), [1, 1]);
    const client = await StreamClient.hello(at(1).streamUrl, { auth: "wk_exact" });
    client.send({ t: "pub", seq: 1, events: [native("s-1"), native("s-4")] });
    await client.acked(2);
    client.close();
    for (const id of ["s-1", "s-2", "s-3", "s-4"]) assert.equal(await copies(id), 1, id);
  });

  it("answer each other's requests again", async () => {
    const segment = { path: "/v1/track", body: track("s-5") };
    await told(0, () => post(0, segment));
    const again = await post(1, segment);
    assert.deepEqual([again.status, await again.json()], [200, { success: true }]);
    const repeated = 'sluice_http_requests_repeated_total{kind="fingerprint"}';
    assert.equal(await at(1).metric(repeated), 1);
    const headers = { "Idempotency-Key": "order-7" };
    const order = { path: "/v1/events", body: { events: [native("s-6")] }, headers };
    let first: unknown;
    await told(0, async () => {
      first = await (await post(0, order)).json();
    });
    assert.deepEqual(await (await post(1, order)).json(), first);
    const other = { ...order, body: { events: [native("s-7")] } };
    assert.equal((await post(1, other)).status, 422);
    for (const [id, count] of Object.entries({ "s-5": 1, "s-6": 1, "s-7": 0 })) {
      assert.equal(await copies(id), count, id);
    }
  });

  it("store an event twice rather than never while Redis is away, and heal", async () => {
    await told(0, () => send(0, [native("s-8")]));
    await redis.kill();
    assert.deepEqual(await send(1, [native("s-8"), native("s-9")]), [2, 0]);
    assert.deepEqual(await send(1, [native("s-9")]), [0, 1], "each process knows its own");
    await redis.start();
    const healed = /repeats are known to all processes again/;
    while (!gateways.every(({ output }) => healed.test(output))) await delay(20);
    await told(0, () => send(0, [native("s-10")]));
    assert.deepEqual(await send(1, [native("s-10")]), [0, 1]);
  });
});
