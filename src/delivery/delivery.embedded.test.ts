import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { createDelivery } from "./create.ts";
import { KafkaProducer } from "./kafka-producer.ts";
import { producerSettings, type ProducerSettings } from "./kafka-settings.ts";
import { deliveryContract } from "./testing/contract.ts";
import { Ledger } from "./testing/ledger.ts";
import { EMBEDDED, nativeHarness, read, until } from "./testing/native-harness.ts";

deliveryContract("embedded broker", (options) => nativeHarness(EMBEDDED, options));

const MOCK_BROKER = fileURLToPath(new URL("testing/mock-broker-process.ts", import.meta.url));

async function startMockBroker(): Promise<{ process: ChildProcess; address: string }> {
  const child = spawn(process.execPath, [MOCK_BROKER], { stdio: ["pipe", "pipe", "inherit"] });
  assert.ok(child.stdout !== null);
  // Without an encoding "data" brings one Buffer.
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { process: child, address: line.toString().trim() };
}

/** The signal takes a moment, in which the broker may still answer. */
async function standStill({ process: child }: { readonly process: ChildProcess }): Promise<void> {
  child.kill("SIGSTOP");
  await until(() => readFileSync(`/proc/${child.pid}/stat`, "utf8").includes(") T "));
}

/** After these each partition knows its producer, and may have many records of it out at once. */
const inAllPartitions = (topic: string) =>
  Array.from({ length: 40 }, (_, i) => ({ topic, key: `before ${i}` }));

describe("delivery, a broker that stands still", () => {
  it("message.timeout.ms is in force: kafka_timeout long before librdkafka's default", async () => {
    const broker = await startMockBroker();
    const topic = "events";
    const delivery = createDelivery({
      brokers: [broker.address],
      // A second lane may not be connected yet when the broker stands still.
      lanes: 1,
      messageTimeoutMs: 2_000,
      onEvent: () => {},
    });
    try {
      await delivery.start();
      const ledger = new Ledger(delivery);
      ledger.submit(inAllPartitions(topic));
      await until(() => ledger.open === 0);
      await standStill(broker);
      const startedMs = performance.now();
      ledger.submit(Array.from({ length: 3_000 }, (_, i) => ({ topic, key: `k${i}` })));
      await until(() => ledger.open === 0);
      const tookMs = performance.now() - startedMs;
      assert.ok(tookMs > 1_500, `the timeout came after ${tookMs} ms`);
      assert.deepEqual(ledger.outcomes(), { stored: 40, kafka_timeout: 3_000 });
      broker.process.kill("SIGCONT");
      ledger.submit([{ topic, key: "after" }]);
      await until(() => ledger.open === 0);
      assert.equal(ledger.outcomes()["stored"], 41);
      ledger.judge(await read(broker.address, [topic], 41));
    } finally {
      broker.process.kill("SIGCONT");
      await delivery.drain(1_000);
      broker.process.stdin?.end();
      await once(broker.process, "exit");
    }
  });
});

describe("delivery, drain", () => {
  it("with a broker that stands still it ends, and nothing is said to be stored", async () => {
    const broker = await startMockBroker();
    const delivery = createDelivery({ brokers: [broker.address], onEvent: () => {} });
    await delivery.start();
    const ledger = new Ledger(delivery);
    ledger.submit(inAllPartitions("events"));
    await until(() => ledger.open === 0);
    await standStill(broker);
    ledger.submit(Array.from({ length: 100 }, (_, i) => ({ topic: "events", key: `k${i}` })));
    await delivery.drain(300);
    assert.deepEqual(ledger.outcomes(), { stored: 40, kafka_timeout: 100 });
    assert.equal(delivery.state(), "stopped");
    broker.process.kill("SIGKILL");
    await once(broker.process, "exit");
  });
});

describe("producer settings", () => {
  const tuning = {
    brokers: "127.0.0.1:1",
    clientId: "test",
    security: null,
    lingerMs: 5,
    compression: "none",
    messageTimeoutMs: 7_000,
    messageBytesMax: 1_000_000,
    topics: 1,
  } as const;

  const connect = async (settings: ProducerSettings): Promise<string | null> => {
    const broker = await startMockBroker();
    const global = { ...settings.global, "bootstrap.servers": broker.address };
    const handlers = {
      onReport: () => {},
      onProgress: () => {},
      onFatal: () => {},
      onNumber: () => {},
      onForlorn: () => {},
      onBrokerError: () => {},
    };
    const producer = new KafkaProducer({
      settings: { global, topic: settings.topic },
      topicNames: [],
      handlers,
    });
    const problem = await new Promise<string | null>((done) => {
      producer.connect(60_000, done);
    });
    await new Promise<void>((done) => {
      producer.disconnect(done);
    });
    broker.process.stdin?.end();
    await once(broker.process, "exit");
    return problem;
  };

  it("what is asked for is in force", async () => {
    assert.equal(await connect(producerSettings(tuning)), null);
  });

  it("a topic property that the binding would drop is noticed at connect", async () => {
    const { global, topic } = producerSettings(tuning);
    const { "message.timeout.ms": timeout, ...rest } = topic;
    assert.ok(timeout !== undefined);
    const problem = await connect({
      global: { ...global, "message.timeout.ms": timeout },
      topic: rest,
    });
    assert.match(problem ?? "", /message\.timeout\.ms/);
  });

  it("an unknown property is refused when the producer is made", () => {
    const { global, topic } = producerSettings(tuning);
    const handlers = {
      onReport: () => {},
      onProgress: () => {},
      onFatal: () => {},
      onNumber: () => {},
      onForlorn: () => {},
      onBrokerError: () => {},
    };
    const settings = { global: { ...global, "no.such.property": 1 }, topic };
    assert.throws(() => new KafkaProducer({ settings, topicNames: [], handlers }));
  });
});
