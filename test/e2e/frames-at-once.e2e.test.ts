/**
 * Frames of single events that come in one write, as a busy client sends them: they go through the
 * gateway together, and each event has the outcome, the number and the place that it would have had
 * by itself.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import type { KafkaRecord } from "../../src/delivery/reader.ts";
import { Gateway } from "../gateway.ts";
import { RawPeer, textFrame } from "../raw-peer.ts";
import { byId, readAll, recordId } from "./read-back.ts";

const FRAMES = 60;
/** Its event does not fit its schema. */
const BAD = 20;
/** Behind this one comes a ping. */
const PINGED = 30;
/** Comes twice. */
const REPEATED = 40;

const TOPIC = "behaviour-interaction";

let gateway: Gateway;

before(async () => {
  gateway = await Gateway.start();
});

after(async () => {
  assert.equal(await gateway.stop(), 0);
});

interface Ack {
  readonly upto: number;
  readonly rej?: readonly { readonly seq: number; readonly path: string }[];
}

function pub(seq: number, name: string): Buffer {
  const visitor = `${name}-v-${seq % 3}`;
  const query = seq === BAD ? 5 : "tea";
  const timestamp = "2026-11-21T10:00:00Z";
  const data = { messageId: `${name}-${seq}`, timestamp, anonymousId: visitor, query };
  return textFrame({
    t: "pub",
    seq,
    events: [{ type: "search", data: { ...data, resultCount: 1 } }],
  });
}

/** The acks among the frames that came back. */
function acksOf(text: string): Ack[] {
  return [...text.matchAll(/\{"t":"ack".*?\}(?=[^,\]}"]|$)/g)].map(
    ([ack]) => JSON.parse(ack) as Ack,
  );
}

function seqOf(record: KafkaRecord): number {
  const header = record.headers.find(([name]) => name === "sluice")?.[1];
  assert.ok(header !== undefined);
  return Number(Buffer.from(header).readBigUInt64BE(22));
}

test("frames that come at once have one true outcome per event, in order", async () => {
  const name = randomUUID().slice(0, 8);
  const peer = await RawPeer.upgraded(gateway.port);
  peer.send(textFrame({ t: "hello", v: 1, stream: randomUUID(), next: 1 }));
  await peer.until((text) => text.includes('"t":"welcome"'));
  const frames: Buffer[] = [];
  for (let seq = 1; seq <= FRAMES; seq += 1) {
    frames.push(pub(seq, name));
    if (seq === PINGED) frames.push(textFrame({ t: "ping", n: 7 }));
    if (seq === REPEATED) frames.push(pub(seq, name));
  }
  peer.send(Buffer.concat(frames));
  await peer.until((text) => acksOf(text).some(({ upto }) => upto === FRAMES));
  const acks = acksOf(peer.text);
  assert.deepEqual(
    acks.flatMap(({ rej = [] }) => rej).map(({ seq, path }) => [seq, path]),
    [[BAD, "/data/query"]],
  );
  assert.ok(peer.text.includes('{"t":"pong","n":7'));
  peer.send(textFrame({ t: "bye", last: FRAMES }));
  await peer.closed();
  peer.end();

  const records = (await readAll(gateway.run.brokers, [TOPIC])).filter((record) =>
    recordId(record).startsWith(name),
  );
  const found = byId(records);
  for (let seq = 1; seq <= FRAMES; seq += 1) {
    const mine = found.get(`${name}-${seq}`) ?? [];
    assert.deepEqual(mine.map(seqOf), seq === BAD ? [] : [seq], "stored once, under its number");
  }
  const numbersByKey = Map.groupBy(records, ({ key }) => Buffer.from(key ?? []).toString());
  assert.equal(numbersByKey.size, 3);
  for (const ofOne of numbersByKey.values()) {
    const numbers = ofOne.map(seqOf);
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
      "events of a key are in order",
    );
  }
  const ledger = await gateway.ledger();
  assert.deepEqual([ledger["stored"], ledger["rejected"], ledger["retry"]], [FRAMES - 1, 1, 0]);
  const frameCount = await gateway.metric('sluice_batch_events_count{transport="ws"}');
  assert.equal(frameCount, FRAMES + 1, "each frame is counted");
  const answered = await gateway.metric('sluice_ack_latency_seconds_count{transport="ws"}');
  assert.equal(answered, FRAMES + 1);
  const batches = await gateway.metric("sluice_commit_seconds_count");
  assert.ok(batches > 0 && batches < FRAMES / 2, `they share batches: ${batches}`);
});
