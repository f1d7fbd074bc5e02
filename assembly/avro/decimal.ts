/** Decimals: JSON numbers, or strings that hold one, as unscaled two's complement integers. */
import {
  DECIMAL_PRECISION,
  DECIMAL_SCALE,
  FAULT_FORMAT,
  FAULT_RANGE,
  FAULT_TYPE,
  FIXED_SIZE,
} from "../abi";
import { fail, failRoom, out, outEnd, stack, stackEnd } from "../arena";
import { bitsOfBig, byteOfBig, decrementBig, multiplyAddBig, setBig } from "../json/big";
import {
  decimalCount,
  decimalDigits,
  decimalExponent,
  decimalFirst,
  decimalLast,
  decimalNegative,
  readDecimal,
} from "../json/decimal";
import { digitCount, digitsValue, loadDigits, smallPower } from "../json/digits";
import { readText, textCopied, textEnd, textStart } from "../json/string";
import { writeLong } from "./write";

/** Stack a decimal of DECIMAL_PRECISION_MAX digits needs. */
const BIG_BYTES: usize = 2048;

function readDecimalText(p: usize, node: usize): usize {
  const next = readText(p);
  if (!next) return 0;
  if (textCopied) store<u8>(textEnd, 0);
  return readDecimal(textStart) == textEnd ? next : fail(FAULT_FORMAT, p, node);
}

/** Zeros that the schema's scale puts behind the digits of the last readNumber. */
let zeros: i64 = 0;

/** Reads the number; 0 and `range` if it is not exact at the scale or has too many digits. */
function readNumber(p: usize, node: usize): usize {
  const c = <u32>load<u8>(p);
  if (c != 0x22 && c != 0x2d && c - 0x30 >= 10) return fail(FAULT_TYPE, p, node);
  const next = c == 0x22 ? readDecimalText(p, node) : readDecimal(p);
  if (!next) return 0;
  zeros = 0;
  if (decimalCount == 0) return next;
  zeros = decimalExponent + <i64>load<u32>(node, DECIMAL_SCALE);
  if (zeros < 0 || <i64>decimalCount + zeros > <i64>load<u32>(node, DECIMAL_PRECISION)) {
    return fail(FAULT_RANGE, p, node);
  }
  return next;
}

/** Up to 18 digits: the integer fits a word. */
function smallValue(): i64 {
  let magnitude = decimalDigits(decimalCount);
  for (let i: i64 = 0; i < zeros; i++) magnitude *= 10;
  return decimalNegative ? -<i64>magnitude : <i64>magnitude;
}

/** An integer that fits a word: its lower bytes are the shortest form. */
function writeSmall(value: i64, node: usize, isFixed: bool): bool {
  const sign = value >> 63;
  const size: usize = 8 - ((<usize>clz<u64>(<u64>(value ^ sign)) - 1) >> 3);
  if (isFixed) {
    const fixed = <usize>load<u32>(node, FIXED_SIZE);
    if (size > fixed) return false;
    memory.fill(out, <u8>sign, fixed - size);
    out += fixed - size;
  } else {
    store<u8>(out, size << 1);
    out += 1;
  }
  store<u64>(out, bswap<u64>(<u64>value << (64 - (<u64>size << 3))));
  out += size;
  return true;
}

/** More digits: limb by limb, at `stack`. */
function writeLarge(node: usize, isFixed: bool): bool {
  setBig(stack, 0);
  for (let q = decimalFirst; q < decimalLast; q++) {
    const digit = <u32>load<u8>(q);
    if (digit != 0x2e) multiplyAddBig(stack, 10, digit - 0x30);
  }
  for (let i: i64 = 0; i < zeros; i++) multiplyAddBig(stack, 10, 0);
  if (decimalNegative) decrementBig(stack);
  let size = (bitsOfBig(stack) >> 3) + 1;
  if (isFixed) {
    const fixed = load<u32>(node, FIXED_SIZE);
    if (size > fixed) return false;
    size = fixed;
  }
  if (!isFixed) writeLong(size);
  const flip: u32 = decimalNegative ? 0xff : 0;
  for (let i: u32 = 0; i < size; i++) {
    store<u8>(out + i, byteOfBig(stack, size - 1 - i) ^ flip);
  }
  out += size;
  return true;
}

/** Unscaled integer of the last readPlain. */
let plain: i64 = 0;

/**
 * A number of up to sixteen digits at the scale, without exponent, into `plain`: its end, or 0 if
 * it is written otherwise or does not fit. That is then for readNumber to judge.
 */
function readPlain(at: usize, node: usize): usize {
  const minus = <usize>(load<u8>(at) == 0x2d);
  let p = at + minus;
  const whole = loadDigits(p);
  let total = digitCount(whole);
  if (total == 0 || total > 15 || (load<u8>(p) == 0x30 && total > 1)) return 0;
  let value = digitsValue(whole, total);
  p += <usize>total;
  let wanted = load<u32>(node, DECIMAL_SCALE);
  if (load<u8>(p) == 0x2e) {
    const fraction = loadDigits(p + 1);
    const count = digitCount(fraction);
    total += count;
    if (count == 0 || total > 16 || count > wanted) return 0;
    value = value * smallPower(count) + digitsValue(fraction, count);
    wanted -= count;
    p += <usize>count + 1;
  }
  const precision = load<u32>(node, DECIMAL_PRECISION);
  if (total + wanted > 16 || (load<u8>(p) | 0x20) == 0x65) return 0;
  value *= smallPower(wanted);
  if (precision < 16 && value >= smallPower(precision)) return 0;
  plain = minus ? -<i64>value : <i64>value;
  return p;
}

/** bytes (`isFixed` false: the shortest form behind its length) or fixed (sign-extended). */
export function encodeDecimal(p: usize, node: usize, isFixed: bool): usize {
  if (stack + BIG_BYTES > stackEnd) return failRoom(p);
  const needed = isFixed ? <usize>load<u32>(node, FIXED_SIZE) : BIG_BYTES;
  const end = readPlain(p, node);
  if (end && out + needed <= outEnd && writeSmall(plain, node, isFixed)) return end;
  const next = readNumber(p, node);
  if (!next) return 0;
  if (out + needed > outEnd) return failRoom(p);
  const isSmall = <i64>decimalCount + zeros <= 18;
  if (isSmall ? writeSmall(smallValue(), node, isFixed) : writeLarge(node, isFixed)) return next;
  return fail(FAULT_RANGE, p, node);
}
