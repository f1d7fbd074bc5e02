/** bytes and fixed: strings of code points below 256, or base64 where the schema says so. */
import { FAULT_FORMAT, FAULT_LENGTH, FAULT_TYPE, FIXED_SIZE, FLAG_FROM, NODE_FLAGS } from "../abi";
import { fail, failRoom, out, outEnd, scratch } from "../arena";
import { readText, textEnd, textStart } from "../json/string";
import { copyUnsafe, writeBytes } from "./write";

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

/** Six bits of a base64 character of either alphabet, or 64. */
function sixBits(c: u32): u32 {
  if (c - 0x41 < 26) return c - 0x41;
  if (c - 0x61 < 26) return c - 0x61 + 26;
  if (c - 0x30 < 10) return c - 0x30 + 52;
  if (c == 0x2b || c == 0x2d) return 62;
  if (c == 0x2f || c == 0x5f) return 63;
  return 64;
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
  let word: u32 = 0;
  let bits: u32 = 0;
  for (let p = start; p < end; p++) {
    const six = sixBits(load<u8>(p));
    if (six == 64) return false;
    word = (word << 6) | six;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      store<u8>(q, word >> bits);
      q += 1;
    }
  }
  bytesEnd = q;
  return (word & ((1 << bits) - 1)) == 0;
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

export function encodeBytes(p: usize, node: usize): usize {
  const next = readBytes(p, node);
  if (!next) return 0;
  return writeBytes(scratch, bytesEnd - scratch) ? next : failRoom(p);
}

export function encodeFixed(p: usize, node: usize): usize {
  const next = readBytes(p, node);
  if (!next) return 0;
  const size = <usize>load<u32>(node, FIXED_SIZE);
  if (bytesEnd - scratch != size) return fail(FAULT_LENGTH, p, node);
  if (out + size > outEnd) return failRoom(p);
  copyUnsafe(out, scratch, size);
  out += size;
  return next;
}
