/** Dates and timestamps: integers, or RFC 3339 text as mapping v1 takes it. */
import {
  FAULT_FORMAT,
  FAULT_RANGE,
  FAULT_TYPE,
  FLAG_FROM,
  KIND_INT,
  KIND_LONG,
  KIND_MILLIS,
  NODE_FLAGS,
} from "../abi";
import { fail, failNode, out } from "../arena";
import { readText, textEnd, textStart } from "../json/string";
import { digitCount, digitsValue, loadDigits } from "../json/digits";
import { readWhole, whole } from "../json/whole";
import { putLong, writeLong, writeSpread } from "./write";

/** Result of readInstant: seconds since 1970, and nanoseconds after them (never negative). */
export let instantSeconds: i64 = 0;
export let instantNanos: u32 = 0;

/** Two digits at `p`, or 255. */
function twoDigits(p: usize): u32 {
  const a = <u32>load<u8>(p) - 0x30;
  const b = <u32>load<u8>(p, 1) - 0x30;
  return a < 10 && b < 10 ? a * 10 + b : 255;
}

function monthDays(year: u32, month: u32): u32 {
  if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/** Days since 1970-01-01 (Gregorian; H. Hinnant, "chrono-compatible low-level date algorithms"). */
function daysSince1970(year: i32, month: i32, day: i32): i32 {
  const y = month <= 2 ? year - 1 : year;
  const era = (y >= 0 ? y : y - 399) / 400;
  const yearOfEra = y - era * 400;
  const dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear;
  return era * 146097 + dayOfEra - 719468;
}

/** Days of `YYYY-MM-DD` at `p`, or i32.MIN_VALUE. */
function readDay(p: usize): i32 {
  const century = twoDigits(p);
  const years = twoDigits(p + 2);
  const month = twoDigits(p + 5);
  const day = twoDigits(p + 8);
  if (century > 99 || years > 99 || month < 1 || month > 12 || day < 1) return i32.MIN_VALUE;
  if (load<u8>(p, 4) != 0x2d || load<u8>(p, 7) != 0x2d) return i32.MIN_VALUE;
  const year = century * 100 + years;
  if (day > monthDays(year, month)) return i32.MIN_VALUE;
  return daysSince1970(year, month, day);
}

/** Offset in minutes of `Z`, `±hh:mm` or `±hhmm` filling [p, end); i32.MIN_VALUE if it is none. */
function readOffset(p: usize, end: usize): i32 {
  const c = load<u8>(p);
  if ((c | 0x20) == 0x7a) return p + 1 == end ? 0 : i32.MIN_VALUE;
  if (c != 0x2b && c != 0x2d) return i32.MIN_VALUE;
  const colon = <usize>(load<u8>(p, 3) == 0x3a);
  if (p + 5 + colon != end) return i32.MIN_VALUE;
  const hours = twoDigits(p + 1);
  const minutes = twoDigits(p + 3 + colon);
  if (hours > 23 || minutes > 59) return i32.MIN_VALUE;
  const total = <i32>(hours * 60 + minutes);
  return c == 0x2d ? -total : total;
}

/** Reads the timestamp filling [start, end); false if it is none. */
export function readInstant(start: usize, end: usize): bool {
  if (end < start + 20) return false;
  const days = readDay(start);
  const hour = twoDigits(start + 11);
  const minute = twoDigits(start + 14);
  const second = twoDigits(start + 17);
  if (days == i32.MIN_VALUE || hour > 23 || minute > 59 || second > 59) return false;
  if ((load<u8>(start, 10) | 0x20) != 0x74) return false;
  if (load<u8>(start, 13) != 0x3a || load<u8>(start, 16) != 0x3a) return false;
  let p = start + 19;
  let nanos: u32 = 0;
  if (load<u8>(p) == 0x2e) {
    p += 1;
    let unit: u32 = 100000000;
    const first = p;
    while (<u32>load<u8>(p) - 0x30 < 10) {
      if (p - first == 9) return false;
      nanos += unit * (<u32>load<u8>(p) - 0x30);
      unit /= 10;
      p += 1;
    }
    if (p == first) return false;
  }
  const offset = readOffset(p, end);
  if (offset == i32.MIN_VALUE) return false;
  const minutes = <i64>days * 1440 + <i64>(hour * 60 + minute) - <i64>offset;
  instantSeconds = minutes * 60 + <i64>second;
  instantNanos = nanos;
  return true;
}

/** Value of the last readDigitsText that returned 1. */
let textValue: i64 = 0;

/**
 * Is [start, end) `-?(0|[1-9][0-9]*)`? Then it reads it: 0 no, 1 yes into `whole`, 2 out of range.
 */
function readDigitsText(start: usize, end: usize): u32 {
  let p = start;
  if (p < end && load<u8>(p) == 0x2d) p += 1;
  const first = p;
  while (p < end && <u32>load<u8>(p) - 0x30 < 10) p += 1;
  if (p == first || p != end || (load<u8>(first) == 0x30 && p > first + 1)) return 0;
  if (end - first > 19) return 2;
  let value: u64 = 0;
  for (let q = first; q < end; q++) value = value * 10 + (load<u8>(q) - 0x30);
  const minus = first != start;
  if (value > <u64>0x7fffffffffffffff + <u64>minus) return 2;
  textValue = minus ? -<i64>value : <i64>value;
  return 1;
}

/** `unit`: integers per second; 0 for values that are no instants. */
function encodeLongText(p: usize, node: usize, unit: i64, isInt: bool): usize {
  const next = readText(p);
  if (!next) return 0;
  if (unit && readInstant(textStart, textEnd)) {
    const nanosPerUnit = <u32>(1000000000 / unit);
    writeLong(instantSeconds * unit + <i64>(instantNanos / nanosPerUnit));
    return next;
  }
  if (!(load<u8>(node, NODE_FLAGS) & FLAG_FROM)) {
    return fail(unit ? FAULT_FORMAT : FAULT_TYPE, p, node);
  }
  const found = readDigitsText(textStart, textEnd);
  if (found == 0) return fail(FAULT_FORMAT, p, node);
  if (found == 2 || (isInt && textValue != <i64>(<i32>textValue))) {
    return fail(FAULT_RANGE, p, node);
  }
  writeLong(textValue);
  return next;
}

/** Does a value surely end before the byte `c`? */
// @ts-ignore: decorator
@inline
function endsValue(c: u32): bool {
  return c == 0x2c || (c | 0x20) == 0x7d;
}

/**
 * Writes the whole number at `p`, of up to `most` digits (at most 15), the first of them no zero;
 * returns its end, or 0, nothing being written, if the text is anything else.
 */
// @ts-ignore: decorator
@inline
function takeDigits(p: usize, most: u32): usize {
  const minus = <u64>(load<u8>(p) == 0x2d);
  const first = p + <usize>minus;
  const digits = loadDigits(first);
  const count = digitCount(digits);
  if (count - 1 >= most || load<u8>(first) == 0x30) return 0;
  const end = first + <usize>count;
  if (!endsValue(load<u8>(end))) return 0;
  writeSpread((digitsValue(digits, count) << 1) - minus);
  return end;
}

/** long (unit 0) and timestamps. */
export function encodeLong(p: usize, node: usize, unit: i64): usize {
  const c = load<u8>(p);
  if (c == 0x22 && (unit || load<u8>(node, NODE_FLAGS))) {
    return encodeLongText(p, node, unit, false);
  }
  return encodeNumber(p, node);
}

/** A long that is no text. */
export function encodeNumber(p: usize, node: usize): usize {
  const end = takeDigits(p, 15);
  return end ? end : encodeNumberSlow(p, node);
}

function encodeNumberSlow(p: usize, node: usize): usize {
  const next = readWhole(p);
  if (!next) return failNode(node);
  putLong(whole);
  return next;
}

/**
 * The number at `p` by a node that takes integers: one to three digits at once, as one to two
 * bytes; anything else by the node.
 */
// @ts-ignore: decorator
@inline
export function putNumber(p: usize, node: usize): usize {
  const word = load<u32>(p);
  const digits = word ^ 0x30303030;
  const bits = ctz<u32>((digits | (digits + 0x76767676)) & 0x80808080);
  const end = p + <usize>(bits >> 3);
  const isShort = bits - 15 <= 16 && ((digits & 0xff) != 0 || bits == 15);
  if (!isShort || !endsValue(load<u8>(end))) return encodeWhole(p, node);
  const pairs = (digits << (39 - bits)) * 10 + ((digits << (39 - bits)) >> 8);
  const zigzag = (((pairs & 0xff) * 100 + ((pairs >> 16) & 0xff)) << 1);
  const more = <u32>(zigzag >= 0x80);
  store<u16>(out, (zigzag & 0x7f) | (more << 7) | ((zigzag >> 7) << 8));
  out += <usize>more + 1;
  return end;
}

/** Any value of a node that takes integers. */
function encodeWhole(p: usize, node: usize): usize {
  const kind = <u32>load<u8>(node);
  if (kind == KIND_INT) return encodeInt(p, node);
  return encodeLong(p, node, kind == KIND_LONG ? 0 : kind == KIND_MILLIS ? 1000 : 1000000);
}

/** Nine digits are an int whatever they are. */
export function encodeInt(p: usize, node: usize): usize {
  const end = takeDigits(p, 9);
  return end ? end : encodeIntSlow(p, node);
}

function encodeIntSlow(p: usize, node: usize): usize {
  if (load<u8>(p) == 0x22 && load<u8>(node, NODE_FLAGS)) return encodeLongText(p, node, 0, true);
  const next = readWhole(p);
  if (!next) return failNode(node);
  if (whole != <i64>(<i32>whole)) return fail(FAULT_RANGE, p, node);
  writeLong(whole);
  return next;
}

export function encodeDate(p: usize, node: usize): usize {
  if (load<u8>(p) != 0x22) return encodeInt(p, node);
  const next = readText(p);
  if (!next) return 0;
  if (textEnd - textStart == 10) {
    const days = readDay(textStart);
    if (days != i32.MIN_VALUE) {
      writeLong(days);
      return next;
    }
  }
  if (!(load<u8>(node, NODE_FLAGS) & FLAG_FROM)) return fail(FAULT_FORMAT, p, node);
  return encodeLongText(p, node, 0, true);
}
