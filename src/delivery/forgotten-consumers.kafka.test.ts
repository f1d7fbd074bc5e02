/**
 * A consumer that is told of no broker drops those it knows, as a producer does
 * (forgotten-brokers.kafka.test.ts). A reader of a group joins anew and goes on where it was; a
 * reader of a topic says that it is lost.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { KafkaProxy } from "../../test/kafka-proxy/kafka-proxy.ts";
import { testService } from "../../test/services.ts";
import { GroupReader } from "./group-reader.ts";
import { ReaderError } from "./reader.ts";
import { connectProducer, ScratchTopics } from "./testing/scratch-topic.ts";
import { TopicReader } from "./topic-reader.ts";

const BROKERS = testService("kafka");
const topics = new ScratchTopics(BROKERS);
after(() => topics.remove());

/** Without a way back to brokers they have dropped; they ask often who leads the partitions. */
const FORGETFUL = {
  "metadata.recovery.strategy": "none",
  "topic.metadata.refresh.interval.ms": 100,
} as const;
const PATIENCE_MS = 60_000;
const NO_BROKERS = { match: { api: "Metadata" }, fault: { kind: "noBrokers" } } as const;

async function store(topic: string, from: number, to: number): Promise<void> {
  const producer = await connectProducer(BROKERS);
  const values = Array.from({ length: to - from }, (_, i) => Buffer.from(String(from + i)));
  await producer.store(
    topic,
    values.map((value) => ({ partition: 0, value })),
  );
  await producer.close();
}

it("a reader of a group joins anew, and reads everything", async () => {
  const topic = await topics.create("forgotten-group", 1);
  await store(topic, 0, 10);
  await using proxy = await KafkaProxy.start({ brokers: BROKERS, seed: 1 });
  const notices: string[] = [];
  const read: number[] = [];
  let revoked = 0;
  const reader = await GroupReader.open({
    brokers: proxy.bootstrap,
    security: null,
    group: `forgotten-${randomUUID()}`,
    topics: [topic],
    connectTimeoutMs: 10_000,
    sessionTimeoutMs: 6_000,
    startOf: async (places) =>
      places.map(({ partition }) => ({ topic, partition, offset: read.length })),
    onRevoked: () => {
      revoked += 1;
    },
    onNotice: (sentence) => notices.push(sentence),
    settings: FORGETFUL,
  });
  const readUntil = async (isDone: () => boolean): Promise<void> => {
    const endMs = performance.now() + PATIENCE_MS;
    while (!isDone()) {
      assert.ok(performance.now() < endMs, `read ${read.length}, told ${notices.join("; ")}`);
      for (const { offset } of await reader.poll(100)) read.push(offset);
    }
  };
  try {
    await readUntil(() => read.length === 10);
    const rule = proxy.add(NO_BROKERS);
    await readUntil(() => notices.some((sentence) => sentence.includes("joining the group anew")));
    rule.remove();
    assert.ok(revoked > 0);
    await store(topic, 10, 20);
    await readUntil(() => read.length >= 20);
    assert.deepEqual(
      read,
      Array.from({ length: 20 }, (_, i) => i),
    );
  } finally {
    await reader.close();
  }
});

it("a reader of a topic says that it is lost", async () => {
  const topic = await topics.create("forgotten-topic", 1);
  await using proxy = await KafkaProxy.start({ brokers: BROKERS, seed: 1 });
  const reader = await TopicReader.open({
    brokers: proxy.bootstrap,
    security: null,
    topic,
    timeoutMs: 10_000,
    queueKib: 1_024,
    settings: FORGETFUL,
  });
  try {
    reader.assign(new Map([[0, 0]]));
    proxy.add(NO_BROKERS);
    const look = async (): Promise<never> => {
      for (const endMs = performance.now() + PATIENCE_MS; performance.now() < endMs;) {
        await reader.take(10);
        await delay(20);
      }
      assert.fail("it goes on as if nothing had happened");
    };
    const isSaid = (error: unknown): boolean =>
      error instanceof ReaderError && error.message.includes("named no broker");
    await assert.rejects(look(), isSaid);
    await assert.rejects(reader.take(10), isSaid, "it stays so");
  } finally {
    await reader.close();
  }
});
