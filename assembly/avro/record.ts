/**
 * Records: members in any order. While they come in schema order they are written in place, and
 * gaps are filled with defaults at once. When one comes late, writing goes on where the output
 * stands, and the closing brace puts the fields in order, once.
 *
 * ```
 * frame of a record, on the stack
 *   per field: u32 start, u32 end of its bytes in the output, 0 where it was not seen
 * ```
 */
import {
  ENTRY_BRANCH,
  ENTRY_FIELD,
  ENTRY_KIND,
  ENTRY_LENGTH,
  ENTRY_NEXT,
  ENTRY_NODE,
  ENTRY_SLOT,
  FAULT_DEPTH,
  FAULT_DUPLICATE,
  FAULT_MISSING,
  FAULT_SYNTAX,
  FAULT_TYPE,
  FIELDS_MAX,
  FIELD_DEFAULT,
  FIELD_REQUIRED,
  KIND_ARRAY,
  KIND_BOOLEAN,
  KIND_DOUBLE,
  KIND_ENUM,
  KIND_FLOAT,
  KIND_INT,
  KIND_LONG,
  KIND_MAP,
  KIND_MICROS,
  KIND_MILLIS,
  KIND_RECORD,
  KIND_STRING,
  KIND_UUID,
  MARKED_FIELD,
  NO_BRANCH,
  NO_FIELD,
  NULLABLE_NODE,
  NULLABLE_UNION,
  RECORD_FIELDS,
  RECORD_FRAME_BYTES,
  RECORD_TABLE,
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
import { encodeArray } from "./array";
import { encodeMap } from "./map";
import { MEMBER_MARKS, differsFrom, findQuoted, goesOnAs, matchesMember, nameEnd } from "./names";
import { encodeEnum, encodeUuid, putString } from "./text";
import { encodeLong, putNumber } from "./time";
import { encodeNullable, goesIn } from "./union";
import { encodeBoolean, encodeDouble, encodeFloat, encodeValue } from "./value";
import { copyUnsafe } from "./write";

/** Instead of the next field's number: they have not come in schema order. */
const ANY_ORDER: u32 = 0xfffffffe;
/** Instead of the next field's number: the member is refused. */
const REFUSED: u32 = 0xfffffffd;
/** NULLABLE_NULL and NULLABLE_VALUE: the numbers 0 and 1, as Avro writes them. */
const NULLABLE_BYTES: u32 = 2;
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
export function requiredBefore(node: usize, field: u32): u32 {
  return load<u32>(fieldEntry(node, field), FIELD_REQUIRED);
}

/** Has the field no default? */
export function isRequired(node: usize, field: u32): bool {
  return requiredBefore(node, field) != requiredBefore(node, field + 1);
}

// @ts-ignore: decorator
@inline
function isSeen(frame: usize, field: u32): bool {
  return load<u32>(frame + ((<usize>field) << 3)) != 0;
}

/** Fields from `first` to before `next` have not been seen. */
function clearSpans(frame: usize, first: u32, next: u32): void {
  for (let field = first; field < next; field++) store<u64>(frame + ((<usize>field) << 3), 0);
}

/** First field without value and default, or NO_FIELD. */
function missingField(node: usize, frame: usize, count: u32): u32 {
  for (let field: u32 = 0; field < count; field++) {
    if (isSeen(frame, field)) continue;
    if (isRequired(node, field)) return field;
  }
  return NO_FIELD;
}

/** Puts the fields written in [start, out) in schema order, defaults between; false: no room. */
function putInOrder(node: usize, frame: usize, start: usize): bool {
  const count = load<u32>(node, RECORD_FIELDS);
  const moved = scratch - start;
  memory.copy(scratch, start, out - start);
  out = start;
  for (let field: u32 = 0; field < count; field++) {
    if (!isSeen(frame, field)) {
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
  depth -= 1;
  stack = frame;
  if (next != ANY_ORDER) {
    if (next == count) return p + 1;
    if (requiredBefore(node, next) == requiredBefore(node, count)) {
      return writeDefaults(node, next, count) ? p + 1 : failRoom(p);
    }
    clearSpans(frame, next, count);
  }
  const missing = missingField(node, frame, count);
  if (missing != NO_FIELD) return failField(FAULT_MISSING, p, node, missing);
  if (scratch + (out - start) > scratchEnd) return failRoom(p);
  return putInOrder(node, frame, start) ? p + 1 : failRoom(p);
}

/**
 * The member at `p` is not the field `next`: which field is it, and what is next then? Earlier
 * fields that have defaults get them at once, else the order is left. Sets memberField; returns the
 * field that is next, ANY_ORDER or REFUSED.
 */
function jump(p: usize, node: usize, frame: usize, entry: usize, next: u32, value: usize): u32 {
  const marked = load<u32>(entry, ENTRY_FIELD);
  if (marked & MARKED_FIELD) mark(load<u16>(entry, ENTRY_SLOT), value);
  if (marked == NO_FIELD) {
    memberField = NO_FIELD;
    return next;
  }
  const field = marked & ~MARKED_FIELD;
  memberField = field;
  if (field == next) return next + 1;
  if (next != ANY_ORDER) {
    if (field > next && requiredBefore(node, next) == requiredBefore(node, field)) {
      if (!writeDefaults(node, next, field)) {
        failRoom(p);
        return REFUSED;
      }
      clearSpans(frame, next, field);
      return field + 1;
    }
    clearSpans(frame, next, load<u32>(node, RECORD_FIELDS));
  }
  if (!isSeen(frame, field)) return ANY_ORDER;
  fail(FAULT_DUPLICATE, p, node);
  return REFUSED;
}

/** Notes where the value of a pointer's first step is; the first of several counts. */
function mark(slot: usize, value: usize): void {
  if (!load<u32>(SLOTS + slot)) store<u32>(SLOTS + slot, <u32>value);
}

/** Number of the field at which jump was. */
let memberField: u32 = 0;
/** Behind the colon of the member last found by findMember; 0 if it is not sound. */
let memberColon: usize = 0;

/** Entry of the member at `p`, which is not the one guessed; 0: unknown. Sets memberColon. */
function findMember(node: usize, previous: usize, p: usize): usize {
  memberColon = 0;
  if (load<u8>(p) != 0x22) return fail(FAULT_SYNTAX, p, node);
  const entry = findQuoted(node, p);
  if (!nameEnd) return 0;
  const colon = skipWhite(nameEnd);
  if (load<u8>(colon) != 0x3a) return fail(FAULT_SYNTAX, colon, node);
  memberColon = colon + 1;
  if (entry) store<u32>(previous, <u32>entry, ENTRY_NEXT);
  return entry;
}

function skipUnknown(p: usize): usize {
  ignored += 1;
  return skipValue(p);
}

/** The member's value at `p`, its branch's number in front. The caller has made sure of room. */
// @ts-ignore: decorator
@inline
function encodeMember(p: usize, entry: usize): usize {
  const kind = <u32>load<u8>(entry, ENTRY_KIND);
  let node = <usize>load<u32>(entry, ENTRY_NODE);
  const branch = <u32>load<u8>(entry, ENTRY_BRANCH);
  if (branch != NO_BRANCH) {
    if (load<u32>(p) == 0x6c6c756e) {
      store<u8>(out, NULLABLE_BYTES - branch);
      out += 1;
      return p + 4;
    }
    const child = <usize>load<u32>(node, NULLABLE_NODE);
    if (load<u8>(p) == 0x7b) {
      if (kind != KIND_RECORD || !goesIn(p, load<u32>(node, NULLABLE_UNION), child)) {
        return encodeNullable(p, node);
      }
    }
    store<u8>(out, branch);
    out += 1;
    node = child;
  }
  switch (kind) {
    case KIND_STRING:
      return putString(p, node);
    case KIND_LONG:
    case KIND_INT:
      return putNumber(p, node);
    case KIND_MILLIS:
      return encodeLong(p, node, 1000);
    case KIND_MICROS:
      return encodeLong(p, node, 1000000);
    case KIND_DOUBLE:
      return encodeDouble(p, node);
    case KIND_FLOAT:
      return encodeFloat(p, node);
    case KIND_MAP:
      return encodeMap(p, node);
    case KIND_ARRAY:
      return encodeArray(p, node);
    case KIND_BOOLEAN:
      return encodeBoolean(p, node);
    case KIND_RECORD:
      return encodeRecord(p, node);
    case KIND_ENUM:
      return encodeEnum(p, node);
    case KIND_UUID:
      return encodeUuid(p, node);
  }
  return encodeValue(p, node);
}

export function encodeRecord(at: usize, node: usize): usize {
  if (load<u8>(at) != 0x7b) return fail(FAULT_TYPE, at, node);
  if (depth >= DEPTH_MAX) return fail(FAULT_DEPTH, at, node);
  const frame = stack;
  const top = frame + <usize>load<u32>(node, RECORD_FRAME_BYTES);
  if (top > stackEnd) return failRoom(at);
  stack = top;
  depth += 1;
  const start = out;
  let next: u32 = 0;
  let entry = node;
  let p = skipWhite(at + 1);
  if (load<u8>(p) == 0x7d) return closeRecord(p, node, frame, 0, start);
  while (true) {
    const previous = entry;
    entry = load<u32>(previous, ENTRY_NEXT);
    let value = p + <usize>load<u32>(entry, ENTRY_LENGTH) + MEMBER_MARKS;
    if (v128.any_true(differsFrom(entry, p)) || (value > p + 16 && !goesOnAs(entry, p, value))) {
      entry = findMember(node, previous, p);
      value = memberColon;
      if (!value) return 0;
    }
    value = skipWhite(value);
    let field: u32 = NO_FIELD;
    if (entry) {
      field = load<u32>(entry, ENTRY_FIELD);
      if (field == next) next += 1;
      else if (next != ANY_ORDER || field >= FIELDS_MAX || isSeen(frame, field)) {
        next = jump(p, node, frame, entry, next, value);
        if (next == REFUSED) return 0;
        field = memberField;
      }
    } else entry = previous;
    if (field >= FIELDS_MAX) p = skipUnknown(value);
    else {
      const from = out;
      if (from > outEnd) return failRoom(value);
      const kind = <u32>load<u8>(entry, ENTRY_KIND);
      // Is it a string, and text? One comparison for both.
      if (((kind ^ KIND_STRING) | (<u32>load<u8>(value) ^ 0x22)) == 0) {
        const branch = <u32>load<u8>(entry, ENTRY_BRANCH);
        if (branch != NO_BRANCH) {
          store<u8>(from, branch);
          out = from + 1;
        }
        p = putString(value, node);
      } else {
        p = encodeMember(value, entry);
      }
      const span = frame + ((<usize>field) << 3);
      store<u32>(span, <u32>from);
      store<u32>(span, <u32>out, 4);
    }
    if (!p) return 0;
    p = skipWhite(p);
    const c = load<u8>(p);
    if (c != 0x2c) {
      if (c != 0x7d) return fail(FAULT_SYNTAX, p, node);
      if (next != load<u32>(node, RECORD_FIELDS)) return closeRecord(p, node, frame, next, start);
      depth -= 1;
      stack = frame;
      return p + 1;
    }
    p = skipWhite(p + 1);
  }
}
