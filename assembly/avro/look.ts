/**
 * One look at the member names of an object that stands where a union allows several things: which
 * record branch has all its required fields and knows most of the members, and is it a tag?
 *
 * ```
 * per record branch, on the stack
 *   +0 members known   +8 bit per field: present (RECORD_WORDS words)
 * ```
 */
import {
  BRANCH_NODE,
  ENTRY_FIELD,
  ENTRY_LENGTH,
  ENTRY_NEXT,
  ENTRY_NODE,
  FAULT_SYNTAX,
  FIELDS_MAX,
  MARKED_FIELD,
  RECORD_FIELDS,
  RECORD_WORDS,
  UNION_RECORDS,
  UNION_RECORD_COUNT,
} from "../abi";
import { depth, fail, failRoom, stack, stackEnd } from "../arena";
import { skipValue } from "../json/skip";
import { readText, textEnd, textStart } from "../json/string";
import { skipWhite } from "../json/white";
import { MEMBER_MARKS, findName, findQuoted, matchesMember } from "./names";
import { isRequired, requiredBefore } from "./record";

/** The record branch for the object of the last lookAt, or 0. */
export let lookRecord: usize = 0;
/** The branch that its only member names, or 0; and where that member's value is. */
export let lookTag: usize = 0;
export let lookTagValue: usize = 0;

// @ts-ignore: decorator
@inline
function branchNode(node: usize, index: u32): usize {
  const branches = <usize>load<u32>(node, UNION_RECORDS);
  return <usize>load<u32>(<usize>load<u32>(branches + ((<usize>index) << 2)), BRANCH_NODE);
}

/** Clears the counters of all record branches; false if there is no room. */
function clearCounters(node: usize, records: u32): bool {
  let top = stack;
  for (let i: u32 = 0; i < records; i++) {
    const bytes: usize = 8 + ((<usize>load<u32>(branchNode(node, i), RECORD_WORDS)) << 3);
    if (top + bytes > stackEnd) return false;
    memory.fill(top, 0, bytes);
    top += bytes;
  }
  return true;
}

/** Counts the name [start, end) in every record branch that knows it. */
function countName(node: usize, records: u32, start: usize, end: usize): void {
  let counter = stack;
  for (let i: u32 = 0; i < records; i++) {
    const record = branchNode(node, i);
    const entry = findName(record, start, end);
    if (entry) {
      const field = load<u32>(entry, ENTRY_FIELD) & ~MARKED_FIELD;
      if (field < FIELDS_MAX) {
        store<u32>(counter, load<u32>(counter) + 1);
        const word = counter + 8 + <usize>((field >> 5) << 2);
        store<u32>(word, load<u32>(word) | (1 << (field & 31)));
      }
    }
    counter += 8 + ((<usize>load<u32>(record, RECORD_WORDS)) << 3);
  }
}

/** Are all required fields present? */
function isComplete(record: usize, present: usize): bool {
  const count = load<u32>(record, RECORD_FIELDS);
  for (let field: u32 = 0; field < count; field++) {
    const isPresent = (load<u32>(present + <usize>((field >> 5) << 2)) >> (field & 31)) & 1;
    if (!isPresent && isRequired(record, field)) return false;
  }
  return true;
}

function chooseRecord(node: usize, records: u32): void {
  let best: i64 = -1;
  let counter = stack;
  for (let i: u32 = 0; i < records; i++) {
    const record = branchNode(node, i);
    const known = <i64>load<u32>(counter);
    if (known > best && isComplete(record, counter + 8)) {
      best = known;
      lookRecord = load<u32>(<usize>load<u32>(node, UNION_RECORDS) + ((<usize>i) << 2));
    }
    counter += 8 + ((<usize>load<u32>(record, RECORD_WORDS)) << 3);
  }
}

/**
 * Is every member of the object at `at` a field of `record`, named as its guesses say, and no field
 * missing? Then no other branch knows more of them.
 */
function isWholly(at: usize, record: usize): bool {
  let entry = record;
  let next: u32 = 0;
  let p = at;
  do {
    p = skipWhite(p + 1);
    entry = load<u32>(entry, ENTRY_NEXT);
    const field = load<u32>(entry, ENTRY_FIELD) & ~MARKED_FIELD;
    if (field < next || field >= FIELDS_MAX || !matchesMember(entry, p)) return false;
    if (requiredBefore(record, next) != requiredBefore(record, field)) return false;
    next = field + 1;
    p = skipValue(skipWhite(p + <usize>load<u32>(entry, ENTRY_LENGTH) + MEMBER_MARKS));
    if (!p) return false;
    p = skipWhite(p);
  } while (load<u8>(p) == 0x2c);
  if (load<u8>(p) != 0x7d) return false;
  return requiredBefore(record, next) == requiredBefore(record, load<u32>(record, RECORD_FIELDS));
}

/**
 * Sets lookRecord if a glance suffices: the first branch that knows the first member has all the
 * members and all they need. Nobody before it knows as many, and who comes later has to know more.
 */
function glance(at: usize, node: usize, records: u32): bool {
  const first = skipWhite(at + 1);
  if (load<u8>(first) != 0x22) return false;
  for (let i: u32 = 0; i < records; i++) {
    const record = branchNode(node, i);
    if (!matchesMember(<usize>load<u32>(record, ENTRY_NEXT), first)) {
      if (findQuoted(record, first)) return false;
      continue;
    }
    depth += 1;
    const isChosen = isWholly(at, record);
    depth -= 1;
    if (isChosen) {
      lookRecord = load<u32>(<usize>load<u32>(node, UNION_RECORDS) + ((<usize>i) << 2));
    }
    return isChosen;
  }
  return false;
}

/** Looks at the object at `at`; 0 if it is not sound or there is no room. */
export function lookAt(at: usize, node: usize): usize {
  const records = load<u32>(node, UNION_RECORD_COUNT);
  lookRecord = 0;
  lookTag = 0;
  if (glance(at, node, records)) return at;
  if (!clearCounters(node, records)) return failRoom(at);
  let p = skipWhite(at + 1);
  let members: u32 = 0;
  let tag: usize = 0;
  depth += 1;
  while (load<u8>(p) != 0x7d || members != 0) {
    if (load<u8>(p) != 0x22) return fail(FAULT_SYNTAX, p, node);
    const end = readText(p);
    if (!end) return 0;
    countName(node, records, textStart, textEnd);
    if (members == 0) tag = findName(node, textStart, textEnd);
    members += 1;
    p = skipWhite(end);
    if (load<u8>(p) != 0x3a) return fail(FAULT_SYNTAX, p, node);
    p = skipWhite(p + 1);
    if (members == 1) lookTagValue = p;
    p = skipValue(p);
    if (!p) return 0;
    p = skipWhite(p);
    if (load<u8>(p) == 0x7d) break;
    if (load<u8>(p) != 0x2c) return fail(FAULT_SYNTAX, p, node);
    p = skipWhite(p + 1);
  }
  depth -= 1;
  if (members == 1 && tag) lookTag = <usize>load<u32>(tag, ENTRY_NODE);
  chooseRecord(node, records);
  return p;
}
