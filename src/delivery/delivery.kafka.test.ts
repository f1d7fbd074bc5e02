import assert from "node:assert/strict";
import { after, describe, it } from "node:test";

import kafka from "@confluentinc/kafka-javascript";

import { startInstance } from "../../scripts/services/control.mjs";
import { testService } from "../../test/services.ts";
import { createDelivery } from "./create.ts";
import type { DeliveryEvent } from "./delivery.ts";
import { deliveryContract } from "./testing/contract.ts";
import { Ledger } from "./testing/ledger.ts";
import { nativeHarness, read, until, type NativeHarnessOptions } from "./testing/native-harness.ts";
import { scratchName, ScratchTopics } from "./testing/scratch-topic.ts";

const BROKERS = testService("kafka");
const topics = new ScratchTopics(BROKERS);
after(() => topics.remove());

const REAL: NativeHarnessOptions = {
  brokers: BROKERS,
  makeTopic: () => topics.create("delivery", 4),
  missingTopic: scratchName("missing"),
};

deliveryContract("Apache Kafka", (options) => nativeHarness(REAL, options));

describe("delivery, Apache Kafka", () => {
  it("50 000 keyed records over all lanes are read back, each once, in order per key", async () => {
    const harness = await nativeHarness(REAL, { lanes: 6, threadPoolSize: 16 });
    const { delivery, topic } = harness;
    const ledger = new Ledger(delivery);
    for (let frame = 0; frame < 500; frame += 1) {
      ledger.submit(
        Array.from({ length: 100 }, (_, i) => ({
          topic,
          key: `k${(frame * 7 + i) % 401}`,
          pad: i,
        })),
      );
      if (ledger.open > 20_000) await until(() => ledger.open < 10_000);
    }
    await until(() => ledger.open === 0);
    assert.deepEqual(ledger.outcomes(), { stored: 50_000 });
    ledger.judge(await read(BROKERS, [topic], 50_000));
    await harness.stop();
  });

  it("a topic that may be made is made with its partitions", async () => {
    const topic = scratchName("made");
    const harness = await nativeHarness(
      { ...REAL, makeTopic: () => Promise.resolve(topic) },
      { createTopics: new Map([[topic, 3]]) },
    );
    const { delivery, events } = harness;
    const ledger = new Ledger(delivery);
    ledger.submit([{ topic, key: "a" }]);
    await until(() => ledger.open === 0);
    ledger.submit([{ topic, key: "a" }]);
    await until(() => ledger.open === 0);
    assert.deepEqual(ledger.outcomes(), { stored: 2 });
    const known = events.findLast((event) => event.kind === "topic" && event.status === "known");
    assert.ok(known?.kind === "topic" && known.partitions === 3);
    await harness.stop();
  });
});

describe("delivery, a private Apache Kafka", () => {
  it("under load a broker stands still, is killed, comes back: no ghost, none twice, order kept", async () => {
    await using broker = await startInstance("kafka");
    const topic = await new ScratchTopics(broker.address).create("faults", 6);
    const events: DeliveryEvent[] = [];
    const delivery = createDelivery({
      brokers: [broker.address],
      messageTimeoutMs: 6_000,
      stallMs: 1_000,
      onEvent: (event) => events.push(event),
    });
    await delivery.start();
    const ledger = new Ledger(delivery);
    const load = startLoad(ledger, topic);
    try {
      const storedMore = (): Promise<void> => {
        const before = storedIn(events);
        return until(() => storedIn(events) > before + 500 && delivery.state() === "ready");
      };
      await storedMore();

      await broker.suspend();
      await until(() => delivery.state() === "unavailable");
      broker.resume();
      await storedMore();
      // A stall shorter than the message timeout costs nobody a `retry`.
      const { open, stored, ...others } = ledger.outcomes();
      assert.deepEqual(others, {}, `${open} open, ${stored} stored`);

      await broker.kill();
      await broker.start();
      await storedMore();

      await broker.suspend();
      const timedOut = (): number => ledger.outcomes()["kafka_timeout"] ?? 0;
      await until(() => delivery.state() === "unavailable");
      const timedOutBefore = timedOut();
      await until(() => timedOut() > timedOutBefore);
      broker.resume();
      await storedMore();
    } finally {
      clearInterval(load);
      await delivery.drain(10_000);
    }
    assert.equal(delivery.pressure().unackedBytes, 0);
    ledger.judge(await read(broker.address, [topic], 1_000));
  });

  it("row 12: partitions that are added while running are used", async () => {
    const topic = await topics.create("grows", 2);
    const events: DeliveryEvent[] = [];
    const delivery = createDelivery({
      brokers: [BROKERS],
      refreshMs: 200,
      onEvent: (event) => events.push(event),
    });
    await delivery.start();
    const ledger = new Ledger(delivery);
    const frame = Array.from({ length: 50 }, (_, i) => ({ topic, key: `k${i}` }));
    ledger.submit(frame);
    await until(() => ledger.open === 0);
    await addPartitions(topic, 6);
    await until(() => events.some((event) => event.kind === "topic" && event.partitions === 6));
    ledger.submit(frame);
    await until(() => ledger.open === 0);
    assert.deepEqual(ledger.outcomes(), { stored: 100 });
    const log = await read(BROKERS, [topic], 100);
    ledger.judge(log);
    assert.ok(log.some(({ partition }) => partition >= 2));
    await delivery.drain(2_000);
  });
});

/** 2 000 records a second over 97 keys until the interval is cleared. */
function startLoad(ledger: Ledger, topic: string): NodeJS.Timeout {
  let frame = 0;
  return setInterval(() => {
    frame += 1;
    const key = (i: number): string => `k${(frame * 7 + i) % 97}`;
    ledger.submit(
      Array.from({ length: 20 }, (_, i) => ({ topic, key: key(i), pad: (frame + i) % 50 })),
      Date.now(),
    );
  }, 10);
}

function storedIn(events: readonly DeliveryEvent[]): number {
  let stored = 0;
  for (const event of events) {
    if (event.kind === "commit") stored += event.records - event.failed;
  }
  return stored;
}

function addPartitions(topic: string, partitions: number): Promise<void> {
  const admin = kafka.AdminClient.create({ "bootstrap.servers": BROKERS });
  return new Promise<void>((done, fail) => {
    admin.createPartitions(topic, partitions, 10_000, (error) => {
      // The types promise an error always; undefined is what comes when all is well.
      const failure: { message: string } | undefined = error;
      if (failure === undefined) done();
      else fail(new Error(failure.message));
    });
  }).finally(() => admin.disconnect());
}
