/**
 * Walks over one JSON value whose content nobody wants, checking that it is sound: no recursion,
 * the open brackets are bits of one word. split.ts is its readable twin.
 */
import { FAULT_DEPTH, FAULT_SYNTAX } from "../abi";
import { DEPTH_MAX, depth, fail } from "../arena";
import { skipString } from "./string";
import { skipWhite } from "./white";

function skipDigits(at: usize): usize {
  let p = at;
  while (<u32>(load<u8>(p) - 0x30) < 10) p += 1;
  return p;
}

/** End of the number at `at`, by RFC 8259's grammar. */
export function skipNumber(at: usize): usize {
  let p = at;
  if (load<u8>(p) == 0x2d) p += 1;
  const first = load<u8>(p);
  if (first == 0x30) p += 1;
  else {
    const end = skipDigits(p);
    if (end == p) return fail(FAULT_SYNTAX, p, 0);
    p = end;
  }
  if (load<u8>(p) == 0x2e) {
    const end = skipDigits(p + 1);
    if (end == p + 1) return fail(FAULT_SYNTAX, end, 0);
    p = end;
  }
  if ((load<u8>(p) | 0x20) == 0x65) {
    p += 1;
    const sign = load<u8>(p);
    if (sign == 0x2b || sign == 0x2d) p += 1;
    const end = skipDigits(p);
    if (end == p) return fail(FAULT_SYNTAX, p, 0);
    p = end;
  }
  return p;
}

/** End of `true`, `false` or `null` at `p`. */
export function skipLiteral(p: usize): usize {
  const word = load<u32>(p);
  if (word == 0x65757274 || word == 0x6c6c756e) return p + 4;
  if (word == 0x736c6166 && load<u8>(p + 4) == 0x65) return p + 5;
  return fail(FAULT_SYNTAX, literalFault(p), 0);
}

/** First byte at or after `p` that goes on no literal. */
export function literalFault(p: usize): usize {
  const first = load<u8>(p);
  let rest: u64 = 0;
  if (first == 0x74) rest = 0x657572;
  else if (first == 0x6e) rest = 0x6c6c75;
  else if (first == 0x66) rest = 0x65736c61;
  else return p;
  let q = p + 1;
  while (rest != 0 && load<u8>(q) == <u8>rest) {
    rest >>= 8;
    q += 1;
  }
  return q;
}

/** From a member name's quote at `p` to the first byte of its value. */
export function skipName(p: usize): usize {
  if (load<u8>(p) != 0x22) return fail(FAULT_SYNTAX, p, 0);
  let q = skipString(p + 1);
  if (!q) return 0;
  q = skipWhite(q);
  if (load<u8>(q) != 0x3a) return fail(FAULT_SYNTAX, q, 0);
  return skipWhite(q + 1);
}

function skipScalar(p: usize): usize {
  const c = load<u8>(p);
  if (c == 0x22) return skipString(p + 1);
  if (c == 0x2d || <u32>(c - 0x30) < 10) return skipNumber(p);
  return skipLiteral(p);
}

/** End of the value whose first byte is at `at`; 0 and a fault if it is not sound. */
export function skipValue(at: usize): usize {
  let p = at;
  let objects: u64 = 0;
  let level: u32 = 0;
  const room = DEPTH_MAX - depth;
  while (true) {
    const c = load<u8>(p);
    if ((c | 0x20) == 0x7b) {
      if (level >= room) return fail(FAULT_DEPTH, p, 0);
      level += 1;
      const isObject = (c >> 5) & 1;
      objects = (objects << 1) | <u64>isObject;
      p = skipWhite(p + 1);
      if (load<u8>(p) != c + 2) {
        if (isObject) p = skipName(p);
        if (!p) return 0;
        continue;
      }
      p += 1;
      level -= 1;
      objects >>= 1;
    } else {
      p = skipScalar(p);
      if (!p) return 0;
    }
    while (true) {
      if (level == 0) return p;
      p = skipWhite(p);
      const next = load<u8>(p);
      const isObject = <u32>(objects & 1);
      if (next == 0x2c) {
        p = skipWhite(p + 1);
        if (isObject) p = skipName(p);
        if (!p) return 0;
        break;
      }
      if (next != 0x5d + (isObject << 5)) return fail(FAULT_SYNTAX, p, 0);
      p += 1;
      level -= 1;
      objects >>= 1;
    }
  }
}
