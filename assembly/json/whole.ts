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
import { digitCount, digitsValue, smallPower } from "./digits";

/** Value of the last readWhole. */
export let whole: i64 = 0;

// @ts-ignore: decorator
@inline
function endsNumber(c: u32): bool {
  return c != 0x2e && (c | 0x20) != 0x65;
}

/** Reads the number at `at` into `whole`; returns its end, or 0: `type` or `range`. */
export function readWhole(at: usize): usize {
  const minus = <usize>(load<u8>(at) == 0x2d);
  const p = at + minus;
  const word = load<u64>(p);
  const count = digitCount(word);
  const first = <u32>(load<u8>(p) - 0x30);
  if (count == 0) return fail(FAULT_TYPE, at, 0);
  if (first == 0 && count > 1) return fail(FAULT_TYPE, at, 0);
  let value = digitsValue(word, count);
  let end = p + <usize>count;
  if (count == 8) {
    const second = load<u64>(end);
    const more = digitCount(second);
    if (more) {
      value = value * smallPower(more) + digitsValue(second, more);
      end += <usize>more;
      if (more == 8) {
        const third = load<u64>(end);
        const last = digitCount(third);
        if (last > 2) return readWholeSlow(at);
        if (last) {
          value = value * smallPower(last) + digitsValue(third, last);
          end += <usize>last;
        }
      }
    }
  }
  if (!endsNumber(load<u8>(end))) return readWholeSlow(at);
  whole = minus ? -<i64>value : <i64>value;
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
