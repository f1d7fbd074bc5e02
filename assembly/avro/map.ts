/** Maps: one block, entries in the order of the text, keys unique. */
import {
  FAULT_DEPTH,
  FAULT_DUPLICATE,
  FAULT_SYNTAX,
  FAULT_TYPE,
  ITEM_NODE,
  KIND_STRING,
} from "../abi";
import { DEPTH_MAX, depth, fail, failRoom, out, outEnd, stack, stackEnd } from "../arena";
import { skipWhite } from "../json/white";
import { closeBlock } from "./array";
import { KEYS_FRAME_BYTES, addKey, addNewKey, keyBit } from "./keys";
import { putString } from "./text";
import { encodeValue } from "./value";
import { prefixBytes } from "./write";

export function encodeMap(at: usize, node: usize): usize {
  if (load<u8>(at) != 0x7b) return fail(FAULT_TYPE, at, node);
  if (depth >= DEPTH_MAX) return fail(FAULT_DEPTH, at, node);
  let p = skipWhite(at + 1);
  if (load<u8>(p) == 0x7d) {
    store<u8>(out, 0);
    out += 1;
    return p + 1;
  }
  const frame = stack;
  if (frame + KEYS_FRAME_BYTES > stackEnd) return failRoom(at);
  stack = frame + KEYS_FRAME_BYTES;
  store<u64>(frame, 0);
  depth += 1;
  const value = <usize>load<u32>(node, ITEM_NODE);
  const isText = load<u8>(value) == KIND_STRING;
  const start = out;
  out = start + 1;
  let count: u32 = 0;
  let known: u64 = 0;
  while (true) {
    if (load<u8>(p) != 0x22) return fail(FAULT_SYNTAX, p, node);
    if (out > outEnd) return failRoom(p);
    const key = out;
    const name = p;
    p = putString(p, node);
    if (!p) return 0;
    const text = key + prefixBytes(key);
    const bit = keyBit(text, out - text);
    if (known & bit || !addNewKey(frame, key)) {
      const added = addKey(frame, key, text, out - text, (known & bit) != 0);
      if (added) return added == 1 ? fail(FAULT_DUPLICATE, name, node) : failRoom(p);
    }
    known |= bit;
    p = skipWhite(p);
    if (load<u8>(p) != 0x3a) return fail(FAULT_SYNTAX, p, node);
    p = skipWhite(p + 1);
    p = isText && out <= outEnd ? putString(p, value) : encodeValue(p, value);
    if (!p) return 0;
    count += 1;
    p = skipWhite(p);
    const c = load<u8>(p);
    if (c == 0x7d) break;
    if (c != 0x2c) return fail(FAULT_SYNTAX, p, node);
    p = skipWhite(p + 1);
  }
  depth -= 1;
  stack = frame;
  return closeBlock(start, count) ? p + 1 : failRoom(p);
}
