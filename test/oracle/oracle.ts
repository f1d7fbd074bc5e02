/**
 * One run of the oracle: senders claim ids, faults follow the seed's schedule, then everything is
 * healed, the senders get their last answers, all records are read back, and the judge speaks.
 */
import { writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { Deduplicator } from "../../src/consumer/library.ts";
import { readAll } from "../e2e/read-back.ts";
import { seededRandom } from "../kafka-proxy/random.ts";
import { carryOut } from "./fault-groups.ts";
import { History } from "./history.ts";
import { HttpSender } from "./http-sender.ts";
import { judge } from "./judge.ts";
import type { Bounds, Judgement } from "./judge.ts";
import { planFaults } from "./schedule.ts";
import { pick } from "./sender.ts";
import type { Sender, SenderParts } from "./sender.ts";
import { StreamSender } from "./stream-sender.ts";
import { World } from "./world.ts";

export const BOUNDS: Bounds = {
  // A gateway at rest has about 150 MB; its budget of unacked bytes is 128 MiB.
  memoryBytesMax: 512 * 1024 * 1024,
  // Seconds where nothing else runs; starting anew after the last fault is a machine's speed.
  probeMsMax: 60_000,
};

/**
 * After healing: until gateways are ready, and until every event has its outcome. A busy machine
 * takes long; how fast service comes back is judged by the probe.
 */
const HEAL_MS = 120_000;
const SETTLE_MS = 180_000;

export interface RunOptions {
  readonly seed: number;
  /** How long faults go on. */
  readonly faultsMs: number;
  readonly streamSenders: number;
  readonly httpSenders: number;
  /** Of each sender, events a second. */
  readonly rate: number;
  /** What is going on, for people. */
  readonly say?: (sentence: string) => void;
  /** Every note of the history. */
  readonly hear?: (note: string) => void;
}

export interface Run {
  readonly history: History;
  readonly judgement: Judgement;
  /** Faults by kind. */
  readonly faults: ReadonlyMap<string, number>;
  /** What the gateways have logged. */
  readonly logs: string;
}

/** Keeps what is needed to look for the reason; gives the file of the history. */
export async function keep({ history, logs }: Run, seed: number): Promise<string> {
  const file = fileURLToPath(new URL(`../../.run/oracle/${seed}.ndjson`, import.meta.url));
  await history.save(file);
  await writeFile(file.replace("ndjson", "log"), logs);
  return file;
}

export async function runOracle(options: RunOptions): Promise<Run> {
  const { seed, faultsMs, say = () => {} } = options;
  const history = new History(options.hear);
  const faults = planFaults(seed, faultsMs);
  say(`starting three brokers, Redis and two gateways`);
  const world = await World.start({ seed, history });
  try {
    const senders = makeSenders(world, options);
    for (const sender of senders) sender.start();
    say(`${faults.length} faults in ${Math.round(faultsMs / 1_000)} s`);
    await carryOut(world, faults);
    say("healing");
    await world.heal(AbortSignal.timeout(HEAL_MS));
    await probe(world);
    for (const sender of senders) sender.finish();
    await plateau(senders, AbortSignal.timeout(SETTLE_MS));
    for (const sender of senders) await sender.stop();
    await world.settle(AbortSignal.timeout(SETTLE_MS));
    await world.stopGateways();
    say("reading everything back");
    await readBack(world);
  } finally {
    await world.remove();
  }
  const counts = Map.groupBy(faults, ({ kind }) => kind);
  return {
    history,
    judgement: judge(history.entries, BOUNDS),
    logs: world.logs,
    faults: new Map([...counts].map(([kind, list]) => [kind, list.length])),
  };
}

function makeSenders(world: World, options: RunOptions): Sender[] {
  let batches = 0;
  const parts = (name: string, salt: number): SenderParts => ({
    name,
    urls: world.urls,
    supply: world.supply,
    history: world.history,
    random: seededRandom(options.seed * 1_000 + salt),
    nextBatch: () => (batches += 1),
    rate: options.rate,
  });
  const streams = Array.from(
    { length: options.streamSenders },
    (_, index) => new StreamSender(parts(`ws${index + 1}`, index)),
  );
  const plain = Array.from(
    { length: options.httpSenders },
    (_, index) => new HttpSender(parts(`http${index + 1}`, 500 + index)),
  );
  return [...streams, ...plain];
}

/** I8: how long a fresh event takes after healing. It is sent until it is stored. */
async function probe({ urls, supply, history }: World): Promise<void> {
  const startMs = performance.now();
  const random = seededRandom(Date.now());
  const sender = "probe";
  let batch = 0;
  for (let ordinal = 1; performance.now() - startMs < BOUNDS.probeMsMax; ordinal += 1) {
    const event = supply.make(sender, ordinal, random);
    if (!event.isSound) continue;
    const { id, topic, key } = event;
    const about = { id, ordinal, topic, key, sender, isSound: true };
    history.add({ kind: "claim", ...about, stream: null, seq: null });
    for (;;) {
      batch -= 1;
      history.add({ kind: "sent", batch, sender, ids: [id] });
      const stored = await sendOne(pick(urls, random), event.text);
      history.add({ kind: "ended", batch, how: stored === null ? "closed" : "answered" });
      if (stored !== null) {
        history.add({ kind: "told", id, outcome: stored ? "stored" : "retry", batch });
      }
      if (stored !== true && performance.now() - startMs < BOUNDS.probeMsMax) continue;
      const latencyMs = stored === true ? Math.round(performance.now() - startMs) : null;
      history.add({ kind: "probe", latencyMs });
      return;
    }
  }
}

/** True: stored; false: to be sent again; null: no answer. */
async function sendOne(url: string, body: string): Promise<boolean | null> {
  try {
    const headers = { "x-write-key": "demo" };
    const response = await fetch(`${url}/v1/events`, { method: "POST", body, headers });
    const answer = (await response.json()) as { readonly stored?: number };
    return answer.stored === 1;
  } catch {
    return null;
  }
}

/** Waits until every sender has all its outcomes, or for so long that it never will. */
async function plateau(senders: readonly Sender[], deadline: AbortSignal): Promise<void> {
  while (!deadline.aborted && senders.some(({ open }) => open > 0)) await delay(100);
}

async function readBack({ kafka, topics, supply, history }: World): Promise<void> {
  const deduplicator = new Deduplicator({ fromBeginning: true });
  for (const record of await readAll(kafka.address, topics)) {
    const { header, verdict } = deduplicator.decide(record);
    const id = header?.id ?? "";
    const { topic, partition, offset, timestampMs } = record;
    history.add({
      kind: "record",
      ...{ topic, partition, offset, id, verdict },
      key: Buffer.from(record.key ?? []).toString("utf8"),
      stream: header?.stream ?? null,
      seq: header?.seq ?? null,
      isFlagged: header?.flags.includes("redelivery_possible") ?? false,
      isEqual: record.value !== null && supply.isEqual(id, record.value),
      appendedAtMs: timestampMs - history.startMs,
    });
  }
}
