/**
 * Mixed events with the Avro bytes they must become: the corpora of test/data/events (or of the
 * full data set beside the checkout), as a pack and as a stream of numbered events.
 */
import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SAMPLE = fileURLToPath(new URL("../data/events", import.meta.url));
const FULL = fileURLToPath(new URL("../../../shared/data/events", import.meta.url));

/** Where the corpora are taken from. */
export const CORPUS_DIRECTORY = existsSync(FULL) ? FULL : SAMPLE;

/** In the Avro specification's own JSON encoding. */
const AVRO_JSON_TYPE = "avro_json";

export interface CorpusEvent {
  readonly type: string;
  /** Text of the record. */
  readonly data: string;
  readonly avroBytes: number;
  /** First 32 hex digits of the SHA-256 of the Avro bytes. */
  readonly digest: string;
}

/** `count` events, the types mixed; files are read again from their start when they are used up. */
export async function corpusEvents(count: number): Promise<CorpusEvent[]> {
  const types = await corpusTypes();
  const files = await Promise.all(types.map((type) => readCorpus(type)));
  return Array.from({ length: count }, (_, index) => {
    const file = files[index % files.length] ?? [];
    const event = file[Math.floor(index / files.length) % file.length];
    if (event === undefined) throw new Error(`no events in ${CORPUS_DIRECTORY}`);
    return event;
  });
}

async function corpusTypes(): Promise<string[]> {
  const names = await readdir(CORPUS_DIRECTORY);
  return names.filter((name) => name.endsWith(".avsc")).map((name) => name.slice(0, -5));
}

async function readCorpus(type: string): Promise<CorpusEvent[]> {
  const [events, expected] = await Promise.all(
    ["ndjson", "expected.txt"].map((end) =>
      readFile(join(CORPUS_DIRECTORY, `${type}.${end}`), "utf8"),
    ),
  );
  const answers = (expected ?? "").trim().split("\n");
  return (events ?? "")
    .split("\n")
    .slice(0, answers.length)
    .map((data, index) => {
      const [bytes = "", digest = ""] = (answers[index] ?? "").split("\t");
      return { type, data, avroBytes: Number(bytes), digest };
    });
}

export interface CorpusPack {
  readonly directory: string;
  readonly topics: readonly string[];
}

/**
 * Writes a pack of the corpora's schemas; topics and subjects carry `prefix`, so that runs do not
 * meet.
 */
export async function writeCorpusPack(directory: string, prefix: string): Promise<CorpusPack> {
  await mkdir(directory, { recursive: true });
  const types: Record<string, object> = {};
  const topics = [`${prefix}-a`, `${prefix}-b`];
  for (const [index, type] of (await corpusTypes()).entries()) {
    await copyFile(join(CORPUS_DIRECTORY, `${type}.avsc`), join(directory, `${type}.avsc`));
    types[type] = {
      schema: `${type}.avsc`,
      topic: topics[index % topics.length],
      json: type === AVRO_JSON_TYPE ? "avro" : "plain",
    };
  }
  const pack = {
    name: prefix,
    description: "corpora of the tests",
    topics: Object.fromEntries(topics.map((topic) => [topic, { partitions: 6 }])),
    types,
  };
  await writeFile(join(directory, "pack.json"), JSON.stringify(pack));
  return { directory, topics };
}

/** An event as text: `id` numbers it, `key` decides its partition. Its data stays byte for byte. */
export function eventText(event: CorpusEvent, id: string, key: string): string {
  return `{"type":"${event.type}","id":"${id}","key":"${key}","data":${event.data}}`;
}

/** Whether a Kafka value (with its 5-byte registry header) is what this event must become. */
export function isExpected(event: CorpusEvent, value: Uint8Array): boolean {
  const avro = value.subarray(5);
  const digest = createHash("sha256").update(avro).digest("hex").slice(0, 32);
  return avro.length === event.avroBytes && digest === event.digest;
}
