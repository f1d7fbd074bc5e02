/**
 * The sink and PostgreSQL killed at seeded moments while records come, two sinks at work at once:
 * every event is in its table once, nothing else is, and what cannot be read is a dead letter.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import avsc from "avsc";

import { startInstance, type Instance } from "../../scripts/services/control.mjs";
import { makeHeader } from "../../src/consumer/testing/make-header.ts";
import {
  connectProducer,
  scratchName,
  ScratchTopics,
  type ScratchProducer,
} from "../../src/delivery/testing/scratch-topic.ts";
import { RegistryClient } from "../../src/schema/registry.ts";
import { queryDatabase, SinkProcess, type SinkOptions } from "../sink.ts";
import { testService } from "../services.ts";

const SEED = Number(process.env["SLUICE_TEST_SEED"] ?? Date.now() % 2 ** 31);
const ROUNDS = 7;
const EVENTS_PER_ROUND = 3_000;
const PARTITIONS = 3;
/**
 * So long until every record is in the database, once nothing is killed any more: a machine with
 * too much to do takes a minute to start a process.
 */
const SETTLE_MS = 200_000;
const POLL_MS = 100;

const SCHEMA = {
  type: "record",
  name: "Placed",
  namespace: "sluice.test",
  fields: [
    { name: "n", type: "long" },
    { name: "userId", type: ["null", "string"], default: null },
    { name: "note", type: "string" },
  ],
};

const brokers = testService("kafka");
const registry = testService("registry");
const topics = new ScratchTopics(brokers);
let producer: ScratchProducer;
let database: Instance;
let schemaId = 0;

before(async () => {
  producer = await connectProducer(brokers);
  database = await startInstance("postgres");
  const client = new RegistryClient({ urls: [registry], timeoutMs: 5_000 });
  const registered = await client.register(scratchName("subject"), JSON.stringify(SCHEMA));
  client.close();
  assert.equal(registered.kind, "found");
  schemaId = registered.kind === "found" ? registered.value.id : 0;
});

after(async () => {
  await producer.close();
  await database.remove();
  await topics.remove();
});

/** mulberry32 */
function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const avro = avsc.Type.forSchema(SCHEMA as Parameters<typeof avsc.Type.forSchema>[0]);

function valueOf(n: number): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(schemaId, 1);
  const note = n % 7 === 0 ? "tab\tline\nback\\slash nul\u0000 ü😀" : "plain";
  const userId = n % 3 === 0 ? `u${n % 50}` : null;
  return Buffer.concat([head, avro.toBuffer({ n, userId, note })]);
}

/** One event, in some places twice, in some with something that nobody can read behind it. */
function recordsOf(n: number, random: () => number, stream: string) {
  const partition = n % PARTITIONS;
  const receivedAtMs = Date.now();
  const isPlain = n % 2 === 0;
  const parts = isPlain ? { id: `e${n}` } : { id: `e${n}`, stream, epoch: 1, seq: n + 1 };
  const common = { type: "placed", receivedAtMs, eventTimeMs: receivedAtMs };
  const record = (flags: number) => ({
    partition,
    key: `k${n % 20}`,
    value: valueOf(n),
    headers: [{ sluice: makeHeader({ ...parts, ...common, flags }) }],
  });
  const records: Parameters<ScratchProducer["store"]>[1][number][] = [record(0)];
  if (random() < 0.05) records.push(record(isPlain ? 0 : 1));
  if (n % 500 === 0) records.push({ partition, value: Buffer.from([0, 0, 0, 0, 1, 255]) });
  return records;
}

async function count(sql: string): Promise<number> {
  const rows = await queryDatabase<{ n: string }>(database.address, sql);
  return Number(rows[0]?.n ?? 0);
}

test(`kill -9 of sinks and of PostgreSQL loses and doubles nothing (seed ${SEED})`, async (t) => {
  const random = makeRandom(SEED);
  const topic = await topics.create("sink", PARTITIONS);
  const schema = `s${randomUUID().slice(0, 8)}`;
  const flags = ["--topics", topic, "--linger-ms", "20", "--session-timeout-ms", "6000"];
  const options: SinkOptions = { database: database.address, schema, brokers, registry, flags };
  const sinks = [SinkProcess.start(options), SinkProcess.start(options)];
  t.after(async () => await Promise.all(sinks.map((sink) => sink.end("SIGKILL"))));
  const stream = randomUUID();
  let sent = 0;
  let poison = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const records = Array.from({ length: EVENTS_PER_ROUND }, (_, i) =>
      recordsOf(sent + i, random, stream),
    ).flat();
    sent += EVENTS_PER_ROUND;
    poison += records.filter(({ headers }) => headers === undefined).length;
    const stored = producer.store(topic, records);
    const pick = Math.floor(random() * sinks.length);
    await delay(Math.floor(random() * 1_500));
    if (round % 3 === 2) {
      await database.kill();
      await delay(Math.floor(random() * 500));
      await database.start();
    } else {
      await sinks[pick]?.end("SIGKILL");
      sinks[pick] = SinkProcess.start(options);
    }
    await stored;
  }
  const table = `${schema}_events.placed`;
  const deadline = Date.now() + SETTLE_MS;
  let rows = 0;
  let letters = 0;
  while ((rows < sent || letters < poison) && Date.now() < deadline) {
    await delay(POLL_MS);
    rows = await count(`SELECT count(*) AS n FROM ${table}`).catch(() => 0);
    letters = await count(`SELECT count(*) AS n FROM ${schema}.dead_letters`).catch(() => 0);
  }
  const said = sinks
    .map(({ pid, isEnded, output }) => `${pid}, ended ${isEnded}: ${output.slice(-2_000)}`)
    .join("\n");
  assert.equal(rows, sent, `rows; ${said}`);
  assert.equal(await count(`SELECT count(DISTINCT _event_id) AS n FROM ${table}`), sent);
  assert.equal(await count(`SELECT count(DISTINCT n) AS n FROM ${table}`), sent);
  assert.equal(letters, poison);
  const wrong = `SELECT count(*) AS n FROM ${table} WHERE _event_id <> 'e' || n
    OR (n % 3 = 0) <> (_user IS NOT NULL) OR (n % 7 = 0) <> (note LIKE E'tab\\tline\\n%')`;
  assert.equal(await count(wrong), 0);
  assert.equal(await sinks[0]?.end("SIGTERM"), 0);
  assert.equal(await sinks[1]?.end("SIGTERM"), 0);
});
