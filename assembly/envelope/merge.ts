/**
 * Members that a frame gives to all of its events (abi.ts, MERGE_): each event's text is written
 * anew with them in it, and then read like any other. Where both sides are objects, they are merged
 * as Object.assign does: the lower one's members first, in their order, the upper one's values
 * before the lower one's; else the upper value stands, unless it is null. Linear in the texts.
 *
 * ```
 * members of the lower object, on the stack
 *   +0 decoded name   +4 its length   +8 member's text   +12 its end   +16 upper's text   +20 end
 * then a hash table of their addresses, 0 = free, at most half taken
 * ```
 */
import {
  DIALECT_MERGES,
  DIALECT_MERGE_COUNT,
  MERGED_BYTES_MAX,
  MERGES_MAX,
  MERGE_BYTES,
  MERGE_FROM,
  MERGE_FROM_BYTES,
  MERGE_HOST,
  MERGE_LABEL,
  MERGE_LABEL_BYTES,
  MERGE_LAST,
  MERGE_LAST_BYTES,
  MERGE_OWN,
  MERGE_OWN_BYTES,
  MERGE_STEP,
  MERGE_STEPS,
  MERGE_STEP_BYTES,
  PARAMS,
  PARAM_HOST_BYTES,
  PARAM_HOST_TEXT,
  PARAM_MERGED,
  PARAM_MERGED_END,
  RESULT,
} from "../abi";
import { stack, stackEnd } from "../arena";
import { hashKey } from "../avro/keys";
import { equalBytes } from "../avro/names";
import { skipValue } from "../json/skip";
import { readText, textCopied, textEnd, textStart } from "../json/string";
import { skipWhite } from "../json/white";
import { dialect, isNamed } from "./dialect";
import { memberValue, toNext, toValue } from "./members";

const MEMBER_BYTES: usize = 32;
/** What is merged into all events of a frame together: it bounds the work for a short text. */
const EXTRA_BYTES_MAX: usize = 4 * 1024 * 1024;
/** Zero bytes behind a text, which go on no token. */
const PADDING: usize = 64;

// The frame's values, 0 where it has none; and what is merged into events, as texts of their own.
const FROM: usize = RESULT + 0x180;
const LOWER: usize = RESULT + 0x1c0;

/** Something is merged into the events of this frame. */
export let isMerging: bool = false;
/** Free part of the room for merged texts. */
let free: usize = 0;
let freeEnd: usize = 0;
/** First free byte for events; below are the frame's values. */
let firstFree: usize = 0;
/** What has been merged into events so far. */
let extra: usize = 0;
/** Text being written; `room` is false once there was none. */
let to: usize = 0;
let hasRoom: bool = true;

function entryOf(index: u32): usize {
  return <usize>load<u32>(dialect, DIALECT_MERGES) + (<usize>index) * <usize>MERGE_BYTES;
}

function mergeCount(): u32 {
  return dialect ? load<u32>(dialect, DIALECT_MERGE_COUNT) : 0;
}

/** Forgets the last frame's values. */
export function openMerges(): void {
  isMerging = false;
  memory.fill(FROM, 0, <usize>MERGES_MAX << 2);
  free = <usize>load<u32>(PARAMS + PARAM_MERGED);
  freeEnd = <usize>load<u32>(PARAMS + PARAM_MERGED_END);
  firstFree = free;
}

/** Forgets the texts of all events. */
export function resetMerged(): void {
  free = firstFree;
  extra = 0;
}

/** Number, from 1, of the merged member called [textStart, textEnd); 0: none. */
export function mergedMember(): u32 {
  const count = mergeCount();
  for (let i: u32 = 0; i < count; i++) {
    const entry = entryOf(i);
    if (load<u32>(entry, MERGE_FROM_BYTES) && isNamed(entry + MERGE_FROM)) return i + 1;
  }
  return 0;
}

/** The frame's value of a merged member, by its number; 0: none after all. */
export function setMerged(number: u32, value: usize): void {
  store<u32>(FROM + (<usize>(number - 1) << 2), <u32>value);
}

/** Forgets the frame's values: its object was the event itself. */
export function dropMerged(): void {
  memory.fill(FROM, 0, <usize>MERGES_MAX << 2);
}

function put(from: usize, end: usize): void {
  const bytes = end - from;
  if (!hasRoom || end < from || to + bytes + PADDING > freeEnd) {
    hasRoom = false;
    return;
  }
  memory.copy(to, from, bytes);
  to += bytes;
}

function putByte(value: u8): void {
  if (!hasRoom || to + PADDING > freeEnd) {
    hasRoom = false;
    return;
  }
  store<u8>(to, value);
  to += 1;
}

/** Ends the text being written; false if it is not whole. */
function endText(): bool {
  if (hasRoom) memory.fill(to, 0, PADDING);
  return hasRoom;
}

/**
 * Makes what is merged into each event out of the host's values and the frame's; false if that is
 * too much.
 */
export function settleMerges(): bool {
  const count = mergeCount();
  const hostBytes = load<u32>(PARAMS + PARAM_HOST_BYTES);
  isMerging = false;
  free = <usize>load<u32>(PARAMS + PARAM_MERGED);
  hasRoom = true;
  let total: usize = 0;
  for (let i: u32 = 0; i < count; i++) {
    const entry = entryOf(i);
    const value = <usize>load<u32>(FROM + (<usize>i << 2));
    const usesHost = hostBytes && load<u32>(entry, MERGE_HOST);
    const host = usesHost ? <usize>load<u32>(PARAMS + PARAM_HOST_TEXT) : 0;
    const lower = LOWER + (<usize>i << 2);
    store<u32>(lower, 0);
    if (load<u32>(entry, MERGE_OWN_BYTES)) isMerging = true;
    if (!host && !value) continue;
    to = free;
    if (!mergeValues(host, value) || !endText()) return false;
    total += to - free;
    if (total > <usize>MERGED_BYTES_MAX) return false;
    store<u32>(lower, <u32>free);
    free = (to + PADDING + 15) & ~15;
    isMerging = true;
  }
  firstFree = free;
  return true;
}

/**
 * The text of the sound event [start, ownEnd) with all that is merged into it: its address, 0 if
 * that is too much for one frame. Its end is what skipValue says.
 */
export function mergeEvent(start: usize, ownEnd: usize): usize {
  const count = mergeCount();
  const first = free;
  let text = start;
  hasRoom = true;
  for (let i: u32 = 0; i < count; i++) {
    const next = mergeInto(text, entryOf(i), <usize>load<u32>(LOWER + (<usize>i << 2)));
    if (!next) return 0;
    text = next;
  }
  const end = skipValue(text);
  to = first;
  put(text, end);
  if (!endText()) return 0;
  extra += max(to - first, ownEnd - start) - (ownEnd - start);
  free = (to + PADDING + 15) & ~15;
  return extra <= EXTRA_BYTES_MAX ? first : 0;
}

/** One merged member; returns where the new text is: the old one's place if nothing is to do. */
function mergeInto(text: usize, entry: usize, lower: usize): usize {
  if (load<u8>(text) != 0x7b) return text;
  let target = text;
  if (load<u32>(entry, MERGE_STEPS) == 2) {
    target = memberValue(text, load<u32>(entry, MERGE_STEP), load<u32>(entry, MERGE_STEP_BYTES));
    if (!target || load<u8>(target) != 0x7b) return text;
  }
  const ownBytes = <usize>load<u32>(entry, MERGE_OWN_BYTES);
  const own = ownBytes ? memberValue(text, load<u32>(entry, MERGE_OWN), ownBytes) : 0;
  let below = lower;
  if (own) {
    to = free;
    if (!mergeValues(lower, own) || !endText()) return 0;
    below = free;
    free = (to + PADDING + 15) & ~15;
  }
  if (!below) return text;
  const last = <usize>load<u32>(entry, MERGE_LAST);
  const value = memberValue(target, last, <usize>load<u32>(entry, MERGE_LAST_BYTES));
  const result = free;
  to = free;
  if (value) {
    put(text, value);
    if (!mergeValues(below, value)) return 0;
    put(skipValue(value), skipValue(text));
  } else {
    const close = skipValue(target) - 1;
    put(text, close);
    if (load<u8>(skipWhite(target + 1)) != 0x7d) putByte(0x2c);
    const label = <usize>load<u32>(entry, MERGE_LABEL);
    put(label, label + <usize>load<u32>(entry, MERGE_LABEL_BYTES));
    put(below, skipValue(below));
    put(close, skipValue(text));
  }
  if (!endText()) return 0;
  free = (to + PADDING + 15) & ~15;
  return result;
}

/** Writes both sound values as one (0: none, as null is); false if there is no room. */
function mergeValues(lower: usize, upper: usize): bool {
  const hasUpper = upper != 0 && load<u8>(upper) != 0x6e;
  const hasLower = lower != 0 && load<u8>(lower) != 0x6e;
  if (hasUpper && hasLower && load<u8>(upper) == 0x7b && load<u8>(lower) == 0x7b) {
    return mergeObjects(lower, upper);
  }
  const value = hasUpper || !hasLower ? (upper ? upper : lower) : lower;
  put(value, skipValue(value));
  return hasRoom;
}

let members: usize = 0;
let memberCount: u32 = 0;
let table: usize = 0;
let tableMask: u32 = 0;
let top: usize = 0;

/** Reads the members of the object at `at` onto the stack, and their names into a table. */
function readLower(at: usize): bool {
  members = stack;
  memberCount = 0;
  top = members;
  for (let p = skipWhite(at + 1); load<u8>(p) == 0x22; ) {
    if (top + MEMBER_BYTES > stackEnd) return false;
    const value = toValue(readText(p));
    const end = skipValue(value);
    store<u32>(top, <u32>p, 8);
    store<u32>(top, <u32>end, 12);
    store<u32>(top, 0, 16);
    top += MEMBER_BYTES;
    memberCount += 1;
    p = toNext(end);
  }
  let size: u32 = 16;
  while (size < memberCount << 1) size <<= 1;
  table = top;
  tableMask = size - 1;
  top = table + (<usize>size << 2);
  if (top > stackEnd) return false;
  memory.fill(table, 0, <usize>size << 2);
  for (let i: u32 = 0; i < memberCount; i++) {
    const member = members + <usize>i * MEMBER_BYTES;
    readText(<usize>load<u32>(member, 8));
    let name = textStart;
    const bytes = textEnd - textStart;
    if (textCopied) {
      if (top + bytes > stackEnd) return false;
      memory.copy(top, textStart, bytes);
      name = top;
      top += bytes;
    }
    store<u32>(member, <u32>name);
    store<u32>(member, <u32>bytes, 4);
    store<u32>(findSlot(name, bytes), <u32>member);
  }
  return true;
}

/** Slot of the name, or the free one where it belongs. Of equal names the first keeps its slot. */
function findSlot(name: usize, bytes: usize): usize {
  let index = hashKey(name, bytes) & tableMask;
  while (true) {
    const slot = table + (<usize>index << 2);
    const member = <usize>load<u32>(slot);
    if (!member) return slot;
    const isSame = load<u32>(member, 4) == <u32>bytes;
    if (isSame && equalBytes(<usize>load<u32>(member), name, bytes)) return slot;
    index = (index + 1) & tableMask;
  }
}

/** Member of the lower object called [textStart, textEnd), or 0. */
function lowerMember(): usize {
  return <usize>load<u32>(findSlot(textStart, textEnd - textStart));
}

function mergeObjects(lower: usize, upper: usize): bool {
  if (!readLower(lower)) return false;
  for (let p = skipWhite(upper + 1); load<u8>(p) == 0x22; ) {
    const behind = readText(p);
    const member = lowerMember();
    const end = skipValue(toValue(behind));
    if (member && !load<u32>(member, 16)) {
      store<u32>(member, <u32>p, 16);
      store<u32>(member, <u32>end, 20);
    }
    p = toNext(end);
  }
  putByte(0x7b);
  for (let i: u32 = 0; i < memberCount; i++) {
    const member = members + <usize>i * MEMBER_BYTES;
    const side: usize = load<u32>(member, 16) ? 16 : 8;
    if (i) putByte(0x2c);
    put(<usize>load<u32>(member + side), <usize>load<u32>(member + side, 4));
  }
  let count = memberCount;
  for (let p = skipWhite(upper + 1); load<u8>(p) == 0x22; ) {
    const behind = readText(p);
    const member = lowerMember();
    const end = skipValue(toValue(behind));
    if (!member || load<u32>(member, 16) != <u32>p) {
      if (count) putByte(0x2c);
      put(p, end);
      count += 1;
    }
    p = toNext(end);
  }
  putByte(0x7d);
  return hasRoom;
}
