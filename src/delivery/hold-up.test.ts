import assert from "node:assert/strict";
import { test } from "node:test";
import { HoldUp } from "./hold-up.ts";
import { HandedOver, partitionKey } from "./progress.ts";
import type { RecordQueue } from "./record-queue.ts";

const PER_PARTITION = 10;

/** A commit of ten records for each of so many partitions, and what Kafka has confirmed of them. */
function commitOf(partitions: number) {
  const rows = Array.from({ length: partitions * PER_PARTITION }, (_, row) => row % partitions);
  const segment = { topic: rows.map(() => 0), partition: rows };
  // All that a look at a queue needs.
  const queue = {
    eachOut: (visit: (from: typeof segment, row: number) => void) => {
      for (const row of rows.keys()) visit(segment, row);
    },
  } as unknown as RecordQueue;
  const handedOver = new HandedOver();
  for (const partition of rows) handedOver.add(0, partition);
  const confirmed = new Map<number, number>();
  const holdUp = new HoldUp();
  holdUp.begin();
  const look = (outMs: number, isOnlyThisOne = true): readonly number[] | null => {
    const commit = { queue, handedOver, topicNames: ["t"], outMs, isOnlyThisOne };
    const read = () => ({
      confirmed: (_: string, partition: number) => confirmed.get(partition) ?? 0,
    });
    const found = holdUp.judge(read, commit);
    return found === null ? null : [...found.open].map((key) => key - partitionKey(0, 0));
  };
  return { confirmed, holdUp, look };
}

/** It is known what is usual: hardly anything. */
function usuallyQuick(holdUp: HoldUp): void {
  for (let commit = 0; commit < 100; commit += 1) holdUp.end(1);
  holdUp.begin();
}

test("HoldUp: a partition of which nothing is confirmed while others are done is found", () => {
  const { confirmed, holdUp, look } = commitOf(3);
  usuallyQuick(holdUp);
  confirmed.set(0, PER_PARTITION).set(1, PER_PARTITION);
  assert.equal(look(20), null);
  assert.equal(look(59), null);
  assert.deepEqual(look(60), [2]);
  assert.deepEqual(look(61), [2], "what was found stays found");
});

test("HoldUp: a partition that has moved is found when it stands still from look to look", () => {
  const { confirmed, holdUp, look } = commitOf(4);
  usuallyQuick(holdUp);
  confirmed.set(0, PER_PARTITION).set(3, 1);
  assert.equal(look(100), null);
  confirmed.set(1, PER_PARTITION);
  assert.equal(look(200), null, "one is done with");
  confirmed.set(2, 1);
  assert.equal(look(300), null, "one goes on");
  assert.deepEqual(look(400), [2, 3]);
});

test("HoldUp: what is usual is not known at first", () => {
  const { confirmed, look } = commitOf(2);
  confirmed.set(0, PER_PARTITION);
  assert.equal(look(110), null);
  assert.equal(look(190), null);
  assert.deepEqual(look(200), [1]);
});

test("HoldUp: partitions that move hold nothing up", () => {
  const { confirmed, look } = commitOf(3);
  confirmed.set(0, PER_PARTITION);
  for (let at = 1; at < PER_PARTITION; at += 1) {
    confirmed.set(1, at).set(2, at);
    assert.equal(look(at * 100), null);
  }
  assert.deepEqual(look(1_000), [1, 2], "until they do not");
});

test("HoldUp: statistics that were late and come at once are one look", () => {
  const { confirmed, look } = commitOf(2);
  confirmed.set(0, PER_PARTITION).set(1, 1);
  assert.equal(look(900), null);
  assert.equal(look(901), null);
  assert.equal(look(939), null);
  assert.deepEqual(look(940), [1]);
});

test("HoldUp: a commit that takes no longer than is usual is not looked at", () => {
  const { confirmed, holdUp, look } = commitOf(2);
  for (let commit = 0; commit < 100; commit += 1) holdUp.end(200);
  confirmed.set(0, PER_PARTITION);
  holdUp.begin();
  assert.equal(look(390), null);
  assert.equal(look(490), null);
  assert.equal(look(590), null);
  assert.equal(look(790), null);
  assert.deepEqual(look(890), [1]);
});

test("HoldUp: a commit of which nothing is confirmed may be Kafka as a whole, and waits longer", () => {
  const alone = commitOf(2);
  usuallyQuick(alone.holdUp);
  assert.equal(alone.look(290), null);
  assert.deepEqual(alone.look(300), [0, 1]);
  const all = commitOf(2);
  usuallyQuick(all.holdUp);
  assert.equal(all.look(1_900, false), null);
  assert.deepEqual(all.look(2_000, false), [0, 1]);
  all.confirmed.set(0, PER_PARTITION).set(1, PER_PARTITION);
  assert.equal(all.look(2_100), null);
});
