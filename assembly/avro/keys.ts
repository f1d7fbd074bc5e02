/**
 * Has a map this key already? One word of 64 bits answers "surely not" for most keys; up to 16 keys
 * are compared one by one, more go to a hash table, seeded so that nobody can make keys collide.
 *
 * ```
 * frame of a map, on the stack
 *   +0 count   +4 table (0: none yet)   +8 table mask
 *   +16 first 16 keys: u32 addresses in the output
 * table: u32 addresses of keys in the output, 0 = free, at most half taken; a full one is left
 * where it is and a table of twice the size follows it
 * ```
 * A key in the output is its length (Avro long) and its bytes.
 */
import { PARAMS, PARAM_SEED } from "../abi";
import { stack, stackEnd } from "../arena";
import { equalBytes, firstBytes, headOf } from "./names";

export const KEYS_FRAME_BYTES: usize = 80;
const KEYS_FEW: u32 = 16;

let lengthValue: usize = 0;

/** Address of the bytes of the key at `key`; sets lengthValue. */
function keyBytes(key: usize): usize {
  let p = key;
  let value: usize = 0;
  let shift: usize = 0;
  while (true) {
    const c = <usize>load<u8>(p);
    value |= (c & 0x7f) << shift;
    p += 1;
    if (c < 0x80) break;
    shift += 7;
  }
  lengthValue = value >> 1;
  return p;
}

/** Bit of a key in the word that says "surely not". */
// @ts-ignore: decorator
@inline
export function keyBit(start: usize, length: usize): u64 {
  const head = length < 16 ? firstBytes(start, length) : v128.load(start);
  const tail = length < 16 ? 0 : load<u64>(start + length - 8);
  const low = <u64>i64x2.extract_lane(head, 0);
  const high = <u64>i64x2.extract_lane(head, 1) ^ tail;
  const mixed = (low ^ (high << 7) ^ (high >> 57) ^ length) * 0x9e3779b97f4a7c15;
  return <u64>1 << (mixed >> 58);
}

function fold(a: u64, b: u64): u64 {
  const a0 = a & 0xffffffff;
  const a1 = a >> 32;
  const b0 = b & 0xffffffff;
  const b1 = b >> 32;
  const low = a0 * b0;
  const mid = a1 * b0 + (low >> 32);
  const cross = a0 * b1 + (mid & 0xffffffff);
  return (a1 * b1 + (mid >> 32) + (cross >> 32)) ^ ((cross << 32) | (low & 0xffffffff));
}

/** Seeded hash over all bytes (after wyhash: folded 128-bit products). */
export function hashKey(start: usize, length: usize): u32 {
  const seed = load<u64>(PARAMS + PARAM_SEED);
  let hash = seed ^ length;
  let i: usize = 0;
  for (; i + 8 <= length; i += 8) {
    hash = fold(load<u64>(start + i) ^ seed ^ 0xa0761d6478bd642f, hash ^ 0xe7037ed1a0b428db);
  }
  if (i < length) {
    const rest = headOf(start + i, length - i);
    hash = fold(rest ^ seed ^ 0xa0761d6478bd642f, hash ^ 0x8ebc6af09c88c6e3);
  }
  return <u32>fold(hash ^ seed, 0x589965cc75374cc3);
}

/** Slot of the key, or of the free place where it belongs. */
function findSlot(table: usize, mask: u32, start: usize, length: usize): usize {
  let index = hashKey(start, length) & mask;
  while (true) {
    const slot = table + ((<usize>index) << 2);
    const key = <usize>load<u32>(slot);
    if (!key) return slot;
    const bytes = keyBytes(key);
    if (lengthValue == length && equalBytes(bytes, start, length)) return slot;
    index = (index + 1) & mask;
  }
}

/** Makes a table of `size` slots at the top of the stack and moves the keys in; false: no room. */
function growTable(frame: usize, size: u32): bool {
  const table = stack;
  const bytes = (<usize>size) << 2;
  if (table + bytes > stackEnd) return false;
  stack = table + bytes;
  memory.fill(table, 0, bytes);
  const old = <usize>load<u32>(frame, 4);
  const count = old ? load<u32>(frame, 8) + 1 : KEYS_FEW;
  const from = old ? old : frame + 16;
  for (let i: u32 = 0; i < count; i++) {
    const key = load<u32>(from + ((<usize>i) << 2));
    if (!key) continue;
    const bytesAt = keyBytes(key);
    store<u32>(findSlot(table, size - 1, bytesAt, lengthValue), key);
  }
  store<u32>(frame, <u32>table, 4);
  store<u32>(frame, size - 1, 8);
  return true;
}

/** Adds a key that is surely not there to a map of few; false if there are too many for that. */
// @ts-ignore: decorator
@inline
export function addNewKey(frame: usize, key: usize): bool {
  const count = load<u32>(frame);
  if (count >= KEYS_FEW) return false;
  store<u32>(frame, count + 1);
  store<u32>(frame + 16 + ((<usize>count) << 2), <u32>key);
  return true;
}

/**
 * Adds the key standing in the output at `key`, its bytes in [start, start + length): 0 added,
 * 1 it was there, 2 no room. `maybe`: the 64-bit word does not rule it out.
 */
export function addKey(frame: usize, key: usize, start: usize, length: usize, maybe: bool): u32 {
  const count = load<u32>(frame);
  store<u32>(frame, count + 1);
  if (count < KEYS_FEW) {
    for (let i: u32 = 0; maybe && i < count; i++) {
      const bytes = keyBytes(load<u32>(frame + 16 + ((<usize>i) << 2)));
      if (lengthValue == length && equalBytes(bytes, start, length)) return 1;
    }
    store<u32>(frame + 16 + ((<usize>count) << 2), <u32>key);
    return 0;
  }
  if (count == KEYS_FEW && !growTable(frame, 64)) return 2;
  const mask = load<u32>(frame, 8);
  if (count << 1 > mask && !growTable(frame, (mask + 1) << 1)) return 2;
  const slot = findSlot(load<u32>(frame, 4), load<u32>(frame, 8), start, length);
  if (load<u32>(slot)) return 1;
  store<u32>(slot, <u32>key);
  return 0;
}
