/**
 * A producer that is told of no broker, as by a cluster all of whose brokers are fenced, drops
 * those it knows. librdkafka then begins again with its bootstrap brokers, but for a race that it
 * loses now and then: here it is told never to do so. New producers take the place of such ones.
 */
import assert from "node:assert/strict";
import { after, it } from "node:test";

import { KafkaProxy } from "../../test/kafka-proxy/kafka-proxy.ts";
import { testService } from "../../test/services.ts";
import { createDelivery } from "./create.ts";
import type { DeliveryEvent } from "./delivery.ts";
import { KafkaProducer } from "./kafka-producer.ts";
import { producerSettings } from "./kafka-settings.ts";
import type { ProducerFactory } from "./producer-port.ts";
import { Ledger } from "./testing/ledger.ts";
import { until } from "./testing/native-harness.ts";
import { ScratchTopics } from "./testing/scratch-topic.ts";

const BROKERS = testService("kafka");
const PARTITIONS = 6;
const topics = new ScratchTopics(BROKERS);
after(() => topics.remove());

/** Producers without a way back to brokers they have dropped. */
function forgetful(brokers: string): ProducerFactory {
  const { global, topic } = producerSettings({
    brokers,
    clientId: "forgetful",
    security: null,
    lingerMs: 5,
    compression: "none",
    messageTimeoutMs: 15_000,
    messageBytesMax: 1_000_000,
    topics: 1,
  });
  const settings = { global: { ...global, "metadata.recovery.strategy": "none" }, topic };
  return ({ handlers, topicNames }) => new KafkaProducer({ settings, topicNames, handlers });
}

it("producers that have forgotten all brokers are replaced, and every partition is stored again", async () => {
  const topic = await topics.create("forgotten", PARTITIONS);
  await using proxy = await KafkaProxy.start({ brokers: BROKERS, seed: 1 });
  const events: DeliveryEvent[] = [];
  const delivery = createDelivery({
    brokers: [proxy.bootstrap],
    producers: forgetful(proxy.bootstrap),
    lanes: 2,
    onEvent: (event) => events.push(event),
  });
  const ledger = new Ledger(delivery);
  const submit = (): void => {
    const frame = Array.from({ length: 50 }, (_, i) => ({ topic, key: `k${i}` }));
    ledger.submit(frame, Date.now());
  };
  const lost = (): number => events.filter(({ kind }) => kind === "producer_fatal").length;
  try {
    await delivery.start();
    submit();
    await until(() => ledger.open === 0);
    const rule = proxy.add({ match: { api: "Metadata" }, fault: { kind: "noBrokers" } });
    // Makes producers ask who leads the partitions.
    const error = "NOT_LEADER_OR_FOLLOWER";
    proxy.add({ match: { api: "Produce" }, times: PARTITIONS, fault: { kind: "stamp", error } });
    submit();
    await until(() => lost() >= 2 && ledger.open === 0);
    rule.remove();
    const before = ledger.all.length;
    await until(() => delivery.state() === "ready");
    submit();
    await until(() => ledger.open === 0);
    assert.ok(ledger.all.slice(before).every(({ outcome }) => outcome === "stored"));
  } finally {
    await delivery.drain(5_000);
  }
});
