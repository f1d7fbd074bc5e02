/**
 * Values whose keyed hashes are to be written: the module leaves a marked hole in the record and
 * keeps the value here, the host hashes it and fills the hole (abi.ts, ORIGINALS). The records may
 * still move while their frame is read; the marks move with them.
 */
import {
  ORIGINALS_PER_EVENT_MAX,
  ORIGINAL_ACTION,
  ORIGINAL_LENGTH,
  ORIGINAL_ROW,
  ORIGINAL_TEXT,
  PARAM_ORIGINALS,
  PARAM_ORIGINALS_END,
  PARAM_TOKEN,
  PARAMS,
  RESULT,
  RESULT_ORIGINALS_END,
  TOKEN_BYTES,
} from "../abi";
import { out, outEnd } from "../arena";

let end: usize = 0;
let eventStart: usize = 0;
let eventRow: u32 = 0;
/** Entries of the event. */
let originalCount: u32 = 0;

/** Forgets the entries of all events. */
export function resetOriginals(): void {
  end = load<u32>(PARAMS + PARAM_ORIGINALS);
}

export function openOriginals(row: u32): void {
  eventStart = end;
  eventRow = row;
  originalCount = 0;
}

/** Forgets the event's entries: its record is written anew. */
export function rewindOriginals(): void {
  end = eventStart;
  originalCount = 0;
}

/** Tells the host where the entries end. */
export function closeOriginals(): void {
  store<u32>(RESULT + RESULT_ORIGINALS_END, <u32>end);
}

/** Keeps [from, from + bytes); false if there is no room. The entry's hole is the next one left. */
export function keepOriginal(from: usize, bytes: usize, action: u32): bool {
  if (originalCount == ORIGINALS_PER_EVENT_MAX) return false;
  const padded = (bytes + 15) & ~15;
  if (end + ORIGINAL_TEXT + padded > <usize>load<u32>(PARAMS + PARAM_ORIGINALS_END)) return false;
  store<u32>(end, eventRow, ORIGINAL_ROW);
  store<u32>(end, action, ORIGINAL_ACTION);
  store<u32>(end, <u32>bytes, ORIGINAL_LENGTH);
  memory.copy(end + ORIGINAL_TEXT, from, bytes);
  end += <usize>ORIGINAL_TEXT + padded;
  originalCount += 1;
  return true;
}

/** Leaves the hole for the entry at `entry`; false if there is no room. */
export function leaveHole(entry: usize, bytes: usize): bool {
  if (out + bytes > outEnd) return false;
  memory.fill(out, 0, bytes);
  v128.store(out, v128.load(PARAMS + PARAM_TOKEN));
  store<u32>(out + TOKEN_BYTES, <u32>(entry - <usize>load<u32>(PARAMS + PARAM_ORIGINALS)));
  out += bytes;
  return true;
}

/** Where the next entry will stand. */
export function nextOriginal(): usize {
  return end;
}
