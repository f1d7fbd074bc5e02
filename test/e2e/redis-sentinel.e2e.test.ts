/**
 * Redis with a Sentinel: the primary is killed while events come. None of them hears of it;
 * sessions, streams, quotas and repeats go on with the server that takes over.
 */
import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { startInstance } from "../../scripts/services/control.mjs";
import type { Instance } from "../../scripts/services/control.mjs";
import { createRedisClient } from "../../src/redis/redis-client.ts";
import { Gateway } from "../gateway.ts";
import { StreamClient } from "../stream-client.ts";

const ACTOR = "visitor-7";

let redis: Instance;
let gateway: Gateway | undefined;

before(async () => {
  redis = await startInstance("redis-ha");
  const { username, password, masterName } = redis.addresses;
  const flags = [
    ...["--redis-url", `redis://${username}:${password}@${masterName}`],
    ...["--redis-sentinels", redis.addresses["sentinel"] ?? ""],
  ];
  gateway = await Gateway.start({ flags });
});

after(async () => {
  await running().stop();
  await redis.remove();
});

function running(): Gateway {
  assert.ok(gateway !== undefined);
  return gateway;
}

function search(id: string) {
  const timestamp = new Date().toISOString();
  const data = { messageId: id, timestamp, anonymousId: ACTOR, query: "tea", resultCount: 1 };
  return { type: "search", id, data };
}

async function store(id: string): Promise<void> {
  const answer = await running().post(JSON.stringify({ events: [search(id)] }));
  assert.match(await answer.text(), /"stored":1/);
}

/** Events that the session of the actor counts on this server; 0 where it has none. */
async function counted(server: string): Promise<number> {
  const url = `redis://admin:admin-secret@${redis.addresses[server]}`;
  const client = createRedisClient({ url, connectionName: "test", deadlineMs: 5_000 });
  client.on("error", () => {});
  try {
    await client.connect();
    return Number(await client.hget(`sluice:s:{demo:default:${ACTOR}}`, "n"));
  } finally {
    client.disconnect();
  }
}

async function untilCounted(server: string, count: number): Promise<void> {
  // A replica that becomes the primary breaks its connections; then it is asked again.
  while ((await counted(server).catch(() => NaN)) !== count) await delay(50);
}

it("row 24: a primary that dies is replaced, nobody is told, counts are whole", async () => {
  for (let n = 0; n < 5; n += 1) await store(`before-${n}`);
  await untilCounted("primaryAtStart", 5);
  const client = await StreamClient.hello(running().streamUrl, { auth: "demo" });
  await redis.kill({ process: "primary" });
  let during = 0;
  while (!/session store unavailable/.test(running().output) && during < 2_000) {
    during += 1;
    await store(`during-${during}`);
  }
  client.send({ t: "pub", seq: 1, events: [search("on-a-stream")] });
  await client.acked(1);
  client.close();
  await untilCounted("replicaAtStart", 5 + during + 1);
  while (!/session store available again/.test(running().output)) await delay(50);
  assert.doesNotMatch(running().output, /"level":"error"/);
  const next = await StreamClient.hello(running().streamUrl, { auth: "demo" });
  next.close();
});
