/**
 * From any state that faults lead to, once Kafka is sound again every partition is stored again
 * within a bounded time: random schedules in virtual time, with producers that have fallen sick
 * (all they get times out, for ever) while new ones are healthy. SLUICE_TEST_SEED replays one seed,
 * SLUICE_TEST_SEEDS says how many to try.
 */
import assert from "node:assert/strict";
import { it } from "node:test";

import { murmur2 } from "./murmur2.ts";
import { fakeHarness } from "./testing/fake-harness.ts";
import { Ledger } from "./testing/ledger.ts";
import { healKafka, KAFKA_FAULTS, oneOf, Seeds } from "./testing/schedules.ts";
import type { Fault, Random } from "./testing/schedules.ts";
import { seededRandom } from "./testing/virtual-clock.ts";

const SEEDS = new Seeds(30);
const TOPICS = ["a", "b"] as const;
const PARTITIONS = 4;
/**
 * The longest circuit, and the longest that a lane waits before it replaces its producer, twice.
 */
const HEALED_MS = 300_000;
const STEP_MS = 250;

const KEYS = Array.from({ length: PARTITIONS }, (_, partition) => {
  for (let i = 0; ; i += 1) {
    const key = `k${i}`;
    if (murmur2(new TextEncoder().encode(key)) % PARTITIONS === partition) return key;
  }
});

const place = (random: Random): string =>
  `${oneOf(TOPICS, random) ?? "a"}/${Math.floor(random() * PARTITIONS)}`;

/** Producers that are sick stay so when Kafka is sound. */
const FAULTS: readonly Fault[] = [
  ...KAFKA_FAULTS,
  ({ kafka }) => {
    kafka.isFull = !kafka.isFull;
  },
  ({ kafka }, random) => {
    const producer = oneOf(kafka.live, random);
    if (producer !== undefined) producer.isSick = true;
  },
  ({ kafka }) => {
    for (const producer of kafka.live) producer.isSick = true;
  },
  ({ kafka }, random) => {
    oneOf(kafka.live, random)?.sickOf.add(place(random));
  },
];

/** One record for each partition, and now and then some without a key. */
function submitAll(ledger: Ledger, random: Random): void {
  const records: Array<{ topic: string; key?: string }> = TOPICS.flatMap((topic) =>
    KEYS.map((key) => ({ topic, key })),
  );
  if (random() < 0.3) records.push({ topic: oneOf(TOPICS, random) ?? "a" });
  ledger.submit(records, 1e12 + Math.floor(random() * 5));
}

async function runSeed(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const harness = await fakeHarness({ lanes: 1 + Math.floor(random() * 4) }, random);
  const { delivery, kafka, clock, until, stop } = harness;
  for (const topic of TOPICS) kafka.topics.set(topic, PARTITIONS);
  kafka.keepsFailed = () => random() < 0.5;
  const ledger = new Ledger(delivery);
  for (let step = 0; step < 80; step += 1) {
    const dice = random();
    if (dice < 0.5) submitAll(ledger, random);
    else if (dice < 0.65) oneOf(FAULTS, random)?.(harness, random);
    else if (dice < 0.72) healKafka(harness);
    else await clock.advance(random() < 0.15 ? random() * 30_000 : random() * 300);
  }
  healKafka(harness);
  const healedMs = clock.monotonicMs();
  // Those who send go on sending, at one pace or by fits and starts.
  const pauseMs = random() < 0.5 ? STEP_MS : STEP_MS + random() * 20_000;
  const isWell = async (): Promise<boolean> => {
    const before = ledger.all.length;
    submitAll(ledger, random);
    const probes = ledger.all.slice(before);
    const areOpen = (): boolean => probes.some(({ outcome }) => outcome === null);
    for (let waitedMs = 0; waitedMs < 1_000 && areOpen(); waitedMs += STEP_MS) {
      await clock.advance(STEP_MS);
    }
    const isStored = probes.every(({ outcome }) => outcome === "stored");
    return isStored && delivery.state() === "ready";
  };
  while (!(await isWell())) {
    const passedMs = clock.monotonicMs() - healedMs;
    assert.ok(passedMs <= HEALED_MS, "every partition is stored again");
    await clock.advance(pauseMs);
  }
  await until(() => ledger.open === 0);
  await stop();
  ledger.judge(kafka.log);
  assert.equal(delivery.pressure().unackedEvents, 0);
}

it(`delivery, ${SEEDS.title}: what Kafka can store is stored again`, () => SEEDS.each(runSeed));
