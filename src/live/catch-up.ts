/**
 * Reads what was before now for subscribers that are behind: one reader of a topic for all of them
 * that wait, from the earliest of their places to where the feed is. Those who are far behind do
 * not hold up those who are near; who does not read is put back until he does. It waits for its
 * turn as the feed does.
 */
import type { KafkaRecord, PartitionRange, Portion } from "../delivery/topic-reader.ts";
import {
  LIVE_CATCH_UP_MEMBERS_MAX,
  LIVE_CATCH_UPS_MAX,
  LIVE_CATCH_UPS_OF_TOPIC_MAX,
  LIVE_PORTION_RECORDS,
  LIVE_SLICE_BYTES,
  LIVE_SLICE_MS,
} from "../limits/live.ts";
import type { Clock } from "../lib/clock.ts";
import type { ValueDecoder } from "../schema/value-decoder.ts";
import type { Allowance } from "./allowance.ts";
import { eventFrame, textOf } from "./frames.ts";
import { lazyFields } from "./item.ts";
import { originOf } from "./origin.ts";
import type { Passage } from "./passage.ts";

/** The part of a topic's reader that is used here. */
export interface PastSource {
  readonly ranges: readonly PartitionRange[];
  assign(starts: ReadonlyMap<number, number>): void;
  take(recordsMax: number): Promise<Portion>;
  close(): Promise<void>;
}

export interface CatchUpsParts {
  readonly open: (topic: string) => Promise<PastSource>;
  readonly decoder: ValueDecoder;
  readonly allowance: Allowance;
  readonly clock: Clock;
  readonly onDeliveries: (count: number) => void;
  /** Records looked at for one subscriber; what is left then is a gap. */
  readonly recordsMax: number;
}

const LOOK_MS = 5;

/** Who is so near goes along with the nearest one; else who is at most so many times as far. */
const NEAR_RECORDS = 10_000;
const NEAR_TIMES = 4;

export class CatchUps {
  readonly #parts: CatchUpsParts;
  readonly #waiting = new Set<Passage>();
  /** Topics of the readers at work. */
  readonly #running: string[] = [];

  constructor(parts: CatchUpsParts) {
    this.#parts = parts;
  }

  /** Readers at work. */
  get running(): number {
    return this.#running.length;
  }

  /** Passages that wait for one. */
  get waiting(): number {
    return this.#waiting.size;
  }

  add(passage: Passage): void {
    passage.arriveWhereThere();
    if (passage.isOver) return;
    this.#waiting.add(passage);
    this.#begin();
  }

  remove(passage: Passage): void {
    passage.isOver = true;
    this.#waiting.delete(passage);
  }

  /** A subscriber reads again, or a reader is free. */
  #begin(): void {
    while (this.#running.length < LIVE_CATCH_UPS_MAX) {
      const cohort = this.#cohort();
      const [first] = cohort;
      if (first === undefined) return;
      const { topic } = first.parts;
      for (const passage of cohort) this.#waiting.delete(passage);
      this.#running.push(topic);
      void this.#carry(cohort).finally(() => {
        this.#running.splice(this.#running.indexOf(topic), 1);
        this.#begin();
      });
    }
  }

  /** Somebody who was clogged may be carried on. */
  look(): void {
    this.#begin();
  }

  /** The nearest one that can be served, and who goes along. */
  #cohort(): Passage[] {
    const ready = [...this.#waiting].filter(
      ({ parts }) =>
        !parts.isClogged() && this.#readersOf(parts.topic) < LIVE_CATCH_UPS_OF_TOPIC_MAX,
    );
    const byDistance = ready
      .map((passage) => ({ passage, distance: passage.distance }))
      .sort((left, right) => left.distance - right.distance);
    const [nearest] = byDistance;
    if (nearest === undefined) return [];
    const farMax = Math.max(NEAR_RECORDS, nearest.distance * NEAR_TIMES);
    return byDistance
      .filter(({ passage, distance }) => {
        return passage.parts.topic === nearest.passage.parts.topic && distance <= farMax;
      })
      .slice(0, LIVE_CATCH_UP_MEMBERS_MAX)
      .map(({ passage }) => passage);
  }

  #readersOf(topic: string): number {
    return this.#running.filter((running) => running === topic).length;
  }

  async #carry(cohort: readonly Passage[]): Promise<void> {
    const members = new Set(cohort.filter(({ isOver }) => !isOver));
    const [first] = members;
    if (first === undefined) return;
    let source: PastSource | null = null;
    try {
      source = await this.#parts.open(first.parts.topic);
      begin(source, members);
      await this.#read(source, members);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      for (const member of members) if (!member.isOver) member.parts.onFailure(reason);
    } finally {
      await source?.close();
    }
  }

  async #read(source: PastSource, members: Set<Passage>): Promise<void> {
    while (drop(members, ({ isOver }) => isOver).size > 0) {
      const { loss, records, ends } = await source.take(LIVE_PORTION_RECORDS);
      if (loss !== null) for (const member of members) member.lose(loss);
      await this.#take(records, members);
      for (const { partition, offset } of ends) {
        for (const member of members) member.passed(partition, offset);
      }
      if (records.length === 0) await this.#wait(LOOK_MS);
    }
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#parts.clock.after(ms, resolve, { keepAlive: true });
    });
  }

  async #take(records: readonly KafkaRecord[], members: Set<Passage>): Promise<void> {
    const { allowance, clock } = this.#parts;
    let index = 0;
    while (index < records.length && members.size > 0) {
      const slice = await allowance.turn("past");
      this.#putBackTheClogged(members);
      const endMs = clock.monotonicMs() + LIVE_SLICE_MS;
      let bytesLeft = LIVE_SLICE_BYTES;
      while (bytesLeft > 0 && clock.monotonicMs() < endMs) {
        const record = records[index];
        if (record === undefined) break;
        index += 1;
        bytesLeft -= await this.#tell(record, members);
      }
      slice.end(0);
    }
  }

  #putBackTheClogged(members: Set<Passage>): void {
    for (const member of members) {
      if (member.isOver || !(member.mustRestart || member.parts.isClogged())) continue;
      members.delete(member);
      this.#waiting.add(member);
    }
  }

  /** Gives a record to those who need it; the characters of what was said to one of them. */
  async #tell(record: KafkaRecord, members: Set<Passage>): Promise<number> {
    const { partition, offset, timestampMs } = record;
    const origin = originOf(record);
    const key = record.key === null ? null : textOf(record.key);
    const needy =
      origin === null
        ? []
        : [...members].filter(
            (member) => member.needs(partition, offset) && member.parts.wants(origin, key),
          );
    let length = 0;
    if (origin !== null && needy.length > 0) {
      const value = await this.#parts.decoder.decode(record.value);
      const fields = lazyFields(value);
      const frame = eventFrame(record, origin, value);
      for (const member of needy) {
        const { sinceMs, passes, deliver } = member.parts;
        // While a schema was fetched he may have gone, or got it otherwise.
        if (member.isOver || !member.needs(partition, offset)) continue;
        if (timestampMs < sinceMs || !passes(fields)) continue;
        deliver(frame);
        length = frame.text.length;
        this.#parts.onDeliveries(1);
      }
    }
    for (const member of members) {
      member.lookedAt += 1;
      member.passed(partition, offset + 1);
      if (member.lookedAt > this.#parts.recordsMax) member.cutShort();
    }
    return length;
  }
}

/** From the earliest place of each partition. */
function begin(source: PastSource, members: ReadonlySet<Passage>): void {
  const known = new Set(source.ranges.map(({ partition }) => partition));
  const starts = new Map<number, number>();
  for (const member of members) {
    member.mustRestart = false;
    for (const range of source.ranges) member.fit(range);
    for (const [partition, next] of member.open) {
      if (!known.has(partition)) member.giveUp(partition);
      else starts.set(partition, Math.min(next, starts.get(partition) ?? Infinity));
    }
    member.arriveWhereThere();
  }
  if (starts.size > 0) source.assign(starts);
}

function drop<T>(set: Set<T>, isOver: (item: T) => boolean): Set<T> {
  for (const item of set) if (isOver(item)) set.delete(item);
  return set;
}
