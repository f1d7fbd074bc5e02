/** How much a feed tells in one turn of the event loop, whoever listens: it is bounded. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { makeHeader } from "../consumer/testing/make-header.ts";
import type { KafkaRecord, Portion } from "../delivery/topic-reader.ts";
import { systemClock } from "../lib/clock.ts";
import { LIVE_SHARD_SUBSCRIBERS, LIVE_TURN_BYTES, LIVE_WRITE_BYTES } from "../limits/live.ts";
import { ValueDecoder } from "../schema/value-decoder.ts";
import { Allowance } from "./allowance.ts";
import { roomName, roomOf } from "./channels.ts";
import { Feed } from "./feed.ts";

const SHARDS = 40;
const WRITES_MAX = LIVE_TURN_BYTES / LIVE_WRITE_BYTES + LIVE_SHARD_SUBSCRIBERS;

const header = makeHeader({
  tenant: "acme",
  type: "alert",
  id: "e",
  receivedAtMs: 0,
  eventTimeMs: 0,
});

function record(offset: number): KafkaRecord {
  const place = { topic: "alerts", partition: 0, offset, timestampMs: 0 };
  return { ...place, key: null, value: null, headers: [["sluice", header]] };
}

/** A feed of these portions, which ends after them, with as many in each of these shards. */
async function told(portions: readonly Portion[], listening: readonly number[]) {
  let writes = 0;
  const turns: number[] = [];
  const heard = new Map<number, string[]>();
  const left = [...portions];
  const soon = (action: () => void): void => {
    setImmediate(() => {
      if (writes > 0) turns.push(writes);
      writes = 0;
      action();
    });
  };
  // No turn ends because its time is over.
  const clock = { ...systemClock, monotonicMs: () => 0 };
  const listeners = (shard: number): number =>
    listening.includes(shard) ? LIVE_SHARD_SUBSCRIBERS : 0;
  const feed: Feed = new Feed(
    {
      decoder: new ValueDecoder({ schemaById: () => Promise.reject(new Error("no schema")) }),
      // Nothing has to be paid for.
      allowance: new Allowance({ share: 1_000, clock, soon, utilization: () => 0 }),
      clock,
      latestMs: 1_000,
      publish: (channel) => {
        const shard = Number(channel.split(".")[1]);
        heard.set(shard, [...(heard.get(shard) ?? []), "event"]);
        writes += listeners(shard);
      },
      onRecord: () => {},
      onDeliveries: () => {},
      shards: () => SHARDS,
      unlookedBytes: () => Infinity,
      beforeShard: () => {},
      onGap: (_, { shard, gaps }) => {
        assert.equal(feed.positionsOf(shard).get(0), gaps[0]?.from, "it is told first");
        heard.set(shard, [...(heard.get(shard) ?? []), "gap"]);
        writes += listeners(shard);
        return listeners(shard);
      },
      onFailure: (_, reason) => assert.fail(reason),
    },
    "alerts",
    {
      ranges: [{ partition: 0, high: 0 }],
      offsetsAt: () => Promise.resolve(new Map()),
      endsNow: () => Promise.resolve(new Map()),
      assign: () => {},
      take: () => {
        const portion = left.shift();
        if (portion === undefined) feed.stop();
        return Promise.resolve(portion ?? { loss: null, records: [], ends: [] });
      },
      knownEnds: () => new Map(),
      rangesNow: () => Promise.resolve([]),
      findNew: () => Promise.resolve([]),
      close: () => Promise.resolve(),
    },
  );
  const channel = feed.channels.open({ tenant: "acme", type: "alert", key: null, filter: null });
  for (const shard of listening) roomOf(channel, shard).listeners = listeners(shard);
  assert.equal(roomName(channel, 3).split(".")[1], "3");
  await feed.run();
  if (writes > 0) turns.push(writes);
  return { turns, heard, feed };
}

const all = Array.from({ length: SHARDS }, (_, shard) => shard);

test("an event for all, then a gap for all: some shards in each turn, each once", async () => {
  const loss = { partition: 0, from: 1, to: 9, reason: "retention" } as const;
  const portions = [
    { loss: null, records: [record(0)], ends: [] },
    { loss, records: [], ends: [] },
  ];
  const { turns, heard, feed } = await told(portions, all);
  assert.ok(Math.max(...turns) <= WRITES_MAX, turns.join(" "));
  assert.equal(
    turns.reduce((sum, writes) => sum + writes, 0),
    2 * SHARDS * LIVE_SHARD_SUBSCRIBERS,
  );
  for (const shard of all) assert.deepEqual(heard.get(shard), ["event", "gap"]);
  assert.equal(feed.positions.get(0), 9);
});

test("long events for all: fewer shards in each turn", async () => {
  const records = Array.from({ length: 150 }, (_, offset) => record(offset));
  const { turns, heard, feed } = await told([{ loss: null, records, ends: [] }], all);
  assert.equal(feed.positions.get(0), 150);
  for (const shard of all) assert.equal(heard.get(shard)?.length, 150);
  assert.ok(Math.max(...turns) < 150 * WRITES_MAX * 0.75, turns.join(" "));
});

test("an event for one shard of many: one turn", async () => {
  const { turns, heard, feed } = await told(
    [{ loss: null, records: [record(0)], ends: [] }],
    [SHARDS - 1],
  );
  assert.deepEqual(turns, [LIVE_SHARD_SUBSCRIBERS]);
  assert.deepEqual([...heard.keys()], [SHARDS - 1]);
  assert.equal(feed.positions.get(0), 1);
});
