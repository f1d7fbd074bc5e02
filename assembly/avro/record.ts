/**
 * Records: members in any order. While they come in schema order they are written in place, and
 * gaps are filled with defaults at once. When one comes late, writing goes on where the output
 * stands, and the closing brace puts the fields in order, once.
 *
 * ```
 * frame of a record, on the stack
 *   +0        per field: u32 start, u32 end of its bytes in the output (valid where seen)
 *   +8 × n    bit per field: seen
 * ```
 */
import {
  ENTRY_FIELD,
  ENTRY_LENGTH,
  ENTRY_NEXT,
  ENTRY_NODE,
  ENTRY_SLOT,
  FAULT_DEPTH,
  FAULT_DUPLICATE,
  FAULT_MISSING,
  FAULT_SYNTAX,
  FAULT_TYPE,
  FIELD_DEFAULT,
  FIELD_REQUIRED,
  NO_FIELD,
  RECORD_FIELDS,
  RECORD_FRAME_BYTES,
  RECORD_TABLE,
  RECORD_WORDS,
  SLOTS,
} from "../abi";
import {
  DEPTH_MAX,
  depth,
  fail,
  failField,
  failRoom,
  ignored,
  out,
  outEnd,
  scratch,
  scratchEnd,
  stack,
  stackEnd,
} from "../arena";
import { skipValue } from "../json/skip";
import { skipWhite } from "../json/white";
import { findQuoted, matchesName, nameEnd } from "./names";
import { encodeValue } from "./value";
import { copyUnsafe } from "./write";

// @ts-ignore: decorator
@inline
function fieldEntry(node: usize, field: u32): usize {
  return <usize>load<u32>(node, RECORD_TABLE) + ((<usize>field) << 3);
}

/** Writes the defaults of the fields from `first` to before `next`; false if there is no room. */
function writeDefaults(node: usize, first: u32, next: u32): bool {
  const from = <usize>load<u32>(fieldEntry(node, first), FIELD_DEFAULT);
  const bytes = <usize>load<u32>(fieldEntry(node, next), FIELD_DEFAULT) - from;
  if (out + bytes > outEnd) return false;
  copyUnsafe(out, from, bytes);
  out += bytes;
  return true;
}

// @ts-ignore: decorator
@inline
function requiredBefore(node: usize, field: u32): u32 {
  return load<u32>(fieldEntry(node, field), FIELD_REQUIRED);
}

// @ts-ignore: decorator
@inline
function isSeen(seen: usize, field: u32): bool {
  return ((load<u32>(seen + <usize>((field >> 5) << 2)) >> (field & 31)) & 1) != 0;
}

/** First field without value and default, or NO_FIELD. */
export function missingField(node: usize, seen: usize, count: u32): u32 {
  for (let field: u32 = 0; field < count; field++) {
    if (isSeen(seen, field)) continue;
    if (requiredBefore(node, field) != requiredBefore(node, field + 1)) return field;
  }
  return NO_FIELD;
}

/** Puts the fields written in [start, out) in schema order, defaults between; false: no room. */
function putInOrder(node: usize, frame: usize, seen: usize, start: usize): bool {
  const count = load<u32>(node, RECORD_FIELDS);
  const moved = scratch - start;
  memory.copy(scratch, start, out - start);
  out = start;
  for (let field: u32 = 0; field < count; field++) {
    if (!isSeen(seen, field)) {
      if (!writeDefaults(node, field, field + 1)) return false;
      continue;
    }
    const span = frame + ((<usize>field) << 3);
    const from = <usize>load<u32>(span);
    const bytes = <usize>load<u32>(span, 4) - from;
    if (out + bytes > outEnd) return false;
    assert(from >= start && from + moved + bytes <= scratchEnd);
    copyUnsafe(out, from + moved, bytes);
    out += bytes;
  }
  return true;
}

/** Ends the record at its closing brace `p`; `next`: first field not yet written, if in order. */
function closeRecord(p: usize, node: usize, frame: usize, next: u32, start: usize): usize {
  const count = load<u32>(node, RECORD_FIELDS);
  const seen = frame + ((<usize>count) << 3);
  depth -= 1;
  stack = frame;
  if (next != NO_FIELD) {
    if (next == count) return p + 1;
    if (requiredBefore(node, next) == requiredBefore(node, count)) {
      return writeDefaults(node, next, count) ? p + 1 : failRoom(p);
    }
  }
  const missing = missingField(node, seen, count);
  if (missing != NO_FIELD) return failField(FAULT_MISSING, p, node, missing);
  if (scratch + (out - start) > scratchEnd) return failRoom(p);
  return putInOrder(node, frame, seen, start) ? p + 1 : failRoom(p);
}

/** Behind the name last found by findMember; 0 if it is not sound. */
let memberEnd: usize = 0;

/**
 * Entry of the member whose name's quote is at `p`, the likeliest first; 0: unknown. Sets
 * memberEnd.
 */
// @ts-ignore: decorator
@inline
function findMember(node: usize, previous: usize, p: usize): usize {
  const guess = <usize>load<u32>(previous, ENTRY_NEXT);
  if (matchesName(guess, p + 1)) {
    memberEnd = p + 2 + <usize>load<u32>(guess, ENTRY_LENGTH);
    return guess;
  }
  const entry = findQuoted(node, p);
  memberEnd = nameEnd;
  if (entry) store<u32>(previous, <u32>entry, ENTRY_NEXT);
  return entry;
}

function skipUnknown(p: usize): usize {
  ignored += 1;
  return skipValue(p);
}

/** From behind a member's name to its value; 0 if there is no colon. */
// @ts-ignore: decorator
@inline
function valueStart(p: usize, node: usize): usize {
  if (load<u8>(p) == 0x3a && load<u8>(p + 1) > 0x20) return p + 1;
  const colon = skipWhite(p);
  return load<u8>(colon) == 0x3a ? skipWhite(colon + 1) : fail(FAULT_SYNTAX, colon, node);
}

export function encodeRecord(at: usize, node: usize): usize {
  if (load<u8>(at) != 0x7b) return fail(FAULT_TYPE, at, node);
  if (depth >= DEPTH_MAX) return fail(FAULT_DEPTH, at, node);
  const frame = stack;
  stack = frame + <usize>load<u32>(node, RECORD_FRAME_BYTES);
  if (stack > stackEnd) return failRoom(at);
  depth += 1;
  const seen = frame + ((<usize>load<u32>(node, RECORD_FIELDS)) << 3);
  const words = <usize>load<u32>(node, RECORD_WORDS);
  for (let i: usize = 0; i < words; i++) store<u64>(seen + (i << 3), 0);
  const start = out;
  let next: u32 = 0;
  let previous = node;
  let p = skipWhite(at + 1);
  if (load<u8>(p) == 0x7d) return closeRecord(p, node, frame, 0, start);
  while (true) {
    if (load<u8>(p) != 0x22) return fail(FAULT_SYNTAX, p, node);
    const entry = findMember(node, previous, p);
    if (!memberEnd) return 0;
    const value = valueStart(memberEnd, node);
    if (!value) return 0;
    if (!entry) p = skipUnknown(value);
    else {
      previous = entry;
      const slot = <usize>load<u32>(entry, ENTRY_SLOT);
      if (slot && !load<u32>(SLOTS + slot)) store<u32>(SLOTS + slot, <u32>value);
      const field = load<u32>(entry, ENTRY_FIELD);
      if (field == NO_FIELD) p = skipUnknown(value);
      else {
        const word = seen + <usize>((field >> 5) << 2);
        const bits = load<u32>(word);
        const bit: u32 = 1 << (field & 31);
        if (bits & bit) return fail(FAULT_DUPLICATE, p, node);
        store<u32>(word, bits | bit);
        if (field == next) next += 1;
        else if (next != NO_FIELD) {
          if (field > next && requiredBefore(node, next) == requiredBefore(node, field)) {
            if (!writeDefaults(node, next, field)) return failRoom(p);
            next = field + 1;
          } else next = NO_FIELD;
        }
        const from = out;
        p = encodeValue(value, <usize>load<u32>(entry, ENTRY_NODE));
        const span = frame + ((<usize>field) << 3);
        store<u32>(span, <u32>from);
        store<u32>(span, <u32>out, 4);
      }
    }
    if (!p) return 0;
    p = skipWhite(p);
    const c = load<u8>(p);
    if (c == 0x7d) return closeRecord(p, node, frame, next, start);
    if (c != 0x2c) return fail(FAULT_SYNTAX, p, node);
    p = skipWhite(p + 1);
  }
}
