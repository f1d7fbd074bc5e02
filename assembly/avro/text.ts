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
  SHORT_BYTES,
  copyShort,
  decodeStringUnsafe,
  readText,
  skipString,
  specials,
  textEnd,
  textStart,
} from "../json/string";
import { findQuoted, nameEnd } from "./names";
import { isUuid } from "./uuid";
import { copyUnsafe, countBytes, writeBytes, writeCount, writeLong } from "./write";

/** A string. Most are short, and written while their end is looked for. */
// @ts-ignore: decorator
@inline
export function putString(p: usize, node: usize): usize {
  if (load<u8>(p) != 0x22) return fail(FAULT_TYPE, p, node);
  const to = out;
  const length = copyShort(p + 1, to + 1);
  const end = p + 1 + length;
  if (length == SHORT_BYTES || load<u8>(end) != 0x22) return encodeStringLong(p, end, node);
  store<u8>(to, length << 1);
  out = to + 1 + length;
  return end + 1;
}

export function encodeString(p: usize, node: usize): usize {
  return putString(p, node);
}

/** `seen`: up to here the text holds no quote, backslash or control character. */
export function encodeStringLong(p: usize, seen: usize, node: usize): usize {
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
  const entry = findQuoted(node, p);
  if (!entry) return fail(FAULT_ENUM, p, node);
  writeLong(load<u32>(entry, ENTRY_FIELD));
  return nameEnd;
}

/** A string that must be a uuid, written as given. */
export function encodeUuid(p: usize, node: usize): usize {
  if (load<u8>(p) != 0x22) return fail(FAULT_TYPE, p, node);
  const next = readText(p);
  if (!next) return 0;
  if (!isUuid(textStart, textEnd)) return fail(FAULT_FORMAT, p, node);
  store<u8>(out, 72);
  copyUnsafe(out + 1, textStart, 36);
  out += 37;
  return next;
}
