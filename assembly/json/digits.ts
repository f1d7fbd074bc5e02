/**
 * Runs of decimal digits, eight at a time in one 64-bit word (D. Lemire, "Quickly parsing eight
 * digits"). The first digit of the text is the lowest byte of the word.
 */

/** How many of the eight bytes of `word` are digits, counted from the lowest. */
// @ts-ignore: decorator
@inline
export function digitCount(word: u64): i32 {
  const t = word ^ 0x3030303030303030;
  const bad = (t | (t + 0x7676767676767676)) & 0x8080808080808080;
  return <i32>(ctz<u64>(bad) >> 3);
}

/** Value of the first `count` (1 … 8) digits of `word`. */
// @ts-ignore: decorator
@inline
export function digitsValue(word: u64, count: i32): u64 {
  let t = (word ^ 0x3030303030303030) << (64 - (<u64>count << 3));
  t = t * 10 + (t >> 8);
  return (
    ((t & 0x000000ff000000ff) * 0x000f424000000064 +
      ((t >> 16) & 0x000000ff000000ff) * 0x0000271000000001) >>
    32
  );
}

// prettier-ignore
const POWERS_OF_TEN = memory.data<u64>([
  1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000,
]);

/** 10 to the power of `exponent`, 0 … 8. */
// @ts-ignore: decorator
@inline
export function smallPower(exponent: i32): u64 {
  return load<u64>(POWERS_OF_TEN + ((<usize>exponent) << 3));
}
