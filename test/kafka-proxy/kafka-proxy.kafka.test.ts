/**
 * The fault proxy before a real Kafka: clients produce and consume through it and never learn of
 * the way past it, and each kind of fault does what its name says. librdkafka is the judge.
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";

import { ScratchTopics } from "../../src/delivery/testing/scratch-topic.ts";
import { testService } from "../services.ts";
import { readAll } from "../e2e/read-back.ts";
import { KafkaProxy } from "./kafka-proxy.ts";
import { TestProducer } from "./test-producer.ts";

let topics: ScratchTopics;
let proxy: KafkaProxy;
let producer: TestProducer;
let topic: string;

before(async () => {
  topics = new ScratchTopics(testService("kafka"));
  proxy = await KafkaProxy.start({ brokers: testService("kafka"), seed: 1 });
});

after(async () => {
  await proxy.stop();
  await topics.remove();
});

beforeEach(async () => {
  topic = await topics.create("proxy", 2);
});

/** Runs with a producer of its own behind the proxy; links and rules are clear afterwards. */
async function producing(
  run: () => Promise<void>,
  settings: Readonly<Record<string, string | number>> = {},
): Promise<void> {
  producer = await TestProducer.connect(proxy.bootstrap, settings);
  try {
    await run();
  } finally {
    proxy.clear();
    await producer.close();
  }
  assert.deepEqual(proxy.complaints, []);
}

/** The values in the topic, read past the proxy, each partition in order. */
async function values(): Promise<string[]> {
  const records = await readAll(testService("kafka"), [topic]);
  return records.map(({ value }) => Buffer.from(value ?? []).toString());
}

describe("KafkaProxy", () => {
  it("no rule: produced and consumed through it, on its own addresses only", () =>
    producing(async () => {
      await producer.produce(
        topic,
        Array.from({ length: 100 }, (_, i) => `v${i}`),
      );
      assert.deepEqual(
        await values(),
        Array.from({ length: 100 }, (_, i) => `v${i}`),
      );
      const through = await readAll(proxy.bootstrap, [topic]);
      assert.equal(through.length, 100);
      assert.deepEqual(producer.brokers, proxy.bootstrap.split(","));
      assert.ok(proxy.requests("Produce") > 0 && proxy.requests("Fetch") > 0);
    }));

  it("the answer dropped and the connection reset: appended once, acked after all", () =>
    producing(async () => {
      const rule = proxy.add({
        match: { api: "Produce", topic },
        times: 1,
        fault: { kind: "reset", when: "after" },
      });
      await producer.produce(topic, ["once"]);
      assert.equal(rule.applied, 1);
      assert.deepEqual(await values(), ["once"]);
    }));

  it("a request dropped: the client times out, comes again, and it is stored once", () =>
    producing(
      async () => {
        const match = { api: "Produce", topic } as const;
        const rule = proxy.add({ match, times: 1, fault: { kind: "drop", what: "request" } });
        await producer.produce(topic, ["again"]);
        assert.equal(rule.applied, 1);
        assert.deepEqual(await values(), ["again"]);
      },
      { "socket.timeout.ms": 1_000, "request.timeout.ms": 1_000 },
    ));

  it("a reset before the broker hears of it: comes again", () =>
    producing(async () => {
      proxy.add({ match: { topic }, times: 2, fault: { kind: "reset", when: "before" } });
      await producer.produce(topic, ["third"]);
      assert.deepEqual(await values(), ["third"]);
    }));

  it("an error stamped without forwarding: the client sees it and nothing is stored", () =>
    producing(async () => {
      const error = "TOPIC_AUTHORIZATION_FAILED";
      proxy.add({ match: { topic }, times: 1, fault: { kind: "stamp", error } });
      await assert.rejects(producer.produce(topic, ["refused"]), /authorization failed/i);
      assert.deepEqual(await values(), []);
    }));

  it("a retriable error stamped after the append: stored once, acked after all", () =>
    producing(async () => {
      const error = "NOT_ENOUGH_REPLICAS_AFTER_APPEND";
      proxy.add({ match: { topic }, times: 1, fault: { kind: "stamp", error, appended: true } });
      await producer.produce(topic, ["kept"]);
      assert.deepEqual(await values(), ["kept"]);
    }));

  it("one partition stalled: the other's records are stored meanwhile", () =>
    producing(async () => {
      const match = { topic, partition: 0 };
      const stall = proxy.add({ match, fault: { kind: "drop", what: "request" } });
      const stalled = producer.produce(topic, ["slow"], 0);
      await stall.until(1);
      await producer.produce(topic, ["fast"], 1);
      assert.deepEqual(await values(), ["fast"]);
      stall.remove();
      await stalled;
      assert.deepEqual((await values()).toSorted(), ["fast", "slow"]);
    }, FAST_TIMEOUT));

  it("a stall: nothing behind the lost request passes until the reset, and order holds", () =>
    producing(async () => {
      // The producer's first request to a partition: nothing but the connection holds the order.
      const stall = { kind: "stall", what: "request", ms: 400 } as const;
      const rule = proxy.add({ match: { topic }, times: 1, fault: stall });
      const sent = Array.from({ length: 6 }, (_, i) => `v${i}`);
      const first = producer.produce(topic, sent.slice(0, 3), 0);
      await rule.until(1);
      const second = producer.produce(topic, sent.slice(3), 0);
      await Promise.all([first, second]);
      assert.deepEqual(await values(), sent);
      assert.equal(rule.applied, 1);
    }));

  it("an answer stalled: stored once, acked after the reset", () =>
    producing(async () => {
      const stall = { kind: "stall", what: "answer", ms: 300 } as const;
      const rule = proxy.add({ match: { topic }, times: 1, fault: stall });
      await producer.produce(topic, ["once"], 0);
      assert.equal(rule.applied, 1);
      assert.deepEqual(await values(), ["once"]);
    }));

  it("bits flipped: the broker's checksum sees it, nothing of it is stored", () =>
    producing(async () => {
      const flip = { kind: "flipBits", what: "request" } as const;
      const rule = proxy.add({ match: { topic }, times: 1, fault: flip });
      await producer.produce(topic, ["x".repeat(1_000)]).catch(() => undefined);
      assert.equal(rule.applied, 1);
      await producer.produce(topic, ["fine"]);
      const found = await values();
      assert.equal(found.at(-1), "fine");
      for (const value of found.slice(0, -1)) assert.equal(value, "x".repeat(1_000));
    }));

  it("delayed, sliced and narrow: nothing is misread", () =>
    producing(async () => {
      proxy.add({ fault: { kind: "delay", ms: 20, what: "answer" } });
      proxy.shape({ sliceBytes: 7 });
      const sent = Array.from({ length: 50 }, (_, i) => `v${i}`);
      await producer.produce(topic, sent);
      proxy.shape({ sliceBytes: 4_096, bytesPerSecond: 200_000 });
      await producer.produce(topic, ["y".repeat(20_000)]);
      assert.deepEqual(await values(), [...sent, "y".repeat(20_000)]);
    }));

  it("silent, then open: what was held passes; a black hole is left for a new connection", () =>
    producing(async () => {
      proxy.silence();
      const held = producer.produce(topic, ["held"]);
      assert.equal(await Promise.race([held, stillOpen()]), "still open");
      proxy.restore();
      await held;
      const hole = proxy.add({ match: { topic }, times: 1, fault: { kind: "blackHole" } });
      const acceptedBefore = proxy.accepted();
      await producer.produce(topic, ["escaped"]);
      assert.equal(hole.applied, 1);
      assert.ok(proxy.accepted() > acceptedBefore);
      assert.deepEqual(await values(), ["held", "escaped"]);
    }, FAST_TIMEOUT));

  it("cut, then open: the client comes back by itself", () =>
    producing(async () => {
      await producer.produce(topic, ["before"]);
      proxy.cut();
      const later = producer.produce(topic, ["after"]);
      assert.equal(await Promise.race([later, stillOpen()]), "still open");
      assert.equal(proxy.connections(), 0);
      proxy.restore();
      await later;
      assert.deepEqual(await values(), ["before", "after"]);
    }));
});

/** A dropped request is noticed after this. */
const FAST_TIMEOUT = { "socket.timeout.ms": 1_500, "request.timeout.ms": 1_000 };

function stillOpen(): Promise<string> {
  return new Promise((resolve) => setTimeout(() => resolve("still open"), 200));
}
