/**
 * Redis failing in each of its ways, on a real server started for the purpose: nothing is thrown,
 * events keep their sessions, the failure is counted under its reason, and what was counted arrives
 * once the server is well again.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";

import { RedisStore } from "./redis-store.ts";
import { DEFAULT_SESSION_RULES } from "./rules.ts";
import { SessionRoom } from "./session-room.ts";
import { createSessions } from "./sessions.ts";
import type { StoreFailure } from "./store.ts";
import { freePort } from "../../test/free-port.ts";
import { startPrivateRedis, until } from "./testing/private-redis.ts";
import type { PrivateRedis } from "./testing/private-redis.ts";

const rules = DEFAULT_SESSION_RULES;
const KEY = "sluice:s:{demo:web:a}";

function openRoom(url: string, writer = "one"): SessionRoom {
  const store = new RedisStore({ url, writer, deadlineMs: 300, reconnectMsMax: 200 });
  return new SessionRoom({ store, rules, flushIntervalMs: 20 });
}

function sendEvents(room: SessionRoom, count: number): string {
  let id = "";
  for (let index = 0; index < count; index += 1) {
    const event = { tenant: "demo", source: "web", actor: "a", clientSessionId: "" };
    const session = room.touch({ ...event, timeMs: Date.now() });
    room.confirm(session.slot, 1);
    id = session.id;
  }
  return id;
}

async function failsWith(room: SessionRoom, reason: StoreFailure): Promise<void> {
  await until(`a failure counted as ${reason}`, () => room.stats().failures[reason] > 0);
}

async function storedCount(server: PrivateRedis, count: number): Promise<void> {
  await until(`${count} events are counted`, async () => {
    return Number(await server.admin.hget(KEY, "n")) === count;
  });
}

/** Runs with a server and a started room whose first event is stored. */
async function withRoom(
  run: (server: PrivateRedis, room: SessionRoom) => Promise<void>,
  settings: readonly string[] = [],
): Promise<void> {
  const server = await startPrivateRedis({ settings });
  const room = openRoom(server.url);
  try {
    await room.start();
    sendEvents(room, 1);
    await storedCount(server, 1);
    await run(server, room);
  } finally {
    await room.stop();
    await server.kill();
  }
}

describe("Redis", () => {
  test("row 21: killed and back empty: ids stay, counts are restored in full", async () => {
    await withRoom(async (server, room) => {
      const id = sendEvents(room, 1);
      await server.kill();
      assert.equal(sendEvents(room, 100), id);
      await failsWith(room, "down");
      const again = await startPrivateRedis({ port: server.port });
      try {
        await storedCount(again, 102);
        assert.equal(await again.admin.hget(KEY, "sid"), id);
        await until("healed", () => !room.stats().isFailing);
      } finally {
        await again.kill();
      }
    });
  });

  test("absent at start: events get provisional ids at once, confirmed when it comes", async () => {
    const port = await freePort();
    const room = openRoom(`redis://127.0.0.1:${port}`);
    await room.start();
    const id = sendEvents(room, 5);
    await failsWith(room, "down");
    const event = { tenant: "demo", source: "web", actor: "a", clientSessionId: "" };
    assert.equal(room.touch({ ...event, timeMs: Date.now() }).provisional, true);
    const server = await startPrivateRedis({ port });
    await storedCount(server, 5);
    await until("agreed", () => !room.touch({ ...event, timeMs: Date.now() }).provisional);
    assert.equal(await server.admin.hget(KEY, "sid"), id);
    await room.stop();
    await server.kill();
  });

  test("row 22: paused (CLIENT PAUSE): pipelines time out, nothing is counted twice", async () => {
    await withRoom(async (server, room) => {
      await server.admin.client("PAUSE", 4_000, "ALL");
      sendEvents(room, 10);
      await failsWith(room, "timeout");
      sendEvents(room, 10);
      await storedCount(server, 21);
      await until("healed", () => !room.stats().isFailing && room.stats().dirty === 0);
      assert.equal(await server.admin.hget(KEY, "n"), "21");
    });
  });

  test("row 23: out of memory (noeviction): counted as oom, nothing is lost", async () => {
    await withRoom(async (server, room) => {
      await server.admin.config("SET", "maxmemory", "1");
      sendEvents(room, 10);
      await failsWith(room, "oom");
      await server.admin.config("SET", "maxmemory", "0");
      await storedCount(server, 11);
    });
  });

  test("row 23: turned into a replica: counted as readonly, healed when it is primary again", async () => {
    await withRoom(async (server, room) => {
      await server.admin.replicaof("127.0.0.1", `${await freePort()}`);
      sendEvents(room, 10);
      await failsWith(room, "readonly");
      await server.admin.replicaof("NO", "ONE");
      await storedCount(server, 11);
    });
  });

  test("row 24: a failover that loses the last writes: the next change restores the counts", async () => {
    await withRoom(async (server, room) => {
      const follower = await startPrivateRedis();
      await follower.admin.replicaof("127.0.0.1", `${server.port}`);
      await until("replicated", async () => (await follower.admin.hget(KEY, "n")) === "1");
      // What is written from here on never reaches the one that takes over.
      await follower.admin.replicaof("NO", "ONE");
      const id = sendEvents(room, 10);
      await storedCount(server, 11);
      await server.kill();
      const next = await startPrivateRedis({
        port: server.port,
        settings: ["--replicaof", "127.0.0.1", `${follower.port}`],
      });
      try {
        await until("it has the old state", async () => (await next.admin.hget(KEY, "n")) === "1");
        await next.admin.replicaof("NO", "ONE");
        assert.equal(sendEvents(room, 1), id);
        await storedCount(next, 12);
        assert.equal(await next.admin.hget(KEY, "sid"), id);
      } finally {
        await next.kill();
        await follower.kill();
      }
    });
  });

  test("row 23: loading its data: counted as loading, healed when it has loaded", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sluice-redis-"));
    const settings = ["--dir", directory];
    const first = await startPrivateRedis({ settings });
    await first.admin.eval("for i = 1, 5000 do redis.call('SET', 'k' .. i, i) end", 0);
    await first.admin.save();
    await first.kill();
    const slow = [
      ...settings,
      "--key-load-delay",
      "1000",
      "--loading-process-events-interval-bytes",
      "1024",
    ];
    const server = await startPrivateRedis({ port: first.port, settings: slow });
    const room = openRoom(server.url);
    await room.start();
    sendEvents(room, 3);
    await failsWith(room, "loading");
    await storedCount(server, 3);
    await room.stop();
    await server.kill();
    await rm(directory, { recursive: true });
  });

  test("refusing the password: counted as auth, healed when it is put right", async () => {
    await withRoom(async (server, room) => {
      const { username, password } = { username: "sluice", password: "p:w/%" };
      const url = `redis://${username}:${encodeURIComponent(password)}@127.0.0.1:${server.port}/0`;
      const guarded = openRoom(url, "two");
      await guarded.start();
      sendEvents(guarded, 4);
      await failsWith(guarded, "auth");
      await server.admin.acl("SETUSER", username, "on", `>${password}`, "~sluice:*", "+@all");
      await storedCount(server, 5);
      await guarded.stop();
      assert.equal(room.stats().failures.auth, 0);
    });
  });

  test("forbidding the keys (ACL): counted as auth, healed when they are allowed", async () => {
    await withRoom(async (server) => {
      await server.admin.acl("SETUSER", "mean", "on", ">secret", "~other:*", "+@all");
      const room = openRoom(`redis://mean:secret@127.0.0.1:${server.port}`, "two");
      await room.start();
      sendEvents(room, 2);
      await failsWith(room, "auth");
      await server.admin.acl("SETUSER", "mean", "~sluice:*");
      await storedCount(server, 3);
      await room.stop();
    });
  });

  test("closing every connection again and again: all counts arrive, once", async () => {
    await withRoom(async (server, room) => {
      for (let round = 0; round < 20; round += 1) {
        sendEvents(room, 50);
        await server.admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
        const { flushes } = room.stats();
        await until("another attempt", () => room.stats().flushes > flushes);
      }
      await storedCount(server, 1_001);
      await until("nothing is owed", () => room.stats().dirty === 0);
      assert.equal(await server.admin.hget(KEY, "n"), "1001");
    });
  });

  test("never answering (a port that only accepts): stop ends all the same", async () => {
    const server = await startPrivateRedis();
    const { sessions } = createSessions({
      store: { kind: "redis", url: server.url },
      flushIntervalMs: 20,
    });
    await sessions.start();
    await server.admin.client("PAUSE", 60_000, "ALL");
    const event = { tenant: "demo", source: "web", actor: "a", clientSessionId: "" };
    sessions.confirm(sessions.touch({ ...event, timeMs: Date.now() }).slot, 1);
    await sessions.stop();
    assert.equal(sessions.stats().updatesLost, 1);
    await server.kill();
  });
});
