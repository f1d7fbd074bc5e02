/** Streams change hands between processes through a real Redis, and when it or a process dies. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { Redis } from "ioredis";

import { testService } from "../../test/services.ts";
import { TcpProxy } from "../../test/tcp-proxy.ts";
import { freePort } from "../../test/free-port.ts";
import { startPrivateRedis, until } from "../session/testing/private-redis.ts";
import { systemClock } from "../lib/clock.ts";
import type { Clock } from "../lib/clock.ts";
import { HAND_OVER_WAIT_MS } from "../limits/streams.ts";
import { createStreamStore } from "./create-store.ts";
import type { StreamMemoryChoice } from "./create-store.ts";
import type {
  ClaimRequest,
  StreamKey,
  StreamRecord,
  StreamStore,
  StreamStoreEvent,
} from "./store.ts";
import { FakeHolder, claimed, leaseOf, streamKey } from "./testing/holders.ts";
import { streamKeyText } from "./stream-record.ts";

const BIRTH = "0123456789ab";
const RECORD: StreamRecord = { done: 55, sack: [[57, 58]], exc: [{ seq: 57, code: "bad_id" }] };

interface Opened {
  readonly store: StreamStore;
  readonly events: StreamStoreEvent[];
  /** How often it has begun to wait for another process. */
  readonly waits: () => number;
  claim(key: StreamKey, change?: Partial<ClaimRequest>): ReturnType<StreamStore["claim"]>;
}

async function open(url = testService("redis"), quick = {}): Promise<Opened> {
  const memory: StreamMemoryChoice = { kind: "redis", url, ...quick };
  const events: StreamStoreEvent[] = [];
  let waits = 0;
  const clock: Clock = {
    nowMs: () => systemClock.nowMs(),
    monotonicMs: () => systemClock.monotonicMs(),
    after: (ms, action, options) => {
      if (ms === HAND_OVER_WAIT_MS) waits += 1;
      return systemClock.after(ms, action, options);
    },
  };
  const store = createStreamStore({ memory, clock, onEvent: (event) => void events.push(event) });
  await store.start();
  return {
    store,
    events,
    waits: () => waits,
    claim: (key, change) =>
      store.claim({ key, hasProof: true, holder: new FakeHolder(), ...change }),
  };
}

const QUICK = { deadlineMs: 300, heartbeatMs: 50, heartbeatTtlMs: 4_000, reconnectMsMax: 100 };

describe("two processes at one Redis", () => {
  let one: Opened;
  let two: Opened;
  let raw: Redis;
  before(async () => {
    [one, two] = await Promise.all([open(), open()]);
    raw = new Redis(testService("redis"));
  });
  after(async () => {
    await Promise.all([one.store.stop(), two.store.stop()]);
    raw.disconnect();
  });

  test("a released stream is carried on elsewhere, with a higher epoch", async () => {
    const key = streamKey();
    const lease = leaseOf(await one.claim(key, { hasProof: false }));
    await lease.release(RECORD);
    const claim = claimed(await two.claim(key));
    assert.deepEqual(claim.record, RECORD);
    assert.equal(claim.isClean, true);
    assert.ok(claim.lease.epoch > lease.epoch);
    assert.equal((await one.claim(key, { hasProof: false })).kind, "denied");
  });

  test("a holder elsewhere is asked, releases what it knows last, and is superseded", async () => {
    const key = streamKey();
    const holder = new FakeHolder(RECORD);
    holder.isSlow = true;
    const lease = leaseOf(await one.claim(key, { holder }));
    const pending = two.claim(key);
    await until("it is asked", () => holder.asked === 1);
    assert.equal(lease.isSuperseded, true);
    holder.letGo();
    const claim = claimed(await pending);
    assert.deepEqual(claim.record, RECORD);
    assert.equal(claim.isClean, true);
    assert.equal(one.store.stats().held, 0);
  });

  test("a holder that is late leaves doubt, and writes nothing over the new one", async () => {
    const key = streamKey();
    const late = new FakeHolder({ done: 60, sack: [], exc: [] });
    late.isSlow = true;
    await one.claim(key, { holder: late });
    const claim = claimed(await two.claim(key, { next: 61 }));
    assert.equal(claim.isClean, false);
    assert.equal(claim.record?.doubtBelow, 61);
    assert.ok(two.events.some((event) => event.kind === "handed_over" && !event.isClean));
    late.letGo();
    await claim.lease.release({ done: 7, sack: [], exc: [] });
    assert.equal(await raw.hget(`sluice:st:{${streamKeyText(key)}}`, "done"), "7");
  });

  test("a superseded owner that was not reached finds out when it saves", async () => {
    const key = streamKey();
    const holder = new FakeHolder();
    const lease = leaseOf(await one.claim(key, { holder }));
    await raw.hset(`sluice:st:{${streamKeyText(key)}}`, {
      epoch: `${lease.epoch + 5}`,
      owner: "somebody",
    });
    lease.changed(() => RECORD);
    await until("superseded", () => lease.isSuperseded && holder.asked === 1);
    assert.equal(await raw.hget(`sluice:st:{${streamKeyText(key)}}`, "done"), null);
  });

  test("three processes at once: one holds it in the end, epochs differ", async () => {
    const three = await open();
    const key = streamKey();
    const claims = await Promise.all(
      [one, two, three, one, two, three].map((each) => each.claim(key)),
    );
    const leases = claims.map(leaseOf);
    await until("one holds it", () => leases.filter((lease) => !lease.isSuperseded).length === 1);
    const epochs = leases.map(({ epoch }) => epoch).filter((epoch) => epoch > 0);
    assert.equal(new Set(epochs).size, epochs.length);
    await three.store.stop();
  });

  test("tokens of one process prove in the other; a set secret is not told to Redis", async () => {
    const key = streamKey();
    await until("one secret", () => two.store.birthIn(key, one.store.token(key, BIRTH)) === BIRTH);
    await until("both ways", () => one.store.birthIn(key, two.store.token(key, BIRTH)) === BIRTH);
    const memory: StreamMemoryChoice = { kind: "redis", url: testService("redis") };
    const own = createStreamStore({ memory, secret: "set by the operator" });
    await own.start();
    assert.equal(own.birthIn(key, one.store.token(key, BIRTH)), null);
    assert.notEqual(await raw.get("sluice:stream-secret"), "set by the operator");
    await own.stop();
  });

  test("a stopped process writes what it holds, and leaves doubt for what was in flight", async () => {
    const three = await open();
    const key = streamKey();
    leaseOf(await three.claim(key)).changed(() => RECORD);
    await three.store.stop();
    const claim = claimed(await one.claim(key, { next: 70 }));
    assert.equal(claim.isClean, false);
    assert.deepEqual(claim.record, { ...RECORD, doubtBelow: 70 });
  });
});

describe("a process that is killed", () => {
  async function startOwner(url: string, key: StreamKey): Promise<ChildProcess> {
    const program = fileURLToPath(new URL("./testing/owner-process.ts", import.meta.url));
    const id = Buffer.from(key.stream).toString("hex");
    const child = spawn(process.execPath, [program, url, id], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    assert.ok(child.stdout !== null);
    await once(child.stdout, "data");
    return child;
  }

  test("while it lives it hands over; once it is dead nobody waits for it, in doubt", async () => {
    const server = await startPrivateRedis();
    const here = await open(server.url, QUICK);
    const [living, dying] = [streamKey(), streamKey()];
    const children = [await startOwner(server.url, living), await startOwner(server.url, dying)];
    try {
      const clean = claimed(await here.claim(living));
      assert.equal(clean.isClean, true);
      assert.deepEqual(clean.record, { done: 7, sack: [], exc: [] });
      const [, victim] = children;
      victim?.kill("SIGKILL");
      await until("its heartbeat expires", async () => {
        return (await server.admin.keys("sluice:node:*")).length === 2;
      });
      const waits = here.waits();
      assert.ok(waits > 0, "it waited for the living one");
      const claim = claimed(await here.claim(dying, { next: 9 }));
      assert.equal(here.waits(), waits, "nobody waited for the dead");
      assert.equal(claim.isClean, false);
      assert.deepEqual(claim.record, { done: 3, sack: [], exc: [], doubtBelow: 9 });
    } finally {
      for (const child of children) child.kill("SIGKILL");
      await here.store.stop();
      await server.kill();
    }
  });
});

describe("Redis in trouble", () => {
  test("absent: streams are claimed at once, alone, with epochs that grow; told when it comes", async () => {
    const port = await freePort();
    const here = await open(`redis://127.0.0.1:${port}`, QUICK);
    const key = streamKey();
    const first = claimed(await here.claim(key, { hasProof: false }));
    assert.deepEqual([first.record, first.isClean], [null, false]);
    const [second] = [claimed(await here.claim(key))];
    assert.ok(second.lease.epoch > first.lease.epoch && first.lease.isSuperseded);
    second.lease.changed(() => RECORD);
    const server = await startPrivateRedis({ port });
    const hash = `sluice:st:{${streamKeyText(key)}}`;
    await until("told", async () => (await server.admin.hget(hash, "done")) === "55");
    assert.equal(await server.admin.hget(hash, "epoch"), `${second.lease.epoch}`);
    await until("said", () => here.events.some(({ kind }) => kind === "healed"));
    await here.store.stop();
    await server.kill();
  });

  test("killed in between and back empty: leases stay, records come back, others can claim", async () => {
    const server = await startPrivateRedis();
    const [here, there] = [await open(server.url, QUICK), await open(server.url, QUICK)];
    const key = streamKey();
    const lease = leaseOf(await here.claim(key, { holder: new FakeHolder(RECORD) }));
    lease.changed(() => RECORD);
    await server.kill();
    const alone = claimed(await there.claim(streamKey()));
    assert.equal(alone.isClean, false);
    assert.equal(lease.isSuperseded, false);
    const again = await startPrivateRedis({ port: server.port });
    const hash = `sluice:st:{${streamKeyText(key)}}`;
    await until("restored", async () => (await again.admin.hget(hash, "done")) === "55");
    await until("both are back", async () => {
      const channels = await again.admin.pubsub("CHANNELS", "sluice:to:*");
      return channels.length === 2 && (await again.admin.keys("sluice:node:*")).length === 2;
    });
    const claim = claimed(await there.claim(key));
    assert.deepEqual([claim.record, claim.isClean], [RECORD, true]);
    assert.ok(claim.lease.epoch > lease.epoch && lease.isSuperseded);
    await Promise.all([here.store.stop(), there.store.stop()]);
    await again.kill();
  });

  test("claimed on both sides of an outage: the newer epoch wins when it heals", async () => {
    const server = await startPrivateRedis();
    const proxy = await TcpProxy.start({ host: "127.0.0.1", port: server.port });
    const here = await open(server.url, QUICK);
    const there = await open(`redis://127.0.0.1:${proxy.port}`, QUICK);
    const key = streamKey();
    const holder = new FakeHolder({ done: 10, sack: [], exc: [] });
    const old = leaseOf(await here.claim(key, { holder }));
    await until("the next second", () => Date.now() / 1_000 > old.epoch + 1);
    proxy.cut();
    const alone = claimed(await there.claim(key));
    assert.ok(!alone.isClean && alone.lease.epoch > old.epoch && !old.isSuperseded);
    alone.lease.changed(() => ({ done: 12, sack: [], exc: [] }));
    proxy.restore();
    await until("the old one is told", () => old.isSuperseded && holder.asked === 1);
    assert.equal(alone.lease.isSuperseded, false);
    const hash = `sluice:st:{${streamKeyText(key)}}`;
    await until(
      "the new one is known",
      async () => (await server.admin.hget(hash, "done")) === "12",
    );
    await Promise.all([here.store.stop(), there.store.stop()]);
    await proxy.stop();
    await server.kill();
  });

  for (const [name, reason, breakIt, mend] of [
    [
      "out of memory",
      "oom",
      (admin: Redis) => admin.config("SET", "maxmemory", "1"),
      (admin: Redis) => admin.config("SET", "maxmemory", "0"),
    ],
    [
      "turned into a replica",
      "readonly",
      (admin: Redis) => admin.replicaof("127.0.0.1", "1"),
      (admin: Redis) => admin.replicaof("NO", "ONE"),
    ],
    [
      "paused",
      "timeout",
      (admin: Redis) => admin.client("PAUSE", 4_000, "ALL"),
      () => Promise.resolve(),
    ],
  ] as const) {
    test(`${name}: claims go on alone, it is said why, and what is owed is written`, async () => {
      const server = await startPrivateRedis();
      const here = await open(server.url, QUICK);
      const [held, later] = [streamKey(), streamKey()];
      const lease = leaseOf(await here.claim(held));
      await breakIt(server.admin);
      const alone = claimed(await here.claim(later));
      assert.equal(alone.isClean, false);
      await lease.release(RECORD);
      await until(`said ${reason}`, () =>
        here.events.some((event) => event.kind === "degraded" && event.reason === reason),
      );
      await mend(server.admin);
      for (const [key, owed] of [
        [held, "55"],
        [later, "0"],
      ] as const) {
        const hash = `sluice:st:{${streamKeyText(key)}}`;
        await until(
          `written: ${owed}`,
          async () => (await server.admin.hget(hash, "done")) === owed,
        );
      }
      await until("nothing is owed", () => here.store.stats().pendingSaves === 0);
      await here.store.stop();
      await server.kill();
    });
  }
});
