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

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, "0"),
);

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
  const hex = (value: number): string => HEX[value & 0xff] ?? "";
  return (timeMs = nowMs()) => {
    if (offset === pool.length) {
      fill(pool);
      offset = 0;
    }
    const at = offset;
    offset += RANDOM_BYTES;
    const random = (index: number): number => pool[at + index] ?? 0;
    const time = Math.min(Math.max(Math.trunc(timeMs), 0), TIME_MS_MAX);
    const timeHex = time.toString(16).padStart(12, "0");
    return (
      `${timeHex.slice(0, 8)}-${timeHex.slice(8)}` +
      `-${hex(0x70 | (random(0) & 0x0f))}${hex(random(1))}` +
      `-${hex(0x80 | (random(2) & 0x3f))}${hex(random(3))}` +
      `-${hex(random(4))}${hex(random(5))}${hex(random(6))}` +
      `${hex(random(7))}${hex(random(8))}${hex(random(9))}`
    );
  };
}
