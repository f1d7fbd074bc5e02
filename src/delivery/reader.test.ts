/**
 * Reads the broker inside the process (librdkafka's mock cluster), and fails well without a broker.
 */
import assert from "node:assert/strict";
import { createServer, type AddressInfo } from "node:net";
import { describe, it } from "node:test";

import { readTopic, ReaderError, type ReaderOptions } from "./reader.ts";
import { connectProducer, MOCK, scratchName } from "./testing/scratch-topic.ts";

function options(more: Pick<ReaderOptions, "brokers" | "topic">): ReaderOptions {
  return {
    from: "beginning",
    stopAtEnd: true,
    connectTimeoutMs: 10_000,
    security: null,
    signal: new AbortController().signal,
    ...more,
  };
}

describe("readTopic", () => {
  it("on the embedded broker, returns what was stored", async () => {
    const producer = await connectProducer(MOCK);
    try {
      const topic = scratchName("mock");
      const values = ["first", "second", "third"];
      await producer.store(
        topic,
        values.map((value) => ({ partition: 0, key: "k", value: Buffer.from(value) })),
      );
      const read = await Array.fromAsync(readTopic(options({ brokers: producer.brokers, topic })));
      assert.deepEqual(
        read.map((record) => Buffer.from(record.value ?? []).toString()),
        values,
      );
      const missing = readTopic(options({ brokers: producer.brokers, topic: scratchName("none") }));
      await assert.rejects(missing.next(), /Kafka has no topic/);
    } finally {
      await producer.close();
    }
  });

  it("a broker that goes away, is told of once, and the reading can be ended", async () => {
    const producer = await connectProducer(MOCK);
    const topic = scratchName("mock");
    await producer.store(topic, [{ partition: 0, value: Buffer.from("first") }]);
    const abort = new AbortController();
    const notices: string[] = [];
    const reading = readTopic({
      ...options({ brokers: producer.brokers, topic }),
      stopAtEnd: false,
      signal: abort.signal,
      onNotice: (sentence) => {
        notices.push(sentence);
        abort.abort();
      },
    });
    assert.equal((await reading.next()).done, false);
    await producer.close();
    assert.equal((await reading.next()).done, true);
    assert.deepEqual(notices, ["Kafka does not answer; waiting for it."]);
  });

  it("without a broker at the address, says that Kafka is not reachable", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    // A server without `AddressInfo` listens on a pipe; this one does not.
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const brokers = `127.0.0.1:${port}`;
    const reading = readTopic({ ...options({ brokers, topic: "any" }), connectTimeoutMs: 500 });
    await assert.rejects(reading.next(), (error) => {
      assert.ok(error instanceof ReaderError);
      assert.match(error.message, /^Kafka is not reachable: 127\.0\.0\.1:\d+ gave no answer/);
      return true;
    });
  });
});
