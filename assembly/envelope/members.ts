/**
 * Members of sound or unsound objects outside plans: one step of a member loop, a walk to a named
 * member, the text of a value. The event's own envelope and the pointers stand on it.
 */
import { FAULT_SYNTAX } from "../abi";
import { fail, out, outEnd } from "../arena";
import { equalBytes } from "../avro/names";
import { copyUnsafe } from "../avro/write";
import { skipValue } from "../json/skip";
import { readText, textCopied, textEnd, textStart } from "../json/string";
import { skipWhite } from "../json/white";

/** From behind a member's name to its value's first byte, or 0. */
export function toValue(p: usize): usize {
  const colon = skipWhite(p);
  return load<u8>(colon) == 0x3a ? skipWhite(colon + 1) : fail(FAULT_SYNTAX, colon, 0);
}

/** Behind a value at `p`: the next member's quote, or the closing brace; 0 if neither. */
export function toNext(p: usize): usize {
  const at = skipWhite(p);
  const c = load<u8>(at);
  if (c == 0x7d) return at;
  if (c != 0x2c) return fail(FAULT_SYNTAX, at, 0);
  const next = skipWhite(at + 1);
  return load<u8>(next) == 0x22 ? next : fail(FAULT_SYNTAX, next, 0);
}

/**
 * Value of the first member called [name, name + bytes) of the value at `at`; 0 if there is none.
 */
export function memberValue(at: usize, name: usize, bytes: usize): usize {
  if (load<u8>(at) != 0x7b) return 0;
  let p = skipWhite(at + 1);
  while (load<u8>(p) == 0x22) {
    const behind = readText(p);
    if (!behind) return 0;
    const found = textEnd - textStart == bytes && equalBytes(textStart, name, bytes);
    p = toValue(behind);
    if (!p || found) return p;
    p = skipValue(p);
    if (!p) return 0;
    p = toNext(p);
    if (!p) return 0;
  }
  return 0;
}

/** Text found by valueText; it stays until the frame is done. */
export let valueTextStart: usize = 0;
export let valueTextEnd: usize = 0;

export const TEXT_NULL: u32 = 0;
export const TEXT_STRING: u32 = 1;
export const TEXT_INTEGER: u32 = 2;
export const TEXT_OTHER: u32 = 3;
export const TEXT_NO_ROOM: u32 = 4;

function integerText(at: usize): u32 {
  let p = at;
  if (load<u8>(p) == 0x2d) p += 1;
  const first = p;
  while (<u32>load<u8>(p) - 0x30 < 10) p += 1;
  const c = load<u8>(p);
  if (p == first || c == 0x2e || (c | 0x20) == 0x65) return TEXT_OTHER;
  valueTextStart = at;
  valueTextEnd = p;
  return TEXT_INTEGER;
}

/**
 * Decoded text of the sound value at `at`: a string's content (in the input, or copied behind the
 * output if it holds escapes), an integer's digits.
 */
export function valueText(at: usize): u32 {
  const c = <u32>load<u8>(at);
  if (c == 0x6e) return TEXT_NULL;
  if (c == 0x2d || c - 0x30 < 10) return integerText(at);
  if (c != 0x22 || !readText(at)) return TEXT_OTHER;
  valueTextStart = textStart;
  valueTextEnd = textEnd;
  if (!textCopied) return TEXT_STRING;
  const bytes = textEnd - textStart;
  if (out + bytes > outEnd) return TEXT_NO_ROOM;
  copyUnsafe(out, textStart, bytes);
  valueTextStart = out;
  valueTextEnd = out + bytes;
  out += bytes;
  return TEXT_STRING;
}
