/**
 * bytes and fixed: strings of code points below 256, or base64 where the schema says so. Most of
 * the former are written as they are read (narrow.ts); what that refuses comes here.
 */
import { FAULT_FORMAT, FAULT_LENGTH, FAULT_TYPE, FIXED_SIZE, FLAG_FROM, NODE_FLAGS } from "../abi";
import { fail, failRoom, out, outEnd, scratch } from "../arena";
import { readText, textEnd, textStart } from "../json/string";
import { narrowEnd, narrowText } from "./narrow";
import { copyUnsafe, countBytes, moveUp, writeBytes, writeCount } from "./write";

/** End of the bytes the last narrow or decodeBase64 wrote to scratch. */
let bytesEnd: usize = 0;

/** Turns UTF-8 of code points below 256 into one byte each, in scratch; false at a higher one. */
function narrow(start: usize, end: usize): bool {
  let p = start;
  let q = scratch;
  while (p < end) {
    const c = load<u8>(p);
    if (c < 0x80) {
      store<u8>(q, c);
      p += 1;
    } else {
      if (c != 0xc2 && c != 0xc3) return false;
      store<u8>(q, (c << 6) | (load<u8>(p, 1) & 0x3f));
      p += 2;
    }
    q += 1;
  }
  bytesEnd = q;
  return true;
}

/** Six bits of each base64 character of either alphabet, 64 for what is none. */
// prettier-ignore
const SIX_BITS = memory.data<u8>([
  64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
  64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
  64, 64, 64, 62, 64, 62, 64, 63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 64, 64,
  64, 64, 64, 64, 64, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
  15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 64, 64, 64, 64, 63, 64, 26, 27, 28,
  29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48,
  49, 50, 51, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
  64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
  64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
  64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
  64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
  64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
  64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
]);

// @ts-ignore: decorator
@inline
function sixBits(p: usize): u32 {
  return load<u8>(SIX_BITS + <usize>load<u8>(p));
}

/** Decodes base64 into scratch; padding absent or exactly right, unused bits zero. */
function decodeBase64(start: usize, stop: usize): bool {
  let end = stop;
  const padded = end > start && load<u8>(end - 1) == 0x3d;
  if (padded) {
    if ((end - start) & 3) return false;
    end -= 1;
    if (load<u8>(end - 1) == 0x3d) end -= 1;
  }
  const rest = (end - start) & 3;
  if (rest == 1) return false;
  let q = scratch;
  let p = start;
  for (const groups = end - rest; p < groups; p += 4) {
    const a = sixBits(p);
    const b = sixBits(p + 1);
    const c = sixBits(p + 2);
    const d = sixBits(p + 3);
    if ((a | b | c | d) & 64) return false;
    store<u32>(q, bswap<u32>((a << 26) | (b << 20) | (c << 14) | (d << 8)));
    q += 3;
  }
  bytesEnd = q;
  return rest == 0 || decodeRest(p, rest);
}

/** Two or three characters at the end: one or two bytes, and bits that must be zero. */
function decodeRest(p: usize, count: usize): bool {
  const a = sixBits(p);
  const b = sixBits(p + 1);
  const c = count == 3 ? sixBits(p + 2) : 0;
  if ((a | b | c) & 64) return false;
  const word = (a << 18) | (b << 12) | (c << 6);
  store<u8>(bytesEnd, word >> 16);
  if (count == 3) store<u8>(bytesEnd, word >> 8, 1);
  bytesEnd += count - 1;
  return (count == 2 ? word & 0xffff : word & 0xff) == 0;
}

/** Leaves the value's bytes in [scratch, bytesEnd); returns what follows the string. */
function readBytes(p: usize, node: usize): usize {
  if (load<u8>(p) != 0x22) return fail(FAULT_TYPE, p, node);
  const next = readText(p);
  if (!next) return 0;
  const isBase64 = load<u8>(node, NODE_FLAGS) & FLAG_FROM;
  const good = isBase64 ? decodeBase64(textStart, textEnd) : narrow(textStart, textEnd);
  return good ? next : fail(FAULT_FORMAT, p, node);
}

/** Text whose code points are bytes? Then what follows it, the bytes at `to`; else 0. */
// @ts-ignore: decorator
@inline
function takeNarrow(p: usize, node: usize, to: usize): usize {
  if (load<u8>(p) != 0x22 || load<u8>(node, NODE_FLAGS) & FLAG_FROM) return 0;
  return narrowText(p + 1, to, outEnd);
}

export function encodeBytes(p: usize, node: usize): usize {
  const content = out + 1;
  const narrow = takeNarrow(p, node, content);
  if (narrow && narrowEnd + 8 <= outEnd) {
    const length = narrowEnd - content;
    const size = <usize>countBytes(<u32>length);
    if (size > 1) moveUp(content, length, size - 1);
    writeCount(<u32>length);
    out += length;
    return narrow;
  }
  const next = readBytes(p, node);
  if (!next) return 0;
  return writeBytes(scratch, bytesEnd - scratch) ? next : failRoom(p);
}

export function encodeFixed(p: usize, node: usize): usize {
  const size = <usize>load<u32>(node, FIXED_SIZE);
  const narrow = takeNarrow(p, node, out);
  if (narrow && narrowEnd - out == size && narrowEnd <= outEnd) {
    out += size;
    return narrow;
  }
  const next = readBytes(p, node);
  if (!next) return 0;
  if (bytesEnd - scratch != size) return fail(FAULT_LENGTH, p, node);
  if (out + size > outEnd) return failRoom(p);
  copyUnsafe(out, scratch, size);
  out += size;
  return next;
}
