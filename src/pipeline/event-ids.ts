/**
 * The ids of a batch's events, kept past the life of the record table at the price of one buffer:
 * they become text only for answers that name them (events to be sent again).
 */
import type { RecordTable } from "../records.ts";

export class EventIds {
  /** Every event has one. */
  readonly isComplete: boolean;
  readonly #bytes: Buffer;
  readonly #ends: readonly number[];

  constructor(table: RecordTable) {
    const { count, idStart, idEnd, memory } = table;
    const ends: number[] = [];
    let size = 0;
    let isComplete = true;
    for (let row = 0; row < count; row += 1) {
      if (idStart[row] === idEnd[row]) isComplete = false;
      size += (idEnd[row] ?? 0) - (idStart[row] ?? 0);
      ends.push(size);
    }
    const bytes = Buffer.allocUnsafe(size);
    let at = 0;
    for (let row = 0; row < count; row += 1) {
      const start = idStart[row] ?? 0;
      const end = idEnd[row] ?? 0;
      for (let from = start; from < end; from += 1) bytes[at++] = memory[from] ?? 0;
    }
    this.#bytes = bytes;
    this.#ends = ends;
    this.isComplete = isComplete;
  }

  /** The id of the event in this row, "" without one. */
  text(row: number): string {
    const start = row === 0 ? 0 : (this.#ends[row - 1] ?? 0);
    return this.#bytes.toString("utf8", start, this.#ends[row] ?? 0);
  }
}
