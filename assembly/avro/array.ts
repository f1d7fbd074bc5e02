/** Arrays: one block, its count written when it is known. */
import { FAULT_DEPTH, FAULT_SYNTAX, FAULT_TYPE, ITEM_NODE, KIND_RECORD, KIND_STRING } from "../abi";
import { DEPTH_MAX, depth, fail, failRoom, out, outEnd } from "../arena";
import { skipWhite } from "../json/white";
import { encodeRecord } from "./record";
import { putString } from "./text";
import { encodeValue } from "./value";
import { countBytes, writeCount } from "./write";

/**
 * Ends the block whose items stand in [start + 1, out): one byte was kept for the count, a larger
 * one moves the items once.
 */
export function closeBlock(start: usize, count: u32): bool {
  if (out + 8 > outEnd) return false;
  if (count < 64) {
    store<u8>(start, count << 1);
    store<u8>(out, 0);
    out += 1;
    return true;
  }
  const end = out;
  const size = countBytes(count);
  memory.copy(start + size, start + 1, end - start - 1);
  out = start;
  writeCount(count);
  out = end + size - 1;
  store<u8>(out, 0);
  out += 1;
  return true;
}

export function encodeArray(at: usize, node: usize): usize {
  if (load<u8>(at) != 0x5b) return fail(FAULT_TYPE, at, node);
  if (depth >= DEPTH_MAX) return fail(FAULT_DEPTH, at, node);
  let p = skipWhite(at + 1);
  if (load<u8>(p) == 0x5d) {
    store<u8>(out, 0);
    out += 1;
    return p + 1;
  }
  depth += 1;
  const item = <usize>load<u32>(node, ITEM_NODE);
  const kind = <u32>load<u8>(item);
  const start = out;
  out = start + 1;
  let count: u32 = 0;
  while (true) {
    if (out > outEnd) return failRoom(p);
    if (kind == KIND_STRING) p = putString(p, item);
    else if (kind == KIND_RECORD) p = encodeRecord(p, item);
    else p = encodeValue(p, item);
    if (!p) return 0;
    count += 1;
    p = skipWhite(p);
    const c = load<u8>(p);
    if (c == 0x5d) break;
    if (c != 0x2c) return fail(FAULT_SYNTAX, p, node);
    p = skipWhite(p + 1);
  }
  depth -= 1;
  return closeBlock(start, count) ? p + 1 : failRoom(p);
}
