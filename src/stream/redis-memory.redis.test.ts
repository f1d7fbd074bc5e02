/** The memory in a real Redis: its scripts do as the rules say, and its keys are as documented. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { Redis } from "ioredis";

import { testService } from "../../test/services.ts";
import { systemClock } from "../lib/clock.ts";
import { RedisMemory } from "./redis-memory.ts";
import type { MemoryListener, StreamMemory } from "./stream-memory.ts";
import { describeMemory } from "./testing/memory-contract.ts";
import { streamKey } from "./testing/holders.ts";
import { streamKeyText } from "./stream-record.ts";

const TTL_SECONDS = 600;

const DEAF: MemoryListener = {
  releaseAsked: () => {},
  handedOver: () => {},
  reconnected: () => {},
  secretFound: () => {},
};

async function openMemory(listener = DEAF): Promise<StreamMemory> {
  const memory = new RedisMemory({
    url: testService("redis"),
    ttlSeconds: TTL_SECONDS,
    clock: systemClock,
    secretOffered: null,
  });
  await memory.start(listener);
  return memory;
}

describeMemory({ name: "RedisMemory", open: openMemory });

describe("RedisMemory on a real Redis", () => {
  let raw: Redis;
  before(() => {
    raw = new Redis(testService("redis"));
  });
  after(() => raw.disconnect());

  test("keeps a stream as docs/protocol.md says", async () => {
    const memory = await openMemory();
    const key = streamKeyText(streamKey());
    const { owner } = memory;
    await memory.claim({ key, owner, epochMin: 7, hasProof: false, birth: "b" });
    const exc = [{ seq: 57, code: "bad_id" as const }];
    const record = { done: 55, sack: [[57, 58]] as const, exc, doubtBelow: 61 };
    await memory.save([{ key, owner, epoch: 7, record, isLast: false, birth: "b" }]);
    const { seen, ...hash } = await raw.hgetall(`sluice:st:{${key}}`);
    assert.deepEqual(hash, {
      birth: "b",
      epoch: "7",
      owner,
      done: "55",
      sack: "[[57,58]]",
      exc: '[{"seq":57,"code":"bad_id"}]',
      doubt: "61",
      waits: "",
    });
    assert.ok(Math.abs(Number(seen) - Date.now()) < 60_000);
    const ttl = await raw.ttl(`sluice:st:{${key}}`);
    assert.ok(ttl > 0 && ttl <= TTL_SECONDS, `${ttl}`);
    await raw.expire(`sluice:st:{${key}}`, 10);
    await memory.save([{ key, owner, epoch: 7, record, isLast: true, birth: "b" }]);
    assert.ok((await raw.ttl(`sluice:st:{${key}}`)) > 10);
    await memory.stop();
  });

  test("a hash that is not ours is read as nothing but doubt", async () => {
    const memory = await openMemory();
    for (const fields of [
      { sack: "[[1]" },
      { sack: "[1]" },
      { exc: '[{"seq":1}]' },
      { done: "x" },
    ]) {
      const key = streamKeyText(streamKey());
      await raw.hset(`sluice:st:{${key}}`, { epoch: "5", owner: "", done: "3", ...fields });
      const claim = { key, owner: memory.owner, epochMin: 1, hasProof: true, birth: "b" };
      const answer = await memory.claim(claim);
      assert.equal(answer.kind === "claimed" && answer.record?.done, 0, JSON.stringify(fields));
      assert.ok(answer.kind === "claimed" && (answer.record?.doubtBelow ?? 0) > 1e15);
    }
    await memory.stop();
  });

  test("an unknown script is made known again", async () => {
    const memory = await openMemory();
    await raw.script("FLUSH");
    const key = streamKeyText(streamKey());
    const { owner } = memory;
    const answer = await memory.claim({ key, owner, epochMin: 1, hasProof: true, birth: "b" });
    assert.equal(answer.kind, "claimed");
    await memory.stop();
  });

  test("a process shows that it lives, until it stops", async () => {
    const [memory, other] = [await openMemory(), await openMemory()];
    assert.equal(await other.isAlive(memory.owner), true);
    assert.equal(await other.isAlive("nobody"), false);
    await memory.stop();
    assert.equal(await other.isAlive(memory.owner), false);
    await other.stop();
  });
});
