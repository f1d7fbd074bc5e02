/**
 * A fixed piece of memory for records on their way to Kafka: their bytes back to back, their
 * bookkeeping in typed arrays, and the sinks that wait for them, one entry per submission and not
 * per record. Segments are pooled; nothing is allocated per record.
 *
 * Rows go through in order: [0, settled) are done, [settled, produced) are in librdkafka's hands,
 * [produced, count) wait. A row that got its outcome early (it waited too long) is marked SKIPPED
 * and passed over by the cursors.
 */
import assert from "node:assert/strict";

import { SEGMENT_BYTES, SEGMENT_ROWS } from "../limits/delivery.ts";
import type { DeliverySink } from "./delivery.ts";

/** Mark in `code` of a row whose sink has heard its outcome already. */
export const SKIPPED = 255;

/** Rows of one sink in a segment, from `firstRow` to the next group's. */
export interface RowGroup {
  /** Nobody once it has heard of all its rows: it must not live for as long as the segment does. */
  sink: DeliverySink;
  readonly tenant: number;
  readonly firstRow: number;
  /** When they were accepted, on the delivery clock. */
  readonly acceptedAtMs: number;
}

/** The sink of rows whose outcome is told. */
export const NOBODY: DeliverySink = {
  recordStored: () => assert.fail("a settled row was stored again"),
  recordFailed: () => assert.fail("a settled row failed"),
  commitSettled: () => assert.fail("a settled group was told once more"),
};

/** Where one record lies in somebody else's memory. Reused from call to call. */
export interface RecordSource {
  memory: Uint8Array;
  valueStart: number;
  valueEnd: number;
  keyStart: number;
  keyEnd: number;
  headerStart: number;
  headerEnd: number;
}

/** What else is to be remembered of a record. Reused from call to call. */
export interface RecordPlace {
  topic: number;
  partition: number;
  keyHash: number;
  timestampMs: number;
  index: number;
}

export type LetterHeaders = ReadonlyArray<readonly [string, string]>;

export class RecordSegment {
  readonly bytes: Uint8Array = new Uint8Array(new ArrayBuffer(SEGMENT_BYTES));
  readonly start: Uint32Array = new Uint32Array(SEGMENT_ROWS);
  readonly valueBytes: Uint32Array = new Uint32Array(SEGMENT_ROWS);
  /** 0: the record has no key. */
  readonly keyBytes: Uint32Array = new Uint32Array(SEGMENT_ROWS);
  /** 0: the record has no header. */
  readonly headerBytes: Uint32Array = new Uint32Array(SEGMENT_ROWS);
  readonly topic: Int32Array = new Int32Array(SEGMENT_ROWS);
  readonly partition: Int32Array = new Int32Array(SEGMENT_ROWS);
  readonly keyHash: Uint32Array = new Uint32Array(SEGMENT_ROWS);
  readonly timestampMs: Float64Array = new Float64Array(SEGMENT_ROWS);
  readonly index: Int32Array = new Int32Array(SEGMENT_ROWS);
  /** Number of the outcome code of a failed row, 0, or SKIPPED. */
  readonly code: Uint8Array = new Uint8Array(SEGMENT_ROWS);

  count = 0;
  produced = 0;
  settled = 0;
  usedBytes = 0;
  /** Rows in [settled, count) whose code is not 0: without any, settling looks at no row. */
  marked = 0;
  readonly groups: RowGroup[] = [];
  /** The first group that may hold unsettled rows. */
  firstGroup = 0;
  /** Headers of dead letters and further ones of other records, by row. */
  letters: Map<number, LetterHeaders> | null = null;

  hasRoom(recordBytes: number): boolean {
    return this.count < SEGMENT_ROWS && this.usedBytes + recordBytes <= SEGMENT_BYTES;
  }

  /** Rows appended from now on belong to this sink. */
  openGroup({ sink, tenant, acceptedAtMs }: Omit<RowGroup, "firstRow">): void {
    const last = this.groups.at(-1);
    if (last !== undefined && last.firstRow === this.count) this.groups.pop();
    this.groups.push({ sink, tenant, firstRow: this.count, acceptedAtMs });
  }

  /** Copies one record in; the caller has asked `hasRoom`. */
  append(source: RecordSource, place: RecordPlace): void {
    const row = this.count;
    assert(row < SEGMENT_ROWS, "a segment takes no more rows than it has");
    this.start[row] = this.usedBytes;
    this.#copy(source.memory, source.valueStart, source.valueEnd);
    this.#copy(source.memory, source.keyStart, source.keyEnd);
    this.#copy(source.memory, source.headerStart, source.headerEnd);
    this.valueBytes[row] = source.valueEnd - source.valueStart;
    this.keyBytes[row] = source.keyEnd - source.keyStart;
    this.headerBytes[row] = source.headerEnd - source.headerStart;
    this.topic[row] = place.topic;
    this.partition[row] = place.partition;
    this.keyHash[row] = place.keyHash;
    this.timestampMs[row] = place.timestampMs;
    this.index[row] = place.index;
    this.code[row] = 0;
    this.count = row + 1;
  }

  recordBytes(row: number): number {
    return (this.valueBytes[row] ?? 0) + (this.keyBytes[row] ?? 0) + (this.headerBytes[row] ?? 0);
  }

  /** Points `source` at a row of this segment. */
  locate(row: number, source: RecordSource): void {
    source.memory = this.bytes;
    source.valueStart = this.start[row] ?? 0;
    source.valueEnd = source.valueStart + (this.valueBytes[row] ?? 0);
    source.keyStart = source.valueEnd;
    source.keyEnd = source.keyStart + (this.keyBytes[row] ?? 0);
    source.headerStart = source.keyEnd;
    source.headerEnd = source.headerStart + (this.headerBytes[row] ?? 0);
  }

  mark(row: number, code: number): void {
    if (this.code[row] === 0) this.marked += 1;
    this.code[row] = code;
  }

  reset(): void {
    this.count = 0;
    this.produced = 0;
    this.settled = 0;
    this.usedBytes = 0;
    this.marked = 0;
    this.groups.length = 0;
    this.firstGroup = 0;
    this.letters = null;
  }

  #copy(memory: Uint8Array, start: number, end: number): void {
    const at = this.usedBytes;
    const bytes = end - start;
    if (bytes < SMALL_COPY_BYTES) {
      for (let i = 0; i < bytes; i += 1) this.bytes[at + i] = memory[start + i] ?? 0;
    } else {
      this.bytes.set(memory.subarray(start, end), at);
    }
    this.usedBytes = at + bytes;
  }
}

/** Below this a loop beats the view that `set` needs: 0.5 ns a byte against 30 ns. */
const SMALL_COPY_BYTES = 40;

/**
 * All segments there are: at most `max` in use, at most `keepMax` kept when free. The budget counts
 * bytes of records; this bounds the memory they lie in, however badly they fill it.
 */
export class SegmentPool {
  readonly #free: RecordSegment[] = [];
  readonly #keepMax: number;
  readonly #max: number;
  #inUse = 0;

  constructor(options: { readonly keepMax: number; readonly max: number }) {
    this.#keepMax = options.keepMax;
    this.#max = options.max;
  }

  get isExhausted(): boolean {
    return this.#inUse >= this.#max;
  }

  take(): RecordSegment {
    assert(!this.isExhausted, "who takes a segment has asked whether there is one");
    this.#inUse += 1;
    return this.#free.pop() ?? new RecordSegment();
  }

  give(segment: RecordSegment): void {
    segment.reset();
    this.#inUse -= 1;
    if (this.#free.length < this.#keepMax) this.#free.push(segment);
  }
}
