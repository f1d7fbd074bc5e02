/**
 * Finds the records a failure report speaks of. Reports carry no number of ours: the binding keeps
 * an allocation for every record that was given one and frees it only with a report, which a stored
 * record never gets (docs/adr/0002-group-commit-lanes.md). What they carry is topic, partition,
 * size and key, and no timestamp; every record in flight that agrees in all four is taken as
 * failed. Two records alike in all of them may thus fail together: `retry` for a stored record is
 * allowed, `stored` for a failed one is not.
 *
 * Built once per commit, at its first report: the healthy path pays nothing.
 */
import type { FailureReport } from "./producer-port.ts";
import { SKIPPED, type RecordSegment } from "./record-segment.ts";

const NONE = -1;

/** `marked`: records it may mean have failed; `settled`: their sinks have been told before. */
export type Matched = "marked" | "settled" | "none";

export class ReportMatcher {
  readonly #segments: RecordSegment[] = [];
  readonly #topicNames: readonly string[];
  /** Chains of rows with the same hash: number of the row's entry, or NONE. */
  readonly #heads: Int32Array;
  readonly #next: Int32Array;
  readonly #entrySegment: Int32Array;
  readonly #entryRow: Int32Array;

  /** Looks at the rows in flight of these segments. */
  constructor(segments: readonly RecordSegment[], topicNames: readonly string[]) {
    this.#topicNames = topicNames;
    let entries = 0;
    for (const segment of segments) entries += segment.produced - segment.settled;
    const buckets = 2 ** Math.ceil(Math.log2(Math.max(2, entries)));
    this.#heads = new Int32Array(buckets).fill(NONE);
    this.#next = new Int32Array(entries);
    this.#entrySegment = new Int32Array(entries);
    this.#entryRow = new Int32Array(entries);
    let entry = 0;
    for (const segment of segments) {
      if (segment.produced === segment.settled) continue;
      this.#segments.push(segment);
      for (let row = segment.settled; row < segment.produced; row += 1) {
        const bucket = this.#bucket(
          segment.partition[row] ?? 0,
          segment.valueBytes[row] ?? 0,
          segment.keyBytes[row] ?? 0,
        );
        this.#entrySegment[entry] = this.#segments.length - 1;
        this.#entryRow[entry] = row;
        this.#next[entry] = this.#heads[bucket] ?? NONE;
        this.#heads[bucket] = entry;
        entry += 1;
      }
    }
  }

  /** Marks every row in flight the report may mean with `number`. */
  mark(report: FailureReport, number: number): Matched {
    const keyBytes = report.key === null ? 0 : report.key.length;
    const bucket = this.#bucket(report.partition, report.valueBytes, keyBytes);
    let matched: Matched = "none";
    let entry = this.#heads[bucket] ?? NONE;
    while (entry !== NONE) {
      const segment = this.#segments[this.#entrySegment[entry] ?? 0];
      const row = this.#entryRow[entry] ?? 0;
      if (segment !== undefined && this.#agrees(segment, row, report)) {
        if (segment.code[row] === SKIPPED) matched = matched === "none" ? "settled" : matched;
        else matched = "marked";
        if (segment.code[row] === 0) segment.mark(row, number);
      }
      entry = this.#next[entry] ?? NONE;
    }
    return matched;
  }

  #bucket(partition: number, valueBytes: number, keyBytes: number): number {
    let hash = Math.imul(partition + 1, 0x9e3779b1);
    hash = Math.imul(hash ^ valueBytes, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13) ^ keyBytes, 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) & (this.#heads.length - 1);
  }

  #agrees(segment: RecordSegment, row: number, report: FailureReport): boolean {
    if (segment.partition[row] !== report.partition) return false;
    if (segment.valueBytes[row] !== report.valueBytes) return false;
    if (this.#topicNames[segment.topic[row] ?? 0] !== report.topic) return false;
    const key = report.key;
    const keyBytes = segment.keyBytes[row] ?? 0;
    if (key === null) return keyBytes === 0;
    if (key.length !== keyBytes) return false;
    const at = (segment.start[row] ?? 0) + (segment.valueBytes[row] ?? 0);
    for (let i = 0; i < keyBytes; i += 1) {
      if (segment.bytes[at + i] !== key[i]) return false;
    }
    return true;
  }
}
