/**
 * Two gateway processes, one Redis, one Kafka: they agree on the ids of sessions, count every event
 * once, and say of each session once that it has begun and that it is over, also when one of them
 * dies.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import avsc from "avsc";
import { startPrivateRedis } from "../../src/session/testing/private-redis.ts";
import type { PrivateRedis } from "../../src/session/testing/private-redis.ts";
import { Gateway } from "../gateway.ts";
import { testService } from "../services.ts";
import { readAll } from "./read-back.ts";
import { readSessionNews } from "./session-news.ts";
import type { SessionNewsRecord } from "./session-news.ts";

const TOPIC = `sluice-test-visits-${randomUUID()}`;
const NEWS_TOPIC = `${TOPIC}.sessions`;
const VISIT = {
  type: "record",
  name: "Visit",
  fields: [
    { name: "id", type: "string" },
    { name: "anonymousId", type: "string" },
    { name: "session", type: "string", "sluice.fill": "session", default: "" },
  ],
};

let redis: PrivateRedis;
let pack: string;

before(async () => {
  redis = await startPrivateRedis();
  pack = await mkdtemp(join(tmpdir(), "sluice-pack-"));
  await writeFile(join(pack, "visit.avsc"), JSON.stringify(VISIT));
  const types = { visit: { schema: "visit.avsc", topic: TOPIC } };
  const topics = { [TOPIC]: { partitions: 1 } };
  await writeFile(join(pack, "pack.json"), JSON.stringify({ name: "visits", topics, types }));
});

after(async () => {
  await redis.kill();
  await rm(pack, { recursive: true });
});

function startGateway(gapMs: number): Promise<Gateway> {
  const brokers = ["--kafka-brokers", testService("kafka"), "--create-topics", "--pack", pack];
  const sessions = ["--redis-url", redis.url, "--session-gap-ms", `${gapMs}`];
  return Gateway.start({ flags: [...brokers, ...sessions, "--session-topic", NEWS_TOPIC] });
}

async function visit(gateway: Gateway, actor: string, count = 1): Promise<void> {
  const events = Array.from({ length: count }, () => {
    const id = randomUUID();
    return { type: "visit", id, data: { id, anonymousId: actor } };
  });
  const response = await fetch(`${gateway.url}/v1/events`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ events }),
  });
  const answer = (await response.json()) as { readonly stored: number };
  assert.equal(answer.stored, count, JSON.stringify(answer));
}

/** Ids of sessions in the records of an actor, and whether one was provisional. */
async function sessionsInRecords(actor: string) {
  const type = avsc.Type.forSchema(VISIT as avsc.Schema, { omitRecordMethods: true });
  const records = await readAll(testService("kafka"), [TOPIC]);
  const visits = records.map((record) => {
    const bytes = Buffer.from(record.value ?? new Uint8Array(0)).subarray(5);
    const value = type.fromBuffer(bytes) as { readonly anonymousId: string; session: string };
    const flags = record.headers.find(([name]) => name === "sluice")?.[1]?.[1] ?? 0;
    return { ...value, isProvisional: (flags & 8) !== 0 };
  });
  return visits.filter(({ anonymousId }) => anonymousId === actor);
}

/** News of the actors, once every one of them has so many. */
async function newsOf(prefix: string, count: number): Promise<readonly SessionNewsRecord[]> {
  for (;;) {
    const all = await readSessionNews(testService("kafka"), NEWS_TOPIC);
    const own = all.filter(({ value }) => String(value["actor"]).startsWith(prefix));
    if (own.length >= count) return own;
    await delay(200);
  }
}

test("the first event of a session waits for its id where its record holds it", async () => {
  await using one = await startGateway(1_800_000);
  await using two = await startGateway(1_800_000);
  // Redis has milliseconds to agree: on a machine that stands still it takes another try.
  for (let round = 0; ; round += 1) {
    const actor = `agreed-${round}`;
    for (const gateway of [one, two, one]) await visit(gateway, actor);
    const visits = await sessionsInRecords(actor);
    assert.equal(visits.length, 3);
    assert.match(visits[0]?.session ?? "", /^[0-9a-f-]{36}$/);
    if (visits.some(({ isProvisional }) => isProvisional)) continue;
    assert.equal(new Set(visits.map(({ session }) => session)).size, 1);
    break;
  }
  await redis.admin.client("PAUSE", 4_000, "ALL");
  await visit(one, "alone");
  const [alone] = await sessionsInRecords("alone");
  assert.match(alone?.session ?? "", /^[0-9a-f-]{36}$/);
  assert.equal(alone?.isProvisional, true, "Redis has said nothing within the time");
  await redis.admin.ping();
});

test("each session is said once by two sweeping processes, and when one of them dies", async () => {
  const one = await startGateway(3_000);
  await using two = await startGateway(3_000);
  const actors = Array.from({ length: 20 }, (_, index) => `both-${index}`);
  try {
    const visits = actors.map(async (actor) => {
      await visit(one, actor, 2);
      await visit(two, actor, 3);
      // Written by then: what was not would be the window that a crash may lose.
      const key = `sluice:s:{demo:default:${actor}}`;
      while ((await redis.admin.hget(key, "n")) !== "5") await delay(20);
    });
    await Promise.all(visits);
  } finally {
    one.signal("SIGKILL");
    await one.ended();
  }
  const news = await newsOf("both-", 2 * actors.length);
  for (const actor of actors) {
    const own = news.filter(({ value }) => value["actor"] === actor);
    assert.deepEqual(own.map(({ kind }) => kind).toSorted(), ["ended", "started"], actor);
    assert.equal(own.find(({ kind }) => kind === "ended")?.value["events"], 5, actor);
    assert.equal(new Set(own.map(({ key }) => key)).size, 1, actor);
  }
});
