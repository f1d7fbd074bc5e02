/**
 * Values with a privacy action, and those that the gateway fills: of these what the event holds is
 * walked over. With a privacy action the value is encoded as if it had none, which finds its
 * faults; the bytes written are then replaced where they stand.
 */
import {
  ACTION_DROP,
  ACTION_FILL,
  ACTION_HMAC_BYTES,
  ACTION_HMAC_FIXED,
  ACTION_HMAC_STRING,
  ACTION_IP,
  ACTION_MASK,
  DIGEST_BYTES,
  DIGEST_HEX_BYTES,
  FAULT_FORMAT,
  PRIVATE_ACTION,
  PRIVATE_INSTEAD,
  PRIVATE_INSTEAD_BYTES,
  PRIVATE_NODE,
} from "../abi";
import { fail, failRoom, out, outEnd, scratch } from "../arena";
import { skipValue } from "../json/skip";
import { truncateIp } from "./ip";
import { keepOriginal, leaveHole, nextOriginal } from "./originals";
import { encodeValue } from "./value";
import { copyUnsafe, prefixBytes, writeBytes, writeCount } from "./write";

export function encodePrivate(p: usize, node: usize): usize {
  const start = out;
  if (load<u32>(node, PRIVATE_ACTION) == ACTION_FILL) {
    const end = skipValue(p);
    return end && !writeInstead(start, node) ? failRoom(p) : end;
  }
  const next = encodeValue(p, <usize>load<u32>(node, PRIVATE_NODE));
  if (!next) return 0;
  switch (load<u32>(node, PRIVATE_ACTION)) {
    case ACTION_DROP:
      return writeInstead(start, node) ? next : failRoom(p);
    case ACTION_MASK:
      mask(start);
      return next;
    case ACTION_IP:
      return writeNetwork(start) ? next : fail(FAULT_FORMAT, p, node);
  }
  return writeHole(start, load<u32>(node, PRIVATE_ACTION)) ? next : failRoom(p);
}

/** The default, whatever the value was. */
function writeInstead(start: usize, node: usize): bool {
  const bytes = <usize>load<u32>(node, PRIVATE_INSTEAD_BYTES);
  out = start;
  if (out + bytes > outEnd) return false;
  copyUnsafe(out, <usize>load<u32>(node, PRIVATE_INSTEAD), bytes);
  out += bytes;
  return true;
}

/** A star for each code point of the string written at `start`: never longer than it was. */
function mask(start: usize): void {
  let count: u32 = 0;
  for (let p = start + prefixBytes(start); p < out; p++) {
    count += <u32>((load<u8>(p) & 0xc0) != 0x80);
  }
  out = start;
  writeCount(count);
  memory.fill(out, 0x2a, count);
  out += count;
}

/** The network of the address written at `start`: never longer than it; false if it is none. */
function writeNetwork(start: usize): bool {
  const end = truncateIp(start + prefixBytes(start), out, scratch);
  if (!end) return false;
  out = start;
  return writeBytes(scratch, end - scratch);
}

/** Keeps the value written at `start` for the host and leaves room for its digest. */
function writeHole(start: usize, action: u32): bool {
  const content = action == ACTION_HMAC_FIXED ? start : start + prefixBytes(start);
  const entry = nextOriginal();
  if (!keepOriginal(content, out - content, action)) return false;
  const bytes = action == ACTION_HMAC_STRING ? DIGEST_HEX_BYTES : DIGEST_BYTES;
  out = start;
  if (out > outEnd) return false;
  if (action == ACTION_HMAC_STRING || action == ACTION_HMAC_BYTES) writeCount(bytes);
  return leaveHole(entry, bytes);
}
