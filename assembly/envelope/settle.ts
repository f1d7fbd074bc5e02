/**
 * What is known of the event being read: its envelope's members, its route, its first faults. All
 * of it is set anew for every event by openSettling.
 */
import {
  FAULT_NONE,
  FAULT_TYPE,
  NODE_KEY,
  NODE_SCHEMA,
  PARAM_DEFAULT_TYPE,
  PARAM_DEFAULT_TYPE_BYTES,
  PARAMS,
  RESULT,
} from "../abi";
import { fail, faultAt, faultField, faultKind, faultNode } from "../arena";
import { TEXT_INTEGER, TEXT_STRING, valueText, valueTextEnd, valueTextStart } from "./members";
import { findRoute } from "./route";

/** Values of a pub frame's `type` and `schema`, 0 where it has none. */
export let frameType: usize = 0;
export let frameSchema: usize = 0;

// Members of the envelope: where their values are, 0 where they are absent.
const AT: usize = RESULT + 0x100;
export const ID: u32 = 0;
export const TYPE: u32 = 1;
export const REFERENCE: u32 = 2;
export const TS: u32 = 3;
export const KEY: u32 = 4;
export const DATA: u32 = 5;
export const CTX: u32 = 6;
export const UNKNOWN: u32 = 7;

export let route: usize = 0;
export let reference: usize = 0;
export let referenceEnd: usize = 0;
/** The record has been encoded by this route's plan; 0: not yet. */
export let encodedBy: usize = 0;
/** First fault of the event, by position. */
export let firstKind: u32 = FAULT_NONE;
export let firstAt: usize = 0;
export let firstNode: usize = 0;
export let firstField: u32 = 0;
/** Fault of the record by the plan of `encodedBy`. */
export let recordKind: u32 = FAULT_NONE;
export let recordAt: usize = 0;
export let recordNode: usize = 0;
export let recordField: u32 = 0;

/** Route of events that name neither type nor schema, once isDefaultSettled. */
let defaultRoute: usize = 0;
let isDefaultSettled: bool = false;

export function setFrameDefaults(type: usize, schema: usize): void {
  frameType = type;
  frameSchema = schema;
  isDefaultSettled = false;
}

// @ts-ignore: decorator
@inline
export function at(member: u32): usize {
  return <usize>load<u32>(AT + ((<usize>member) << 2));
}

/** Forgets the last event. */
export function openSettling(): void {
  v128.store(AT, i64x2.splat(0));
  v128.store(AT, i64x2.splat(0), 16);
  route = 0;
  reference = 0;
  referenceEnd = 0;
  encodedBy = 0;
  firstKind = FAULT_NONE;
  recordKind = FAULT_NONE;
}

/** Notes where a member's value is. */
export function setAt(member: u32, value: usize): void {
  store<u32>(AT + ((<usize>member) << 2), <u32>value);
}

/** The settled route's plan is about to write the record. */
export function setEncodedBy(): void {
  encodedBy = route;
  recordKind = FAULT_NONE;
}

export function keepRecordFault(): void {
  recordKind = faultKind;
  recordAt = faultAt;
  recordNode = faultNode;
  recordField = faultField;
}

/** Keeps the fault that arena.ts holds if it is the first of the event by position. */
export function keepFirst(): void {
  if (firstKind != FAULT_NONE && firstAt <= faultAt) return;
  firstKind = faultKind;
  firstAt = faultAt;
  firstNode = faultNode;
  firstField = faultField;
}

/** Settles `route` of an event that names neither type nor schema: found once for a frame. */
function settleDefault(start: usize, bytes: usize): bool {
  if (!isDefaultSettled) {
    defaultRoute = findRoute(start, bytes, 0, 0);
    isDefaultSettled = true;
  }
  route = defaultRoute;
  return route != 0;
}

/** Settles `route` from the members seen so far; false if the type is not known. */
export function settleRoute(): bool {
  let type = at(TYPE);
  if (!type || load<u8>(type) == 0x6e) type = frameType;
  if (type && load<u8>(type) == 0x6e) type = 0;
  let start = <usize>load<u32>(PARAMS + PARAM_DEFAULT_TYPE);
  let bytes = <usize>load<u32>(PARAMS + PARAM_DEFAULT_TYPE_BYTES);
  if (type) {
    if (load<u8>(type) != 0x22 || valueText(type) != TEXT_STRING) return false;
    start = valueTextStart;
    bytes = valueTextEnd - valueTextStart;
  }
  if (!bytes) return false;
  const ownReference = at(REFERENCE);
  const wanted = ownReference && load<u8>(ownReference) != 0x6e ? ownReference : frameSchema;
  reference = 0;
  referenceEnd = 0;
  if (!wanted && !type) return settleDefault(start, bytes);
  if (wanted && load<u8>(wanted) != 0x6e) {
    const found = valueText(wanted);
    if (found == TEXT_STRING || found == TEXT_INTEGER) {
      reference = valueTextStart;
      referenceEnd = valueTextEnd;
    } else {
      fail(FAULT_TYPE, wanted, NODE_SCHEMA);
      keepFirst();
    }
  }
  route = findRoute(start, bytes, 0, 0);
  if (!route || reference == referenceEnd) return route != 0;
  const exact = findRoute(start, bytes, reference, referenceEnd - reference);
  if (!exact) return true;
  route = exact;
  reference = 0;
  referenceEnd = 0;
  return true;
}

/** Takes a route that fits the event better than the settled one; 0: there is none. */
export function refineRoute(better: usize): void {
  if (better) route = better;
}

/** Key of the envelope: a string, an integer, null; else `type`. */
export function checkKey(): void {
  const key = at(KEY);
  if (!key) return;
  const c = <u32>load<u8>(key);
  if (c == 0x22 || c == 0x6e) return;
  if ((c == 0x2d || c - 0x30 < 10) && valueText(key) == TEXT_INTEGER) return;
  fail(FAULT_TYPE, key, NODE_KEY);
  keepFirst();
}
