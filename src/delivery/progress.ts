/**
 * Which partitions of a commit are done while others keep it open. A producer numbers the records
 * of each partition from 1 and says, in its statistics, up to which number Kafka has confirmed
 * them; here they are counted as they are handed over, so that the two can be compared. Statistics
 * come a few times a second: this is for commits that hang, not for healthy ones.
 */
import { Acquaintance } from "./acquaintance.ts";
import type { RecordQueue } from "./record-queue.ts";
import type { RecordSegment } from "./record-segment.ts";

/** What a producer says of itself at one moment. */
export interface ProducerProgress {
  /**
   * The number of the last record of this partition that Kafka has confirmed, 0 without one. Those
   * before it are confirmed too, or their failure was reported earlier.
   */
  confirmed(topic: string, partition: number): number;
}

/** Above every partition number there is (limits/schemas.ts, PACK_PARTITIONS_MAX). */
const PARTITIONS = 2 ** 20;

/** A topic's number and a partition as one number. */
export function partitionKey(topic: number, partition: number): number {
  return topic * PARTITIONS + partition;
}

export function topicOfKey(key: number): number {
  return Math.floor(key / PARTITIONS);
}

export function partitionOfKey(key: number): number {
  return key % PARTITIONS;
}

/** Which partitions hold a commit open, and which of it are done. */
export interface Standing {
  /** Keys (`partitionKey`) of partitions with records Kafka has not confirmed. */
  readonly open: ReadonlySet<number>;
  readonly done: ReadonlySet<number>;
  /** Of the open partitions nothing at all has been confirmed since the commit began. */
  readonly isUnmoved: boolean;
}

/** Records given to one producer, by topic number and partition. */
export class HandedOver {
  readonly acquaintance = new Acquaintance();
  #counts: number[][] = [];

  add(topic: number, partition: number): void {
    const counts = (this.#counts[topic] ??= []);
    counts[partition] = (counts[partition] ?? 0) + 1;
    this.acquaintance.handedOver(topic, partition);
  }

  of(topic: number, partition: number): number {
    return this.#counts[topic]?.[partition] ?? 0;
  }

  /** Another producer: it counts from 1. */
  clear(): void {
    this.#counts = [];
    this.acquaintance.forget();
  }
}

export function rowKey(segment: RecordSegment, row: number): number {
  return partitionKey(segment.topic[row] ?? 0, segment.partition[row] ?? 0);
}

/** How the partitions of the commit that is out stand. */
export function standing(
  queue: RecordQueue,
  handedOver: HandedOver,
  said: { readonly progress: ProducerProgress; readonly topicNames: readonly string[] },
): Standing {
  /** Records out, by partition. */
  const out = new Map<number, number>();
  queue.eachOut((segment, row) => {
    const key = rowKey(segment, row);
    out.set(key, (out.get(key) ?? 0) + 1);
  });
  const open = new Set<number>();
  const done = new Set<number>();
  let isUnmoved = true;
  for (const [key, count] of out) {
    const topic = topicOfKey(key);
    const partition = partitionOfKey(key);
    const confirmed = said.progress.confirmed(said.topicNames[topic] ?? "", partition);
    const given = handedOver.of(topic, partition);
    (confirmed >= given ? done : open).add(key);
    if (confirmed < given && confirmed > given - count) isUnmoved = false;
  }
  return { open, done, isUnmoved };
}
