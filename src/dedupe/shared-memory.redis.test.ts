import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, describe, it } from "node:test";

import { startInstance } from "../../scripts/services/control.mjs";
import { testService } from "../../test/services.ts";
import { systemClock } from "../lib/clock.ts";
import { RedisMemory } from "./shared-memory.ts";

describe("RedisMemory", () => {
  const opened: RedisMemory[] = [];

  async function open(url = testService("redis")) {
    const counts: Record<string, number> = {};
    const count = (result: string, by: number): void => {
      counts[result] = (counts[result] ?? 0) + by;
    };
    const told = Promise.withResolvers<void>();
    const states: boolean[] = [];
    const memory = new RedisMemory({
      url,
      clock: systemClock,
      onState: (isUp) => {
        states.push(isUp);
        told.resolve();
      },
      onLookUp: count,
      onRemember: count,
    });
    opened.push(memory);
    memory.start();
    await told.promise;
    return { memory, counts, states };
  }

  /** Writes are behind: looks until one is there. */
  async function found(memory: RedisMemory, key: string): Promise<string> {
    for (;;) {
      const [value] = await memory.find([key]);
      if (typeof value === "string") return value;
      // While it is not asked it answers at once: a connection has to get its turn.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  after(() => Promise.all(opened.map((memory) => memory.stop())));

  it("tells others what one remembers, until it is over", async () => {
    const [here, there] = [await open(), await open()];
    const key = `sluice:test:${randomUUID()}`;
    assert.deepEqual(await there.memory.find([key, `${key}-other`]), [null, null]);
    here.memory.remember(key, { value: "v", ttlMs: 300 });
    assert.equal(await found(there.memory, key), "v");
    while ((await there.memory.find([key]))[0] !== null);
    assert.equal(here.counts["written"], 1);
    assert.ok((there.counts["absent"] ?? 0) >= 3);
  });

  it("answers each of many who ask in one turn with his own", async () => {
    const { memory } = await open();
    const keys = Array.from({ length: 50 }, (_, n) => `sluice:test:${randomUUID()}:${n}`);
    for (const key of keys) memory.remember(key, { value: key, ttlMs: 10_000 });
    await Promise.all(keys.map((key) => found(memory, key)));
    const answers = await Promise.all(keys.map((key) => memory.find([key, "sluice:test:none"])));
    assert.deepEqual(
      answers,
      keys.map((key) => [key, null]),
    );
  });

  it("is not asked where Redis is away, and drops what it cannot write", async () => {
    const { memory, counts } = await open("redis://127.0.0.1:9");
    assert.equal(memory.isAsked, false);
    assert.deepEqual(await memory.find(["sluice:a"]), [null]);
    memory.remember("sluice:a", { value: "v", ttlMs: 1_000 });
    assert.deepEqual(counts, { unknown: 1, dropped: 1 });
  });

  it("keeps nobody waiting for a Redis that stands still, and heals", async () => {
    await using redis = await startInstance("redis");
    const { memory, states } = await open(redis.address);
    memory.remember("sluice:a", { value: "v", ttlMs: 60_000 });
    await found(memory, "sluice:a");
    await redis.suspend();
    assert.deepEqual(await memory.find(["sluice:a"]), [null]);
    assert.equal(memory.isAsked, false, "for a while");
    redis.resume();
    assert.equal(await found(memory, "sluice:a"), "v");
    await redis.kill();
    while (states.at(-1) === true) await new Promise(setImmediate);
    assert.deepEqual(await memory.find(["sluice:a"]), [null]);
    await redis.start();
    while (!memory.isAsked) await new Promise((resolve) => setTimeout(resolve, 10));
    memory.remember("sluice:b", { value: "w", ttlMs: 60_000 });
    assert.equal(await found(memory, "sluice:b"), "w");
  });

  it("counts what a full or read-only Redis refuses as failed", async () => {
    await using redis = await startInstance("redis", { settings: { maxmemory: "1" } });
    const { memory, counts } = await open(redis.address);
    memory.remember("sluice:a", { value: "v", ttlMs: 60_000 });
    while (counts["failed"] === undefined) await new Promise(setImmediate);
    assert.deepEqual(await memory.find(["sluice:a"]), [null]);
  });
});
