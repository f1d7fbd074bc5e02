/**
 * Names that a plan knows (record members with their aliases, enum symbols, union tags): hash
 * tables of entries.
 *
 * ```
 * entry  +0 needle: first 16 bytes of "name":   +16 care: 0xff where the needle counts
 *        +32 next (guess)  +36 length  +44 node  +48 field
 *        +52 slot  +54 kind  +55 branch  +56 head: the first 8 bytes of the name, zero-padded
 *        +64 text: "name": in full
 * owner  +16 slots (u32 entry addresses, 0 = free; at most half are taken)   +20 mask
 * ```
 */
import {
  ENTRY_BYTES,
  ENTRY_CARE,
  ENTRY_HEAD,
  ENTRY_LENGTH,
  ENTRY_NEEDLE,
  NAMES_MASK,
  NAMES_SLOTS,
} from "../abi";
import { escapes, quotes, readText, textEnd, textStart } from "../json/string";

/** Behind the closing quote of the name last looked up; 0 if it is not sound. */
export let nameEnd: usize = 0;

/** The first `length` (at most 8) bytes at `p`, zero-padded. */
// @ts-ignore: decorator
@inline
export function headOf(p: usize, length: usize): u64 {
  const word = load<u64>(p);
  return length >= 8 ? word : word & ((<u64>1 << (<u64>length << 3)) - 1);
}

/**
 * Slot of a name in tables of names, from its first eight bytes, its last four if it has eight, and
 * its length; src/schema/plan/names.ts computes the same.
 */
// @ts-ignore: decorator
@inline
function hashWords(head: u64, tail: u32, length: u32): u32 {
  const mixed =
    (<u32>head * 0x9e3779b1) ^ (<u32>(head >> 32) * 0x85ebca6b) ^ ((tail ^ length) * 0xc2b2ae35);
  const spread = (mixed ^ (mixed >> 15)) * 0x2c1b3c6d;
  return spread ^ (spread >> 12);
}

export function equalBytes(a: usize, b: usize, length: usize): bool {
  if (length < 8) return length == 0 || headOf(a, length) == headOf(b, length);
  const last = length - 8;
  for (let i: usize = 0; i < last; i += 8) if (load<u64>(a + i) != load<u64>(b + i)) return false;
  return load<u64>(a + last) == load<u64>(b + last);
}

/** What stands around a name in the text of its entry: two quotes and a colon. */
export const MEMBER_MARKS: usize = 3;

/** Bits that are set where the text at `p` differs from the beginning of "name": */
// @ts-ignore: decorator
@inline
export function differsFrom(entry: usize, p: usize): v128 {
  return v128.and(
    v128.xor(v128.load(p), v128.load(entry, ENTRY_NEEDLE)),
    v128.load(entry, ENTRY_CARE),
  );
}

/** Does the text at `p`, which begins like "name": of the entry, go on like it to `end`? */
export function goesOnAs(entry: usize, p: usize, end: usize): bool {
  const text = entry + ENTRY_BYTES - p;
  const last = end - 16;
  for (let q = p + 16; q < last; q += 16) {
    if (v128.any_true(v128.xor(v128.load(text + q), v128.load(q)))) return false;
  }
  return !v128.any_true(v128.xor(v128.load(text + last), v128.load(last)));
}

/** Does the text at `p` read "name": without white space? */
export function matchesMember(entry: usize, p: usize): bool {
  if (v128.any_true(differsFrom(entry, p))) return false;
  const end = p + <usize>load<u32>(entry, ENTRY_LENGTH) + MEMBER_MARKS;
  return end <= p + 16 || goesOnAs(entry, p, end);
}

/** From the sixteen bytes before the n-th last on: the first n bytes of a vector. */
// prettier-ignore
const FIRST = memory.data<u8>([
  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
  0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
], 16);

/** The first `length` (less than sixteen) bytes at `p`, zeros behind. */
// @ts-ignore: decorator
@inline
export function firstBytes(p: usize, length: usize): v128 {
  return v128.and(v128.load(p), v128.load(FIRST + 16 - length));
}

/** Names of less than sixteen bytes, one way for all of them: no branch on the length. */
// @ts-ignore: decorator
@inline
export function findShort(owner: usize, start: usize, length: usize): usize {
  const first = v128.load(FIRST + 16 - length);
  const text = v128.and(v128.load(start), first);
  const hasTail = -<i32>(length >> 3);
  const tail = load<u32>(start + (<usize>hasTail & (length - 4))) & hasTail;
  const slots = <usize>load<u32>(owner, NAMES_SLOTS);
  const mask = load<u32>(owner, NAMES_MASK);
  let index = hashWords(<u64>i64x2.extract_lane(text, 0), tail, <u32>length) & mask;
  while (true) {
    const entry = <usize>load<u32>(slots + ((<usize>index) << 2));
    if (!entry) return 0;
    const differs = v128.and(v128.xor(v128.load(entry, ENTRY_BYTES + 1), text), first);
    if (load<u32>(entry, ENTRY_LENGTH) == <u32>length && !v128.any_true(differs)) return entry;
    index = (index + 1) & mask;
  }
}

/** Entry of the decoded name [start, end), or 0. */
export function findName(owner: usize, start: usize, end: usize): usize {
  const length = end - start;
  if (length < 16) return findShort(owner, start, length);
  const head = load<u64>(start);
  const slots = <usize>load<u32>(owner, NAMES_SLOTS);
  const mask = load<u32>(owner, NAMES_MASK);
  let index = hashWords(head, load<u32>(end - 4), <u32>length) & mask;
  while (true) {
    const entry = <usize>load<u32>(slots + ((<usize>index) << 2));
    if (!entry) return 0;
    if (load<u64>(entry, ENTRY_HEAD) == head && load<u32>(entry, ENTRY_LENGTH) == <u32>length) {
      if (equalBytes(start, entry + ENTRY_BYTES + 1, length)) return entry;
    }
    index = (index + 1) & mask;
  }
}

/** Bytes of the text whose quote is at `p`, without escapes and less than sixteen; 16 if not so. */
// @ts-ignore: decorator
@inline
export function shortLength(p: usize): usize {
  const v = v128.load(p, 1);
  const length = ctz<u32>(<u32>quotes(v) | 0x10000);
  return length < ctz<u32>(<u32>escapes(v) | 0x10000) ? <usize>length : 16;
}

/** Entry of the name whose quote is at `p`, or 0; sets nameEnd. */
export function findQuoted(owner: usize, p: usize): usize {
  const length = shortLength(p);
  if (length < 16) {
    nameEnd = p + length + 2;
    return findShort(owner, p + 1, length);
  }
  nameEnd = readText(p);
  if (!nameEnd) return 0;
  return findName(owner, textStart, textEnd);
}
