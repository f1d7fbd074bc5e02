/**
 * The judge: reads what Kafka holds of a run and compares it with what was sent. Nothing may be
 * missing, and nothing may be there twice for a consumer that drops doubles by the header.
 */
import { setTimeout as delay } from "node:timers/promises";

import { Deduplicator } from "../../src/consumer/deduplicator.ts";
import type { KafkaRecord } from "../../src/delivery/reader.ts";
import { TopicReader } from "../../src/delivery/topic-reader.ts";

export interface Tally {
  readonly sent: number;
  readonly records: number;
  /** Ids that were sent and are not in Kafka. */
  readonly lost: number;
  /** Records a consumer drops, because they were sent again after a break. */
  readonly dropped: number;
  /** Ids that a consumer who drops doubles sees more than once. */
  readonly doubled: number;
  /** Records that are another tenant's than their sender's. */
  readonly strays: number;
}

/** Where topics end now, by topic and partition. */
export type Marks = ReadonlyMap<string, ReadonlyMap<number, number>>;

async function open(brokers: string, topic: string): Promise<TopicReader> {
  const connection = { brokers, security: null, timeoutMs: 10_000, queueKib: 4 * 1024 };
  return TopicReader.open({ ...connection, topic });
}

export async function marksOf(brokers: string, topics: readonly string[]): Promise<Marks> {
  const marks = new Map<string, ReadonlyMap<number, number>>();
  for (const topic of topics) {
    const reader = await open(brokers, topic);
    marks.set(topic, new Map(reader.ranges.map(({ partition, high }) => [partition, high])));
    await reader.close();
  }
  return marks;
}

/** Reads all that came after the marks. */
export async function audit(
  brokers: string,
  { marks, ids }: { readonly marks: Marks; readonly ids: ReadonlyMap<string, string> },
): Promise<Tally> {
  const seen = new Map<string, number>();
  let records = 0;
  let dropped = 0;
  let strays = 0;
  for (const [topic, starts] of marks) {
    const deduplicator = new Deduplicator();
    for await (const { partition, headers, value } of recordsOf(brokers, topic, starts)) {
      const { verdict, header } = deduplicator.decide({ topic, partition, headers });
      const id = header?.id ?? "";
      if (!ids.has(id)) continue;
      records += 1;
      // Who sent it is what the gateway has put beside it, and what stands in the record.
      const tenant = ids.get(id) ?? "";
      if (header?.tenant !== tenant || !Buffer.from(value ?? []).includes(tenant)) strays += 1;
      if (verdict === "duplicate") dropped += 1;
      else seen.set(id, (seen.get(id) ?? 0) + 1);
    }
  }
  const doubled = [...seen.values()].filter((count) => count > 1).length;
  return { sent: ids.size, records, lost: ids.size - seen.size, dropped, doubled, strays };
}

async function* recordsOf(
  brokers: string,
  topic: string,
  starts: ReadonlyMap<number, number>,
): AsyncGenerator<KafkaRecord, void, void> {
  const reader = await open(brokers, topic);
  const unread = new Map<number, number>();
  for (const { partition, high } of reader.ranges) {
    if ((starts.get(partition) ?? 0) < high) unread.set(partition, high);
  }
  const begin = [...unread.keys()].map((each) => [each, starts.get(each) ?? 0] as const);
  if (begin.length > 0) reader.assign(new Map(begin));
  while (unread.size > 0) {
    const { records, ends } = await reader.take(500);
    yield* records;
    for (const { partition, offset } of [...records, ...ends]) {
      if (offset + 1 >= (unread.get(partition) ?? Infinity)) unread.delete(partition);
    }
    if (records.length === 0) await delay(5);
  }
  await reader.close();
}
