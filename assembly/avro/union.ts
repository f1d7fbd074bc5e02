/**
 * Unions. The branch is chosen by the kind of the JSON value, for objects by one look at the member
 * names (mapping v1); whole values are never tried, so the work stays linear per level.
 */
import {
  BRANCH_INDEX,
  BRANCH_NODE,
  ENTRY_NEXT,
  ENTRY_NODE,
  FAULT_DEPTH,
  FAULT_SYNTAX,
  FAULT_TOO_LARGE,
  FAULT_UNION,
  FLAG_AMBIGUOUS,
  FLAG_LOOSE,
  KIND_RECORD,
  LIST_ARRAY,
  LIST_BOOLEAN,
  LIST_FRACTION,
  LIST_NULL,
  LIST_STRING,
  LIST_WHOLE,
  NODE_FLAGS,
  NULLABLE_NODE,
  NULLABLE_NULL,
  NULLABLE_UNION,
  NULLABLE_VALUE,
  UNION_LISTS,
  UNION_MAP,
  UNION_ONLY,
  UNION_RECORDS,
  UNION_RECORD_COUNT,
} from "../abi";
import { DEPTH_MAX, depth, fail, faultKind, out, restoreFault, saveFault } from "../arena";
import { skipValue } from "../json/skip";
import { skipWhite } from "../json/white";
import { lookAt, lookRecord, lookTag, lookTagValue } from "./look";
import { findQuoted, matchesMember, nameEnd } from "./names";
import { encodeValue } from "./value";
import { writeLong } from "./write";

/** Writes the branch's number and the value by its node: the choice is final. */
function commit(p: usize, branch: usize): usize {
  writeLong(load<u32>(branch, BRANCH_INDEX));
  return encodeValue(p, <usize>load<u32>(branch, BRANCH_NODE));
}

/** Does the number at `at` have neither fraction nor exponent? */
function isPlainWhole(at: usize): bool {
  let p = at + 1;
  while (<u32>load<u8>(p) - 0x30 < 10) p += 1;
  const c = load<u8>(p);
  return c != 0x2e && (c | 0x20) != 0x65;
}

/** Offset of the list of branches for a value other than an object. */
function listFor(p: usize): usize {
  const c = <u32>load<u8>(p);
  if (c == 0x22) return LIST_STRING;
  if (c == 0x2d || c - 0x30 < 10) return isPlainWhole(p) ? LIST_WHOLE : LIST_FRACTION;
  if (c == 0x5b) return LIST_ARRAY;
  return c == 0x6e ? LIST_NULL : LIST_BOOLEAN;
}

/** No branch was found: the only one besides null gets the value, and its fault; else `union`. */
function commitOnly(p: usize, node: usize): usize {
  const only = <usize>load<u32>(node, UNION_ONLY);
  return only ? commit(p, only) : fail(FAULT_UNION, p, node);
}

export function encodeUnion(p: usize, node: usize): usize {
  const first = load<u8>(p);
  if (first == 0x7b) return encodeObject(p, node);
  const list = node + UNION_LISTS + listFor(p);
  const start = out;
  const count = load<u32>(list, 4);
  const branches = <usize>load<u32>(list);
  for (let i: u32 = 0; i < count; i++) {
    const next = commit(p, <usize>load<u32>(branches + ((<usize>i) << 2)));
    if (next || first == 0x5b || faultKind == FAULT_TOO_LARGE) return next;
    out = start;
  }
  return commitOnly(p, node);
}

/**
 * May an object go to the record branch without a look, there being no other for objects? Yes if
 * nothing is required of it or if its first member's name is no tag.
 */
export function goesIn(p: usize, union: usize, record: usize): bool {
  if (load<u8>(record, NODE_FLAGS) & FLAG_LOOSE) return true;
  if (load<u8>(union, NODE_FLAGS) & FLAG_AMBIGUOUS) return false;
  const first = skipWhite(p + 1);
  if (load<u8>(first) != 0x22) return true;
  if (matchesMember(<usize>load<u32>(record, ENTRY_NEXT), first)) return true;
  return !findQuoted(union, first);
}

function encodeObject(p: usize, node: usize): usize {
  const records = load<u32>(node, UNION_RECORD_COUNT);
  const map = <usize>load<u32>(node, UNION_MAP);
  if (!records && map) return commit(p, map);
  if (records == 1 && !map) {
    const branch = <usize>load<u32>(<usize>load<u32>(node, UNION_RECORDS));
    if (goesIn(p, node, <usize>load<u32>(branch, BRANCH_NODE))) return commit(p, branch);
  }
  if (!lookAt(p, node)) return 0;
  if (lookRecord) return commit(p, lookRecord);
  if (map) return commit(p, map);
  if (lookTag) return encodeTag(lookTagValue, lookTag, p);
  return commitOnly(p, node);
}

/** The tag form's inner value at `p`; `open`: the object's brace. */
function encodeTag(p: usize, branch: usize, open: usize): usize {
  if (depth >= DEPTH_MAX) return fail(FAULT_DEPTH, open, branch);
  depth += 1;
  const next = commit(p, branch);
  if (!next) return 0;
  depth -= 1;
  const close = skipWhite(next);
  return load<u8>(close) == 0x7d ? close + 1 : fail(FAULT_SYNTAX, close, branch);
}

/** null or one other branch, the commonest union. */
export function encodeNullable(p: usize, node: usize): usize {
  if (load<u32>(p) == 0x6c6c756e) {
    store<u8>(out, load<u8>(node, NULLABLE_NULL));
    out += 1;
    return p + 4;
  }
  const child = <usize>load<u32>(node, NULLABLE_NODE);
  if (load<u8>(p) == 0x7b) {
    const union = <usize>load<u32>(node, NULLABLE_UNION);
    if (load<u8>(child) != KIND_RECORD || !goesIn(p, union, child)) return encodeObject(p, union);
  }
  store<u8>(out, load<u8>(node, NULLABLE_VALUE));
  out += 1;
  return encodeValue(p, child);
}

/** A union in Avro's JSON encoding: bare null, or an object of one member named by its branch. */
export function encodeTagged(p: usize, node: usize): usize {
  const c = load<u8>(p);
  if (c == 0x6e && load<u32>(node, UNION_LISTS + LIST_NULL + 4)) {
    return commit(p, <usize>load<u32>(<usize>load<u32>(node, UNION_LISTS + LIST_NULL)));
  }
  if (c != 0x7b) return fail(FAULT_UNION, p, node);
  const name = skipWhite(p + 1);
  if (load<u8>(name) != 0x22) return fail(FAULT_UNION, p, node);
  const entry = findQuoted(node, name);
  if (!entry) return fail(FAULT_UNION, p, node);
  const colon = skipWhite(nameEnd);
  if (load<u8>(colon) != 0x3a) return fail(FAULT_SYNTAX, colon, node);
  const value = skipWhite(colon + 1);
  const level = depth;
  const next = encodeTag(value, <usize>load<u32>(entry, ENTRY_NODE), p);
  if (next || faultKind == FAULT_TOO_LARGE) return next;
  return refineTagged(p, value, node, level);
}

/** A second member makes it a fault of the union, which comes before any inside. */
function refineTagged(p: usize, value: usize, node: usize, level: u32): usize {
  depth = level + 1;
  saveFault();
  const end = skipValue(value);
  if (end && load<u8>(skipWhite(end)) == 0x2c) return fail(FAULT_UNION, p, node);
  return restoreFault();
}
