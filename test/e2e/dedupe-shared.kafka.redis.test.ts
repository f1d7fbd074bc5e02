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

/** Writes are behind: until so many more are there, or it has said that they never will be. */
async function told(index: number, writes: number, work: () => Promise<unknown>): Promise<void> {
  const [known, lost] = [await at(index).metric(series("written")), await lostWrites(index)];
  await work();
  while ((await at(index).metric(series("written"))) < known + writes) {
    if ((await lostWrites(index)) > lost) return;
    await delay(20);
  }
}

async function lostWrites(index: number): Promise<number> {
  return (await at(index).metric(series("dropped"))) + (await at(index).metric(series("failed")));
}

/**
 * Runs with names of its own until Redis has answered everything in time. On a machine that stands
 * still it does not: what it has not said by then is unknown, and an event is stored twice.
 */
async function inTime(run: (name: (short: string) => string) => Promise<() => Promise<void>>) {
  const late = 'sluice_repeats_looked_up_total{result="unknown"}';
  const misses = async () => {
    const each = [0, 1].map(
      async (index) => (await at(index).metric(late)) + (await lostWrites(index)),
    );
    return (await Promise.all(each)).join();
  };
  for (let round = 0; ; round += 1) {
    const missesBefore = await misses();
    const judge = await run((short) => `${short}-${round}`);
    if ((await misses()) === missesBefore) return judge();
  }
}

async function copies(id: string): Promise<number> {
  return byId(await readAll(testService("kafka"), [TOPIC])).get(id)?.length ?? 0;
}

describe("two processes", () => {
  it("know each other's ids, over HTTP and on streams", () =>
    inTime(async (name) => {
      const [one = "", two = "", three = "", four = ""] = ["s-1", "s-2", "s-3", "s-4"].map(name);
      await told(0, 2, () => send(0, [native(one), native(two)]));
      const answered = await send(1, [native(two), native(three)]);
      const client = await StreamClient.hello(at(1).streamUrl, { auth: "wk_exact" });
      client.send({ t: "pub", seq: 1, events: [native(one), native(four)] });
      await client.acked(2);
      client.close();
      return async () => {
        assert.deepEqual(answered, [1, 1]);
        for (const id of [one, two, three, four]) assert.equal(await copies(id), 1, id);
      };
    }));

  it("answer each other's requests again", () =>
    inTime(async (name) => {
      const repeated = 'sluice_http_requests_repeated_total{kind="fingerprint"}';
      const repeatedBefore = await at(1).metric(repeated);
      const segment = { path: "/v1/track", body: track(name("s-5")) };
      await told(0, 2, () => post(0, segment));
      const again = await post(1, segment);
      const repeatedAfter = await at(1).metric(repeated);
      const headers = { "Idempotency-Key": name("order-7") };
      const order = { path: "/v1/events", body: { events: [native(name("s-6"))] }, headers };
      let first: unknown;
      await told(0, 2, async () => {
        first = await (await post(0, order)).json();
      });
      const second: unknown = await (await post(1, order)).json();
      const other = { ...order, body: { events: [native(name("s-7"))] } };
      const { status } = await post(1, other);
      return async () => {
        assert.deepEqual([again.status, await again.json()], [200, { success: true }]);
        assert.equal(repeatedAfter, repeatedBefore + 1);
        assert.deepEqual(second, first);
        assert.equal(status, 422);
        for (const [id, count] of Object.entries({ "s-5": 1, "s-6": 1, "s-7": 0 })) {
          assert.equal(await copies(name(id)), count, id);
        }
      };
    }));

  it("store an event twice rather than never while Redis is away, and heal", async () => {
    await told(0, 1, () => send(0, [native("s-8")]));
    await redis.kill();
    assert.deepEqual(await send(1, [native("s-8"), native("s-9")]), [2, 0]);
    assert.deepEqual(await send(1, [native("s-9")]), [0, 1], "each process knows its own");
    const alone = /repeats are known to each process alone now/;
    while (!gateways.every(({ output }) => alone.test(output))) await delay(20);
    await redis.start();
    const healed = /repeats are known to all processes again/;
    while (!gateways.every(({ output }) => healed.test(output))) await delay(20);
    await inTime(async (name) => {
      await told(0, 1, () => send(0, [native(name("s-10"))]));
      const answered = await send(1, [native(name("s-10"))]);
      return async () => {
        assert.deepEqual(answered, [0, 1]);
        assert.equal(await copies(name("s-10")), 1);
      };
    });
  });
});
