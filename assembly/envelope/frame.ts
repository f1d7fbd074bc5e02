/**
 * One frame: NDJSON lines, a bare array, an object that holds the events, a single event. Which of
 * them is told by content while reading; the rare member that comes late and changes the answer
 * makes the events be read again, once.
 */
import {
  COLUMN_EVENT_END,
  COLUMN_EVENT_START,
  COLUMN_KIND,
  DETAIL_EVENTS_NOT_ARRAY,
  DETAIL_EVENTS_TWICE,
  DETAIL_DEPTH,
  DETAIL_MEMBER_TWICE,
  DETAIL_NONE,
  DETAIL_NOT_OBJECT,
  DETAIL_NO_EVENTS,
  DETAIL_NO_T,
  DETAIL_SEQ,
  DETAIL_UTF8,
  FAULT_DEPTH,
  FAULT_NONE,
  FAULT_SYNTAX,
  FAULT_UTF8,
  INPUT_PADDING,
  NODE_EVENT,
  PARAM_EVENTS_MAX,
  PARAM_INPUT,
  PARAM_SHAPE,
  PARAMS,
  PROBLEM_BAD_FRAME,
  PROBLEM_BAD_JSON,
  PROBLEM_CONTROL,
  PROBLEM_EMPTY,
  PROBLEM_NONE,
  PROBLEM_TOO_LARGE,
  PROBLEM_TOO_MANY,
  RESULT,
  RESULT_DETAIL,
  RESULT_OFFSET,
  RESULT_PROBLEM,
  RESULT_ROWS,
  RESULT_SENT_AT,
  RESULT_SEQ,
  RESULT_T_END,
  RESULT_T_START,
  SHAPE_NDJSON,
  SHAPE_PUB,
  STATUS_INVALID,
} from "../abi";
import { depth, fail, faultAt, faultKind, openEvent } from "../arena";
import { skipValue } from "../json/skip";
import { closeOriginals } from "../avro/originals";
import { splitValue } from "../json/split";
import { readText } from "../json/string";
import { firstIllFormed, isUtf8 } from "../json/utf8";
import { readWhole, whole } from "../json/whole";
import { lineEnd, skipWhite } from "../json/white";
import { arena, isOverfull, resetArena, takeEvent } from "./event";
import { dialect, isOwn, openDialect } from "./dialect";
import { finishRows } from "./finish";
import { readMillis } from "./instant";
import { frameEnd, isIllFormed, openFrameText } from "./judge";
import {
  NAME_EVENTS,
  NAME_MERGED,
  NAME_SCHEMA,
  NAME_SENT_AT,
  NAME_SEQ,
  NAME_T,
  NAME_TYPE,
  dialectMember,
  frameMember,
} from "./frame-names";
import { dropMerged, openMerges, setMerged, settleMerges } from "./merge";
import { TEXT_STRING, toNext, toValue, valueText, valueTextEnd, valueTextStart } from "./members";
import { resetRoutes } from "./route";
import { cell, setCell, setFault, setStatus, statusOf } from "./row";
import { setFrameDefaults } from "./settle";

let rows: u32 = 0;
let input: usize = 0;

// What the members of a frame's object said.
let eventsAt: usize = 0;
let eventsEnd: usize = 0;
let typeAt: usize = 0;
let schemaAt: usize = 0;
let tAt: usize = 0;
/** First fault besides syntax in a member that is no event: it does not hide where that ends. */
let softKind: u32 = FAULT_NONE;
let softAt: usize = 0;
/** The events have been read before all members that matter to them were known. */
let isStale: bool = false;

function problem(kind: u32, at: usize, detail: u32): usize {
  store<u32>(RESULT + RESULT_PROBLEM, kind);
  store<u32>(RESULT + RESULT_OFFSET, <u32>(at - input));
  store<u32>(RESULT + RESULT_DETAIL, detail);
  return 0;
}

/** The text around the events is not sound. Always 0. */
function broken(): usize {
  const detail =
    faultKind == FAULT_UTF8 ? DETAIL_UTF8 : faultKind == FAULT_DEPTH ? DETAIL_DEPTH : DETAIL_NONE;
  return problem(PROBLEM_BAD_JSON, faultAt, detail);
}

function resetRows(): void {
  rows = 0;
  resetArena();
}

/** Events of the array whose bracket is at `p`; returns what follows it, or 0. */
function takeArray(at: usize): usize {
  const most = load<u32>(PARAMS + PARAM_EVENTS_MAX);
  let p = skipWhite(at + 1);
  if (load<u8>(p) == 0x5d) return p + 1;
  while (true) {
    if (rows >= most) return problem(PROBLEM_TOO_MANY, p, DETAIL_NONE);
    p = takeEvent(rows, p);
    if (!p) return broken();
    if (isOverfull) return problem(PROBLEM_TOO_LARGE, p, DETAIL_NONE);
    rows += 1;
    p = skipWhite(p);
    const c = load<u8>(p);
    if (c == 0x5d) return p + 1;
    if (c != 0x2c) {
      fail(FAULT_SYNTAX, p, 0);
      return broken();
    }
    p = skipWhite(p + 1);
  }
}

/** White space to the end of the frame? */
function endFrame(p: usize): usize {
  const end = skipWhite(p);
  if (end == frameEnd) return end;
  fail(FAULT_SYNTAX, end, 0);
  return broken();
}

/** Events one per line. The newline becomes a zero byte, so that no event goes on behind it. */
function takeLines(): usize {
  const most = load<u32>(PARAMS + PARAM_EVENTS_MAX);
  let line = input;
  while (line < frameEnd) {
    const end = lineEnd(line, frameEnd);
    store<u8>(end, 0);
    const start = skipWhite(line);
    if (start < end) {
      if (rows >= most) return problem(PROBLEM_TOO_MANY, start, DETAIL_NONE);
      takeLine(start, end);
      if (isOverfull) return problem(PROBLEM_TOO_LARGE, start, DETAIL_NONE);
      rows += 1;
    }
    line = end + 1;
  }
  return rows ? line : problem(PROBLEM_EMPTY, input, DETAIL_NONE);
}

function takeLine(start: usize, end: usize): void {
  const next = takeEvent(rows, start);
  let last = end;
  while (last > start && load<u8>(last - 1) <= 0x20) last -= 1;
  // A text that was merged stands elsewhere and has its own end.
  if (cell(COLUMN_EVENT_START, rows) == start) setCell(COLUMN_EVENT_END, rows, last);
  if (!next) return;
  const rest = skipWhite(next);
  if (rest == end) return;
  if (statusOf(rows) == STATUS_INVALID && soundnessKind(rows)) return;
  const isText = isIllFormed && firstIllFormed(rest, end) == rest;
  setStatus(rows, STATUS_INVALID);
  setFault(rows, isText ? FAULT_UTF8 : FAULT_SYNTAX, rest, NODE_EVENT, 0);
}

function soundnessKind(row: u32): bool {
  return load<u8>(<usize>COLUMN_KIND + row) <= FAULT_DEPTH;
}

/** What the frame's members say is merged into its events; false, and a problem, if too much. */
function openMerging(at: usize): bool {
  if (!dialect || settleMerges()) return true;
  problem(PROBLEM_TOO_LARGE, at, DETAIL_NONE);
  return false;
}

/** Takes in one member with its value at `p`; returns what follows it, 0 after a problem. */
function takeMember(name: u32, p: usize, isPub: bool): usize {
  if (name == NAME_EVENTS) {
    if (load<u8>(p) == 0x5b) {
      if (eventsAt) return problem(PROBLEM_BAD_FRAME, p, DETAIL_EVENTS_TWICE);
      eventsAt = p;
      if (isPub) setFrameDefaults(typeAt, schemaAt);
      if (!openMerging(p)) return 0;
      eventsEnd = takeArray(p);
      return eventsEnd;
    }
    if (isPub) return problem(PROBLEM_BAD_FRAME, p, DETAIL_EVENTS_NOT_ARRAY);
  } else if (name == NAME_TYPE) {
    if (eventsAt) isStale = true;
    typeAt = p;
  } else if (name == NAME_SCHEMA) {
    if (eventsAt) isStale = true;
    schemaAt = p;
  } else if (name == NAME_SENT_AT) {
    store<f64>(RESULT + RESULT_SENT_AT, readMillis(p, 1));
  } else if (name > NAME_MERGED) {
    if (eventsAt) isStale = true;
    const end = skipMember(p);
    if (end && softKind == FAULT_NONE) setMerged(name - NAME_MERGED, p);
    return end;
  } else if (name == NAME_T) {
    if (tAt && isPub) return problem(PROBLEM_BAD_FRAME, p, DETAIL_MEMBER_TWICE);
    tAt = p;
  } else if (name == NAME_SEQ && isPub) {
    const c = load<u8>(p);
    const isNumber = <u32>c - 0x30 < 10;
    if (!isNumber || !readWhole(p) || whole < 1 || whole > 9007199254740991) {
      return problem(PROBLEM_BAD_FRAME, p, DETAIL_SEQ);
    }
    store<u64>(RESULT + RESULT_SEQ, whole);
  }
  return skipMember(p);
}

/** Walks over a member's value; deep nesting and lone surrogates in it are judged later. */
function skipMember(p: usize): usize {
  let end = skipValue(p);
  if (!end && faultKind != FAULT_SYNTAX) {
    if (softKind == FAULT_NONE) {
      softKind = faultKind;
      softAt = faultAt;
    }
    end = splitValue(p);
  }
  return end ? end : broken();
}

/** Reads all members of the object at `start`; returns what follows it, 0 after a problem. */
function takeMembers(start: usize, isPub: bool): usize {
  let p = skipWhite(start + 1);
  if (load<u8>(p) != 0x22 && load<u8>(p) != 0x7d) {
    fail(FAULT_SYNTAX, p, 0);
    return broken();
  }
  while (load<u8>(p) == 0x22) {
    openEvent(0, 0);
    depth = 1;
    const behind = readText(p);
    const name = !behind ? 0 : dialect ? dialectMember(isPub) : frameMember();
    const value = behind ? toValue(behind) : 0;
    if (!value) return broken();
    p = takeMember(name, value, isPub);
    if (!p) return 0;
    if (!isPub && name == NAME_TYPE) return p;
    p = toNext(p);
    if (!p) return broken();
  }
  return p + 1;
}

/** Is the text outside the events sound? */
function frameTextIsSound(): bool {
  if (softKind != FAULT_NONE) {
    fail(softKind, softAt, 0);
    return broken() != 0;
  }
  if (!isIllFormed) return true;
  const middle = eventsAt ? eventsAt : frameEnd;
  let bad = firstIllFormed(input, middle);
  if (eventsAt && bad == middle) bad = firstIllFormed(eventsEnd, frameEnd);
  if (bad == frameEnd) return true;
  problem(PROBLEM_BAD_JSON, bad, DETAIL_UTF8);
  return false;
}

function takeObject(start: usize): usize {
  const end = takeMembers(start, false);
  if (!end) return 0;
  if (!eventsAt || typeAt) {
    if (!isOwn) store<f64>(RESULT + RESULT_SENT_AT, NaN);
    dropMerged();
    if (!openMerging(start)) return 0;
    resetRows();
    const next = takeEvent(0, start);
    if (!next) return broken();
    if (isOverfull) return problem(PROBLEM_TOO_LARGE, start, DETAIL_NONE);
    rows = 1;
    return endFrame(next);
  }
  if (!endFrame(end) || !frameTextIsSound()) return 0;
  return isStale ? takeAgain() : end;
}

/** Reads the events again, now that all members that matter to them are known. */
function takeAgain(): usize {
  if (!openMerging(eventsAt)) return 0;
  resetRows();
  return takeArray(eventsAt);
}

/** Is the string at `tAt` "pub"? Leaves its text in RESULT. */
function readT(): bool {
  if (!tAt || load<u8>(tAt) != 0x22) return false;
  openEvent(arena, arena + 0x10000);
  if (valueText(tAt) != TEXT_STRING) return false;
  store<u32>(RESULT + RESULT_T_START, <u32>valueTextStart);
  store<u32>(RESULT + RESULT_T_END, <u32>valueTextEnd);
  return true;
}

function isPubText(): bool {
  const start = load<u32>(RESULT + RESULT_T_START);
  const bytes = load<u32>(RESULT + RESULT_T_END) - start;
  return bytes == 3 && (load<u32>(start) & 0xffffff) == 0x627570;
}

function takePub(start: usize): usize {
  if (load<u8>(start) != 0x7b) {
    const end = skipValue(start);
    if (!end) return broken();
    return endFrame(end) && problem(PROBLEM_BAD_FRAME, start, DETAIL_NOT_OBJECT);
  }
  const end = takeMembers(start, true);
  if (!end || !endFrame(end)) return 0;
  if (!frameTextIsSound()) return 0;
  if (!readT()) return problem(PROBLEM_BAD_FRAME, start, DETAIL_NO_T);
  if (!isPubText()) return problem(PROBLEM_CONTROL, start, DETAIL_NONE);
  if (!eventsAt) return problem(PROBLEM_BAD_FRAME, start, DETAIL_NO_EVENTS);
  if (!load<u64>(RESULT + RESULT_SEQ)) return problem(PROBLEM_BAD_FRAME, start, DETAIL_SEQ);
  if (isStale) {
    setFrameDefaults(typeAt, schemaAt);
    return takeAgain();
  }
  return end;
}

/** Encodes the frame of `bytes` bytes at INPUT; the answer is in RESULT and TABLE. */
export function encodeFrame(bytes: usize): void {
  input = load<u32>(PARAMS + PARAM_INPUT);
  const end = input + bytes;
  for (let i: usize = 0; i < INPUT_PADDING; i += 16) v128.store(end + i, i64x2.splat(0));
  store<u32>(RESULT + RESULT_PROBLEM, PROBLEM_NONE);
  store<u64>(RESULT + RESULT_SEQ, 0);
  store<f64>(RESULT + RESULT_SENT_AT, NaN);
  rows = 0;
  eventsAt = 0;
  eventsEnd = 0;
  typeAt = 0;
  schemaAt = 0;
  tAt = 0;
  isStale = false;
  softKind = FAULT_NONE;
  resetRoutes();
  setFrameDefaults(0, 0);
  openFrameText(end, !isUtf8(input, end));
  resetArena();
  openDialect();
  openMerges();
  openEvent(0, 0);
  if (openMerging(input)) takeFrame();
  if (load<u32>(RESULT + RESULT_PROBLEM) != PROBLEM_NONE) rows = 0;
  finishRows(rows, arena);
  closeOriginals();
  store<u32>(RESULT + RESULT_ROWS, rows);
}

function takeFrame(): void {
  const shape = load<u32>(PARAMS + PARAM_SHAPE);
  if (shape == SHAPE_NDJSON) {
    takeLines();
    return;
  }
  const start = skipWhite(input);
  const c = load<u8>(start);
  if (start == frameEnd) problem(PROBLEM_EMPTY, start, DETAIL_NONE);
  else if (shape == SHAPE_PUB) takePub(start);
  else if (c == 0x7b) takeObject(start);
  else if (c == 0x5b) {
    const next = takeArray(start);
    if (next) endFrame(next);
  } else {
    const next = takeEvent(0, start);
    rows = 1;
    if (next) endFrame(next);
    else broken();
  }
}
