/**
 * The room as a whole over a topic in memory, which gets partitions and loses records as it goes:
 * writers, readers and subscribers take turns as a seed wants it, and a feed that is late goes on
 * with the present. Every subscriber has every event of his from where he began, once and in order,
 * or was told of the gap it is in.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { createAdmission } from "../admission/create.ts";
import { tableOfKeys } from "../admission/key-list.ts";
import { Continuity } from "../delivery/continuity.ts";
import type { Taken } from "../delivery/continuity.ts";
import type { KafkaRecord, Portion } from "../delivery/topic-reader.ts";
import { systemClock } from "../lib/clock.ts";
import { ValueDecoder } from "../schema/value-decoder.ts";
import type { LiveSocket } from "./connection.ts";
import type { LiveFrame } from "./frames.ts";
import { LiveHub } from "./hub.ts";
import type { LiveSource } from "./hub-parts.ts";

const TOPIC = "alerts";
const PARTITIONS = 3;
const SCHEMA = '{"type":"record","name":"E","fields":[{"name":"pad","type":"string"}]}';
/** For all to have everything; then it is looked at what is missing. */
const PATIENCE_MS = 20_000;
/** So that a slow subscriber is one soon. */
const PAD = "x".repeat(8_000);

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}

function header(tenant: string, id: string): Buffer {
  const fixed = Buffer.alloc(46);
  fixed[0] = 1;
  const texts = [tenant, "web", "alert", id, ""].map((text) => {
    return Buffer.concat([Buffer.from(varint(text.length)), Buffer.from(text)]);
  });
  return Buffer.concat([fixed, ...texts]);
}

const VALUE = Buffer.concat([
  Buffer.from([0, 0, 0, 0, 7]),
  Buffer.from(varint(PAD.length * 2)),
  Buffer.from(PAD),
]);

/** A topic in memory. */
class Log {
  /** Of the next record. */
  nowMs = 1_000;
  /** Added to the clock: new partitions are looked for as time goes by. */
  skewMs = 0;
  readonly partitions: KafkaRecord[][] = Array.from({ length: PARTITIONS }, () => []);
  /** By partition, the first offset there is. */
  readonly lows: number[] = Array.from({ length: PARTITIONS }, () => 0);

  /** Partitions that somebody reads, or has read: one that has come since has to be found first. */
  readonly found = new Set(this.partitions.keys());

  grow(): void {
    this.partitions.push([]);
    this.lows.push(0);
  }

  /** Retention takes all but the last records of a partition. */
  truncate(partition: number, kept: number): void {
    const high = this.partitions[partition]?.length ?? 0;
    this.lows[partition] = Math.max(this.lows[partition] ?? 0, high - kept);
  }

  range(partition: number): { partition: number; low: number; high: number } {
    const high = this.partitions[partition]?.length ?? 0;
    return { partition, low: this.lows[partition] ?? 0, high };
  }

  ends(): Map<number, number> {
    return new Map(this.partitions.map(({ length }, partition) => [partition, length]));
  }

  endsOfFound(): Map<number, number> {
    return new Map([...this.ends()].filter(([partition]) => this.found.has(partition)));
  }

  append(partition: number, tenant: string, id: string): void {
    const records = this.partitions[partition] ?? [];
    const offset = records.length;
    const headers = [["sluice", header(tenant, id)]] as const;
    const key = Buffer.from("k");
    const place = { topic: TOPIC, partition, offset, timestampMs: this.nowMs };
    records.push({ ...place, key, value: VALUE, headers });
  }

  open(random: () => number): LiveSource {
    const next = new Map<number, number>();
    const continuity = new Continuity();
    let rest: Taken | null = null;
    // Some readers are faster than others, also than the feed.
    const speed = random() < 0.5 ? 3 : 12;
    const ranges = this.partitions.map((_, partition) => this.range(partition));
    const read = (most: number): Taken => {
      const records: KafkaRecord[] = [];
      const ends: { partition: number; offset: number }[] = [];
      for (const [partition, wanted] of next) {
        const all = this.partitions[partition] ?? [];
        const offset = Math.max(wanted, this.lows[partition] ?? 0);
        const count = Math.min(most - records.length, Math.floor(random() * speed));
        const taken = all.slice(offset, offset + count);
        records.push(...taken);
        next.set(partition, offset + taken.length);
        if (offset + taken.length === all.length) ends.push({ partition, offset: all.length });
      }
      return { records, ends };
    };
    const take = async (most: number): Promise<Portion> => {
      await turn();
      const { portion, rest: left } = continuity.cut(
        rest ?? read(most),
        new Map(this.lows.entries()),
      );
      rest = left;
      return portion;
    };
    const assign = (starts: ReadonlyMap<number, number>): void => {
      continuity.restart(starts);
      rest = null;
      for (const [partition, offset] of starts) {
        next.set(partition, offset);
        this.found.add(partition);
      }
    };
    const findNew = async (): Promise<LiveSource["ranges"]> => {
      await turn();
      const added = this.partitions.slice(ranges.length).map((_, index) => {
        return this.range(ranges.length + index);
      });
      ranges.push(...added);
      return added;
    };
    return {
      ranges,
      take,
      assign,
      findNew,
      knownEnds: () => this.ends(),
      rangesNow: async () => {
        await turn();
        if (random() < 0.2) throw new Error("Kafka does not say.");
        return ranges.map(({ partition }) => this.range(partition));
      },
      close: () => Promise.resolve(),
      // A Kafka that takes its time: the feed goes on meanwhile.
      endsNow: async () => {
        for (let turns = Math.floor(random() * 6); turns > 0; turns -= 1) await turn();
        return this.ends();
      },
      offsetsAt: async (timeMs) => {
        const found = new Map<number, number>();
        for (const { partition } of ranges) {
          const from = (this.partitions[partition] ?? []).findIndex(
            ({ timestampMs, offset }) =>
              timestampMs >= timeMs && offset >= (this.lows[partition] ?? 0),
          );
          if (from >= 0) found.set(partition, from);
        }
        for (let turns = Math.floor(random() * 60); turns > 0; turns -= 1) await turn();
        return found;
      },
    };
  }
}

interface Told {
  readonly t: string;
  readonly partition: number;
  readonly offset: number;
  readonly from: number;
  readonly to: number;
  readonly id: string;
  readonly token: string;
  readonly reason: string;
}

/** Who reads at his own pace. */
class Reader implements LiveSocket {
  readonly told: Told[] = [];
  readonly channels = new Set<string>();
  readonly #isSlow: boolean;
  #waiting = 0;
  isEnded = false;

  constructor(isSlow: boolean) {
    this.#isSlow = isSlow;
  }

  send({ text }: LiveFrame): void {
    assert.ok(!this.isEnded);
    const told = JSON.parse(text) as Told;
    if (told.t !== "heartbeat") this.told.push(told);
    if (this.#isSlow) this.#waiting += text.length;
  }

  join(channel: string): void {
    this.channels.add(channel);
  }

  leave(channel: string): void {
    this.channels.delete(channel);
  }

  buffered(): number {
    return this.#waiting;
  }

  read(bytes: number): void {
    this.#waiting = Math.max(0, this.#waiting - bytes);
  }

  end(): void {
    this.isEnded = true;
  }
}

function makeHub(log: Log, random: () => number): { hub: LiveHub; readers: Set<Reader> } {
  const keys = ["acme", "umbrella"].map((tenant) => ({
    key: `k_${tenant}`,
    tenant,
    source: "web",
  }));
  const observer = {
    subscribed: () => {},
    refused: () => {},
    record: () => {},
    delivered: () => {},
    gap: () => {},
    failed: () => {},
  };
  const found = { kind: "found", value: { text: SCHEMA, references: [] } } as const;
  const hub = new LiveHub({
    admission: createAdmission({ table: tableOfKeys(keys), keyless: "acme/web" }),
    catalogue: () => new Map([["alert", TOPIC]]),
    // Now and then the registry takes its time.
    decoder: new ValueDecoder({ schemaById: () => turn(found) }),
    openSource: () => Promise.resolve(log.open(random)),
    canSeekByTime: true,
    subscribersMax: 100,
    latestMs: 6_000,
    shardSubscribers: 2,
    catchUpRecordsMax: 200,
    // As time leaps here, turns seem long: they are not to be paid for.
    cpuShare: 1_000,
    clock: { ...systemClock, monotonicMs: () => performance.now() + log.skewMs },
    soon: (action) => void setImmediate(action),
    utilization: () => 0,
    processId: "p",
    random,
    goAwaySpreadMs: 0,
    observer,
  });
  const readers = new Set<Reader>();
  hub.publish = (channel, frame) => {
    for (const reader of readers) if (reader.channels.has(channel)) reader.send(frame);
  };
  return { hub, readers };
}

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return state / 2 ** 32;
  };
}

const PEER = {
  credentials: null,
  address: "",
  certificateSubject: "",
  origin: "",
  loopback: true,
};

const gaps = new Set<string>();

for (let seed = 1; seed <= 12; seed += 1) {
  test(`seed ${seed}: every event once and in order, or in a gap`, async () => {
    const random = seeded(seed);
    const log = new Log();
    const { hub, readers } = makeHub(log, random);
    const join = (from: unknown): Reader => {
      const reader = new Reader(random() < 0.4);
      readers.add(reader);
      const subscriber = hub.connect(reader, PEER);
      drains.push(() => {
        reader.read(random() * 8_000);
        subscriber.onDrain();
      });
      subscriber.onMessage(JSON.stringify({ t: "subscribe", types: ["alert"], from }));
      return reader;
    };
    const drains: (() => void)[] = [];
    const tick = (): void => {
      log.skewMs += 1_000;
      hub.tick();
    };
    const all: Joined[] = [];
    for (let step = 0; step < 500; step += 1) {
      log.nowMs = 1_000 + step;
      const tenant = random() < 0.7 ? "acme" : "umbrella";
      log.append(Math.floor(random() * log.partitions.length), tenant, `${tenant}-${step}`);
      if (step % 200 === 150) log.grow();
      if (random() < 0.01) log.truncate(Math.floor(random() * log.partitions.length), 2);
      if (random() < 0.1) tick();
      if (step % 50 === 20) {
        const tokens = all.flatMap(
          ({ reader }) => reader.told.findLast(({ t }) => t === "caught_up")?.token ?? [],
        );
        const isToken = random() < 0.5 && tokens.length > 0;
        const from = isToken
          ? { token: tokens[0] }
          : 1_000 + Math.floor((1 - random() ** 4) * step);
        all.push({ ends: log.endsOfFound(), reader: join(from), from });
      }
      if (random() < 0.3) for (const drain of drains) drain();
      if (random() < 0.8) await turn();
    }
    // What is there at the end, everybody has to hear of.
    for (const partition of log.partitions.keys()) log.append(partition, "acme", "acme-last");
    const isThere = (): boolean => [...readers].every((reader) => reached(reader, log));
    const endMs = performance.now() + PATIENCE_MS;
    for (let turns = 0; performance.now() < endMs && !isThere(); turns += 1) {
      for (const drain of drains) drain();
      if (turns % 20 === 0) tick();
      await turn();
    }
    // Whatever is wrong, its feeds end with the test.
    await hub.drain();
    for (const joined of all) judge(joined, log);
    for (const { reader } of all) for (const { reason } of reader.told) gaps.add(reason);
    assert.ok([...readers].every(({ isEnded }) => isEnded));
  });
}

test("among them were gaps of each kind", () => {
  for (const reason of ["slow", "behind", "retention", "limit"])
    assert.ok(gaps.has(reason), reason);
});

/** The last record of each partition was told, or is in a gap, or is another tenant's. */
function reached(reader: Reader, log: Log): boolean {
  return log.partitions.every((records, partition) => {
    const last = records.findLastIndex((record) => isAcme(record));
    return last < 0 || reader.told.some((told) => covers(told, partition, last));
  });
}

function isAcme({ headers }: KafkaRecord): boolean {
  return Buffer.from(headers[0]?.[1] ?? []).includes("acme-");
}

function covers(told: Told, partition: number, offset: number): boolean {
  if (told.partition !== partition) return false;
  if (told.t === "event") return told.offset === offset;
  return told.t === "gap" && told.from <= offset && offset < told.to;
}

/** A reader, where he began, and where the partitions that were found ended when he came. */
interface Joined {
  readonly reader: Reader;
  readonly from: unknown;
  readonly ends: ReadonlyMap<number, number>;
}

function judge({ reader: { told }, from, ends }: Joined, log: Log): void {
  assert.equal(told[0]?.t, "subscribed");
  const before = told.slice(
    0,
    told.findIndex(({ t }) => t === "caught_up"),
  );
  const events = told.filter(({ t }) => t === "event");
  for (const { id } of events) assert.ok(id.startsWith("acme-"), "nothing of another tenant");
  for (const [partition, records] of log.partitions.entries()) {
    const offsets = events
      .filter((each) => each.partition === partition)
      .map(({ offset }) => offset);
    assert.deepEqual(
      offsets,
      [...new Set(offsets)].toSorted((a, b) => a - b),
      "once, in order",
    );
    const low = log.lows[partition] ?? 0;
    const firstTold = records.findIndex((_, offset) => {
      return told.some((each) => covers(each, partition, offset));
    });
    // What had been taken away before he came is not missed.
    const firstOfAll = firstTold < 0 ? low : Math.min(low, firstTold);
    const since = records.findIndex(({ timestampMs }) => timestampMs >= Number(from));
    const first =
      typeof from === "number"
        ? Math.max(firstOfAll, since < 0 ? records.length : since)
        : (offsets[0] ?? records.length);
    for (const [offset, record] of records.entries()) {
      if (offset < first || !isAcme(record)) continue;
      const times = told.filter((each) => covers(each, partition, offset)).length;
      assert.equal(times, 1, `partition ${partition}, offset ${offset}`);
      if (offset >= (ends.get(partition) ?? 0)) continue;
      const isBefore = before.some((each) => covers(each, partition, offset));
      assert.ok(isBefore, `partition ${partition}, offset ${offset}: not when he had caught up`);
    }
  }
}
