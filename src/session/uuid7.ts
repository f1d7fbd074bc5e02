/**
 * UUID version 7 (RFC 9562 §5.7): 48 bits of time, 74 random bits. The time is an argument, because
 * a session carries the time of its first event, which is not "now". This file knows nothing of
 * sessions.
 *
 *   bits   0–47  unix_ts_ms    big-endian milliseconds since 1970
 *         48–51  version       0111
 *         52–63  rand_a        random
 *         64–65  variant       10
 *         66–127 rand_b        random
 */
import { randomFillSync } from "node:crypto";

/** Fills the whole array with random bytes. */
export type RandomFill = (bytes: Uint8Array) => void;

/** Makes a UUIDv7 for a time in ms since 1970; without one, for the clock's now. 36 characters. */
export type Uuid7 = (timeMs?: number) => string;

const RANDOM_BYTES = 10;
const TIME_MS_MAX = 2 ** 48 - 1;

/** Random bytes are drawn for this many ids at once: one system call for all of them. */
const POOL_IDS = 256;

const HEX_DIGITS = Buffer.from("0123456789abcdef");

/** Where the text of an id has its dashes. */
const DASHES: ReadonlySet<number> = new Set([8, 13, 18, 23]);

/** Position in the text of each byte's first digit. */
const BYTE_POSITIONS: readonly number[] = Array.from({ length: 36 }, (_, at) => at)
  .filter((at) => !DASHES.has(at))
  .filter((_, digit) => digit % 2 === 0);

export interface Uuid7Options {
  readonly random?: RandomFill;
  readonly nowMs?: () => number;
}

/**
 * Times before 1970 become 0, times beyond 48 bits (the year 10889) the largest value, fractions of
 * a millisecond are cut.
 */
export function createUuid7(options: Uuid7Options = {}): Uuid7 {
  const fill = options.random ?? ((bytes: Uint8Array) => void randomFillSync(bytes));
  const nowMs = options.nowMs ?? Date.now;
  const pool = new Uint8Array(RANDOM_BYTES * POOL_IDS);
  let offset = pool.length;
  const id = new Uint8Array(16);
  const view = new DataView(id.buffer);
  const text = Buffer.alloc(36, "-");
  return (timeMs = nowMs()) => {
    if (offset === pool.length) {
      fill(pool);
      offset = 0;
    }
    const time = Math.min(Math.max(Math.trunc(timeMs), 0), TIME_MS_MAX);
    view.setUint16(0, Math.floor(time / 2 ** 32));
    view.setUint32(2, time % 2 ** 32);
    id.set(pool.subarray(offset, offset + RANDOM_BYTES), 6);
    offset += RANDOM_BYTES;
    view.setUint8(6, 0x70 | (view.getUint8(6) & 0x0f));
    view.setUint8(8, 0x80 | (view.getUint8(8) & 0x3f));
    BYTE_POSITIONS.forEach((at, index) => {
      const byte = view.getUint8(index);
      text[at] = HEX_DIGITS.readUInt8(byte >> 4);
      text[at + 1] = HEX_DIGITS.readUInt8(byte & 0x0f);
    });
    // One flat string of 36 bytes; pieces put together would stay a tree of them in memory.
    return text.toString("latin1");
  };
}
