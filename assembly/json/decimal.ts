/**
 * Any JSON number as an exact decimal, without building it: where its digits are, and the exponent.
 * Linear in the text, whatever it says: a megabyte of digits and 1e999999999999 are just positions.
 * This is the reference for number.ts and double.ts, which take the common notations at speed.
 */
import { FAULT_SYNTAX } from "../abi";
import { fail } from "../arena";

/** The value is ±D × 10^decimalExponent, D the digits in [decimalFirst, decimalLast), no dot. */
export let decimalFirst: usize = 0;
/** D ends and begins with other digits than 0; decimalCount is 0 for the number zero. */
export let decimalLast: usize = 0;
export let decimalCount: u32 = 0;
export let decimalExponent: i64 = 0;
export let decimalNegative: bool = false;

const EXPONENT_MAX: i64 = 1_000_000_000_000;

// @ts-ignore: decorator
@inline
function isDigit(c: u32): bool {
  return c - 0x30 < 10;
}

function readExponent(at: usize): usize {
  let p = at;
  const sign = load<u8>(p);
  if (sign == 0x2b || sign == 0x2d) p += 1;
  if (!isDigit(load<u8>(p))) return fail(FAULT_SYNTAX, p, 0);
  let value: i64 = 0;
  while (isDigit(load<u8>(p))) {
    if (value < EXPONENT_MAX) value = value * 10 + (load<u8>(p) - 0x30);
    p += 1;
  }
  decimalExponent += sign == 0x2d ? -value : value;
  return p;
}

/** Reads the number at `at`; returns its end, or 0 and the fault `syntax`. */
export function readDecimal(at: usize): usize {
  let p = at;
  decimalNegative = load<u8>(p) == 0x2d;
  if (decimalNegative) p += 1;
  const whole = p;
  while (isDigit(load<u8>(p))) p += 1;
  if (p == whole || (load<u8>(whole) == 0x30 && p > whole + 1)) {
    return fail(FAULT_SYNTAX, p == whole ? p : whole + 1, 0);
  }
  const dot = p;
  if (load<u8>(p) == 0x2e) {
    p += 1;
    while (isDigit(load<u8>(p))) p += 1;
    if (p == dot + 1) return fail(FAULT_SYNTAX, p, 0);
  }
  const digitsEnd = p;
  decimalExponent = 0;
  if ((load<u8>(p) | 0x20) == 0x65) {
    p = readExponent(p + 1);
    if (!p) return 0;
  }
  let first = whole;
  while (first < digitsEnd && (load<u8>(first) == 0x30 || first == dot)) first += 1;
  let last = digitsEnd;
  while (last > first && (load<u8>(last - 1) == 0x30 || last - 1 == dot)) last -= 1;
  decimalFirst = first;
  decimalLast = last;
  const hasDot = first < dot && last > dot + 1;
  decimalCount = <u32>(last - first) - (hasDot ? 1 : 0);
  decimalExponent += last > dot ? -<i64>(last - dot - 1) : <i64>(dot - last);
  return p;
}

/** The first `count` digits of D (at most 19) as an integer. */
export function decimalDigits(count: u32): u64 {
  let value: u64 = 0;
  let left = count;
  for (let p = decimalFirst; left != 0; p++) {
    const c = load<u8>(p);
    if (c == 0x2e) continue;
    value = value * 10 + (c - 0x30);
    left -= 1;
  }
  return value;
}
