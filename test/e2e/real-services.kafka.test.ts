/**
 * The main job on real servers (Kafka, Redis, registry): mixed events go in over HTTP and WebSocket
 * and come out of Kafka equal, in order per key, none missing, none twice.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Gateway } from "../gateway.ts";
import { testService } from "../services.ts";
import { StreamClient } from "../stream-client.ts";
import { TcpProxy } from "../tcp-proxy.ts";
import { corpusEvents, eventText, isExpected, writeCorpusPack } from "./corpus.ts";
import type { CorpusEvent, CorpusPack } from "./corpus.ts";
import { byId, readAll } from "./read-back.ts";

const EVENTS = 10_000;
const EVENTS_PER_REQUEST = 100;
const KEYS = 37;

const prefix = `sluice-test-${randomBytes(4).toString("hex")}`;
let directory: string;
let pack: CorpusPack;
let events: CorpusEvent[];
let gateway: Gateway;
let registry: TcpProxy;

/** The real registry behind a proxy that can be cut. */
function registryUrl(): string {
  const { pathname } = new URL(testService("registry"));
  return `http://127.0.0.1:${registry.port}${pathname}`;
}

function flags(): string[] {
  return [
    ["--pack", pack.directory],
    ["--kafka-brokers", testService("kafka")],
    ["--redis-url", testService("redis")],
    ["--registry-url", registryUrl()],
    ["--create-topics", "--register-schemas"],
  ].flat();
}

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-e2e-"));
  pack = await writeCorpusPack(join(directory, "pack"), prefix);
  events = await corpusEvents(EVENTS);
  const { hostname: host, port } = new URL(testService("registry"));
  registry = await TcpProxy.start({ host, port: Number(port) });
  gateway = await Gateway.start({ flags: flags(), dataDir: join(directory, "data") });
});

after(async () => {
  assert.equal(await gateway.stop(), 0);
  await registry.stop();
  await rm(directory, { recursive: true, force: true });
});

function text(index: number): string {
  const event = events[index];
  assert.ok(event !== undefined);
  return eventText(event, `e-${index}`, `key-${index % KEYS}`);
}

/** Half of the events: requests of one connection after another, so that their order is known. */
async function sendOverHttp(from: number, to: number): Promise<void> {
  for (let first = from; first < to; first += EVENTS_PER_REQUEST) {
    const lines = Array.from({ length: EVENTS_PER_REQUEST }, (_, i) => text(first + i));
    const response = await gateway.post(`{"events":[${lines.join(",")}]}`);
    const answer = (await response.json()) as { stored: number };
    assert.equal(answer.stored, EVENTS_PER_REQUEST, JSON.stringify(answer));
  }
}

/** The other half: frames of one stream, as fast as its credit allows. */
async function sendOverWebSocket(from: number, to: number): Promise<void> {
  const client = await StreamClient.hello(gateway.streamUrl, { auth: "demo" });
  const credit = { seq: 0, bytes: 0 };
  let bytes = 0;
  for (let seq = 1; from + seq - 1 < to; seq += EVENTS_PER_REQUEST) {
    const lines = Array.from({ length: EVENTS_PER_REQUEST }, (_, i) => text(from + seq - 1 + i));
    const frame = `{"t":"pub","seq":${seq},"events":[${lines.join(",")}]}`;
    bytes += Buffer.byteLength(frame);
    await client.until(() => {
      for (const heard of client.frames) {
        const raised = heard.t === "credit" ? heard : heard["credit"];
        // Checked against the published document.
        const { seq: most = 0, bytes: room = 0 } = (raised ?? {}) as Partial<typeof credit>;
        credit.seq = Math.max(credit.seq, most);
        credit.bytes = Math.max(credit.bytes, room);
      }
      const isCovered = seq + EVENTS_PER_REQUEST - 1 <= credit.seq && bytes <= credit.bytes;
      return isCovered ? true : undefined;
    });
    client.send(frame);
  }
  await client.acked(to - from);
  for (const frame of client.frames) {
    assert.equal(frame["rej"], undefined);
    assert.equal(frame["retry"], undefined);
  }
  client.send({ t: "bye", last: to - from });
  assert.equal((await client.closed).code, 1000);
}

test(`${EVENTS} mixed events come out of Kafka equal, in order per key, none missing`, async () => {
  await Promise.all([sendOverHttp(0, EVENTS / 2), sendOverWebSocket(EVENTS / 2, EVENTS)]);
  const records = await readAll(testService("kafka"), pack.topics);
  assert.equal(records.length, EVENTS);
  const found = byId(records);
  for (const [index, event] of events.entries()) {
    const [record, ...more] = found.get(`e-${index}`) ?? [];
    assert.ok(record?.value, `event ${index} (${event.type}) is in Kafka`);
    assert.equal(more.length, 0, `event ${index} is there once`);
    assert.ok(isExpected(event, record.value), `event ${index} (${event.type}) has its bytes`);
    assert.equal(Buffer.from(record.key ?? []).toString(), `key-${index % KEYS}`);
  }
  const lastIndex = new Map<string, number>();
  for (const [id, [record]] of found) {
    const index = Number(id.slice(2));
    const door = index < EVENTS / 2 ? "http" : "ws";
    const lane = `${door} ${record?.topic} ${Buffer.from(record?.key ?? []).toString()}`;
    assert.ok(index > (lastIndex.get(lane) ?? -1), `${lane}: ${id} comes in its order`);
    lastIndex.set(lane, index);
  }
  const ledger = await gateway.ledger();
  assert.equal(ledger["stored"], EVENTS);
  assert.equal(ledger["in_flight"], 0);
});

test("row 25: a restart while the registry is away serves from the snapshot on disk", async () => {
  assert.equal(await gateway.stop(), 0);
  registry.cut();
  gateway = await Gateway.start({ flags: flags(), dataDir: join(directory, "data") });
  const response = await gateway.post(text(0));
  assert.equal(((await response.json()) as { stored: number }).stored, 1);
});
