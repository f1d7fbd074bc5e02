/** Streams for the fault rows: many of them, resuming through a proxy, judged by Kafka. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import type { KafkaRecord } from "../../src/delivery/reader.ts";
import { Deduplicator } from "../../src/consumer/library.ts";
import { Gateway } from "../gateway.ts";
import { testService } from "../services.ts";
import { ResumingStream } from "../stream-client.ts";
import type { StreamClient } from "../stream-client.ts";
import { TcpProxy } from "../tcp-proxy.ts";
import { readAll } from "./read-back.ts";

const SCHEMA = fileURLToPath(new URL("../../packs/behaviour/search.avsc", import.meta.url));

export interface StreamPack {
  readonly pack: string;
  readonly topic: string;
}

/** A pack of one type with a topic of its own, in `directory`. */
export async function makeStreamPack(directory: string): Promise<StreamPack> {
  const topic = `sluice-test-${randomBytes(4).toString("hex")}`;
  const pack = join(directory, topic);
  await mkdir(pack);
  await copyFile(SCHEMA, join(pack, "search.avsc"));
  const types = { search: { schema: "search.avsc", topic } };
  const topics = { [topic]: { partitions: 6 } };
  await writeFile(join(pack, "pack.json"), JSON.stringify({ name: topic, topics, types }));
  return { pack, topic };
}

/** With real Kafka and Redis. */
export function startWithMemory(pack: string): Promise<Gateway> {
  const flags = ["--pack", pack, "--kafka-brokers", testService("kafka"), "--create-topics"];
  return Gateway.start({ flags: [...flags, "--redis-url", testService("redis")] });
}

export function streamUrlOf(proxy: TcpProxy): string {
  return `ws://127.0.0.1:${proxy.port}/v1/stream`;
}

/** Without a new welcome a client may have so many events out. */
const OUT_MAX = 40;

export function makeEvent(id: string, key: string): object {
  const timestamp = "2026-11-21T10:00:00Z";
  const data = { messageId: id, timestamp, anonymousId: key, query: "green tea", resultCount: 42 };
  return { type: "search", id, key, data };
}

/** One stream that numbers its events and comes back until it is welcome. */
export class Sender {
  readonly #stream: ResumingStream;
  readonly name: string;
  #client: StreamClient | null = null;
  sent = 0;
  /** How often it was welcome. */
  welcomes = 0;

  constructor(name: string, stream: ResumingStream) {
    this.name = name;
    this.#stream = stream;
  }

  /** Tries again until it is welcome; gives the welcome. */
  async connect(url?: string): Promise<Readonly<Record<string, unknown>>> {
    for (;;) {
      try {
        this.#client = await this.#stream.connect(url);
        const welcome = await this.#client.next("welcome");
        this.welcomes += 1;
        return welcome;
      } catch {
        // Full jitter, as clients are told to.
        await delay(Math.random() * 500);
      }
    }
  }

  /** Events that have their outcome. */
  get outcomes(): number {
    return this.#stream.outcomes.size;
  }

  /** Publishes if there is room; the socket may be gone, then it is kept for the next one. */
  publish(events: number): void {
    assert.ok(this.#client !== null);
    if (this.#stream.held.length + events > OUT_MAX) return;
    const first = this.sent;
    this.sent += events;
    const ids = Array.from({ length: events }, (_, i) => `${this.name}-${first + i}`);
    this.#stream.publish(
      this.#client,
      ids.map((id, i) => makeEvent(id, `${this.name}-k${(first + i) % 3}`)),
    );
  }

  /**
   * Publishes again and again until that is over, comes back elsewhere when it is asked to or its
   * socket is gone, and waits for every outcome. Gives the welcomes it got on the way.
   */
  async publishUntil(isOver: () => boolean): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const welcomes = [];
    while (!isOver()) {
      const client = this.#client;
      assert.ok(client !== null);
      const isAskedAway = client.frames.some(({ t }) => t === "goaway");
      if (isAskedAway) await this.#stream.settled(client).catch(() => undefined);
      if (isAskedAway) client.close();
      if (client.isClosed || isAskedAway) welcomes.push(await this.connect());
      this.publish(5);
      await delay(5);
    }
    await this.settled();
    return welcomes;
  }

  /** Until every event has its outcome, over as many connections as it takes. */
  async settled(url?: string): Promise<void> {
    assert.ok(this.#client !== null);
    for (;;) {
      try {
        await this.#stream.settled(this.#client);
        break;
      } catch {
        await this.connect(url);
      }
    }
    for (const outcome of this.#stream.outcomes.values()) assert.equal(outcome, "stored");
    assert.equal(this.#stream.outcomes.size, this.sent);
    this.#client.close();
  }
}

/**
 * I1: every event of every sender is in Kafka; I3: what is there twice is flagged, and a consumer
 * drops it; I4: in order per key. Answers how many doubles there were.
 */
export async function judgeStreams(topic: string, senders: readonly Sender[]): Promise<number> {
  return judgeRecords(await readAll(testService("kafka"), [topic]), senders);
}

/** The same of records that have been read: all of these are of those senders. */
export function judgeRecords(records: readonly KafkaRecord[], senders: readonly Sender[]): number {
  const deduplicator = new Deduplicator({ fromBeginning: true });
  const kept = new Set<string>();
  const lastIndex = new Map<string, number>();
  let doubles = 0;
  for (const record of records) {
    const { verdict, header } = deduplicator.decide(record);
    assert.ok(header !== null);
    const id = header.id ?? "";
    const isFlagged = header.flags.includes("redelivery_possible");
    if (verdict !== "first") {
      assert.equal(verdict, "duplicate", id);
      assert.ok(isFlagged, `I3: ${id} is there again and flagged`);
      doubles += 1;
      continue;
    }
    assert.ok(!kept.has(id), `I3: ${id} is kept once`);
    kept.add(id);
    const index = Number(id.slice(id.lastIndexOf("-") + 1));
    const key = Buffer.from(record.key ?? []).toString();
    assert.ok(index > (lastIndex.get(key) ?? -1), `I4: ${id} comes in the order of its key`);
    lastIndex.set(key, index);
  }
  for (const { name, sent } of senders) {
    for (let i = 0; i < sent; i += 1) assert.ok(kept.has(`${name}-${i}`), `I1: ${name}-${i}`);
  }
  assert.equal(
    kept.size,
    senders.reduce((sum, { sent }) => sum + sent, 0),
    "I2: nothing else",
  );
  return doubles;
}

export function sendersOf(url: string, count: number): Sender[] {
  return Array.from({ length: count }, (_, i) => new Sender(`s${i}`, new ResumingStream(url)));
}

/**
 * Row 35: so many clients lose their sockets in one moment and come back at once, while another one
 * goes on and has its acks.
 */
export async function reconnectStorm(directory: string, clients: number): Promise<void> {
  const { pack, topic } = await makeStreamPack(directory);
  await using gateway = await startWithMemory(pack);
  const proxy = await TcpProxy.start({ host: "127.0.0.1", port: gateway.port });
  const senders = sendersOf(streamUrlOf(proxy), clients);
  await Promise.all(senders.map((sender) => sender.connect()));
  const bystander = new Sender("by", new ResumingStream(gateway.streamUrl));
  await bystander.connect();
  let isOver = false;
  const standingBy = (async () => {
    while (!isOver) {
      bystander.publish(5);
      await delay(20);
    }
  })();
  proxy.cut();
  proxy.restore();
  const before = bystander.outcomes;
  const welcomes = await Promise.all(senders.map((sender) => sender.connect()));
  assert.ok(bystander.outcomes > before, "acks of others go on meanwhile");
  for (const { resumed } of welcomes) assert.equal(resumed, true);
  for (const sender of senders) sender.publish(1);
  await Promise.all(senders.map((sender) => sender.settled()));
  isOver = true;
  await standingBy;
  await bystander.settled();
  await proxy.stop();
  assert.equal(await judgeStreams(topic, [...senders, bystander]), 0);
  assert.equal(await gateway.stop(), 0);
}
