/**
 * The double nearest to a JSON number, ties to even. Up to 19 digits: one multiplication or
 * division where that is exact (W. D. Clinger), else Eisel–Lemire without fallback (N. Mushtak,
 * D. Lemire, "Fast number parsing without fallback"). More digits: double-exact.ts.
 */
import { FAULT_RANGE, FAULT_TYPE, POWERS } from "../abi";
import { fail } from "../arena";
import { digitCount, digitsValue, loadDigits, otherBytes, smallPower, withoutDot } from "./digits";
import { readDoubleExact } from "./double-exact";

/** Value of the last readDouble. */
export let real: f64 = 0;

/** Sets `real` from its bits. */
export function setReal(bits: u64): void {
  real = reinterpret<f64>(bits);
}

/** Low half of the last wideProduct; the high half is returned. */
let productLow: u64 = 0;

function wideProduct(a: u64, b: u64): u64 {
  const a0 = a & 0xffffffff;
  const a1 = a >> 32;
  const b0 = b & 0xffffffff;
  const b1 = b >> 32;
  const low = a0 * b0;
  const mid = a1 * b0 + (low >> 32);
  const cross = a0 * b1 + (mid & 0xffffffff);
  productLow = (cross << 32) | (low & 0xffffffff);
  return a1 * b1 + (mid >> 32) + (cross >> 32);
}

/**
 * Bits of the double nearest to digits × 10^exponent, without sign; infinity if there is none.
 * POWERS holds the 128 leading bits of 5^q for q = -342 … 308, high half first.
 */
export function nearestDouble(digits: u64, exponent: i64): u64 {
  if (digits == 0 || exponent < -342) return 0;
  if (exponent > 308) return 0x7ff0000000000000;
  const shift = clz<u64>(digits);
  const w = digits << shift;
  const power = POWERS + <usize>((exponent + 342) << 4);
  let high = wideProduct(w, load<u64>(power));
  let low = productLow;
  if ((high & 0x1ff) == 0x1ff) {
    const extra = wideProduct(w, load<u64>(power, 8));
    low += extra;
    if (extra > low) high += 1;
  }
  const top = high >> 63;
  const drop = top + 9;
  let mantissa = high >> drop;
  let binary: i64 = ((217706 * exponent) >> 16) + 63 + <i64>top - <i64>shift + 1023;
  if (binary <= 0) {
    if (1 - binary >= 64) return 0;
    mantissa >>= <u64>(1 - binary);
    mantissa = (mantissa + (mantissa & 1)) >> 1;
    return mantissa;
  }
  if (low <= 1 && exponent >= -4 && exponent <= 23 && (mantissa & 3) == 1) {
    if (mantissa << drop == high) mantissa &= ~1;
  }
  mantissa = (mantissa + (mantissa & 1)) >> 1;
  if (mantissa >= 0x20000000000000) {
    mantissa = 0x10000000000000;
    binary += 1;
  }
  if (binary >= 0x7ff) return 0x7ff0000000000000;
  return (mantissa & 0xfffffffffffff) | (<u64>binary << 52);
}

/** Powers of ten that are doubles without rounding. */
// prettier-ignore
const EXACT_POWERS = memory.data<f64>([
  1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
]);

/** 10 to the power of `exponent`, 0 … 22. */
// @ts-ignore: decorator
@inline
function exactPower(exponent: u32): f64 {
  return load<f64>(EXACT_POWERS + ((<usize>exponent) << 3));
}

/** ±digits × 10^exponent to `real`; false if it is beyond the doubles. */
export function composeDouble(digits: u64, exponent: i64, negative: bool): bool {
  let value: f64;
  if (digits <= 0x20000000000000 && exponent >= -22 && exponent <= 22) {
    value = <f64>digits;
    if (exponent < 0) value /= exactPower(<u32>-exponent);
    else if (exponent > 0) value *= exactPower(<u32>exponent);
  } else {
    const bits = nearestDouble(digits, exponent);
    if (bits == 0x7ff0000000000000) return false;
    value = reinterpret<f64>(bits);
  }
  real = negative ? -value : value;
  return true;
}

/** Digits that readRunMore has added, and the value with them. */
let moreDigits: usize = 0;
let moreValue: u64 = 0;

/** Appends the digits at `at` to `before`: those behind sixteen. More than 19 only count. */
function readRunMore(at: usize, before: u64): void {
  let p = at;
  let value = before;
  while (<u32>load<u8>(p) - 0x30 < 10) {
    value = value * 10 + (load<u8>(p) - 0x30);
    p += 1;
  }
  moreDigits = p - at;
  moreValue = value;
}

/** Reads any number at `at` into `real`; returns its end, or 0: `type` or `range`. */
export function readDoubleLong(at: usize): usize {
  const negative = load<u8>(at) == 0x2d;
  let p = at + <usize>negative;
  const first = loadDigits(p);
  let count = digitCount(first);
  if (count == 0 || (load<u8>(p) == 0x30 && count > 1)) return fail(FAULT_TYPE, at, 0);
  if (count == 16) return readDoubleExact(at);
  let value = digitsValue(first, count);
  let exponent: i64 = 0;
  let digits = <usize>count;
  p += digits;
  if (load<u8>(p) == 0x2e) {
    p += 1;
    const second = loadDigits(p);
    count = digitCount(second);
    if (count == 0) return fail(FAULT_TYPE, at, 0);
    value = value * smallPower(count) + digitsValue(second, count);
    let fraction = <usize>count;
    if (count == 16) {
      readRunMore(p + 16, value);
      value = moreValue;
      fraction += moreDigits;
    }
    digits += fraction;
    exponent = -<i64>fraction;
    p += fraction;
  }
  if (digits > 19) return readDoubleExact(at);
  if ((load<u8>(p) | 0x20) == 0x65) {
    p += 1;
    const sign = load<u8>(p);
    if (sign == 0x2b || sign == 0x2d) p += 1;
    const last = loadDigits(p);
    count = digitCount(last);
    if (count == 0) return fail(FAULT_TYPE, at, 0);
    if (count >= 8) return readDoubleExact(at);
    const power = <i64>digitsValue(last, count);
    exponent += sign == 0x2d ? -power : power;
    p += <usize>count;
  }
  if (!composeDouble(value, exponent, negative)) return fail(FAULT_RANGE, at, 0);
  return p;
}

/**
 * Reads a number whose dot and end are among its first sixteen bytes, the commonest: one run of
 * digits once the dot is taken out. Anything else goes the long way.
 */
// @ts-ignore: decorator
@inline
export function readDouble(at: usize): usize {
  const minus = <u64>(load<u8>(at) == 0x2d);
  const p = at + <usize>minus;
  const digits = loadDigits(p);
  const others = otherBytes(digits);
  const afterDot = others & (others - 1);
  if (!afterDot) return readDoubleLong(at);
  const dot = ctz<u32>(others);
  const end = ctz<u32>(afterDot);
  if (load<u8>(p + <usize>dot) != 0x2e || end == dot + 1) return readDoubleLong(at);
  // One digit before the dot, or more of which the first is no zero.
  if (!(<u32>(dot == 1) | <u32>(load<u8>(p) > 0x30))) return readDoubleLong(at);
  if ((load<u8>(p + <usize>end) | 0x20) == 0x65) return readDoubleLong(at);
  const value = <f64>digitsValue(withoutDot(digits, dot), end - 1) / exactPower(end - dot - 1);
  real = reinterpret<f64>(reinterpret<u64>(value) | (minus << 63));
  return p + <usize>end;
}
