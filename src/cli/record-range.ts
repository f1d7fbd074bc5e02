/**
 * Which records of a topic a command means: from and until, each an offset or a time, by partition
 * from where to where; and which of those by type and key. Reads them in portions, each partition
 * in its order.
 */
import { setTimeout as delay } from "node:timers/promises";

import { headerOf, isCanary } from "../consumer/header.ts";
import type { KafkaRecord } from "../delivery/reader.ts";
import type { Loss, TopicReader } from "../delivery/topic-reader.ts";
import { UsageError } from "./command.ts";
import { Output } from "./io.ts";
import type { CliIo } from "./io.ts";

export type Edge =
  | { readonly kind: "open" }
  | { readonly kind: "offset"; readonly offset: number }
  | { readonly kind: "time"; readonly timeMs: number };

/** Offsets by partition: the first one meant, and the first one not meant any more. */
export interface Range {
  readonly next: Map<number, number>;
  readonly ends: ReadonlyMap<number, number>;
}

const RECORDS_AT_ONCE = 500;
const IDLE_MS = 20;

/** Throws UsageError. */
export function edgeOf(name: string, text: string | undefined): Edge {
  if (text === undefined) return { kind: "open" };
  if (/^\d{1,15}$/.test(text)) return { kind: "offset", offset: Number(text) };
  const timeMs = Date.parse(text);
  if (!Number.isNaN(timeMs)) return { kind: "time", timeMs };
  throw new UsageError(`--${name} is an offset or a time (2026-05-01T12:00:00Z), not ${text}.`);
}

/** What the edges mean now: a range that ends, even while records come. */
export async function rangeOf(
  reader: TopicReader,
  edges: { readonly from: Edge; readonly until: Edge },
): Promise<Range> {
  const from = await offsetsOf(reader, edges.from);
  const until = await offsetsOf(reader, edges.until);
  const next = new Map<number, number>();
  const ends = new Map<number, number>();
  for (const { partition, low, high } of reader.ranges) {
    // A time without a later record is the end of its partition.
    const first = edges.from.kind === "open" ? low : (from.get(partition) ?? high);
    const last = edges.until.kind === "open" ? high : (until.get(partition) ?? high);
    const start = Math.min(Math.max(first, low), high);
    next.set(partition, start);
    ends.set(partition, Math.max(start, Math.min(last, high)));
  }
  return { next, ends };
}

async function offsetsOf(reader: TopicReader, edge: Edge): Promise<ReadonlyMap<number, number>> {
  if (edge.kind === "time") return await reader.offsetsAt(edge.timeMs);
  const { offset } = edge.kind === "offset" ? edge : { offset: 0 };
  return new Map(reader.ranges.map(({ partition }) => [partition, offset]));
}

/** Records of the range that are still to be read. */
export function recordsLeft({ next, ends }: Range): number {
  let left = 0;
  for (const [partition, end] of ends) left += Math.max(0, end - (next.get(partition) ?? end));
  return left;
}

/**
 * The records of the range in portions, and `next` moves with each. Ends with the range or the
 * signal; what Kafka deletes meanwhile is told. Throws ReaderError.
 */
export async function* readRange(
  reader: TopicReader,
  range: Range,
  { signal, stderr }: Pick<CliIo, "signal" | "stderr">,
): AsyncGenerator<readonly KafkaRecord[], void, void> {
  const { next, ends } = range;
  const isOpen = (partition: number): boolean =>
    (next.get(partition) ?? 0) < (ends.get(partition) ?? 0);
  let open = [...next.keys()].filter(isOpen);
  reader.assign(new Map(open.map((partition) => [partition, next.get(partition) ?? 0])));
  while (open.length > 0 && !signal.aborted) {
    const portion = await reader.take(RECORDS_AT_ONCE);
    if (portion.loss !== null) await new Output(stderr).write(sentenceOf(portion.loss));
    const records = portion.records.filter(({ partition, offset }) => {
      return isOpen(partition) && offset < (ends.get(partition) ?? 0);
    });
    if (records.length > 0) yield records;
    for (const { partition, offset } of portion.records) move(next, partition, offset + 1);
    // Compaction may have taken the last records before the end.
    for (const { partition, offset } of portion.ends) move(next, partition, offset);
    const stillOpen = open.filter(isOpen);
    if (stillOpen.length < open.length) {
      reader.assign(new Map(stillOpen.map((partition) => [partition, next.get(partition) ?? 0])));
    }
    open = stillOpen;
    if (portion.records.length === 0) await delay(IDLE_MS);
  }
}

function sentenceOf({ partition, from, to, reason }: Loss): string {
  return reason === "reset"
    ? `Partition ${partition} was made anew: it begins at ${from} again.\n`
    : `Kafka deleted records of partition ${partition} unread: ${from} to ${to - 1}.\n`;
}

function move(next: Map<number, number>, partition: number, offset: number): void {
  if (offset > (next.get(partition) ?? offset)) next.set(partition, offset);
}

/** Which records of a range are meant; those of a canary never are. */
export class RecordFilter {
  readonly #type: string | undefined;
  readonly #key: Buffer | undefined;

  constructor(options: ReadonlyMap<string, string>) {
    this.#type = options.get("type");
    const key = options.get("key");
    this.#key = key === undefined ? undefined : Buffer.from(key);
  }

  matches({ key, headers }: KafkaRecord): boolean {
    if (isCanary(headers)) return false;
    if (this.#key !== undefined && (key === null || !this.#key.equals(key))) return false;
    return this.#type === undefined || headerOf(headers)?.type === this.#type;
  }
}
