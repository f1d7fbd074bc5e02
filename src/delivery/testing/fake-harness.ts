/**
 * Delivery over the fake Kafka in virtual time.
 */
import assert from "node:assert/strict";

import { createDelivery, type DeliveryOptions } from "../create.ts";
import type { DeliveryEvent } from "../delivery.ts";
import type { Harness } from "./contract.ts";
import { FakeKafka } from "./fake-kafka.ts";
import { seededRandom, VirtualClock } from "./virtual-clock.ts";

export interface FakeHarness extends Harness {
  readonly kafka: FakeKafka;
  readonly clock: VirtualClock;
}

/** Virtual time until `until` gives up. */
const PATIENCE_MS = 120_000;
const STEP_MS = 5;

export async function fakeHarness(
  options: Partial<DeliveryOptions> = {},
  random: () => number = seededRandom(1),
): Promise<FakeHarness> {
  const clock = new VirtualClock(random);
  const kafka = new FakeKafka(clock);
  kafka.topics.set("events", 4);
  const events: DeliveryEvent[] = [];
  const delivery = createDelivery({
    brokers: ["fake:1"],
    threadPoolSize: 16,
    onEvent: (event) => events.push(event),
    clock,
    producers: kafka.factory(),
    ...options,
  });
  await delivery.start();
  const until = async (condition: () => boolean): Promise<void> => {
    for (let passed = 0; passed < PATIENCE_MS; passed += STEP_MS) {
      if (condition()) return;
      await clock.advance(STEP_MS);
    }
    assert.fail("the condition did not come true");
  };
  return {
    delivery,
    events,
    topic: "events",
    missingTopic: "nowhere",
    kafka,
    clock,
    until,
    read: async (topics) => kafka.log.filter(({ topic }) => topics.includes(topic)),
    stop: async () => {
      let isDone = false;
      void delivery.drain(1_000).then(() => {
        isDone = true;
      });
      await until(() => isDone);
    },
  };
}
