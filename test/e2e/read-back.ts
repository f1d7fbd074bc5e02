/** Reads whole topics back: what is in Kafka is the judge of what was answered. */
import { readTopic } from "../../src/delivery/reader.ts";
import type { KafkaRecord } from "../../src/delivery/reader.ts";

/** Everything in these topics now. */
export async function readAll(brokers: string, topics: readonly string[]): Promise<KafkaRecord[]> {
  const records: KafkaRecord[] = [];
  for (const topic of topics) {
    const reading = readTopic({
      brokers,
      topic,
      from: "beginning",
      stopAtEnd: true,
      connectTimeoutMs: 60_000,
      signal: AbortSignal.timeout(240_000),
      security: null,
    });
    for await (const record of reading) records.push(record);
  }
  return records;
}

/** The event id that a record's `sluice` header carries: its fourth text. */
export function recordId(record: KafkaRecord): string {
  const header = record.headers.find(([name]) => name === "sluice")?.[1];
  if (header === undefined) return "";
  let at = 46;
  for (let text = 0; ; text += 1) {
    const length = header[at] ?? 0;
    if (text === 3) return Buffer.from(header.subarray(at + 1, at + 1 + length)).toString("utf8");
    at += 1 + length;
  }
}

/** Records by event id; an id that stands there more than once has all its records. */
export function byId(records: readonly KafkaRecord[]): Map<string, KafkaRecord[]> {
  const found = new Map<string, KafkaRecord[]>();
  for (const record of records) {
    const id = recordId(record);
    found.set(id, [...(found.get(id) ?? []), record]);
  }
  return found;
}
