/** Strings, enums and uuids. */
import {
  ENTRY_FIELD,
  FAULT_ENUM,
  FAULT_FORMAT,
  FAULT_SYNTAX,
  FAULT_TYPE,
} from "../abi";
import { fail, failRoom, out, outEnd, scratch } from "../arena";
import {
  decodeStringUnsafe,
  escapes,
  quotes,
  readText,
  skipString,
  specials,
  textEnd,
  textStart,
} from "../json/string";
import { findQuoted, findShort, nameEnd, shortLength } from "./names";
import { isUuid } from "./uuid";
import { copyUnsafe, countBytes, writeBytes, writeCount, writeLong } from "./write";

/**
 * A string. Most are short, and written while their end is looked for. What follows depends on the
 * quotes only, and whether anything had to be escaped before them is asked aside: the processor
 * need not wait for the answer.
 */
// @ts-ignore: decorator
@inline
export function putString(p: usize, node: usize): usize {
  if (load<u8>(p) != 0x22) return fail(FAULT_TYPE, p, node);
  const to = out;
  const a = v128.load(p, 1);
  const b = v128.load(p, 17);
  v128.store(to, a, 1);
  v128.store(to, b, 17);
  let length = ctz<u32>(<u32>quotes(a) | (<u32>quotes(b) << 16));
  const escape = ctz<u32>(<u32>escapes(a) | (<u32>escapes(b) << 16));
  if (length >= escape) {
    if (length != escape) return encodeStringLong(p, p + 1, node);
    const c = v128.load(p, 33);
    const d = v128.load(p, 49);
    v128.store(to, c, 33);
    v128.store(to, d, 49);
    length = ctz<u32>(<u32>quotes(c) | (<u32>quotes(d) << 16));
    if (length >= ctz<u32>(<u32>escapes(c) | (<u32>escapes(d) << 16))) {
      return encodeStringLong(p, p + 33, node);
    }
    length += 32;
  }
  store<u8>(to, length << 1);
  out = to + <usize>length + 1;
  return p + <usize>length + 2;
}

export function encodeString(p: usize, node: usize): usize {
  return putString(p, node);
}

/** `seen`: up to here the text holds no quote, backslash or control character. */
function encodeStringLong(p: usize, seen: usize, node: usize): usize {
  let end = seen;
  let mask: i32 = 0;
  while (!mask) {
    mask = specials(v128.load(end));
    if (!mask) end += 16;
  }
  end += ctz<i32>(mask);
  const c = load<u8>(end);
  if (c == 0x22) {
    const from = p + 1;
    return writeBytes(from, end - from) ? end + 1 : failRoom(p);
  }
  if (c != 0x5c) return fail(FAULT_SYNTAX, end, node);
  return encodeEscaped(p, end, node);
}

function encodeEscaped(p: usize, escape: usize, node: usize): usize {
  const next = skipString(escape);
  if (!next) return 0;
  const raw = next - p;
  if (out + raw > outEnd) {
    const end = decodeStringUnsafe(p + 1, scratch);
    return writeBytes(scratch, end - scratch) ? next : failRoom(p);
  }
  const guess = countBytes(<u32>raw);
  const content = out + guess;
  const length = decodeStringUnsafe(p + 1, content) - content;
  const size = countBytes(<u32>length);
  if (size != guess) memory.copy(out + size, content, length);
  writeCount(<u32>length);
  out += length;
  return next;
}

/** An enum: the symbol's number. */
export function encodeEnum(p: usize, node: usize): usize {
  if (load<u8>(p) != 0x22) return fail(FAULT_TYPE, p, node);
  const length = shortLength(p);
  const isShort = length < 16;
  const entry = isShort ? findShort(node, p + 1, length) : findQuoted(node, p);
  if (!entry) return fail(FAULT_ENUM, p, node);
  writeLong(load<u32>(entry, ENTRY_FIELD));
  return isShort ? p + length + 2 : nameEnd;
}

/** A string that must be a uuid, written as given. */
export function encodeUuid(p: usize, node: usize): usize {
  if (load<u8>(p) != 0x22) return fail(FAULT_TYPE, p, node);
  let next = p + 38;
  let text = p + 1;
  if (load<u8>(p, 37) != 0x22 || !isUuid(text, p + 37)) {
    next = readText(p);
    if (!next) return 0;
    if (!isUuid(textStart, textEnd)) return fail(FAULT_FORMAT, p, node);
    text = textStart;
  }
  store<u8>(out, 72);
  v128.store(out, v128.load(text), 1);
  v128.store(out, v128.load(text, 16), 17);
  store<u32>(out, load<u32>(text, 32), 33);
  out += 37;
  return next;
}
