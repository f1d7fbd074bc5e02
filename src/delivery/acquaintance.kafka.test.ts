/**
 * A broker that does not know a producer takes whatever comes first of it for its first records.
 * If those before it were refused (replicas are missing for a moment) and are to be sent again,
 * librdkafka takes the later ones' success for theirs: it reports them stored, and they are gone.
 */
import assert from "node:assert/strict";
import { after, it } from "node:test";

import { KafkaProxy } from "../../test/kafka-proxy/kafka-proxy.ts";
import { testService } from "../../test/services.ts";
import { createDelivery } from "./create.ts";
import { Ledger } from "./testing/ledger.ts";
import { read, until } from "./testing/native-harness.ts";
import { ScratchTopics } from "./testing/scratch-topic.ts";

const BROKERS = testService("kafka");
/** Two of these do not fit one request. */
const LARGE_BYTES = 600_000;
const topics = new ScratchTopics(BROKERS);
after(() => topics.remove());

it("a refused first request is not told stored because a later one was", async () => {
  const topic = await topics.create("acquaintance", 1);
  await using proxy = await KafkaProxy.start({ brokers: BROKERS, seed: 1 });
  const delivery = createDelivery({
    brokers: [proxy.bootstrap],
    lanes: 1,
    onEvent: () => {},
  });
  const ledger = new Ledger(delivery);
  try {
    await delivery.start();
    const refusals = proxy.add({
      match: { api: "Produce", topic },
      times: 1,
      fault: { kind: "stamp", error: "NOT_ENOUGH_REPLICAS" },
    });
    ledger.submit([
      { topic, key: "a", pad: LARGE_BYTES },
      { topic, key: "a", pad: LARGE_BYTES },
      { topic, key: "b" },
    ]);
    await until(() => ledger.open === 0);
    assert.equal(refusals.applied, 1);
    assert.deepEqual(ledger.outcomes(), { stored: 3 });
    ledger.judge(await read(BROKERS, [topic], 2));
  } finally {
    await delivery.drain(5_000);
  }
});
