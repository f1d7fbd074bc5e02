/**
 * Does a broker, or a partition, that stands still hold up the acks of the other partitions?
 *
 *   UV_THREADPOOL_SIZE=16 node bench/isolation.ts [--lanes 4] [--rate 20000] [--seconds 10]
 *     [--replicas 1] [--fault suspend|partition|kill]
 *
 * Three private brokers, a topic of twelve partitions; one broker is suspended in the middle of a
 * steady load (open loop, frames of 100 keyed records, each record's time from submit to verdict).
 * Prints for the partitions of the other brokers: p50, p99, worst before, and during the stall, all
 * of it and the first three seconds apart; for the suspended broker's partitions when they were
 * stored again. Exit code 1 if the others' p99 after those seconds is more than 1.5 times the one
 * before. `--fault partition`: all brokers go on, but a proxy swallows what is produced to one
 * partition; then the first three seconds are judged too. A suspended broker leads partitions of
 * every lane, so that noticing it is felt by all.
 *
 * With `--replicas 3` the question is what a dead broker costs (`--fault kill`: its process is
 * gone; `suspend`: it stands still with its connections open): exit code 1 if any record waited
 * longer than the brokers' session timeout and two seconds, or was not stored.
 */
import { parseArgs } from "node:util";

import kafka from "@confluentinc/kafka-javascript";

import { startInstance } from "../scripts/services/control.mjs";
import { KafkaProxy } from "../test/kafka-proxy/kafka-proxy.ts";
import { createDelivery } from "../src/delivery/create.ts";
import type { Delivery } from "../src/delivery/delivery.ts";
import { murmur2 } from "../src/delivery/murmur2.ts";
import { makeTable } from "../src/delivery/testing/make-table.ts";
import { helpIfAsked } from "../scripts/usage.ts";

helpIfAsked(import.meta.filename);

const FRAME = 100;
const PARTITIONS = 12;
const TOPIC = "isolation";
/** Of `--fault partition`. */
const STALLED_PARTITION = 2;
/** Phases of the stall that are reported apart: noticing it takes part of the first. */
const NOTICE_MS = 3_000;
const RATIO_MAX = 1.5;
/** Kafka's default of broker.session.timeout.ms: after it the controller elects other leaders. */
const SESSION_TIMEOUT_MS = 9_000;
const DEAD_BROKER_MAX_MS = SESSION_TIMEOUT_MS + 2_000;

const { values: flags } = parseArgs({
  options: {
    lanes: { type: "string", default: "4" },
    rate: { type: "string", default: "20000" },
    seconds: { type: "string", default: "10" },
    replicas: { type: "string", default: "1" },
    fault: { type: "string", default: "suspend" },
  },
});
const seconds = Number(flags.seconds);
const isReplicated = Number(flags.replicas) > 1;

const keys = Array.from({ length: FRAME }, (_, i) => `user-${i * 7919}`);
const partitionOf = keys.map((key) => murmur2(new TextEncoder().encode(key)) % PARTITIONS);
const table = makeTable(
  keys.map((key) => ({
    value: crypto.getRandomValues(new Uint8Array(360)),
    key,
    header: crypto.getRandomValues(new Uint8Array(90)),
  })),
);

interface Sample {
  /** When it was submitted, since the load began. */
  readonly atMs: number;
  readonly tookMs: number;
  readonly partition: number;
  readonly isStored: boolean;
}

class Load {
  readonly samples: Sample[] = [];
  readonly startedMs: number = performance.now();
  readonly #delivery: Delivery;
  readonly #topics: Int32Array;
  #submitted = 0;
  open = 0;

  constructor(delivery: Delivery) {
    this.#delivery = delivery;
    this.#topics = new Int32Array(FRAME).fill(delivery.topic(TOPIC));
  }

  async runUntil(endMs: number): Promise<void> {
    while (performance.now() - this.startedMs < endMs) {
      const due = ((performance.now() - this.startedMs) * Number(flags.rate)) / 1_000;
      for (; this.#submitted < due; this.#submitted += FRAME) this.#submit();
      await new Promise((done) => setTimeout(done, 2));
    }
  }

  #submit(): void {
    const atMs = performance.now();
    const note = (index: number, isStored: boolean): void => {
      this.open -= 1;
      const partition = partitionOf[index] ?? 0;
      const tookMs = performance.now() - atMs;
      this.samples.push({ atMs: atMs - this.startedMs, tookMs, partition, isStored });
    };
    this.open += FRAME;
    const sink = {
      recordStored: (index: number): void => note(index, true),
      recordFailed: (index: number): void => note(index, false),
      commitSettled: (): void => undefined,
    };
    const timestampMs = Date.now();
    this.#delivery.submit(table, {
      sink,
      topics: this.#topics,
      tenant: 0,
      timestampMs,
      indexBase: 0,
    });
  }
}

async function createTopic(brokers: string): Promise<void> {
  const admin = kafka.AdminClient.create({ "bootstrap.servers": brokers });
  const wish = {
    topic: TOPIC,
    num_partitions: PARTITIONS,
    replication_factor: Number(flags.replicas),
  };
  await new Promise<void>((done) => {
    admin.createTopic(wish, 10_000, () => done());
  });
  admin.disconnect();
}

/** Partitions led by the broker whose port this is. */
async function ledBy(brokers: string, port: string): Promise<ReadonlySet<number>> {
  const producer = new kafka.Producer({ "bootstrap.servers": brokers });
  await new Promise((done) => {
    producer.connect({}, done);
  });
  const metadata = await new Promise<kafka.Metadata>((done, fail) => {
    producer.getMetadata({ topic: TOPIC, allTopics: false, timeout: 5_000 }, (error, found) => {
      // The types promise an error always; null is what comes when all is well.
      const failure: { readonly message: string } | null | undefined = error;
      if (failure === null || failure === undefined) done(found);
      else fail(new Error(failure.message));
    });
  });
  const broker = metadata.brokers.find((each) => String(each.port) === port)?.id;
  await new Promise((done) => {
    producer.disconnect(100, done);
  });
  const partitions = metadata.topics.find(({ name }) => name === TOPIC)?.partitions ?? [];
  return new Set(partitions.filter(({ leader }) => leader === broker).map(({ id }) => id));
}

function summary(samples: readonly Sample[]): Record<string, number> {
  const sorted = samples.map(({ tookMs }) => tookMs).toSorted((left, right) => left - right);
  const at = (share: number): number =>
    Math.round((sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN) * 10) / 10;
  const failed = samples.filter(({ isStored }) => !isStored).length;
  return { records: samples.length, failed, p50Ms: at(0.5), p99Ms: at(0.99), worstMs: at(1) };
}

/** Answers with what ends it. */
async function breakIt(): Promise<() => void> {
  if (proxy !== null) {
    const match = { api: "Produce", topic: TOPIC, partition: STALLED_PARTITION } as const;
    const rule = proxy.add({ match, fault: { kind: "drop", what: "request" } });
    return () => rule.remove();
  }
  if (flags.fault === "kill") {
    await brokers.kill({ process: "node3" });
    return () => {};
  }
  await brokers.suspend({ process: "node3" });
  return () => brokers.resume({ process: "node3" });
}

/** Since the load began. */
let stalledAtMs = Number.POSITIVE_INFINITY;
let noticedAtMs = Number.POSITIVE_INFINITY;

await using brokers = await startInstance("kafka3");
await createTopic(brokers.address);
const isOfPartition = flags.fault === "partition";
const lastPort = (brokers.address.split(",")[2] ?? "").split(":")[1] ?? "";
const stopped = isOfPartition
  ? new Set([STALLED_PARTITION])
  : await ledBy(brokers.address, lastPort);
await using proxy = isOfPartition
  ? await KafkaProxy.start({ brokers: brokers.address, seed: 1 })
  : null;
const delivery = createDelivery({
  brokers: proxy === null ? brokers.address.split(",") : [proxy.bootstrap],
  lanes: Number(flags.lanes),
  threadPoolSize: Number(process.env["UV_THREADPOOL_SIZE"] ?? 4),
  onEvent: (event) => {
    const isNews = event.kind.startsWith("siding") || event.kind === "state";
    const isOfStall = event.kind === "siding_opened" && stalledAtMs < Number.POSITIVE_INFINITY;
    if (isOfStall) noticedAtMs = Math.min(noticedAtMs, performance.now() - load.startedMs);
    if (isNews)
      console.error(Math.round(performance.now() - load.startedMs), JSON.stringify(event));
  },
});
await delivery.start();
const load: Load = new Load(delivery);
const [warmMs, calmMs, stallMs] = [3_000, 3_000 + seconds * 1_000, 3_000 + 2 * seconds * 1_000];
await load.runUntil(calmMs);
const heal = await breakIt();
stalledAtMs = performance.now() - load.startedMs;
await load.runUntil(stallMs + (isReplicated ? 10_000 : 0));
heal();
while (load.open > 0) await new Promise((done) => setTimeout(done, 50));
await delivery.drain(5_000);

const others = load.samples.filter(({ partition }) => !stopped.has(partition));
const theirs = load.samples.filter(({ partition }) => stopped.has(partition));
const before = summary(others.filter(({ atMs }) => atMs > warmMs && atMs < stalledAtMs - 500));
const since = (fromMs: number, toMs: number): Record<string, number> =>
  summary(others.filter(({ atMs }) => atMs >= fromMs && atMs < toMs));
const noticing = since(stalledAtMs - 500, stalledAtMs + NOTICE_MS);
const during = since(stalledAtMs + NOTICE_MS, stallMs);
const whole = since(stalledAtMs - 500, stallMs);
const stalled = summary(theirs.filter(({ atMs }) => atMs >= stalledAtMs - 500));
console.table({ before, noticing, during, whole, "of the stalled broker": stalled });
const ratioOf = (phase: Record<string, number>): number =>
  Math.round(((phase["p99Ms"] ?? Number.NaN) / (before["p99Ms"] ?? Number.NaN)) * 100) / 100;
const ratios = { noticing: ratioOf(noticing), during: ratioOf(during), whole: ratioOf(whole) };
console.log(
  JSON.stringify({
    bench: "isolation",
    fault: flags.fault,
    lanes: Number(flags.lanes),
    rate: Number(flags.rate),
    replicas: Number(flags.replicas),
    before,
    noticing,
    during,
    whole,
    stalled,
    noticedAfterMs: Math.round(noticedAtMs - stalledAtMs),
    ratios,
  }),
);
const isHeldUp =
  !(ratios.during <= RATIO_MAX) || (isOfPartition && !(ratios.noticing <= RATIO_MAX));
const isDeadBrokerDear =
  !((stalled["worstMs"] ?? Number.NaN) <= DEAD_BROKER_MAX_MS) || stalled["failed"] !== 0;
if (isReplicated ? isDeadBrokerDear : isHeldUp) process.exitCode = 1;
