import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, describe, it } from "node:test";

import { startInstance } from "../../scripts/services/control.mjs";
import { testService } from "../../test/services.ts";
import { systemClock } from "../lib/clock.ts";
import { SHARED_FLUSH_MS } from "../limits/repeats.ts";
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

  /**
   * Writes are behind, and dropped while a busy machine has lost the connection: written and looked
   * for until it is there.
   */
  async function tell(
    writer: RedisMemory,
    key: string,
    { value = "v", ttlMs = 60_000, reader = writer } = {},
  ): Promise<void> {
    for (;;) {
      writer.remember(key, { value, ttlMs });
      await new Promise((resolve) => setTimeout(resolve, SHARED_FLUSH_MS + 10));
      const [found] = await reader.find([key]);
      if (found === value) return;
    }
  }

  after(() => Promise.all(opened.map((memory) => memory.stop())));

  it("tells others what one remembers, until it is over", async () => {
    const [here, there] = [await open(), await open()];
    const key = `sluice:test:${randomUUID()}`;
    assert.deepEqual(await there.memory.find([key, `${key}-other`]), [null, null]);
    await tell(here.memory, key, { ttlMs: 300, reader: there.memory });
    while ((await there.memory.find([key]))[0] !== null) await new Promise(setImmediate);
    assert.ok((here.counts["written"] ?? 0) >= 1);
    assert.ok((there.counts["found"] ?? 0) >= 1);
  });

  it("answers each of many who ask in one turn with his own", async () => {
    const { memory } = await open();
    const keys = Array.from({ length: 50 }, (_, n) => `sluice:test:${randomUUID()}:${n}`);
    await Promise.all(keys.map((key) => tell(memory, key, { value: key })));
    const ask = () => Promise.all(keys.map((key) => memory.find([key, "sluice:test:none"])));
    let answers = await ask();
    // A connection that a busy machine has lost answers nothing.
    while (answers.some(([value]) => value === null)) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      answers = await ask();
    }
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
    await tell(memory, "sluice:a");
    await redis.suspend();
    assert.deepEqual(await memory.find(["sluice:a"]), [null]);
    assert.equal(memory.isAsked, false, "for a while");
    redis.resume();
    await tell(memory, "sluice:a");
    await redis.kill();
    while (states.at(-1) === true) await new Promise(setImmediate);
    assert.deepEqual(await memory.find(["sluice:a"]), [null]);
    await redis.start();
    await tell(memory, "sluice:b", { value: "w" });
  });

  it("counts what a full or read-only Redis refuses as failed", async () => {
    await using redis = await startInstance("redis", { settings: { maxmemory: "1" } });
    const { memory, counts } = await open(redis.address);
    while (counts["failed"] === undefined) {
      memory.remember("sluice:a", { value: "v", ttlMs: 60_000 });
      await new Promise((resolve) => setTimeout(resolve, SHARED_FLUSH_MS));
    }
    assert.deepEqual(await memory.find(["sluice:a"]), [null]);
  });
});
