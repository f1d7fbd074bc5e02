import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { KAFKA_CODE } from "./kafka-codes.ts";
import { deliveryContract } from "./testing/contract.ts";
import { fakeHarness, type FakeHarness } from "./testing/fake-harness.ts";
import { murmur2 } from "./murmur2.ts";
import { Ledger } from "./testing/ledger.ts";

deliveryContract("fake", fakeHarness);

const keyed = (topic: string, count: number): Array<{ topic: string; key: string }> =>
  Array.from({ length: count }, (_, i) => ({ topic, key: `k${i % 23}` }));

/** Connected, and the partitions of the topic are known. */
const isReady = ({ delivery, events, topic }: FakeHarness): boolean => {
  delivery.topic(topic);
  const isKnown = events.some((event) => event.kind === "topic" && event.topic === topic);
  return isKnown && delivery.state() === "ready";
};

/** Stores something in every partition: from then on a commit may have several records of each. */
async function acquaint({
  delivery,
  until,
  topic,
}: Pick<FakeHarness, "delivery" | "until" | "topic">) {
  const ledger = new Ledger(delivery);
  ledger.submit(keyed(topic, 40));
  await until(() => ledger.open === 0);
}

describe("delivery, faults of the producer", () => {
  it("failure reports that come long after the flush are waited for", async () => {
    const { delivery, kafka, until, topic, stop } = await fakeHarness({ lanes: 1 });
    kafka.judge = ({ value }) => (Number(value.slice(1, 5).replace(/\D/g, "")) % 5 === 0 ? 0 : 19);
    const ledger = new Ledger(delivery);
    ledger.submit(
      Array.from({ length: 2_000 }, (_, i) => ({ topic, key: `k${i % 50}`, pad: i / 50 })),
    );
    await until(() => ledger.open === 0);
    ledger.judge(kafka.log);
    assert.ok(kafka.log.length > 0);
    assert.equal(ledger.outcomes()["stored"], kafka.log.length);
    await stop();
  });

  it("row 13: a full queue pauses the lane, once, and nothing is lost", async () => {
    const { delivery, kafka, until, topic, events, stop } = await fakeHarness({ lanes: 1 });
    kafka.queueMax = 100;
    const ledger = new Ledger(delivery);
    ledger.submit(keyed(topic, 1_000));
    await until(() => ledger.open === 0);
    assert.deepEqual(ledger.outcomes(), { stored: 1_000 });
    ledger.judge(kafka.log);
    const full = events.filter(({ kind }) => kind === "queue_full").length;
    assert.ok(full >= 1 && full <= 10, `${full} times full`);
    await stop();
  });

  it("row 13: a queue that takes nothing at all is tried again with pauses until it does", async () => {
    const harness = await fakeHarness({ lanes: 1 });
    const { delivery, kafka, clock, until, topic, events, stop } = harness;
    await until(() => isReady(harness));
    kafka.queueMax = 0;
    const ledger = new Ledger(delivery);
    ledger.submit(keyed(topic, 10));
    await clock.advance(1_000);
    const full = events.filter(({ kind }) => kind === "queue_full").length;
    assert.ok(full >= 5 && full <= 21, `${full} times full`);
    kafka.queueMax = Number.POSITIVE_INFINITY;
    await until(() => ledger.open === 0);
    assert.deepEqual(ledger.outcomes(), { stored: 10 });
    await stop();
  });

  it("a fatal error fails what is out, a new producer takes what comes", async () => {
    const { delivery, kafka, clock, until, topic, events, stop } = await fakeHarness({ lanes: 1 });
    await until(() => delivery.state() === "ready");
    await acquaint({ delivery, until, topic });
    const ledger = new Ledger(delivery);
    kafka.latencyMs = 50;
    ledger.submit(keyed(topic, 100));
    await clock.advance(5);
    kafka.producers[0]?.breakFatally();
    await until(() => ledger.open === 0);
    assert.deepEqual(ledger.outcomes(), { kafka_unavailable: 100 });
    ledger.submit(keyed(topic, 100));
    await until(() => ledger.open === 0);
    assert.equal(ledger.outcomes()["stored"], 100);
    const lost = events.filter(({ kind }) => kind === "producer_fatal");
    assert.equal(lost.length, 1);
    assert.ok(events.some((event) => event.kind === "producer_ready" && event.rebuilt));
    assert.equal(kafka.producers[0]?.isDisconnected, true);
    await stop();
  });

  it("a fatal error found by produce loses no record", async () => {
    const harness = await fakeHarness({ lanes: 1 });
    const { delivery, kafka, until, topic, stop } = harness;
    await until(() => isReady(harness));
    kafka.producers[0]?.breakFatally();
    const ledger = new Ledger(delivery);
    ledger.submit(keyed(topic, 10));
    await until(() => ledger.open === 0);
    assert.deepEqual(ledger.outcomes(), { stored: 10 });
    await stop();
  });

  it("three fatal errors in a minute open the circuit, which closes again by itself", async () => {
    const { delivery, kafka, clock, until, events, stop } = await fakeHarness({ lanes: 2 });
    await until(() => delivery.state() === "ready");
    for (let i = 0; i < 3; i += 1) {
      kafka.live.find(({ lane }) => lane === 1)?.breakFatally();
      await clock.advance(6_000);
    }
    const opened = events.filter(({ kind }) => kind === "circuit_open");
    assert.equal(opened.length, 1);
    assert.equal(delivery.state(), "unavailable");
    const live = (): number[] => kafka.live.map(({ lane }) => lane).toSorted((a, b) => a - b);
    assert.deepEqual(live(), [0, 2], "the other lane and the spare");
    await until(() => delivery.state() === "ready");
    assert.deepEqual(live(), [0, 1, 2]);
    await stop();
  });

  it("a flush that never ends gives kafka_timeout, and the lane works again afterwards", async () => {
    const harness = await fakeHarness({ lanes: 1 });
    const { delivery, kafka, until, topic, events, stop } = harness;
    await until(() => isReady(harness));
    await acquaint(harness);
    kafka.messageTimeoutMs = Number.POSITIVE_INFINITY;
    kafka.isSilent = true;
    const ledger = new Ledger(delivery);
    ledger.submit(keyed(topic, 10));
    await until(() => ledger.open === 0);
    assert.deepEqual(ledger.outcomes(), { kafka_timeout: 10 });
    assert.ok(events.some(({ kind }) => kind === "commit_stuck"));
    kafka.isSilent = false;
    ledger.submit(keyed(topic, 10));
    await until(() => ledger.open === 0);
    assert.deepEqual(ledger.outcomes(), { kafka_timeout: 10, stored: 10 });
    await stop();
  });

  it("a producer that keeps records beyond every deadline is replaced", async () => {
    const harness = await fakeHarness({ lanes: 1 });
    const { delivery, kafka, clock, until, topic, events, stop } = harness;
    await until(() => isReady(harness));
    await acquaint(harness);
    kafka.messageTimeoutMs = Number.POSITIVE_INFINITY;
    kafka.stalled.add(`${topic}/0`).add(`${topic}/1`).add(`${topic}/2`).add(`${topic}/3`);
    const ledger = new Ledger(delivery);
    ledger.submit(keyed(topic, 10));
    await clock.advance(60_000);
    assert.ok(events.some(({ kind }) => kind === "producer_fatal"));
    kafka.stalled.clear();
    ledger.submit(keyed(topic, 10));
    await until(() => ledger.open === 0);
    assert.deepEqual(ledger.outcomes(), { kafka_timeout: 10, stored: 10 });
    await stop();
  });

  it("a producer that stores nothing in time, while others do, is replaced", async () => {
    const harness = await fakeHarness({ lanes: 2 });
    const { delivery, kafka, clock, until, topic, events, stop } = harness;
    await until(() => isReady(harness));
    const sick = kafka.producers[0];
    assert.ok(sick !== undefined);
    sick.isSick = true;
    const ledger = new Ledger(delivery);
    for (let second = 0; second < 40; second += 1) {
      ledger.submit(keyed(topic, 23));
      await clock.advance(1_000);
    }
    const last = new Ledger(delivery);
    last.submit(keyed(topic, 23));
    await until(() => ledger.open + last.open === 0);
    assert.deepEqual(last.outcomes(), { stored: 23 });
    assert.equal(sick.isDisconnected, true);
    assert.equal(events.filter(({ kind }) => kind === "producer_doubted").length, 1);
    assert.ok(!events.some(({ kind }) => kind === "producer_fatal" || kind === "circuit_open"));
    await stop();
  });

  it("a partition that stalls for long costs some producers, and nothing else", async () => {
    const harness = await fakeHarness({ lanes: 2 });
    const { delivery, kafka, clock, until, topic, events, stop } = harness;
    await until(() => isReady(harness));
    kafka.stalled.add(`${topic}/2`);
    const ledger = new Ledger(delivery);
    for (let second = 0; second < 240; second += 1) {
      ledger.submit(keyed(topic, 23));
      await clock.advance(1_000);
    }
    const doubts = events.filter(({ kind }) => kind === "producer_doubted").length;
    assert.ok(doubts > 0 && doubts <= 6, `${doubts} replaced in four minutes`);
    const isStalled = (key: string | null): boolean =>
      murmur2(new TextEncoder().encode(key ?? "")) % 4 === 2;
    const others = ledger.all.filter(({ key }) => !isStalled(key));
    assert.ok(others.length > 0 && others.every(({ outcome }) => outcome === "stored"));
    kafka.stalled.clear();
    await until(() => ledger.open === 0);
    ledger.judge(kafka.log);
    await stop();
  });

  it("records alike in all a report tells fail together, others do not", async () => {
    const { delivery, kafka, until, topic, stop } = await fakeHarness({ lanes: 1 });
    await acquaint({ delivery, until, topic });
    let judged = 0;
    kafka.judge = () => {
      judged += 1;
      return judged === 1 ? KAFKA_CODE.recordTooLarge : 0;
    };
    const ledger = new Ledger(delivery);
    ledger.submit([
      { topic, key: "same" },
      { topic, key: "same" },
      { topic, key: "same", pad: 1 },
      { topic, key: "other" },
    ]);
    await until(() => ledger.open === 0);
    assert.deepEqual(ledger.outcomes(), { destination_unavailable: 2, stored: 2 });
    await stop();
  });

  it("a report that fits no record lets nobody be told stored", async () => {
    const { delivery, kafka, until, topic, stop } = await fakeHarness({ lanes: 1 });
    await until(() => delivery.state() === "ready");
    await acquaint({ delivery, until, topic });
    const ledger = new Ledger(delivery);
    kafka.latencyMs = 20;
    ledger.submit(keyed(topic, 10));
    kafka.producers[0]?.reportForeign();
    await until(() => ledger.open === 0);
    assert.deepEqual(ledger.outcomes(), { kafka_timeout: 10 });
    await stop();
  });
});

describe("delivery, faults of Kafka", () => {
  it("a partition that may not know the producer has one record out, and no more", async () => {
    const { delivery, kafka, clock, until, topic, stop } = await fakeHarness({ lanes: 1 });
    await until(() => delivery.state() === "ready");
    kafka.latencyMs = 20;
    const ledger = new Ledger(delivery);
    const one = Array.from({ length: 5 }, () => ({ topic, key: "same" }));
    ledger.submit(one);
    await clock.advance(5);
    kafka.producers[0]?.breakFatally();
    await until(() => ledger.open === 0);
    assert.deepEqual(ledger.outcomes(), { kafka_unavailable: 1, stored: 4 }, "the others waited");
    ledger.submit(one);
    await clock.advance(5);
    kafka.live.find(({ lane }) => lane === 0)?.breakFatally();
    await until(() => ledger.open === 0);
    assert.deepEqual(ledger.outcomes(), { kafka_unavailable: 6, stored: 4 }, "it is known by now");
    await stop();
  });

  it("without a broker at the start it says so, waits, and goes on when one comes", async () => {
    const { delivery, kafka, clock, until, topic, stop } = await fakeHarness();
    kafka.isGone = true;
    const ledger = new Ledger(delivery);
    ledger.submit(keyed(topic, 10));
    await clock.advance(5_000);
    assert.equal(delivery.state(), "starting");
    assert.equal(ledger.open, 10);
    kafka.isGone = false;
    await until(() => ledger.open === 0);
    assert.deepEqual(ledger.outcomes(), { stored: 10 });
    assert.equal(delivery.state(), "ready");
    await stop();
  });

  it("a short silence is waited out", async () => {
    const harness = await fakeHarness();
    const { delivery, kafka, clock, until, topic, stop } = harness;
    await until(() => isReady(harness));
    kafka.isSilent = true;
    const ledger = new Ledger(delivery);
    for (let i = 0; i < 50; i += 1) {
      ledger.submit(keyed(topic, 10));
      await clock.advance(160);
    }
    assert.equal(delivery.state(), "unavailable");
    kafka.isSilent = false;
    await until(() => ledger.open === 0);
    assert.deepEqual(ledger.outcomes(), { stored: 500 });
    ledger.judge(kafka.log);
    await until(() => delivery.state() === "ready");
    await stop();
  });

  it("minutes without Kafka: retry outcomes, bounded memory, and it heals by itself", async () => {
    const harness = await fakeHarness({
      unackedEventsMax: 2_000,
      lanes: 2,
    });
    const { delivery, kafka, clock, until, topic, events, stop } = harness;
    await until(() => isReady(harness));
    kafka.isSilent = true;
    kafka.keepsFailed = () => true;
    const ledger = new Ledger(delivery);
    let most = 0;
    for (let i = 0; i < 600; i += 1) {
      ledger.submit(keyed(topic, 100));
      most = Math.max(most, delivery.pressure().unackedEvents);
      await clock.advance(300);
    }
    assert.equal(delivery.state(), "unavailable");
    assert.ok(most <= 2_100, `${most} events unacked`);
    assert.ok(events.some((event) => event.kind === "pressure" && event.level === "hard"));
    kafka.isSilent = false;
    await until(() => ledger.open === 0 && delivery.state() === "ready");
    const { kafka_timeout = 0, kafka_unavailable = 0, overloaded = 0 } = ledger.outcomes();
    assert.ok(kafka_timeout > 0 && kafka_unavailable > 0 && overloaded > 0);
    ledger.submit(keyed(topic, 10));
    await until(() => ledger.open === 0);
    ledger.judge(kafka.log);
    assert.equal(delivery.pressure().unackedBytes, 0);
    await stop();
  });

  it("row 43: a tenant that floods a silent Kafka leaves room for another", async () => {
    const harness = await fakeHarness({ lanes: 4, unackedEventsMax: 1_000 });
    const { delivery, kafka, clock, until, topic, stop } = harness;
    await until(() => isReady(harness));
    const quiet = new Ledger(delivery, "quiet");
    const flood = new Ledger(delivery, "flood");
    kafka.isSilent = true;
    for (let i = 0; i < 30; i += 1) flood.submit(keyed(topic, 100));
    await clock.advance(100);
    assert.ok(delivery.isHeldBack(delivery.tenant("flood")));
    assert.ok(!delivery.isHeldBack(delivery.tenant("quiet")));
    assert.equal(delivery.tenantsHeldBack(), 1);
    quiet.submit(keyed(topic, 100));
    await clock.advance(100);
    assert.deepEqual(quiet.outcomes(), { open: 100 });
    kafka.isSilent = false;
    await until(() => quiet.open === 0 && flood.open === 0);
    assert.deepEqual(quiet.outcomes(), { stored: 100 });
    assert.ok((flood.outcomes()["stored"] ?? 0) <= 800);
    assert.equal(delivery.tenantsHeldBack(), 0);
    await stop();
  });

  it("a stalled partition holds up nobody for longer than it takes to notice", async () => {
    const harness = await fakeHarness({ lanes: 1 });
    const { delivery, events, kafka, clock, until, topic, stop } = harness;
    await until(() => isReady(harness));
    kafka.stalled.add(`${topic}/2`);
    const ledger = new Ledger(delivery);
    ledger.submit(keyed(topic, 100));
    await clock.advance(300);
    const stuck = ledger.open;
    assert.ok(stuck > 0 && stuck < 60, `${stuck} wait for the stalled partition`);
    assert.ok(delivery.isHeldUp());
    // From now on the others are as quick as ever, and those of the stalled one stay in order.
    for (let i = 0; i < 20; i += 1) {
      ledger.submit(keyed(topic, 23));
      await clock.advance(50);
    }
    const perFrame = keyed(topic, 23).length - (ledger.open - stuck) / 20;
    assert.ok(perFrame >= 12, `${perFrame} of 23 are stored within 50 ms`);
    assert.equal(delivery.state(), "ready");
    kafka.stalled.clear();
    await until(() => ledger.open === 0);
    assert.deepEqual(ledger.outcomes(), { stored: 100 + 20 * 23 });
    ledger.judge(kafka.log);
    assert.ok(!events.some(({ kind }) => kind === "siding_closed"));
    assert.ok(!delivery.isHeldUp(), "the siding is quick again");
    await until(() => events.some(({ kind }) => kind === "siding_closed"));
    ledger.submit(keyed(topic, 100));
    await until(() => ledger.open === 0);
    ledger.judge(kafka.log);
    assert.equal(delivery.pressure().unackedBytes, 0);
    await stop();
  });

  it("a lane that hangs goes on serving its partitions until a spare is connected", async () => {
    const harness = await fakeHarness({ lanes: 1 });
    const { delivery, events, kafka, clock, until, topic, stop } = harness;
    await until(() => isReady(harness));
    kafka.isFull = true;
    // The spare.
    kafka.producers[1]?.breakFatally();
    kafka.stalled.add(`${topic}/2`);
    const ledger = new Ledger(delivery);
    ledger.submit(keyed(topic, 100));
    await clock.advance(3_000);
    ledger.submit(keyed(topic, 100));
    await clock.advance(1_000);
    assert.deepEqual(Object.keys(ledger.outcomes()), ["stored", "open"]);
    assert.ok(!events.some(({ kind }) => kind === "siding_opened"));
    kafka.isFull = false;
    await until(() => events.some(({ kind }) => kind === "siding_opened"));
    kafka.stalled.clear();
    await until(() => ledger.open === 0);
    assert.deepEqual(ledger.outcomes(), { stored: 200 });
    ledger.judge(kafka.log);
    await stop();
  });

  it("sidings that are quick again make room for a lane that hangs", async () => {
    const harness = await fakeHarness({ lanes: 1 });
    const { delivery, events, kafka, clock, until, topic, stop } = harness;
    await until(() => isReady(harness));
    const ledger = new Ledger(delivery);
    kafka.stalled.add(`${topic}/0`);
    ledger.submit(keyed(topic, 100));
    await until(() => events.some(({ kind }) => kind === "siding_opened"));
    kafka.stalled.clear();
    await until(() => ledger.open === 0);
    kafka.stalled.add(`${topic}/2`);
    ledger.submit(keyed(topic, 100));
    await clock.advance(1_000);
    ledger.submit(keyed(topic, 100));
    await clock.advance(500);
    const isStalled = (key: string | null): boolean =>
      murmur2(new TextEncoder().encode(key ?? "")) % 4 === 2;
    const waiting = ledger.all.filter(({ key, outcome }) => outcome === null && !isStalled(key));
    assert.deepEqual(waiting, []);
    kafka.stalled.clear();
    await until(() => ledger.open === 0);
    ledger.judge(kafka.log);
    await stop();
  });

  it("partitions that stall one after the other take further lanes, and all come home", async () => {
    const harness = await fakeHarness({ lanes: 2 });
    const { delivery, events, kafka, clock, until, topic, stop } = harness;
    await until(() => isReady(harness));
    const ledger = new Ledger(delivery);
    for (let i = 0; i < 200; i += 1) {
      if (i % 50 === 20) kafka.stalled.add(`${topic}/${Math.floor(i / 50)}`);
      if (i === 180) kafka.stalled.clear();
      ledger.submit(keyed(topic, 30), 1e12 + i);
      await clock.advance(100);
    }
    await until(() => ledger.open === 0);
    ledger.judge(kafka.log);
    await until(() => {
      const opened = new Set(events.flatMap((e) => (e.kind === "siding_opened" ? [e.lane] : [])));
      const closed = events.filter(({ kind }) => kind === "siding_closed").length;
      return opened.size > 0 && closed >= opened.size;
    });
    ledger.submit(keyed(topic, 30));
    await until(() => ledger.open === 0);
    ledger.judge(kafka.log);
    await stop();
  });

  it("a stalled partition holds up its own lane only, and keyless records avoid it", async () => {
    const harness = await fakeHarness({ lanes: 4 });
    const { delivery, kafka, clock, until, topic, stop } = harness;
    await until(() => isReady(harness));
    kafka.stalled.add(`${topic}/2`);
    const stuck = new Ledger(delivery);
    stuck.submit(keyed(topic, 100));
    await clock.advance(1_000);
    const stalledCount = stuck.open === 0 ? 0 : 100;
    assert.equal(stalledCount, 100);
    const keyless = new Ledger(delivery);
    for (let i = 0; i < 20; i += 1) {
      keyless.submit([{ topic }]);
      await clock.advance(20);
    }
    await until(() => keyless.open === 0);
    assert.deepEqual(keyless.outcomes(), { stored: 20 });
    assert.equal(delivery.state(), "ready");
    kafka.stalled.clear();
    await until(() => stuck.open === 0);
    assert.deepEqual(stuck.outcomes(), { stored: 100 });
    await stop();
  });

  it("a refusal of the broker fails only what it refused", async () => {
    const { delivery, kafka, until, topic, events, stop } = await fakeHarness();
    kafka.judge = ({ key }) => (key === "k3" ? KAFKA_CODE.recordTooLarge : 0);
    const ledger = new Ledger(delivery);
    ledger.submit(
      Array.from({ length: 23 }, (_, i) => ({ topic, key: `k${i}` })),
      1_700_000_000_000,
    );
    await until(() => ledger.open === 0);
    assert.deepEqual(ledger.outcomes(), { stored: 22, destination_unavailable: 1 });
    assert.ok(events.some((event) => event.kind === "records_failed" && event.count === 1));
    await stop();
  });

  it("a topic that is missing is refused, and used when it appears", async () => {
    const { delivery, kafka, clock, until, stop } = await fakeHarness();
    const ledger = new Ledger(delivery);
    ledger.submit(keyed("later", 10));
    await until(() => ledger.open === 0);
    assert.deepEqual(ledger.outcomes(), { destination_unavailable: 10 });
    kafka.topics.set("later", 3);
    await clock.advance(16_000);
    ledger.submit(keyed("later", 10));
    await until(() => ledger.open === 0);
    assert.deepEqual(ledger.outcomes(), { destination_unavailable: 10, stored: 10 });
    await stop();
  });

  it("a topic closed to sluice is refused at once after the first failure, then tried again", async () => {
    const { delivery, kafka, clock, until, topic, events, stop } = await fakeHarness();
    kafka.judge = () => KAFKA_CODE.topicNotAuthorized;
    const ledger = new Ledger(delivery);
    ledger.submit(keyed(topic, 10));
    await until(() => ledger.open === 0);
    ledger.submit(keyed(topic, 10));
    await until(() => ledger.open === 0);
    assert.deepEqual(ledger.outcomes(), { destination_unavailable: 20 });
    assert.ok(events.some((event) => event.kind === "topic" && event.status === "denied"));
    assert.ok(events.some((event) => event.kind === "refused" && event.count === 10));
    // Closed for long: it is tried again and again, seldom.
    for (let second = 0; second < 40; second += 1) {
      await clock.advance(1_000);
      ledger.submit(keyed(topic, 1));
      await until(() => ledger.open === 0);
    }
    kafka.judge = () => 0;
    await clock.advance(5_000);
    ledger.submit(keyed(topic, 10));
    await until(() => ledger.open === 0);
    assert.equal(ledger.outcomes()["stored"], 10);
    await stop();
  });

  it("row 12: partitions that are added are used within the refresh time", async () => {
    const { delivery, kafka, clock, until, topic, stop } = await fakeHarness();
    const ledger = new Ledger(delivery);
    ledger.submit(keyed(topic, 100));
    await until(() => ledger.open === 0);
    kafka.topics.set(topic, 8);
    await clock.advance(31_000);
    ledger.submit(keyed(topic, 100));
    await until(() => ledger.open === 0);
    assert.deepEqual(ledger.outcomes(), { stored: 200 });
    assert.ok(kafka.log.some(({ partition }) => partition >= 4));
    await stop();
  });

  it("drain without Kafka ends at its deadline, with an outcome for every record", async () => {
    const harness = await fakeHarness({ lanes: 1 });
    const { delivery, kafka, clock, until, topic } = harness;
    await until(() => isReady(harness));
    await acquaint(harness);
    kafka.isSilent = true;
    const ledger = new Ledger(delivery);
    ledger.submit(keyed(topic, 10));
    await clock.advance(100);
    ledger.submit(keyed(topic, 5));
    let endedAtMs = 0;
    const startedAtMs = clock.monotonicMs();
    void delivery.drain(2_000).then(() => {
      endedAtMs = clock.monotonicMs();
    });
    await until(() => endedAtMs > 0);
    assert.ok(endedAtMs - startedAtMs <= 6_000, `${endedAtMs - startedAtMs} ms`);
    assert.deepEqual(ledger.outcomes(), { kafka_timeout: 10, kafka_unavailable: 5 });
  });

  it("drain before start ends at once", async () => {
    const { delivery, clock } = await fakeHarness();
    let isDone = false;
    void delivery.drain(0).then(() => {
      isDone = true;
    });
    await clock.advance(4_000);
    assert.equal(isDone, true);
  });
});

describe("delivery, lanes", () => {
  it("what waited for its partitions and finds its lane full is refused, not lost", async () => {
    const { delivery, kafka, until, stop } = await fakeHarness({
      lanes: 4,
      unackedEventsMax: 1_000,
    });
    kafka.latencyMs = 200;
    for (const topic of ["t0", "t1", "t2", "t3", "t4"]) {
      kafka.topics.set(topic, 1);
      delivery.topic(topic);
    }
    const ledger = new Ledger(delivery);
    ledger.submit(keyed("t0", 300));
    ledger.submit(keyed("t4", 400));
    await until(() => ledger.open === 0);
    assert.deepEqual(ledger.outcomes(), { stored: 500, overloaded: 200 });
    await stop();
  });

  it("fewer threads than lanes: the lanes are reduced and the reason is a sentence", async () => {
    const { events, kafka, clock, stop } = await fakeHarness({ lanes: 8, threadPoolSize: 4 });
    await clock.advance(10);
    assert.equal(kafka.producers.length, 3, "two lanes and a spare");
    const event = events.find(({ kind }) => kind === "lanes_reduced");
    assert.ok(event?.kind === "lanes_reduced" && event.reason.includes("UV_THREADPOOL_SIZE"));
    await stop();
  });
});
