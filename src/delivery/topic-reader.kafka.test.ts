/** What a reader says of records that Kafka took away before it came to them, on a real Kafka. */
import assert from "node:assert/strict";
import { after, it } from "node:test";

import { testService } from "../../test/services.ts";
import type { Loss, Portion } from "./continuity.ts";
import { connectProducer, ScratchTopics } from "./testing/scratch-topic.ts";
import { TopicReader } from "./topic-reader.ts";

const brokers = testService("kafka");
const topics = new ScratchTopics(brokers);

after(() => topics.remove());

/** A topic of two partitions with ten records each. */
async function filled(): Promise<string> {
  const topic = await topics.create("loss", 2);
  const producer = await connectProducer(brokers);
  const records = Array.from({ length: 20 }, (_, index) => {
    return { partition: index % 2, value: Buffer.from(String(index)) };
  });
  await producer.store(topic, records);
  await producer.close();
  return topic;
}

/** Reads up to where both partitions end. */
async function readAll(reader: TopicReader): Promise<readonly Portion[]> {
  const portions: Portion[] = [];
  const met = new Set<number>();
  while (met.size < 2) {
    const portion = await reader.take(100);
    portions.push(portion);
    for (const { partition, offset } of portion.ends) if (offset === 10) met.add(partition);
  }
  return portions;
}

const lossesOf = (portions: readonly Portion[]): Loss[] =>
  portions.flatMap(({ loss }) => loss ?? []).toSorted((a, b) => a.partition - b.partition);

async function readFromStart(places: readonly { partition: number; offset: number }[]) {
  const topic = await filled();
  const reader = await TopicReader.open({
    brokers,
    security: null,
    topic,
    timeoutMs: 10_000,
    queueKib: 1_024,
  });
  if (places.length > 0) await topics.deleteBefore(topic, places);
  reader.assign(new Map(reader.ranges.map(({ partition }) => [partition, 0])));
  const portions = await readAll(reader);
  const ends = reader.knownEnds();
  const ranges = await reader.rangesNow(10_000);
  await reader.close();
  const offsets = portions.flatMap(({ records }) => records);
  return { portions, ends, ranges, offsets };
}

it("nothing is missing: no loss", async () => {
  const { portions, offsets, ends } = await readFromStart([]);
  assert.deepEqual(lossesOf(portions), []);
  assert.equal(offsets.length, 20);
  assert.deepEqual([ends.get(0), ends.get(1)], [10, 10]);
});

it("what was deleted, in part and as a whole, is a loss before what comes next", async () => {
  const deleted = [
    { partition: 0, offset: 4 },
    { partition: 1, offset: 10 },
  ];
  const { portions, offsets, ranges } = await readFromStart(deleted);
  assert.deepEqual(lossesOf(portions), [
    { partition: 0, from: 0, to: 4, reason: "retention" },
    { partition: 1, from: 0, to: 10, reason: "retention" },
  ]);
  assert.deepEqual(
    offsets.map(({ offset }) => offset),
    [4, 5, 6, 7, 8, 9],
  );
  const first = portions.findIndex(({ records }) => records.length > 0);
  const told = portions.findIndex(({ loss }) => loss?.partition === 0);
  assert.ok(told <= first);
  assert.deepEqual(ranges, [
    { partition: 0, low: 4, high: 10 },
    { partition: 1, low: 10, high: 10 },
  ]);
});
