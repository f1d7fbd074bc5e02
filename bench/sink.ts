/**
 * How fast `sluice sink postgres` writes what waits in a topic: page views with their whole
 * context, six partitions, one sink process, a database of its own on this machine. Prints rows a
 * second and the sink's CPU-seconds per million rows, start included. Needs SLUICE_TEST_KAFKA and
 * SLUICE_TEST_REGISTRY.
 *
 *   node bench/sink.ts [events]
 */
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

import { startInstance } from "../scripts/services/control.mjs";
import { LineEncoder } from "../src/cli/line-encoder.ts";
import { makeHeader } from "../src/consumer/testing/make-header.ts";
import {
  connectProducer,
  scratchName,
  ScratchTopics,
} from "../src/delivery/testing/scratch-topic.ts";
import { parseAvroSchema } from "../src/schema/avro/schema.ts";
import { RegistryClient } from "../src/schema/registry.ts";
import { testService } from "../test/services.ts";
import { queryDatabase, SinkProcess } from "../test/sink.ts";
import { helpIfAsked } from "../scripts/usage.ts";

helpIfAsked(import.meta.filename);

const EVENTS = Number(process.argv[2] ?? 200_000);
const PARTITIONS = 6;
const AT_ONCE = 5_000;
const CLOCK_TICKS = 100;
const POLL_MS = 50;

const brokers = testService("kafka");
const registry = testService("registry");
const schemaText = readFileSync(new URL("../packs/behaviour/page.avsc", import.meta.url), "utf8");
const samples = readFileSync(new URL("../packs/behaviour/samples.ndjson", import.meta.url), "utf8");
const line = samples.split("\n").find((each) => each.startsWith('{"type":"page"')) ?? "";
const { data } = JSON.parse(line) as { readonly data: object };

const client = new RegistryClient({ urls: [registry], timeoutMs: 5_000 });
const registered = await client.register(scratchName("subject"), schemaText);
client.close();
if (registered.kind !== "found") throw new Error(`the registry refused: ${registered.detail}`);
const encoder = await LineEncoder.create(parseAvroSchema(schemaText), "plain");
const bytes = Buffer.from(JSON.stringify(data));
const [encoded] = [...encoder.encode([{ index: 0, bytes, length: bytes.length }])];
if (encoded?.kind !== "avro") throw new Error("the sample does not fit its schema");
const head = Buffer.alloc(5);
head.writeUInt32BE(registered.value.id, 1);
const value = Buffer.concat([head, encoded.avro]);

const topics = new ScratchTopics(brokers);
const topic = await topics.create("bench-sink", PARTITIONS);
const producer = await connectProducer(brokers);
for (let first = 0; first < EVENTS; first += AT_ONCE) {
  const records = Array.from({ length: Math.min(AT_ONCE, EVENTS - first) }, (_, index) => {
    const n = first + index;
    const receivedAtMs = Date.now();
    const parts = { id: `e${n}`, type: "page", receivedAtMs, eventTimeMs: receivedAtMs };
    return {
      partition: n % PARTITIONS,
      key: `v${n % 1_000}`,
      value,
      headers: [{ sluice: makeHeader(parts) }],
    };
  });
  await producer.store(topic, records);
}
await producer.close();

await using database = await startInstance("postgres");
const places = { database: database.address, schema: "bench", brokers, registry };
await using sink = SinkProcess.start({ ...places, flags: ["--topics", topic] });
await sink.ready();
const startMs = performance.now();
const written = "SELECT coalesce(sum(next_offset), 0)::int AS n FROM bench.offsets";
for (;;) {
  const rows = await queryDatabase<{ n: number }>(database.address, written).catch(() => []);
  if ((rows[0]?.n ?? 0) >= EVENTS) break;
  await delay(POLL_MS);
}
const seconds = (performance.now() - startMs) / 1_000;
const cpuSeconds = cpuOf(sink.pid);
await topics.remove();
console.log(
  JSON.stringify({
    events: EVENTS,
    valueBytes: value.length,
    seconds: Number(seconds.toFixed(1)),
    rowsPerSecond: Math.round(EVENTS / seconds),
    cpuSecondsPerMillion: Number(((cpuSeconds / EVENTS) * 1e6).toFixed(1)),
  }),
);

/** User and system time of a process, by /proc. */
function cpuOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS;
}
