/**
 * Finds where a value ends even if its text is ill-formed UTF-8 or nested too deeply, and notes the
 * first such fault: that is how a bad event leaves its neighbours alone. Byte by byte, with the
 * open brackets as bits in scratch. Slow and plain on purpose: it runs only when something is
 * wrong, and it is the reference for skip.ts.
 */
import { FAULT_DEPTH, FAULT_NONE, FAULT_SYNTAX, FAULT_UTF8 } from "../abi";
import { DEPTH_MAX, fail, faultAt, faultKind, scratch } from "../arena";
import { skipLiteral, skipNumber } from "./skip";
import { skipEscape } from "./string";
import { skipWhiteSlow } from "./white";

/** First fault besides syntax, and where it is. */
export let splitKind: u32 = FAULT_NONE;
export let splitAt: usize = 0;

function note(kind: u32, at: usize): void {
  if (splitKind != FAULT_NONE) return;
  splitKind = kind;
  splitAt = at;
}

function splitString(at: usize): usize {
  let p = at;
  while (true) {
    const c = load<u8>(p);
    if (c == 0x22) return p + 1;
    if (c < 0x20) return fail(FAULT_SYNTAX, p, 0);
    if (c != 0x5c) {
      p += 1;
      continue;
    }
    const next = skipEscape(p);
    if (!next) {
      if (faultKind != FAULT_UTF8) return 0;
      note(FAULT_UTF8, faultAt);
    }
    p = next ? next : p + 6;
  }
}

function splitName(p: usize): usize {
  if (load<u8>(p) != 0x22) return fail(FAULT_SYNTAX, p, 0);
  const end = splitString(p + 1);
  if (!end) return 0;
  const colon = skipWhiteSlow(end);
  if (load<u8>(colon) != 0x3a) return fail(FAULT_SYNTAX, colon, 0);
  return skipWhiteSlow(colon + 1);
}

function splitScalar(p: usize): usize {
  const c = load<u8>(p);
  if (c == 0x22) return splitString(p + 1);
  if (c == 0x2d || (c >= 0x30 && c <= 0x39)) return skipNumber(p);
  return skipLiteral(p);
}

function isObjectAt(level: usize): bool {
  return (load<u8>(scratch + (level >> 3)) >> <u8>(level & 7)) & 1 ? true : false;
}

function setObjectAt(level: usize, value: bool): void {
  const byte = scratch + (level >> 3);
  const bit: u8 = 1 << <u8>(level & 7);
  store<u8>(byte, value ? load<u8>(byte) | bit : load<u8>(byte) & ~bit);
}

/** End of the value at `at`, or 0 with the fault `syntax`; splitKind tells what else is wrong. */
export function splitValue(at: usize): usize {
  let p = at;
  let level: usize = 0;
  splitKind = FAULT_NONE;
  while (true) {
    const c = load<u8>(p);
    if (c == 0x7b || c == 0x5b) {
      level += 1;
      if (level > DEPTH_MAX) note(FAULT_DEPTH, p);
      setObjectAt(level, c == 0x7b);
      p = skipWhiteSlow(p + 1);
      if (load<u8>(p) != c + 2) {
        if (c == 0x7b) p = splitName(p);
        if (!p) return 0;
        continue;
      }
      p += 1;
      level -= 1;
    } else {
      p = splitScalar(p);
      if (!p) return 0;
    }
    while (true) {
      if (level == 0) return p;
      p = skipWhiteSlow(p);
      const next = load<u8>(p);
      const isObject = isObjectAt(level);
      if (next == 0x2c) {
        p = skipWhiteSlow(p + 1);
        if (isObject) p = splitName(p);
        if (!p) return 0;
        break;
      }
      if (next != (isObject ? 0x7d : 0x5d)) return fail(FAULT_SYNTAX, p, 0);
      p += 1;
      level -= 1;
    }
  }
}
