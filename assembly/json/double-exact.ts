/**
 * Doubles from numbers of more than 19 digits, or with long exponents. The first 19 digits leave at
 * most two neighbouring doubles; which one is decided by comparing the decimal with the point
 * halfway between them in integers of up to 5 000 bits. Digits beyond the 768th only say "a little
 * more", so the work is bounded whatever the text (the longest halfway point has 767 digits).
 */
import { FAULT_RANGE, SLOTS } from "../abi";
import { fail } from "../arena";
import {
  decimalCount,
  decimalDigits,
  decimalExponent,
  decimalFirst,
  decimalLast,
  decimalNegative,
  readDecimal,
} from "./decimal";
import { limbOfBig, multiplyAddBig, setBig } from "./big";
import { composeDouble, nearestDouble, setReal } from "./double";

/** Two integers of at most LIMBS limbs (big.ts), behind the slots. */
const LIMBS: u32 = 192;
const LEFT: usize = SLOTS + 0x200;
const RIGHT: usize = LEFT + 4 + 4 * <usize>LIMBS;
const DIGITS_MAX: u32 = 768;

function multiplyPower5(big: usize, exponent: i64): void {
  let left = exponent;
  for (; left >= 13; left -= 13) multiplyAddBig(big, 1220703125, 0);
  for (; left > 0; left -= 1) multiplyAddBig(big, 5, 0);
}

function shiftLeft(big: usize, bits: i64): void {
  let left = bits;
  for (; left >= 31; left -= 31) multiplyAddBig(big, 0x80000000, 0);
  if (left > 0) multiplyAddBig(big, 1 << <u32>left, 0);
}

/** Sign of LEFT - RIGHT. */
function compareBig(): i32 {
  const count = max(load<u32>(LEFT), load<u32>(RIGHT));
  for (let i = count; i > 0; i--) {
    const a = limbOfBig(LEFT, i - 1);
    const b = limbOfBig(RIGHT, i - 1);
    if (a != b) return a > b ? 1 : -1;
  }
  return 0;
}

/**
 * Loads up to 768 digits into LEFT, and a 1 behind them if more follow; returns how many it took.
 */
function loadDigits(): u32 {
  setBig(LEFT, 0);
  let taken: u32 = 0;
  for (let p = decimalFirst; p < decimalLast && taken < DIGITS_MAX; p++) {
    const c = load<u8>(p);
    if (c == 0x2e) continue;
    multiplyAddBig(LEFT, 10, c - 0x30);
    taken += 1;
  }
  if (decimalCount == taken) return taken;
  multiplyAddBig(LEFT, 10, 1);
  return taken + 1;
}

/** Sign of decimal - halfway between the double of `bits` and the next. */
function compareHalfway(bits: u64): i32 {
  const taken = loadDigits();
  const exponent = decimalExponent + <i64>decimalCount - <i64>taken;
  const raw = <i64>(bits >> 52);
  const mantissa = (bits & 0xfffffffffffff) | (raw == 0 ? 0 : 0x10000000000000);
  const binary = (raw == 0 ? 1 : raw) - 1076;
  setBig(RIGHT, mantissa * 2 + 1);
  if (exponent >= 0) multiplyPower5(LEFT, exponent);
  else multiplyPower5(RIGHT, -exponent);
  const shift = exponent - binary;
  if (shift >= 0) shiftLeft(LEFT, shift);
  else shiftLeft(RIGHT, -shift);
  return compareBig();
}

/** Reads the number at `at` into `real` (double.ts); returns its end, or 0: `range`. */
export function readDoubleExact(at: usize): usize {
  const end = readDecimal(at);
  if (!end) return 0;
  const count = decimalCount;
  if (count <= 19) {
    const exact = composeDouble(decimalDigits(count), decimalExponent, decimalNegative);
    return exact ? end : fail(FAULT_RANGE, at, 0);
  }
  const exponent = decimalExponent + <i64>count - 19;
  const digits = decimalDigits(19);
  const lower = nearestDouble(digits, exponent);
  const upper = nearestDouble(digits + 1, exponent);
  let bits = lower;
  if (lower != upper) {
    const sign = compareHalfway(lower);
    if (sign > 0 || (sign == 0 && (lower & 1) != 0)) bits = upper;
  }
  if (bits == 0x7ff0000000000000) return fail(FAULT_RANGE, at, 0);
  setReal(decimalNegative ? bits | 0x8000000000000000 : bits);
  return end;
}
