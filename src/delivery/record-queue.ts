/**
 * Records that wait or are out, oldest first: a queue of segments. A lane has one; a destination
 * whose partitions are not known yet keeps its records in another.
 *
 * It refuses to know Kafka: it moves cursors, keeps the budget true and tells sinks.
 */
import assert from "node:assert/strict";

import { OUTCOME_CODES, OUTCOME_NUMBER, type OutcomeCode } from "../errors.ts";
import type { Budget } from "./budget.ts";
import type { DeliverySink } from "./delivery.ts";
import {
  NOBODY,
  SKIPPED,
  type LetterHeaders,
  type RecordPlace,
  type RecordSegment,
  type RecordSource,
  type RowGroup,
  type SegmentPool,
} from "./record-segment.ts";

/** Records that came together and wait for the same sink. */
export interface RowsOfOne {
  readonly number: number;
  readonly sink: DeliverySink;
  readonly tenant: number;
  readonly acceptedAtMs: number;
}

type RowTest = (segment: RecordSegment, row: number) => boolean;
type AcceptRow = (segment: RecordSegment, row: number, group: RowGroup) => void;

export class RecordQueue {
  readonly #pool: SegmentPool;
  readonly #budget: Budget;
  readonly #segments: RecordSegment[] = [];
  #group: RowsOfOne | null = null;
  #events = 0;
  #bytes = 0;

  constructor(pool: SegmentPool, budget: Budget) {
    this.#pool = pool;
    this.#budget = budget;
  }

  /** Rows without an outcome, handed to librdkafka or not. */
  get events(): number {
    return this.#events;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get segments(): readonly RecordSegment[] {
    return this.#segments;
  }

  /** Are there rows not handed to librdkafka yet? */
  get isWaiting(): boolean {
    const tail = this.#segments.at(-1);
    return tail !== undefined && tail.produced < tail.count;
  }

  /** Rows appended from now on belong to this group; `number` is new for every group. */
  openGroup(group: RowsOfOne): void {
    const tail = this.#segments.at(-1);
    // Once a sink was told of all its rows, its group in the segment is closed.
    const isOpen = tail === undefined || tail.groups.at(-1)?.sink === group.sink;
    if (isOpen && group.number === this.#group?.number) return;
    this.#group = group;
    tail?.openGroup(group);
  }

  /** False: there is no memory left for it. */
  append(source: RecordSource, place: RecordPlace, letter?: LetterHeaders): boolean {
    const recordBytes =
      source.valueEnd -
      source.valueStart +
      (source.keyEnd - source.keyStart) +
      (source.headerEnd - source.headerStart);
    const group = this.#group;
    assert(group !== null, "a group is open before its first row");
    let tail = this.#segments.at(-1);
    if (tail === undefined || !tail.hasRoom(recordBytes)) {
      if (this.#pool.isExhausted) return false;
      tail = this.#pool.take();
      assert(tail.hasRoom(recordBytes), "a record fits an empty segment");
      tail.openGroup(group);
      this.#segments.push(tail);
    }
    if (letter !== undefined) {
      tail.letters ??= new Map();
      tail.letters.set(tail.count, letter);
    }
    tail.append(source, place);
    this.#events += 1;
    this.#bytes += recordBytes;
    this.#budget.take(group.tenant, 1, recordBytes);
    return true;
  }

  /** Rows handed out and without a mark fail with this code (they are not settled by this). */
  markProduced(code: OutcomeCode): void {
    const number = OUTCOME_NUMBER[code];
    for (const segment of this.#segments) {
      for (let row = segment.settled; row < segment.produced; row += 1) {
        if (segment.code[row] === 0) segment.mark(row, number);
      }
    }
  }

  /**
   * Tells the sinks of all rows handed out: a marked row failed with its code, the others are
   * stored. Returns how many failed.
   */
  settleProduced(): number {
    let failed = 0;
    for (const segment of [...this.#segments]) {
      const from = segment.settled;
      const to = segment.produced;
      if (from === to) continue;
      segment.settled = to;
      failed += this.#tell(segment, from, to);
    }
    this.#giveBack();
    return failed;
  }

  /**
   * Rows not handed out yet that were accepted before `beforeMs` fail with this code, now. Returns
   * how many.
   */
  failWaiting(code: OutcomeCode, beforeMs: number): number {
    const number = OUTCOME_NUMBER[code];
    let failed = 0;
    for (const segment of [...this.#segments]) {
      const to = waitingUntil(segment, beforeMs);
      for (let row = segment.produced; row < to; row += 1) {
        if (segment.code[row] === 0) {
          segment.mark(row, number);
          failed += 1;
        }
      }
      if (to > segment.produced) this.#settleEarly(segment, segment.produced, to);
    }
    this.#giveBack();
    return failed;
  }

  /** Calls `visit` for every row handed out whose sink has not heard of it. */
  eachOut(visit: (segment: RecordSegment, row: number) => void): void {
    for (const segment of this.#segments) {
      for (let row = segment.settled; row < segment.produced; row += 1) {
        if (segment.code[row] !== SKIPPED) visit(segment, row);
      }
    }
  }

  /**
   * Tells the sinks of rows handed out that `isDone`, while others of the same commit stay open.
   * Returns how many rows there were.
   */
  settleSome(isDone: RowTest): number {
    let settled = 0;
    for (const segment of this.#segments) {
      if (segment.settled === segment.produced) continue;
      for (const [g, group] of segment.groups.entries()) {
        const end = Math.min(segment.groups[g + 1]?.firstRow ?? segment.count, segment.produced);
        const first = Math.max(group.firstRow, segment.settled);
        if (end > first) settled += this.#tellSome(segment, { group, first, end, isDone });
      }
    }
    return settled;
  }

  /** Gives rows that wait and `isWanted` to `accept`, in order, and forgets them. */
  moveWaiting(isWanted: RowTest, accept: AcceptRow): void {
    for (const segment of [...this.#segments]) {
      if (segment.produced === segment.count) continue;
      for (const [g, group] of segment.groups.entries()) {
        const end = segment.groups[g + 1]?.firstRow ?? segment.count;
        for (let row = Math.max(group.firstRow, segment.produced); row < end; row += 1) {
          if (segment.code[row] === SKIPPED || !isWanted(segment, row)) continue;
          this.#forget(group.tenant, 1, segment.recordBytes(row));
          segment.mark(row, SKIPPED);
          accept(segment, row, group);
        }
      }
    }
    this.#passSkipped();
    this.#giveBack();
  }

  /** Gives every row to `accept` in order and forgets it; no sink is told. */
  moveAll(accept: AcceptRow): void {
    for (const segment of this.#segments.splice(0)) {
      for (const [g, group] of segment.groups.entries()) {
        const end = segment.groups[g + 1]?.firstRow ?? segment.count;
        for (let row = group.firstRow; row < end; row += 1) {
          if (segment.code[row] === SKIPPED) continue;
          this.#forget(group.tenant, 1, segment.recordBytes(row));
          accept(segment, row, group);
        }
      }
      this.#pool.give(segment);
    }
  }

  /** Sinks hear of rows [from, to) before the cursors get there; the cursors pass them over. */
  #settleEarly(segment: RecordSegment, from: number, to: number): void {
    this.#tell(segment, from, to);
    for (let row = from; row < to; row += 1) segment.mark(row, SKIPPED);
    if (segment.settled === from && segment.produced === from) {
      segment.settled = to;
      segment.produced = to;
    }
  }

  #tellSome(
    segment: RecordSegment,
    rows: {
      readonly group: RowGroup;
      readonly first: number;
      readonly end: number;
      readonly isDone: RowTest;
    },
  ): number {
    const { sink, tenant } = rows.group;
    let told = 0;
    for (let row = rows.first; row < rows.end; row += 1) {
      if (segment.code[row] === SKIPPED || !rows.isDone(segment, row)) continue;
      tellRow(segment, sink, row);
      segment.mark(row, SKIPPED);
      this.#forget(tenant, 1, segment.recordBytes(row));
      told += 1;
    }
    if (told > 0) sink.commitSettled();
    return told;
  }

  /** Where nothing is out, rows that have left need not be waited for. */
  #passSkipped(): void {
    for (const segment of this.#segments) {
      if (segment.settled !== segment.produced) return;
      while (segment.settled < segment.count && segment.code[segment.settled] === SKIPPED) {
        segment.settled += 1;
      }
      segment.produced = segment.settled;
      if (segment.settled < segment.count) return;
    }
  }

  #tell(segment: RecordSegment, from: number, to: number): number {
    let failed = 0;
    for (let g = segment.firstGroup; g < segment.groups.length; g += 1) {
      const group = segment.groups[g];
      if (group === undefined || group.firstRow >= to) break;
      const end = segment.groups[g + 1]?.firstRow ?? segment.count;
      const last = Math.min(end, to);
      const first = Math.max(group.firstRow, from);
      if (last > first) {
        this.#forgetRange(segment, group.tenant, { first, last });
        failed += tellRows(segment, group.sink, { first, last });
      }
      if (end <= segment.settled) {
        group.sink = NOBODY;
        segment.firstGroup = g + 1;
      }
    }
    return failed;
  }

  /** Takes the rows that are not skipped off the books. */
  #forgetRange(
    segment: RecordSegment,
    tenant: number,
    { first, last }: { readonly first: number; readonly last: number },
  ): void {
    const endByte = last < segment.count ? (segment.start[last] ?? 0) : segment.usedBytes;
    let bytes = endByte - (segment.start[first] ?? 0);
    let events = last - first;
    if (segment.marked > 0) {
      for (let row = first; row < last; row += 1) {
        if (segment.code[row] !== SKIPPED) continue;
        events -= 1;
        bytes -= segment.recordBytes(row);
      }
    }
    this.#forget(tenant, events, bytes);
  }

  #forget(tenant: number, events: number, bytes: number): void {
    this.#events -= events;
    this.#bytes -= bytes;
    this.#budget.release(tenant, events, bytes);
  }

  #giveBack(): void {
    let head = this.#segments[0];
    while (head !== undefined && head.settled === head.count) {
      this.#segments.shift();
      this.#pool.give(head);
      head = this.#segments[0];
    }
  }
}

/** First row that is not to be failed: rows belong to groups, groups are in order of acceptance. */
function waitingUntil(segment: RecordSegment, beforeMs: number): number {
  for (let g = segment.firstGroup; g < segment.groups.length; g += 1) {
    const group = segment.groups[g];
    if (group !== undefined && group.acceptedAtMs >= beforeMs) return group.firstRow;
  }
  return segment.count;
}

function tellRows(
  segment: RecordSegment,
  sink: DeliverySink,
  { first, last }: { readonly first: number; readonly last: number },
): number {
  let count = last - first;
  let failed = 0;
  for (let row = first; row < last; row += 1) {
    if (segment.marked === 0) sink.recordStored(segment.index[row] ?? 0);
    else if (segment.code[row] === SKIPPED) count -= 1;
    else if (!tellRow(segment, sink, row)) failed += 1;
  }
  if (count > 0) sink.commitSettled();
  return failed;
}

/** True: stored. */
function tellRow(segment: RecordSegment, sink: DeliverySink, row: number): boolean {
  const index = segment.index[row] ?? 0;
  const number = segment.code[row] ?? 0;
  if (number === 0) {
    sink.recordStored(index);
    return true;
  }
  const code = OUTCOME_CODES[number];
  assert(code !== undefined && code !== "none", "a mark is the number of an outcome code");
  sink.recordFailed(index, code);
  return false;
}
