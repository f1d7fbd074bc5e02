/**
 * Integers from JSON numbers, exact in every notation: plain digits at once, `5.0`, `50e-1` or
 * twenty digits by way of the exact decimal.
 */
import { FAULT_RANGE, FAULT_TYPE } from "../abi";
import { fail } from "../arena";
import {
  decimalCount,
  decimalDigits,
  decimalExponent,
  decimalNegative,
  readDecimal,
} from "./decimal";
import { digitCount, digitsValue, loadDigits, smallPower } from "./digits";

/** Value of the last readWhole. */
export let whole: i64 = 0;

// @ts-ignore: decorator
@inline
function endsNumber(c: u32): bool {
  return c != 0x2e && (c | 0x20) != 0x65;
}

/** Reads the number at `at` into `whole`; returns its end, or 0: `type` or `range`. */
// @ts-ignore: decorator
@inline
export function readWhole(at: usize): usize {
  const minus = <usize>(load<u8>(at) == 0x2d);
  const p = at + minus;
  const digits = loadDigits(p);
  const count = digitCount(digits);
  const end = p + <usize>count;
  const isPlain = count != 0 && (count == 1 || load<u8>(p) != 0x30);
  if (!isPlain || count == 16 || !endsNumber(load<u8>(end))) return readWholeLong(at, p);
  const value = digitsValue(digits, count);
  whole = minus ? -<i64>value : <i64>value;
  return end;
}

/** The same for sixteen to eighteen digits behind the sign, at `p`; others go the slow way. */
function readWholeLong(at: usize, p: usize): usize {
  const first = loadDigits(p);
  if (digitCount(first) == 0) return fail(FAULT_TYPE, at, 0);
  if (digitCount(first) < 16 || load<u8>(p) == 0x30) return readWholeSlow(at);
  const second = loadDigits(p + 16);
  const count = digitCount(second);
  const end = p + 16 + <usize>count;
  if (count > 2 || !endsNumber(load<u8>(end))) return readWholeSlow(at);
  const value = digitsValue(first, 16) * smallPower(count) + digitsValue(second, count);
  whole = p != at ? -<i64>value : <i64>value;
  return end;
}

/** The same for any notation. */
export function readWholeSlow(at: usize): usize {
  const end = readDecimal(at);
  if (!end) return 0;
  whole = 0;
  if (decimalCount == 0) return end;
  if (decimalExponent < 0) return fail(FAULT_TYPE, at, 0);
  if (<i64>decimalCount + decimalExponent > 19) return fail(FAULT_RANGE, at, 0);
  let value = decimalDigits(decimalCount);
  for (let i: i64 = 0; i < decimalExponent; i++) value *= 10;
  const limit: u64 = 0x7fffffffffffffff + <u64>decimalNegative;
  if (value > limit) return fail(FAULT_RANGE, at, 0);
  whole = decimalNegative ? -<i64>value : <i64>value;
  return end;
}
