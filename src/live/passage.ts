/**
 * One subscriber's way over one topic from where he is to where the feed is, or over a range that
 * he asked for. It knows what he has and what he needs; a catch-up carries it.
 */
import type { Loss } from "../delivery/topic-reader.ts";
import type { GapReason, LiveFrame } from "./frames.ts";
import type { Origin } from "./origin.ts";

/** Before the first record that there is: nothing is missed between here and there. */
export const BEGINNING = -1;

export interface PassageParts {
  readonly topic: string;
  /** By partition, the first offset wanted, or BEGINNING. A partition that is left out is not. */
  readonly starts: ReadonlyMap<number, number>;
  /** Records before this time are not for him: ms since 1970. */
  readonly sinceMs: number;
  /** Where a partition's way ends, at this moment; exclusive. */
  readonly endOf: (partition: number) => number;
  /** An event of this kind, as far as can be told without its fields. */
  readonly wants: (origin: Origin, key: string | null) => boolean;
  readonly passes: (fields: () => unknown) => boolean;
  readonly deliver: (frame: LiveFrame) => void;
  /** The subscriber does not read; he is carried on later. */
  readonly isClogged: () => boolean;
  /** These offsets cannot be had. */
  readonly onGap: (partition: number, range: Range) => void;
  /** Nothing of the partition is missing below its end, as it is at this moment. */
  readonly onArrival: (partition: number) => void;
  /** All partitions have arrived. */
  readonly onDone: () => void;
  readonly onFailure: (reason: string) => void;
}

export interface Range {
  readonly from: number;
  readonly to: number;
  readonly reason: GapReason;
}

export class Passage {
  readonly parts: PassageParts;
  /** By partition that has not arrived: the next offset. */
  readonly open = new Map<number, number>();
  /** Records that were looked at for him. */
  lookedAt = 0;
  /** The subscriber is gone, or has all. */
  isOver = false;
  /** The reader that carries him is past what he needs. */
  mustRestart = false;

  constructor(parts: PassageParts) {
    this.parts = parts;
    for (const [partition, offset] of parts.starts) this.open.set(partition, offset);
  }

  /** Offsets between here and the end: how far it is, at most. */
  get distance(): number {
    let distance = 0;
    for (const [partition, next] of this.open) {
      distance += Math.max(0, this.parts.endOf(partition) - next);
    }
    return distance;
  }

  /** Partitions that need no way at all. */
  arriveWhereThere(): void {
    for (const [partition, next] of this.open) {
      if (next === this.parts.endOf(partition)) this.#arrive(partition);
    }
    this.#lookWhetherDone();
  }

  /** What there is of a partition; what is not there is a gap. */
  fit({ partition, low, high }: { partition: number; low: number; high: number }): void {
    const next = this.open.get(partition);
    if (next === undefined) return;
    if (next < low) {
      // What is missing behind his end, the feed tells him.
      const to = Math.max(next, Math.min(low, this.parts.endOf(partition)));
      if (next !== BEGINNING && to > next) {
        this.parts.onGap(partition, { from: next, to, reason: "retention" });
      }
      this.open.set(partition, to);
    } else if (next > high) {
      // Offsets never go back, unless the topic is another one.
      this.parts.onGap(partition, { from: high, to: next, reason: "reset" });
      this.open.set(partition, low);
    }
  }

  /** The reader that carries him was too late for these. */
  lose({ partition, from, to, reason }: Loss): void {
    const isReset = reason === "reset";
    this.fit({ partition, low: isReset ? from : to, high: isReset ? from : Infinity });
    this.passed(partition, this.open.get(partition) ?? 0);
  }

  /** A partition of which nothing is known any more. */
  giveUp(partition: number): void {
    if (this.open.has(partition)) this.#arrive(partition);
    this.#lookWhetherDone();
  }

  /** Does he need this one? Those from the end on he has from elsewhere. */
  needs(partition: number, offset: number): boolean {
    const next = this.mustRestart ? undefined : this.open.get(partition);
    return next !== undefined && offset >= next && offset < this.parts.endOf(partition);
  }

  /** The reader has passed this offset. */
  passed(partition: number, nextOffset: number): void {
    const next = this.open.get(partition);
    if (next === undefined || this.mustRestart) return;
    if (nextOffset > next) this.open.set(partition, nextOffset);
    if (Math.max(next, nextOffset) >= this.parts.endOf(partition)) this.#arrive(partition);
    this.#lookWhetherDone();
  }

  /** He did not get what came after his arrival, so that he has to be carried on from there. */
  reopen(partition: number, next: number): void {
    this.open.set(partition, next);
    this.mustRestart = true;
  }

  /** Too many records: the rest of the way is a gap. */
  cutShort(): void {
    for (const [partition, from] of this.open) {
      const to = this.parts.endOf(partition);
      if (to > from) this.parts.onGap(partition, { from, to, reason: "limit" });
      this.#arrive(partition);
    }
    this.#lookWhetherDone();
  }

  #arrive(partition: number): void {
    this.open.delete(partition);
    this.parts.onArrival(partition);
  }

  #lookWhetherDone(): void {
    if (this.open.size > 0 || this.isOver) return;
    this.isOver = true;
    this.parts.onDone();
  }
}
