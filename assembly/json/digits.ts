/**
 * Runs of up to sixteen decimal digits by vectors: how many there are, and their value, without a
 * branch on their number (after W. Muła, "SIMD-ized parsing of series of integers").
 */

// prettier-ignore
const ZEROS = memory.data<u8>([
  0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30,
], 16);
/** Added to a digit it stays below 0x80. */
// prettier-ignore
const LIMIT = memory.data<u8>([
  0x76, 0x76, 0x76, 0x76, 0x76, 0x76, 0x76, 0x76, 0x76, 0x76, 0x76, 0x76, 0x76, 0x76, 0x76, 0x76,
], 16);
/**
 * The sixteen bytes from the n-th on select n bytes, moved to the end of a vector, zeros before.
 */
// prettier-ignore
const TO_END = memory.data<u8>([
  0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
  0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
], 16);
// prettier-ignore
const PAIRS = memory.data<i16>([10, 10, 10, 10, 10, 10, 10, 10], 16);
const LOW_BYTES = memory.data<u16>([255, 255, 255, 255, 255, 255, 255, 255], 16);
const FOURS = memory.data<i16>([100, 1, 100, 1, 100, 1, 100, 1], 16);
const EIGHTS = memory.data<i16>([10000, 1, 10000, 1, 10000, 1, 10000, 1], 16);

/** The sixteen bytes at `p`, digits turned into their values. */
// @ts-ignore: decorator
@inline
export function loadDigits(p: usize): v128 {
  return v128.xor(v128.load(p), v128.load(ZEROS));
}

/** One bit for each byte of loadDigits that is no digit. */
// @ts-ignore: decorator
@inline
export function otherBytes(digits: v128): u32 {
  return i8x16.bitmask(i8x16.add_sat_u(digits, v128.load(LIMIT)));
}

/** How many of the bytes of loadDigits are digits, counted from the first: 0 … 16. */
// @ts-ignore: decorator
@inline
export function digitCount(digits: v128): u32 {
  return ctz<u32>(otherBytes(digits) | 0x10000);
}

const PLACES = memory.data<u8>([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], 16);
/** The sixteen bytes before the n-th last on: 0 for the first n places, 1 for the others. */
// prettier-ignore
const BEHIND = memory.data<u8>([
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
], 16);

/** The bytes of loadDigits without the one at `dot`. */
// @ts-ignore: decorator
@inline
export function withoutDot(digits: v128, dot: u32): v128 {
  const places = i8x16.add(v128.load(PLACES), v128.load(BEHIND + 16 - <usize>dot));
  return i8x16.swizzle(digits, places);
}

/** Value of the first `count` digits. */
// @ts-ignore: decorator
@inline
export function digitsValue(digits: v128, count: u32): u64 {
  const atEnd = i8x16.swizzle(digits, v128.load(TO_END + <usize>count));
  const pairs = v128.and(
    i16x8.add(i16x8.mul(atEnd, v128.load(PAIRS)), i16x8.shr_u(atEnd, 8)),
    v128.load(LOW_BYTES),
  );
  const fours = i32x4.dot_i16x8_s(pairs, v128.load(FOURS));
  const eights = i32x4.dot_i16x8_s(i16x8.narrow_i32x4_u(fours, fours), v128.load(EIGHTS));
  const both = <u64>i64x2.extract_lane(eights, 0);
  return (both & 0xffffffff) * 100000000 + (both >> 32);
}

// prettier-ignore
const POWERS_OF_TEN = memory.data<u64>([
  1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000,
  100000000000, 1000000000000, 10000000000000, 100000000000000, 1000000000000000,
  10000000000000000,
]);

/** 10 to the power of `exponent`, 0 … 16. */
// @ts-ignore: decorator
@inline
export function smallPower(exponent: u32): u64 {
  return load<u64>(POWERS_OF_TEN + ((<usize>exponent) << 3));
}
