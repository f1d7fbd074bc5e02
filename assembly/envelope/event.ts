/**
 * One event: finds its type, encodes its record, fills its row. The native envelope's members come
 * in any order; `data` is encoded on the spot when the type is known by then, else at the end.
 */
import {
  COLUMN_EVENT_END,
  COLUMN_EVENT_START,
  COLUMN_EXTRA,
  COLUMN_ID_START,
  COLUMN_IGNORED,
  COLUMN_KEY_START,
  COLUMN_ROUTE,
  COLUMN_SCHEMA_END,
  COLUMN_SCHEMA_START,
  COLUMN_VALUE_END,
  COLUMN_VALUE_START,
  DIALECT_DEPTH,
  FAULT_DUPLICATE,
  FAULT_MISSING,
  FAULT_NONE,
  FAULT_SYNTAX,
  FAULT_TOO_LARGE,
  FAULT_TYPE,
  NODE_DATA,
  NODE_EVENT,
  PARAMS,
  PARAM_ARENA,
  PARAM_ARENA_END,
  PARAM_EVENT_BYTES_MAX,
  PARAM_PAYLOAD,
  PARAM_POISON,
  PARAM_RECORD_BYTES_MAX,
  PARAM_TYPE_MEMBER,
  PARAM_TYPE_MEMBER_BYTES,
  PAYLOAD_DATA,
  PLAN_ROOT,
  POINTER_KIND_DATA,
  POINTER_KIND_SCHEMA,
  POINTER_KIND_TYPE,
  RESULT,
  RESULT_CURRENT,
  ROUTE_INDEX,
  ROUTE_PLAN,
  ROUTE_SCHEMA_ID,
  ROUTE_TYPE,
  ROUTE_TYPE_BYTES,
  STATUS_BAD_TIME,
  STATUS_ENCODED,
  STATUS_FAULT,
  STATUS_INVALID,
  STATUS_SCHEMA_NEEDED,
  STATUS_TOO_LARGE,
  STATUS_TYPE_UNKNOWN,
} from "../abi";
import { depth, fail, ignored, isInBounds, openEvent, out } from "../arena";
import { openOriginals, resetOriginals, rewindOriginals } from "../avro/originals";
import { encodeValue } from "../avro/value";
import { skipValue } from "../json/skip";
import { firstIllFormed } from "../json/utf8";
import { readText, textCopied, textEnd, textStart } from "../json/string";
import { skipWhite } from "../json/white";
import { readMillis } from "./instant";
import { detailedRoute, dialect, firstValue, isOwn, readMembers } from "./dialect";
import { frameEnd, isIllFormed, judge, openFrameText } from "./judge";
import { memberValue, toNext, toValue } from "./members";
import { isMerging, mergeEvent, resetMerged } from "./merge";
import { pointerCount, resetSlots } from "./pointer";
import {
  cell,
  openRow,
  refuse,
  setCell,
  setFault,
  setStatus,
  setTime,
  statusOf,
  takeActorAndSession,
  takeId,
  takeKey,
  takeKeyByPointers,
  takeTime,
  timeOf,
} from "./row";
import {
  CTX,
  DATA,
  ID,
  KEY,
  REFERENCE,
  TS,
  TYPE,
  UNKNOWN,
  at,
  checkKey,
  encodedBy,
  firstAt,
  firstField,
  firstKind,
  firstNode,
  keepFirst,
  keepRecordFault,
  openSettling,
  recordAt,
  recordField,
  recordKind,
  recordNode,
  reference,
  referenceEnd,
  refineRoute,
  route,
  setAt,
  setEncodedBy,
  settleRoute,
} from "./settle";

/** The frame gives its events too much: it is refused whole. */
export let isOverfull: bool = false;
/** Bytes of the event as it was sent, where members were merged into it; else 0. */
let ownBytes: usize = 0;

/** Free part of the arena. */
export let arena: usize = 0;
/** The next event's record goes to the beginning of the arena again. */
export function resetArena(): void {
  arena = load<u32>(PARAMS + PARAM_ARENA);
  resetMerged();
  isOverfull = false;
  resetOriginals();
}

function memberOfWord(word: u64): u32 {
  if ((word & 0xffffffffff) == 0x2261746164) return DATA;
  if ((word & 0xffffffffff) == 0x2265707974) return TYPE;
  if ((word & 0xffffff) == 0x226469) return ID;
  if ((word & 0xffffff) == 0x227374) return TS;
  if ((word & 0xffffffff) == 0x2279656b) return KEY;
  if ((word & 0xffffffff) == 0x22787463) return CTX;
  if ((word & 0xffffffffffffff) == 0x22616d65686373) return REFERENCE;
  return UNKNOWN;
}

/** Behind the name of the member last read by readMember; 0 if it is not sound. */
let memberEnd: usize = 0;

/** Which member of the envelope has its name's quote at `p`? */
function readMember(p: usize): u32 {
  const member = memberOfWord(load<u64>(p + 1));
  memberEnd = readText(p);
  if (!memberEnd || member != UNKNOWN || !textCopied) return member;
  store<u8>(textEnd, 0x22);
  return memberOfWord(load<u64>(textStart));
}

/** Encodes the record whose text begins at `p` by the settled route; returns its end, or 0. */
function encodeRecordAt(p: usize): usize {
  setEncodedBy();
  rewindOriginals();
  ignored = 0;
  out = arena;
  const plan = <usize>load<u32>(route, ROUTE_PLAN);
  resetSlots(plan, p);
  store<u8>(out, 0);
  store<u32>(out, bswap<u32>(load<u32>(route, ROUTE_SCHEMA_ID)), 1);
  out += 5;
  const level = depth;
  const end = encodeValue(p, <usize>load<u32>(plan, PLAN_ROOT));
  if (end) return end;
  keepRecordFault();
  depth = level;
  return skipValue(p);
}

/** The value of `data` at `p`: encodes it if the type is known, else walks over it. */
function takeData(p: usize): usize {
  if (load<u8>(p) == 0x6e || encodedBy || !settleRoute() || reference) return skipValue(p);
  return encodeRecordAt(p);
}

/** Members of the envelope whose brace is at `start`; returns the event's end, or 0. */
function nativeEvent(start: usize): usize {
  if (load<u8>(start) != 0x7b) {
    fail(FAULT_TYPE, start, NODE_EVENT);
    keepFirst();
    return skipValue(start);
  }
  depth = 1;
  let unknown: u32 = 0;
  let seen: u32 = 0;
  let p = skipWhite(start + 1);
  if (load<u8>(p) != 0x7d && load<u8>(p) != 0x22) return fail(FAULT_SYNTAX, p, 0);
  while (load<u8>(p) == 0x22) {
    const member = readMember(p);
    if (!memberEnd) return 0;
    const name = p;
    p = toValue(memberEnd);
    if (!p) return 0;
    if (member == UNKNOWN) {
      unknown += 1;
      p = skipValue(p);
    } else if (seen & (1 << member)) {
      fail(FAULT_DUPLICATE, name, NODE_EVENT);
      keepFirst();
      p = skipValue(p);
    } else {
      seen |= 1 << member;
      setAt(member, p);
      p = member == DATA ? takeData(p) : skipValue(p);
    }
    if (!p) return 0;
    p = toNext(p);
    if (!p) return 0;
  }
  depth = 1;
  if (!finishData(p)) return 0;
  ignored += unknown;
  return p + 1;
}

/** At the closing brace: encodes `data` if that had to wait, or anew by another schema. */
function finishData(close: usize): bool {
  const decided = settleRoute();
  const data = at(DATA);
  if (!data || load<u8>(data) == 0x6e) {
    fail(FAULT_MISSING, close, NODE_DATA);
    keepFirst();
    return true;
  }
  if (!decided || reference) return true;
  return encodedBy == route || encodeRecordAt(data) != 0;
}

/** The bare event is the record; its type stands in the member that the frame's context names. */
function wholeEvent(start: usize): usize {
  const name = <usize>load<u32>(PARAMS + PARAM_TYPE_MEMBER);
  const bytes = <usize>load<u32>(PARAMS + PARAM_TYPE_MEMBER_BYTES);
  if (bytes) {
    depth = 1;
    setAt(TYPE, memberValue(start, name, bytes));
    depth = 0;
  }
  return settleRoute() && !reference ? encodeRecordAt(start) : skipValue(start);
}

/** An event of a dialect that says itself where its members are; returns the event's end, or 0. */
function dialectEvent(start: usize): usize {
  const end = skipValue(start);
  if (!end) return 0;
  readMembers(start);
  setAt(TYPE, firstValue(POINTER_KIND_TYPE));
  setAt(REFERENCE, firstValue(POINTER_KIND_SCHEMA));
  const decided = settleRoute();
  if (decided && !reference) {
    const type = load<u32>(route, ROUTE_TYPE);
    refineRoute(detailedRoute(type, load<u32>(route, ROUTE_TYPE_BYTES)));
  }
  const isWhole = pointerCount(dialect, POINTER_KIND_DATA) == 0;
  const record = isWhole ? start : firstValue(POINTER_KIND_DATA);
  if (!record) {
    if (load<u8>(start) == 0x7b) fail(FAULT_MISSING, end - 1, NODE_DATA);
    else fail(FAULT_TYPE, start, NODE_EVENT);
    keepFirst();
  } else if (decided && !reference) {
    depth = load<u32>(dialect, DIALECT_DEPTH);
    encodeRecordAt(record);
  }
  return end;
}

function refuseInvalid(row: u32, kind: u32, where: usize, node: usize, field: u32): void {
  setStatus(row, STATUS_INVALID);
  setFault(row, kind, where, node, field);
}

/** Status of a sound event. */
function settleStatus(row: u32, start: usize, end: usize): void {
  if (firstKind == FAULT_TYPE && firstNode == NODE_EVENT) {
    return refuseInvalid(row, firstKind, firstAt, firstNode, 0);
  }
  if (!route) return setStatus(row, STATUS_TYPE_UNKNOWN);
  setCell(COLUMN_ROUTE, row, load<u32>(route, ROUTE_INDEX));
  setCell(COLUMN_EXTRA, row, route);
  const eventMax = <usize>load<u32>(PARAMS + PARAM_EVENT_BYTES_MAX);
  if ((ownBytes ? ownBytes : end - start) > eventMax) return setStatus(row, STATUS_TOO_LARGE);
  const isRecordFault = recordKind != FAULT_NONE && recordKind != FAULT_TOO_LARGE && !reference;
  if (isRecordFault && (firstKind == FAULT_NONE || recordAt < firstAt)) {
    return refuseInvalid(row, recordKind, recordAt, recordNode, recordField);
  }
  if (firstKind != FAULT_NONE) return refuseInvalid(row, firstKind, firstAt, firstNode, firstField);
  if (reference) {
    setStatus(row, STATUS_SCHEMA_NEEDED);
    setCell(COLUMN_SCHEMA_START, row, reference);
    return setCell(COLUMN_SCHEMA_END, row, referenceEnd);
  }
  const tooLong = out - arena > <usize>load<u32>(PARAMS + PARAM_RECORD_BYTES_MAX);
  if (recordKind == FAULT_TOO_LARGE || tooLong) return setStatus(row, STATUS_TOO_LARGE);
  setCell(COLUMN_VALUE_START, row, arena);
  setCell(COLUMN_VALUE_END, row, out);
  setCell(COLUMN_IGNORED, row, ignored);
}

function takeEnvelopeTime(row: u32, ts: usize, plan: usize): void {
  if (!ts || load<u8>(ts) == 0x6e) {
    if (plan) takeTime(row, plan);
    return;
  }
  const millis = readMillis(ts, 1);
  setTime(row, millis);
  if (isNaN(millis)) refuse(row, STATUS_BAD_TIME, ts);
}

function takeMembers(row: u32): void {
  const isEncoded = statusOf(row) == STATUS_ENCODED;
  if (isOwn) takeMembersOf(row, dialect);
  // A refused record has left its marks up to the fault: enough for an id to answer with.
  const plan = encodedBy ? <usize>load<u32>(encodedBy, ROUTE_PLAN) : 0;
  if (!cell(COLUMN_ID_START, row)) takeId(row, plan, at(ID));
  if (isNaN(timeOf(row))) takeEnvelopeTime(row, at(TS), plan);
  if (!isEncoded) return;
  if (!cell(COLUMN_KEY_START, row)) takeKey(row, route, at(KEY));
  takeActorAndSession(row, plan);
  if (isOwn) takeActorAndSession(row, dialect);
}

/** What the dialect's own pointers find; where they find nothing, the plan's are asked. */
function takeMembersOf(row: u32, pointers: usize): void {
  takeId(row, pointers, 0);
  takeTime(row, pointers);
  if (statusOf(row) == STATUS_ENCODED) takeKeyByPointers(row, pointers);
}

function poisoned(row: u32): bool {
  return ((load<u8>(PARAMS + PARAM_POISON + (row >> 3)) >> <u8>(row & 7)) & 1) != 0;
}

/** Works the event at `start` into `row`; returns its end, or 0 if the text breaks off in it. */
export function takeEvent(row: u32, start: usize): usize {
  return isMerging ? takeMergedEvent(row, start) : takeOneEvent(row, start);
}

/** The same, with what its frame merges into it. An unsound event is left as it is. */
function takeMergedEvent(row: u32, start: usize): usize {
  openEvent(0, 0);
  const end = poisoned(row) ? 0 : skipValue(start);
  if (!end || (isIllFormed && firstIllFormed(start, end) != end)) return takeOneEvent(row, start);
  store<u32>(RESULT + RESULT_CURRENT, row);
  const wasIllFormed = isIllFormed;
  const text = mergeEvent(start, end);
  if (!text) isOverfull = true;
  // The merged text is UTF-8, and not where the frame is.
  openFrameText(frameEnd, false);
  ownBytes = end - start;
  takeOneEvent(row, text ? text : start);
  ownBytes = 0;
  openFrameText(frameEnd, wasIllFormed);
  return end;
}

function takeOneEvent(row: u32, start: usize): usize {
  store<u32>(RESULT + RESULT_CURRENT, row);
  openRow(row);
  const limit = <usize>load<u32>(PARAMS + PARAM_ARENA_END);
  const most = arena + <usize>load<u32>(PARAMS + PARAM_RECORD_BYTES_MAX) + 64;
  openEvent(arena, min(limit, most));
  openSettling();
  openOriginals(row);
  setCell(COLUMN_EVENT_START, row, start);
  let end: usize = 0;
  if (poisoned(row)) {
    end = judge(row, start);
    setStatus(row, STATUS_FAULT);
    setCell(COLUMN_EVENT_END, row, end);
    return end;
  }
  const isNative = load<u32>(PARAMS + PARAM_PAYLOAD) == PAYLOAD_DATA;
  if (isOwn) end = dialectEvent(start);
  else end = isNative ? nativeEvent(start) : wholeEvent(start);
  if (!end || isIllFormed) {
    end = judge(row, start);
    setCell(COLUMN_EVENT_END, row, end);
    if (statusOf(row) == STATUS_INVALID) return end;
  }
  setCell(COLUMN_EVENT_END, row, end);
  checkKey();
  settleStatus(row, start, end);
  // A schema reference that had to be decoded stands in the arena and stays.
  if (cell(COLUMN_VALUE_END, row) == 0 && !reference) out = arena;
  takeMembers(row);
  assert(isInBounds());
  arena = out;
  return end;
}
