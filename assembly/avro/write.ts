/** Avro's primitive encodings. The callers have made sure of room (arena.ts). */
import { out, outEnd } from "../arena";

/** Zig-zag variable-length integer; at most ten bytes. */
// @ts-ignore: decorator
@inline
export function writeLong(value: i64): void {
  const zigzag = <u64>((value << 1) ^ (value >> 63));
  if (zigzag < 0x80) {
    store<u8>(out, zigzag);
    out += 1;
    return;
  }
  writeLongWide(zigzag);
}

/** The same, of numbers that are mostly large: any up to 55 bits takes the same way. */
// @ts-ignore: decorator
@inline
export function putLong(value: i64): void {
  const zigzag = <u64>((value << 1) ^ (value >> 63));
  if (zigzag >= <u64>1 << 56) writeLongWide(zigzag);
  else writeSpread(zigzag);
}

/** Bits that say "more follows" in all but the last byte, by size. */
// prettier-ignore
const MORE = memory.data<u64>([
  0, 0, 0x80, 0x8080, 0x808080, 0x80808080, 0x8080808080, 0x808080808080, 0x80808080808080,
]);

/** Spreads groups of seven bits over bytes at once, in one store: a number of up to 55 bits. */
// @ts-ignore: decorator
@inline
export function writeSpread(zigzag: u64): void {
  let x = (zigzag & 0x0fffffff) | ((zigzag & 0x00fffffff0000000) << 4);
  x = (x & 0x00003fff00003fff) | ((x & 0x0fffc0000fffc000) << 2);
  x = (x & 0x007f007f007f007f) | ((x & 0x3f803f803f803f80) << 1);
  const size = <usize>(((70 - clz<u64>(zigzag | 1)) * 37) >> 8);
  store<u64>(out, x | load<u64>(MORE + (size << 3)));
  out += size;
}

/** The same for numbers of more than seven bits. */
export function writeLongWide(zigzag: u64): void {
  if (zigzag < <u64>1 << 56) {
    writeSpread(zigzag);
    return;
  }
  let rest = zigzag;
  let p = out;
  while (rest >= 0x80) {
    store<u8>(p, rest | 0x80);
    rest >>= 7;
    p += 1;
  }
  store<u8>(p, rest);
  out = p + 1;
}

/** A count in front of content that is there already: not a byte behind it is touched. */
export function writeCount(count: u32): void {
  let rest = <u64>count << 1;
  let p = out;
  while (rest >= 0x80) {
    store<u8>(p, rest | 0x80);
    rest >>= 7;
    p += 1;
  }
  store<u8>(p, rest);
  out = p + 1;
}

/** Bytes of the zig-zag form of a count. */
export function countBytes(count: u32): u32 {
  let size: u32 = 1;
  for (let rest = (<u64>count << 1) >> 7; rest != 0; rest >>= 7) size += 1;
  return size;
}

/** Bytes of the length prefix at `at`, in front of the content of a string or of bytes. */
// @ts-ignore: decorator
@inline
export function prefixBytes(at: usize): usize {
  let p = at;
  while (load<u8>(p) >= 0x80) p += 1;
  return p + 1 - at;
}

/** Copies in steps of sixteen; up to fifteen bytes behind the target are overwritten. */
// @ts-ignore: decorator
@inline
export function copyUnsafe(to: usize, from: usize, bytes: usize): void {
  if (bytes > 256) {
    memory.copy(to, from, bytes);
    return;
  }
  for (let i: usize = 0; i < bytes; i += 16) v128.store(to + i, v128.load(from + i));
}

/**
 * Moves `bytes` bytes at `from` up by `distance`, 1 … 16, in steps of sixteen; up to fifteen bytes
 * behind the target are overwritten.
 */
export function moveUp(from: usize, bytes: usize, distance: usize): void {
  let here = v128.load(from);
  for (let p = from; p < from + bytes; p += 16) {
    const next = v128.load(p, 16);
    v128.store(p + distance, here);
    here = next;
  }
}

/** Length and bytes of [from, from + bytes); false if there is no room. */
export function writeBytes(from: usize, bytes: usize): bool {
  if (out + bytes > outEnd) return false;
  writeLong(<i64>bytes);
  copyUnsafe(out, from, bytes);
  out += bytes;
  return true;
}
