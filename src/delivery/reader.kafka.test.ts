/**
 * Reads topics of a real broker: what was stored comes back whole, in order, from where it was
 * asked for.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { testService } from "../../test/services.ts";
import { ReaderError, readTopic, type KafkaRecord, type ReaderOptions } from "./reader.ts";
import {
  connectProducer,
  scratchName,
  ScratchTopics,
  type ScratchProducer,
} from "./testing/scratch-topic.ts";

const brokers = testService("kafka");

function options(topic: string, more: Partial<ReaderOptions> = {}): ReaderOptions {
  return {
    brokers,
    topic,
    from: "beginning",
    stopAtEnd: true,
    connectTimeoutMs: 60_000,
    security: null,
    signal: new AbortController().signal,
    ...more,
  };
}

async function collect(records: AsyncIterable<KafkaRecord>): Promise<KafkaRecord[]> {
  return await Array.fromAsync(records);
}

describe("readTopic on a real broker", () => {
  const topics = new ScratchTopics(brokers);
  let producer: ScratchProducer;
  before(async () => {
    producer = await connectProducer(brokers);
  });
  after(async () => {
    await producer.close();
    await topics.remove();
  });

  it("from the beginning to the end, returns all records of all partitions in order", async () => {
    const topic = await topics.create("reader", 3);
    const stored = Array.from({ length: 250 }, (_, index) => ({
      partition: index % 2,
      key: `key-${index}`,
      value: Buffer.from(`value-${index}`),
      timestampMs: 1_789_379_000_000 + index,
    }));
    await producer.store(topic, stored);
    const read = await collect(readTopic(options(topic)));
    assert.equal(read.length, 250);
    for (const partition of [0, 1]) {
      const expected = stored.filter((record) => record.partition === partition);
      const found = read.filter((record) => record.partition === partition);
      assert.deepEqual(
        found.map((record) => ({
          offset: record.offset,
          key: Buffer.from(record.key ?? []).toString(),
          value: Buffer.from(record.value ?? []).toString(),
          timestampMs: record.timestampMs,
        })),
        expected.map((record, index) => ({
          offset: index,
          key: record.key,
          value: record.value.toString(),
          timestampMs: record.timestampMs,
        })),
      );
    }
  });

  it("headers that repeat, a null value and no key, come back as they are", async () => {
    const topic = await topics.create("reader", 1);
    const headers = [{ a: Buffer.from([0, 255]) }, { b: "text" }, { a: "again" }];
    await producer.store(topic, [
      { partition: 0, value: null, key: Buffer.from([0xff, 0x00]) },
      { partition: 0, value: Buffer.alloc(0), headers },
    ]);
    const [tombstone, empty] = await collect(readTopic(options(topic)));
    assert.deepEqual(tombstone?.key, Buffer.from([0xff, 0x00]));
    assert.equal(tombstone?.value, null);
    assert.deepEqual(tombstone?.headers, []);
    assert.equal(empty?.key, null);
    assert.equal(empty?.value?.length, 0);
    assert.deepEqual(empty?.headers, [
      ["a", Buffer.from([0, 255])],
      ["b", Buffer.from("text")],
      ["a", Buffer.from("again")],
    ]);
  });

  it("from the end, sees only what is stored after onReady, until it is aborted", async () => {
    const topic = await topics.create("reader", 2);
    await producer.store(topic, [{ partition: 0, value: Buffer.from("old") }]);
    const abort = new AbortController();
    const ready = Promise.withResolvers<void>();
    const reading = readTopic(
      options(topic, {
        from: "end",
        stopAtEnd: false,
        signal: abort.signal,
        onReady: () => ready.resolve(),
      }),
    );
    const first = reading.next();
    await ready.promise;
    await producer.store(topic, [{ partition: 1, value: Buffer.from("new") }]);
    const record = await first;
    assert.equal(record.done, false);
    assert.equal(Buffer.from(record.value?.value ?? []).toString(), "new");
    abort.abort();
    assert.equal((await reading.next()).done, true);
  });

  it("an empty topic with stopAtEnd, ends at once", async () => {
    const topic = await topics.create("reader", 2);
    assert.deepEqual(await collect(readTopic(options(topic))), []);
  });

  it("a topic that does not exist, is said so and not created", async () => {
    const topic = scratchName("missing");
    const read = collect(readTopic(options(topic)));
    await assert.rejects(read, (error) => {
      assert.ok(error instanceof ReaderError);
      assert.match(error.message, new RegExp(`^Kafka has no topic ${topic}; there are `));
      return true;
    });
    await assert.rejects(collect(readTopic(options(topic))), /Kafka has no topic/);
  });
});
