/** One row of the record table: opening it, and the columns that come from the event's members. */
import {
  COLUMN_ACTOR_END,
  COLUMN_ACTOR_START,
  COLUMN_EXTRA,
  COLUMN_FAULT_AT,
  COLUMN_FAULT_FIELD,
  COLUMN_FAULT_NODE,
  COLUMN_HEADER_END,
  COLUMN_HEADER_START,
  COLUMN_ID_END,
  COLUMN_ID_START,
  COLUMN_IGNORED,
  COLUMN_KEY_END,
  COLUMN_KEY_HASH,
  COLUMN_KEY_START,
  COLUMN_KIND,
  COLUMN_ROUTE,
  COLUMN_SCHEMA_END,
  COLUMN_SCHEMA_START,
  COLUMN_SESSION_END,
  COLUMN_SESSION_START,
  COLUMN_STATUS,
  COLUMN_TIME,
  COLUMN_VALUE_END,
  COLUMN_VALUE_START,
  FAULT_TOO_LARGE,
  NODE_KEY_BYTES,
  PARAM_ID_BYTES_MAX,
  PARAM_KEY_BYTES_MAX,
  PARAMS,
  POINTER_KIND_ACTOR,
  POINTER_KIND_ID,
  POINTER_KIND_KEY,
  POINTER_KIND_SESSION,
  POINTER_KIND_TIME,
  ROUTE_FLAG_KEY_REQUIRED,
  ROUTE_FLAGS,
  ROUTE_PLAN,
  STATUS_BAD_ID,
  STATUS_ENCODED,
  STATUS_INVALID,
  STATUS_KEY_MISSING,
  STATUS_TOO_LARGE,
} from "../abi";
import { readMillis } from "./instant";
import {
  TEXT_INTEGER,
  TEXT_NO_ROOM,
  TEXT_STRING,
  valueText,
  valueTextEnd,
  valueTextStart,
} from "./members";
import { pointerCount, pointerUnit, pointerValue } from "./pointer";

// @ts-ignore: decorator
@inline
export function setCell(column: usize, row: u32, value: usize): void {
  store<u32>(column + ((<usize>row) << 2), <u32>value);
}

// @ts-ignore: decorator
@inline
export function cell(column: usize, row: u32): usize {
  return <usize>load<u32>(column + ((<usize>row) << 2));
}

export function setStatus(row: u32, status: u32): void {
  store<u8>(<usize>COLUMN_STATUS + row, status);
}

export function statusOf(row: u32): u32 {
  return load<u8>(<usize>COLUMN_STATUS + row);
}

export function setFault(row: u32, kind: u32, at: usize, node: usize, field: u32): void {
  store<u8>(<usize>COLUMN_KIND + row, kind);
  setCell(COLUMN_FAULT_AT, row, at);
  setCell(COLUMN_FAULT_NODE, row, node);
  setCell(COLUMN_FAULT_FIELD, row, field);
}

/** So many rows are cleared at once: a vector of numbers. */
const CLEARED_ROWS: u32 = 4;

// @ts-ignore: decorator
@inline
function clearCells(column: usize, row: u32, cells: v128): void {
  v128.store(column + ((<usize>row) << 2), cells);
}

/** Opens a row. Rows are opened one after the other from 0 on, and cleared some at a time. */
export function openRow(row: u32): void {
  if (row % CLEARED_ROWS) return;
  const none = i64x2.splat(0);
  store<u32>(<usize>COLUMN_STATUS + row, STATUS_ENCODED * 0x01010101);
  store<u32>(<usize>COLUMN_KIND + row, 0);
  clearCells(COLUMN_FAULT_AT, row, none);
  clearCells(COLUMN_FAULT_NODE, row, none);
  clearCells(COLUMN_FAULT_FIELD, row, none);
  clearCells(COLUMN_ROUTE, row, i64x2.splat(-1));
  clearCells(COLUMN_VALUE_START, row, none);
  clearCells(COLUMN_VALUE_END, row, none);
  clearCells(COLUMN_HEADER_START, row, none);
  clearCells(COLUMN_HEADER_END, row, none);
  clearCells(COLUMN_KEY_START, row, none);
  clearCells(COLUMN_KEY_END, row, none);
  clearCells(COLUMN_KEY_HASH, row, none);
  clearCells(COLUMN_ID_START, row, none);
  clearCells(COLUMN_ID_END, row, none);
  clearCells(COLUMN_ACTOR_START, row, none);
  clearCells(COLUMN_ACTOR_END, row, none);
  clearCells(COLUMN_SESSION_START, row, none);
  clearCells(COLUMN_SESSION_END, row, none);
  clearCells(COLUMN_SCHEMA_START, row, none);
  clearCells(COLUMN_SCHEMA_END, row, none);
  clearCells(COLUMN_IGNORED, row, none);
  clearCells(COLUMN_EXTRA, row, none);
  const noTimes = f64x2.splat(NaN);
  v128.store(<usize>COLUMN_TIME + ((<usize>row) << 3), noTimes);
  v128.store(<usize>COLUMN_TIME + ((<usize>row) << 3), noTimes, 16);
}

export function setTime(row: u32, millis: f64): void {
  store<f64>(<usize>COLUMN_TIME + ((<usize>row) << 3), millis);
}

export function timeOf(row: u32): f64 {
  return load<f64>(<usize>COLUMN_TIME + ((<usize>row) << 3));
}

/** Refuses a row that was good so far because of the value at `at`. */
export function refuse(row: u32, status: u32, at: usize): void {
  if (statusOf(row) != STATUS_ENCODED) return;
  setStatus(row, status);
  setCell(COLUMN_FAULT_AT, row, at);
}

/** Puts the text last read into two columns if it is a string or an integer of 1 … `most` bytes. */
function putText(row: u32, found: u32, start: usize, end: usize, most: usize): bool {
  if (found == TEXT_NO_ROOM) refuse(row, STATUS_TOO_LARGE, 0);
  if (found != TEXT_STRING && found != TEXT_INTEGER) return false;
  const bytes = valueTextEnd - valueTextStart;
  if (bytes == 0 || bytes > most) return false;
  setCell(start, row, valueTextStart);
  setCell(end, row, valueTextEnd);
  return true;
}

/** The envelope's id (0: none). */
export function takeId(row: u32, plan: usize, at: usize): void {
  const most = <usize>load<u32>(PARAMS + PARAM_ID_BYTES_MAX);
  if (at && load<u8>(at) != 0x6e) {
    const found = valueText(at);
    const good = found == TEXT_STRING && putText(row, found, COLUMN_ID_START, COLUMN_ID_END, most);
    if (!good) refuse(row, STATUS_BAD_ID, at);
    return;
  }
  if (!plan) return;
  const count = pointerCount(plan, POINTER_KIND_ID);
  for (let i: u32 = 0; i < count; i++) {
    const value = pointerValue(plan, POINTER_KIND_ID, i);
    if (!value) continue;
    if (putText(row, valueText(value), COLUMN_ID_START, COLUMN_ID_END, most)) return;
    if (valueTextEnd - valueTextStart > most && load<u8>(value) == 0x22) {
      refuse(row, STATUS_BAD_ID, value);
      return;
    }
  }
}

function putKey(row: u32, at: usize): bool {
  const found = valueText(at);
  const most = <usize>load<u32>(PARAMS + PARAM_KEY_BYTES_MAX);
  if (putText(row, found, COLUMN_KEY_START, COLUMN_KEY_END, most)) return true;
  const isText = found == TEXT_STRING || found == TEXT_INTEGER;
  if (!isText || valueTextEnd - valueTextStart <= most) return false;
  if (statusOf(row) == STATUS_ENCODED) {
    setStatus(row, STATUS_INVALID);
    setFault(row, FAULT_TOO_LARGE, at, NODE_KEY_BYTES, 0);
  }
  return true;
}

/** A key from the plan's pointers; false: there is none. */
export function takeKeyByPointers(row: u32, plan: usize): bool {
  const count = pointerCount(plan, POINTER_KIND_KEY);
  for (let i: u32 = 0; i < count; i++) {
    const value = pointerValue(plan, POINTER_KIND_KEY, i);
    if (value && putKey(row, value)) return true;
  }
  return false;
}

/** The envelope's key, a string or an integer by now (0: none), or the pointers'. */
export function takeKey(row: u32, route: usize, at: usize): void {
  if (at && load<u8>(at) != 0x6e && putKey(row, at)) return;
  if (takeKeyByPointers(row, <usize>load<u32>(route, ROUTE_PLAN))) return;
  if (load<u32>(route, ROUTE_FLAGS) & ROUTE_FLAG_KEY_REQUIRED) refuse(row, STATUS_KEY_MISSING, 0);
}

export function takeActorAndSession(row: u32, plan: usize): void {
  const most = <usize>load<u32>(PARAMS + PARAM_KEY_BYTES_MAX);
  const actors = pointerCount(plan, POINTER_KIND_ACTOR);
  for (let i: u32 = 0; i < actors; i++) {
    const value = pointerValue(plan, POINTER_KIND_ACTOR, i);
    if (value && putText(row, valueText(value), COLUMN_ACTOR_START, COLUMN_ACTOR_END, most)) break;
  }
  const idMost = <usize>load<u32>(PARAMS + PARAM_ID_BYTES_MAX);
  const sessions = pointerCount(plan, POINTER_KIND_SESSION);
  for (let i: u32 = 0; i < sessions; i++) {
    const value = pointerValue(plan, POINTER_KIND_SESSION, i);
    if (!value) continue;
    if (putText(row, valueText(value), COLUMN_SESSION_START, COLUMN_SESSION_END, idMost)) break;
  }
}

/** Event time from the pointers; NaN stays where none parses. */
export function takeTime(row: u32, plan: usize): void {
  const count = pointerCount(plan, POINTER_KIND_TIME);
  for (let i: u32 = 0; i < count; i++) {
    const value = pointerValue(plan, POINTER_KIND_TIME, i);
    if (!value) continue;
    const millis = readMillis(value, pointerUnit);
    if (isNaN(millis)) continue;
    setTime(row, millis);
    return;
  }
}
