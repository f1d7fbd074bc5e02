/**
 * Random schedules of submissions and faults in virtual time. SLUICE_TEST_SEED replays one seed,
 * SLUICE_TEST_SEEDS says how many to try.
 */
import assert from "node:assert/strict";
import { it } from "node:test";

import { KAFKA_CODE } from "./kafka-codes.ts";
import { fakeHarness, type FakeHarness } from "./testing/fake-harness.ts";
import { Ledger } from "./testing/ledger.ts";
import { healKafka, KAFKA_FAULTS, oneOf, Seeds } from "./testing/schedules.ts";
import type { Fault, Random } from "./testing/schedules.ts";
import { seededRandom } from "./testing/virtual-clock.ts";

const SEEDS = new Seeds(150);
const TOPICS = ["a", "b", "c"] as const;
const REFUSALS = [KAFKA_CODE.recordTooLarge, KAFKA_CODE.noSuchTopic, 19, 2] as const;

const FAULTS: readonly Fault[] = [
  ...KAFKA_FAULTS,
  ({ kafka }, random) => {
    const share = random() * 0.3;
    const code = oneOf(REFUSALS, random) ?? 2;
    kafka.judge = () => (random() < share ? code : 0);
  },
  ({ kafka }, random) => {
    kafka.topics.set("c", 3 + Math.floor(random() * 6));
  },
  ({ kafka }) => {
    kafka.topics.delete("b");
  },
  ({ kafka }, random) => {
    oneOf(kafka.live, random)?.brokersDown();
  },
];

function heal(harness: FakeHarness): void {
  healKafka(harness);
  const { topics } = harness.kafka;
  for (const topic of TOPICS) topics.set(topic, topics.get(topic) ?? 4);
}

function submitSome(ledger: Ledger, random: Random): void {
  const records = Array.from({ length: 1 + Math.floor(random() * 60) }, () => {
    const topic = oneOf(TOPICS, random) ?? "a";
    const pad = Math.floor(random() * 40);
    const isKeyed = random() < 0.8;
    return isKeyed ? { topic, pad, key: `k${Math.floor(random() * 9)}` } : { topic, pad };
  });
  ledger.submit(records, 1e12 + Math.floor(random() * 5));
}

async function runSeed(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const lanes = 1 + Math.floor(random() * 4);
  const harness = await fakeHarness({ lanes, unackedEventsMax: 800 }, random);
  const { delivery, kafka, clock, until } = harness;
  for (const topic of TOPICS) kafka.topics.set(topic, 4);
  kafka.keepsFailed = () => random() < 0.5;
  const ledger = new Ledger(delivery);
  for (let step = 0; step < 120; step += 1) {
    const dice = random();
    if (dice < 0.55) submitSome(ledger, random);
    else if (dice < 0.7) oneOf(FAULTS, random)?.(harness, random);
    else if (dice < 0.78) heal(harness);
    else await clock.advance(random() < 0.1 ? random() * 20_000 : random() * 300);
    assert.ok(delivery.pressure().unackedEvents <= 860, "the budget holds");
  }
  const endsInFault = random() < 0.3;
  if (endsInFault) {
    let isDrained = false;
    void delivery.drain(random() * 5_000).then(() => {
      isDrained = true;
    });
    await until(() => isDrained);
  } else {
    heal(harness);
    await until(() => ledger.open === 0 && delivery.state() === "ready");
    await clock.advance(130_000);
    const before = ledger.outcomes()["stored"] ?? 0;
    ledger.submit([{ topic: "a", key: "fresh" }]);
    await until(() => ledger.open === 0);
    assert.equal(ledger.outcomes()["stored"], before + 1, "after healing a fresh record is stored");
    await harness.stop();
  }
  assert.equal(ledger.open, 0, "every record has its outcome");
  assert.equal(delivery.pressure().unackedEvents, 0);
  assert.equal(delivery.pressure().unackedBytes, 0);
  ledger.judge(kafka.log);
}

it(`delivery, ${SEEDS.title}: every promise holds`, () => SEEDS.each(runSeed));
