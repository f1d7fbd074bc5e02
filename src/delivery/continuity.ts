/**
 * Whether records that were read follow one another. Where offsets are skipped Kafka may have taken
 * records away before they were read, or compaction or a transaction left none: Kafka's lowest
 * offset tells these apart. Where offsets go back the topic was made anew. It asks nobody itself.
 */
import type { KafkaRecord } from "./reader.ts";

/** Offsets of records that nobody will get any more, the last one exclusive. */
export interface Loss {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
  /** retention: Kafka has deleted them; reset: the topic was made anew, and begins at `from`. */
  readonly reason: "retention" | "reset";
}

export interface PartitionEnd {
  readonly partition: number;
  readonly offset: number;
}

/** What was read, in its order: records, then the ends of partitions that were met. */
export interface Taken {
  readonly records: readonly KafkaRecord[];
  readonly ends: readonly PartitionEnd[];
}

export interface Portion extends Taken {
  /** Comes before the records. */
  readonly loss: Loss | null;
}

export class Continuity {
  /** By partition, the next offset. */
  readonly #next = new Map<number, number>();

  /** From now on these partitions are read, each from its offset. */
  restart(starts: ReadonlyMap<number, number>): void {
    this.#next.clear();
    for (const [partition, offset] of starts) this.#next.set(partition, offset);
  }

  /** Partitions of which offsets were skipped. */
  skipped({ records, ends }: Taken): ReadonlySet<number> {
    const skipped = new Set<number>();
    const next = new Map(this.#next);
    for (const { partition, offset } of records) {
      if (offset > (next.get(partition) ?? offset)) skipped.add(partition);
      next.set(partition, offset + 1);
    }
    for (const { partition, offset } of ends) {
      if (offset > (next.get(partition) ?? offset)) skipped.add(partition);
    }
    return skipped;
  }

  /**
   * What can be given: up to the first loss, or that and what follows up to the next one. The rest
   * is to be given to it again. `lows`: of the partitions with skipped offsets, the lowest there
   * is, asked for after it was read.
   */
  cut(taken: Taken, lows: ReadonlyMap<number, number>): { portion: Portion; rest: Taken | null } {
    const { records, ends } = taken;
    let loss: Loss | null = null;
    for (const [index, { partition, offset }] of records.entries()) {
      const found = this.#lossBefore({ partition, offset }, lows);
      if (found !== null && (index > 0 || loss !== null)) {
        const portion = { loss, records: records.slice(0, index), ends: [] };
        return { portion, rest: { records: records.slice(index), ends } };
      }
      loss ??= found;
      this.#next.set(partition, offset + 1);
    }
    for (const [index, end] of ends.entries()) {
      // An end may be an older one: only a later one says something.
      const found = this.#isBefore(end) ? this.#lossBefore(end, lows) : null;
      if (found !== null && (records.length > 0 || loss !== null)) {
        const portion = { loss, records, ends: ends.slice(0, index) };
        return { portion, rest: { records: [], ends: ends.slice(index) } };
      }
      loss ??= found;
      if (this.#isBefore(end)) this.#next.set(end.partition, end.offset);
    }
    return { portion: { loss, records, ends }, rest: null };
  }

  #isBefore({ partition, offset }: PartitionEnd): boolean {
    return (this.#next.get(partition) ?? offset) < offset;
  }

  #lossBefore({ partition, offset }: PartitionEnd, lows: ReadonlyMap<number, number>): Loss | null {
    const next = this.#next.get(partition) ?? offset;
    if (offset < next) return { partition, from: offset, to: next, reason: "reset" };
    const to = Math.min(offset, lows.get(partition) ?? 0);
    return to > next ? { partition, from: next, to, reason: "retention" } : null;
  }
}
