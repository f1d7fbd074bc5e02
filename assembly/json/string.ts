/**
 * JSON strings: where they end, whether their escapes are sound, and their decoded bytes. Whether
 * the raw bytes are UTF-8 has been decided for the whole frame before (utf8.ts).
 */
import { FAULT_SYNTAX, FAULT_UTF8 } from "../abi";
import { fail, scratch, scratchEnd } from "../arena";

/** Decoded text of the last readText; it lies in the input or in scratch. */
export let textStart: usize = 0;
export let textEnd: usize = 0;
/** The last readText met an escape, so its text lies in scratch. */
export let textCopied: bool = false;

/** First quote, backslash or control character at or after `p`, sixteen bytes at a time. */
// @ts-ignore: decorator
@inline
export function scanString(at: usize): usize {
  let p = at;
  while (true) {
    const mask = specials(v128.load(p));
    if (mask) return p + ctz<i32>(mask);
    p += 16;
  }
}

/** Sixteen times a quote, a backslash, the last control character: cheaper to load than to make. */
// prettier-ignore
const SPECIALS = memory.data<u8>([
  0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22,
  0x5c, 0x5c, 0x5c, 0x5c, 0x5c, 0x5c, 0x5c, 0x5c, 0x5c, 0x5c, 0x5c, 0x5c, 0x5c, 0x5c, 0x5c, 0x5c,
  0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f, 0x1f,
], 16);

/** One bit for each byte that is a quote. */
// @ts-ignore: decorator
@inline
export function quotes(v: v128): i32 {
  return i8x16.bitmask(i8x16.eq(v, v128.load(SPECIALS)));
}

/**
 * One bit for each byte that may not stand in a string as it is: a backslash, a control character.
 */
// @ts-ignore: decorator
@inline
export function escapes(v: v128): i32 {
  return i8x16.bitmask(
    v128.or(
      i8x16.eq(v, v128.load(SPECIALS, 16)),
      i8x16.eq(v, i8x16.min_u(v, v128.load(SPECIALS, 32))),
    ),
  );
}

/** One bit for each byte that is a quote, a backslash or a control character. */
// @ts-ignore: decorator
@inline
export function specials(v: v128): i32 {
  return i8x16.bitmask(
    v128.or(
      v128.or(i8x16.eq(v, v128.load(SPECIALS)), i8x16.eq(v, v128.load(SPECIALS, 16))),
      i8x16.eq(v, i8x16.min_u(v, v128.load(SPECIALS, 32))),
    ),
  );
}

/** Value of four hex digits, or -1 - index of the first byte that is none. */
export function hex4(p: usize): i32 {
  let value = 0;
  for (let i: i32 = 0; i < 4; i++) {
    const c = load<u8>(p + i);
    const digit: i32 = c - 0x30;
    const letter: i32 = (c | 0x20) - 0x61;
    if (<u32>digit < 10) value = (value << 4) | digit;
    else if (<u32>letter < 6) value = (value << 4) | (letter + 10);
    else return -1 - i;
  }
  return value;
}

/** Checks the escape at `p` (a backslash); returns what follows it, a surrogate pair being one. */
export function skipEscape(p: usize): usize {
  const c = load<u8>(p + 1);
  if (c != 0x75) {
    const known =
      c == 0x22 || c == 0x5c || c == 0x2f || c == 0x6e || c == 0x72 || c == 0x74 || c == 0x62 ||
      c == 0x66;
    return known ? p + 2 : fail(FAULT_SYNTAX, p + 1, 0);
  }
  const unit = hex4(p + 2);
  if (unit < 0) return fail(FAULT_SYNTAX, p + 2 + <usize>(-1 - unit), 0);
  if ((unit & 0xf800) != 0xd800) return p + 6;
  if (unit >= 0xdc00 || load<u16>(p + 6) != 0x755c) return fail(FAULT_UTF8, p, 0);
  const low = hex4(p + 8);
  return low >= 0xdc00 && low < 0xe000 ? p + 12 : fail(FAULT_UTF8, p, 0);
}

/** Checks the string whose text begins at `at` (behind its quote); returns what follows it. */
export function skipString(at: usize): usize {
  let p = at;
  while (true) {
    p = scanString(p);
    const c = load<u8>(p);
    if (c == 0x22) return p + 1;
    if (c != 0x5c) return fail(FAULT_SYNTAX, p, 0);
    p = skipEscape(p);
    if (!p) return 0;
  }
}

function writeUtf8(to: usize, point: u32): usize {
  if (point < 0x80) {
    store<u8>(to, point);
    return to + 1;
  }
  if (point < 0x800) {
    store<u8>(to, 0xc0 | (point >> 6));
    store<u8>(to, 0x80 | (point & 0x3f), 1);
    return to + 2;
  }
  if (point < 0x10000) {
    store<u8>(to, 0xe0 | (point >> 12));
    store<u8>(to, 0x80 | ((point >> 6) & 0x3f), 1);
    store<u8>(to, 0x80 | (point & 0x3f), 2);
    return to + 3;
  }
  store<u8>(to, 0xf0 | (point >> 18));
  store<u8>(to, 0x80 | ((point >> 12) & 0x3f), 1);
  store<u8>(to, 0x80 | ((point >> 6) & 0x3f), 2);
  store<u8>(to, 0x80 | (point & 0x3f), 3);
  return to + 4;
}

function simpleEscape(c: u8): u32 {
  if (c == 0x6e) return 0x0a;
  if (c == 0x72) return 0x0d;
  if (c == 0x74) return 0x09;
  if (c == 0x62) return 0x08;
  if (c == 0x66) return 0x0c;
  return c;
}

/**
 * Decodes the string at `at`, whose escapes skipString has found sound, to `to`; returns the end
 * of the decoded bytes. They are never more than the raw ones; up to 15 bytes behind them are
 * overwritten.
 */
export function decodeStringUnsafe(at: usize, to: usize): usize {
  let p = at;
  let q = to;
  while (true) {
    const v = v128.load(p);
    v128.store(q, v);
    const mask = specials(v);
    if (!mask) {
      p += 16;
      q += 16;
      continue;
    }
    const n = ctz<i32>(mask);
    p += n;
    q += n;
    if (load<u8>(p) != 0x5c) return q;
    const c = load<u8>(p + 1);
    if (c != 0x75) {
      store<u8>(q, simpleEscape(c));
      q += 1;
      p += 2;
      continue;
    }
    let point: u32 = hex4(p + 2);
    p += 6;
    if ((point & 0xf800) == 0xd800) {
      point = 0x10000 + ((point - 0xd800) << 10) + (<u32>hex4(p + 2) - 0xdc00);
      p += 6;
    }
    q = writeUtf8(q, point);
  }
}

/** Sets textStart and textEnd to the decoded string whose quote is at `p`; returns what follows. */
export function readText(p: usize): usize {
  const end = scanString(p + 1);
  if (load<u8>(end) == 0x22) {
    textStart = p + 1;
    textEnd = end;
    textCopied = false;
    return end + 1;
  }
  const next = skipString(end);
  if (!next) return 0;
  textStart = scratch;
  textEnd = decodeStringUnsafe(p + 1, scratch);
  assert(textEnd <= scratchEnd);
  textCopied = true;
  return next;
}
