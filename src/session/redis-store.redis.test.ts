import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";

import { Redis } from "ioredis";

import { testService } from "../../test/services.ts";
import { RedisStore } from "./redis-store.ts";
import { DEFAULT_SESSION_RULES } from "./rules.ts";
import { SessionRoom } from "./session-room.ts";
import { idleMs, timeToLiveMs } from "./store.ts";
import type { SessionStore } from "./store.ts";
import { until } from "./testing/private-redis.ts";
import { describeStore, updateOf } from "./testing/store-contract.ts";

const rules = DEFAULT_SESSION_RULES;

/** Connected: the store answers, if only for nothing. */
async function openStore(writer: string): Promise<RedisStore> {
  const store = new RedisStore({ url: testService("redis"), writer });
  store.start();
  await until("the store is connected", async () => {
    const [answer] = await store.apply([updateOf(`test:ready:${randomUUID()}`, { id: "x" })]);
    return answer?.kind === "kept";
  });
  return store;
}

describeStore({
  name: "RedisStore",
  rules,
  tenant: () => `test-${randomUUID()}`,
  open: async (writer) => {
    const store = await openStore(writer);
    return { store, close: () => store.stop() };
  },
});

describe("RedisStore on a real Redis", () => {
  let raw: Redis;
  let store: SessionStore;

  before(async () => {
    raw = new Redis(testService("redis"));
    store = await openStore("one");
  });
  after(async () => {
    raw.disconnect();
    await store.stop();
  });

  test("writes the hash that docs/sessions.md describes", async () => {
    const actorKey = `test:web:${randomUUID()}`;
    await store.apply([
      updateOf(actorKey, { id: "a", lastMs: 1_700_000_000_001, count: 7, life: 3 }),
    ]);
    const { due, ...hash } = await raw.hgetall(`sluice:s:{${actorKey}}`);
    assert.ok(Math.abs(Number(due) - idleMs(rules) - Date.now()) < 60_000, due);
    assert.deepEqual(hash, {
      sid: "a",
      idle: `${idleMs(rules)}`,
      entry: "page",
      exit: "page",
      start: "1700000000000",
      last: "1700000000001",
      n: "7",
      "w:one": "3:7",
    });
  });

  test("sets the time to live on the first write and afterwards only when it is due", async () => {
    const actorKey = `test:web:${randomUUID()}`;
    const key = `sluice:s:{${actorKey}}`;
    await store.apply([updateOf(actorKey, { id: "a", isRefreshDue: false })]);
    const firstMs = await raw.pttl(key);
    assert.ok(firstMs > 0 && firstMs <= timeToLiveMs(rules, { announces: false }), `${firstMs}`);
    await raw.pexpire(key, 60_000);
    await store.apply([updateOf(actorKey, { id: "a", count: 1, isRefreshDue: false })]);
    assert.ok((await raw.pttl(key)) <= 60_000);
    await store.apply([updateOf(actorKey, { id: "a", count: 2, isRefreshDue: true })]);
    assert.ok((await raw.pttl(key)) > 60_000);
  });

  test("lets Redis forget a session by itself", async () => {
    const brief = { rules: { gapMs: 20, graceMs: 5, lengthMsMax: 1_000 } };
    const quick = new RedisStore({ url: testService("redis"), writer: "one" });
    quick.start();
    const actorKey = `test:web:${randomUUID()}`;
    await until("written", async () => {
      const [answer] = await quick.apply([updateOf(actorKey, { id: "a", ...brief })]);
      return answer?.kind === "kept";
    });
    await until("expired", async () => (await raw.exists(`sluice:s:{${actorKey}}`)) === 0);
    await quick.stop();
  });

  test("goes on after the server's script cache was emptied", async () => {
    const actorKey = `test:web:${randomUUID()}`;
    const updates = [1, 2, 3].map((count) => updateOf(actorKey, { id: "a", count }));
    await store.apply(updates);
    await raw.script("FLUSH");
    const answers = await store.apply(updates);
    assert.deepEqual(
      answers.map((answer) => answer.kind),
      ["kept", "kept", "kept"],
    );
  });

  test("answers for a key that holds something else, without harm to the others", async () => {
    const actorKey = `test:web:${randomUUID()}`;
    await raw.set(`sluice:s:{${actorKey}}`, "not a hash", "PX", 60_000);
    const answers = await store.apply([
      updateOf(actorKey, { id: "a" }),
      updateOf(`${actorKey}-good`, { id: "b" }),
    ]);
    assert.deepEqual(
      answers.map((answer) => answer.kind),
      ["failed", "kept"],
    );
    assert.equal(answers[0]?.kind === "failed" && answers[0].reason, "refused");
  });

  test("holds two gateway processes to one id and to the sum of their counts", async () => {
    const tenant = `test-${randomUUID()}`;
    const stores = await Promise.all([openStore("p1"), openStore("p2")]);
    const rooms = stores.map(
      (each) => new SessionRoom({ store: each, rules, flushIntervalMs: 20 }),
    );
    await Promise.all(rooms.map((room) => room.start()));
    const timeMs = Date.now();
    const actors = Array.from({ length: 200 }, (_, index) => `actor-${index}`);
    const touch = (room: SessionRoom, actor: string) =>
      room.touch({ tenant, source: "web", actor, clientSessionId: "", timeMs });
    for (const actor of actors) {
      for (const room of rooms) {
        room.confirm(touch(room, actor).slot, 3);
      }
    }
    await until("both processes have written", () =>
      rooms.every((room) => room.stats().dirty === 0 && !room.stats().isInFlight),
    );
    for (const actor of actors) {
      const [one, two] = rooms.map((room) => touch(room, actor));
      assert.equal(one?.id, two?.id);
      assert.equal(one?.provisional, false);
      const [sid, n] = await raw.hmget(`sluice:s:{${tenant}:web:${actor}}`, "sid", "n");
      assert.deepEqual([sid, n], [one?.id, "6"]);
    }
    assert.equal(
      rooms.reduce((sum, room) => sum + room.stats().adopted, 0),
      actors.length,
    );
    await Promise.all(rooms.map((room) => room.stop()));
  });
});
