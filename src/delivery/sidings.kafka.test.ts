/** A stalled partition of a real Kafka, by a proxy that lets its Produce requests disappear. */
import assert from "node:assert/strict";
import { after, it } from "node:test";

import { KafkaProxy } from "../../test/kafka-proxy/kafka-proxy.ts";
import { testService } from "../../test/services.ts";
import { createDelivery } from "./create.ts";
import type { Delivery, DeliveryEvent } from "./delivery.ts";
import { KafkaProducer } from "./kafka-producer.ts";
import { producerSettings } from "./kafka-settings.ts";
import { murmur2 } from "./murmur2.ts";
import { Ledger } from "./testing/ledger.ts";
import { read, until } from "./testing/native-harness.ts";
import { ScratchTopics } from "./testing/scratch-topic.ts";

const BROKERS = testService("kafka");
const PARTITIONS = 6;
const STALLED = 2;
const topics = new ScratchTopics(BROKERS);
after(() => topics.remove());

const isStalled = (key: string): boolean =>
  murmur2(new TextEncoder().encode(key)) % PARTITIONS === STALLED;

it("while a partition stalls the others of its lane are stored; none is lost or out of order", async () => {
  const topic = await topics.create("stall", PARTITIONS);
  await using proxy = await KafkaProxy.start({ brokers: BROKERS, seed: 1 });
  const events: DeliveryEvent[] = [];
  const delivery = createDelivery({
    brokers: [proxy.bootstrap],
    lanes: 1,
    // The connection of the dropped request is given up after two thirds of it.
    messageTimeoutMs: 21_000,
    onEvent: (event) => events.push(event),
  });
  try {
    await delivery.start();
    await stall({ delivery, events, proxy, topic });
  } finally {
    await delivery.drain(5_000);
  }
});

it("a spare knows every topic's partitions before it is wanted", async () => {
  const names = [await topics.create("known", 3), await topics.create("known-too", 5)];
  const nothing = (): void => {};
  const producer = new KafkaProducer({
    settings: producerSettings({
      brokers: BROKERS,
      clientId: "spare",
      security: null,
      lingerMs: 1,
      compression: "none",
      messageTimeoutMs: 10_000,
      messageBytesMax: 1_000_000,
      topics: names.length,
    }),
    topicNames: names,
    handlers: {
      onReport: nothing,
      onProgress: nothing,
      onNumber: nothing,
      onFatal: nothing,
      onForlorn: nothing,
      onBrokerError: nothing,
    },
  });
  const problem = await new Promise((done) => {
    producer.connect(10_000, done);
  });
  assert.equal(problem, null);
  await until(() => producer.statistics()?.sent.length === 8);
  await new Promise<void>((done) => {
    producer.disconnect(done);
  });
});

interface Stalling {
  readonly delivery: Delivery;
  readonly events: readonly DeliveryEvent[];
  readonly proxy: KafkaProxy;
  readonly topic: string;
}

async function stall({ delivery, events, proxy, topic }: Stalling): Promise<void> {
  const ledger = new Ledger(delivery);
  const submit = (): void => {
    const frame = Array.from({ length: 50 }, (_, i) => ({ topic, key: `k${i}` }));
    ledger.submit(frame, Date.now());
  };
  const openOthers = (): number =>
    ledger.all.filter(({ outcome, key }) => outcome === null && !isStalled(key ?? "")).length;
  submit();
  await until(() => ledger.open === 0);

  const match = { api: "Produce", topic, partition: STALLED } as const;
  const rule = proxy.add({ match, fault: { kind: "drop", what: "request" } });
  for (let frame = 0; frame < 20; frame += 1) {
    submit();
    // Each frame waits for the one before, but for its stalled records: those pile up.
    await until(() => openOthers() === 0);
  }
  assert.ok(ledger.open > 0, "the records of the stalled partition are still open");
  assert.ok(events.some(({ kind }) => kind === "siding_opened"));
  assert.equal(delivery.state(), "ready");

  rule.remove();
  await until(() => ledger.open === 0);
  assert.deepEqual(ledger.outcomes(), { stored: 21 * 50 });
  ledger.judge(await read(BROKERS, [topic], 21 * 50));
  assert.equal(delivery.pressure().unackedBytes, 0);
}
