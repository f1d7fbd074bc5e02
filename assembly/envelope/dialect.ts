/**
 * The frame's dialect, where it has one (abi.ts, DIALECT_): which members of a frame and of its
 * events matter. The members of an event are found in one pass; what remains of a pointer is walked
 * from there, as with a plan's pointers.
 */
import {
  DIALECT_EVENTS,
  DIALECT_EVENT_COUNT,
  DIALECT_FLAGS,
  DIALECT_FLAG_OWN,
  DIALECT_NAMES,
  DIALECT_NAME_COUNT,
  DIALECT_SENT_AT,
  DIALECT_SENT_AT_BYTES,
  DIALECT_SLOTS,
  PARAMS,
  PARAM_DIALECT,
  POINTER_KIND_DETAIL,
} from "../abi";
import { out, outEnd } from "../arena";
import { equalBytes } from "../avro/names";
import { copyUnsafe } from "../avro/write";
import { skipValue } from "../json/skip";
import { readText, textEnd, textStart } from "../json/string";
import { skipWhite } from "../json/white";
import {
  TEXT_INTEGER,
  TEXT_STRING,
  toNext,
  toValue,
  valueText,
  valueTextEnd,
  valueTextStart,
} from "./members";
import { pointerCount, pointerValue } from "./pointer";
import { findRoute } from "./route";

/** A type with its detail is not longer: more is not looked for. */
const TYPE_BYTES_MAX: usize = 512;

/** The frame's dialect, 0 for none. */
export let dialect: usize = 0;
/** It says where events and their members are, too. */
export let isOwn: bool = false;

export function openDialect(): void {
  dialect = <usize>load<u32>(PARAMS + PARAM_DIALECT);
  isOwn = dialect != 0 && (load<u32>(dialect, DIALECT_FLAGS) & DIALECT_FLAG_OWN) != 0;
}

/** Is [textStart, textEnd) the name whose address and length stand at `entry`? */
export function isNamed(entry: usize): bool {
  const bytes = <usize>load<u32>(entry, 4);
  return textEnd - textStart == bytes && equalBytes(textStart, <usize>load<u32>(entry), bytes);
}

/** Is [textStart, textEnd) the name of an array that holds the events? */
export function isEventsName(): bool {
  const count = load<u32>(dialect, DIALECT_EVENT_COUNT);
  const names = <usize>load<u32>(dialect, DIALECT_EVENTS);
  for (let i: u32 = 0; i < count; i++) if (isNamed(names + <usize>(i << 3))) return true;
  return false;
}

export function isSentAtName(): bool {
  return load<u32>(dialect, DIALECT_SENT_AT_BYTES) != 0 && isNamed(dialect + DIALECT_SENT_AT);
}

/** Notes where the members of the sound event at `start` are that pointers begin with. */
export function readMembers(start: usize): void {
  const count = load<u32>(dialect, DIALECT_NAME_COUNT);
  const names = <usize>load<u32>(dialect, DIALECT_NAMES);
  const slots = DIALECT_SLOTS + 4;
  store<u32>(DIALECT_SLOTS, <u32>start);
  memory.fill(slots, 0, (<usize>count) << 2);
  if (load<u8>(start) != 0x7b) return;
  let left = count;
  let p = skipWhite(start + 1);
  while (left != 0 && load<u8>(p) == 0x22) {
    const behind = readText(p);
    if (!behind) return;
    let slot: usize = 0;
    for (let i: u32 = 0; i < count && !slot; i++) {
      if (isNamed(names + <usize>(i << 3))) slot = slots + <usize>(i << 2);
    }
    p = toValue(behind);
    if (!p) return;
    if (slot && !load<u32>(slot)) {
      store<u32>(slot, <u32>p);
      left -= 1;
    }
    p = skipValue(p);
    if (!p) return;
    p = toNext(p);
    if (!p) return;
  }
}

/** Where the first value of a kind of pointers is, 0: nowhere. */
export function firstValue(kind: u32): usize {
  const count = pointerCount(dialect, kind);
  for (let i: u32 = 0; i < count; i++) {
    const value = pointerValue(dialect, kind, i);
    if (value) return value;
  }
  return 0;
}

/**
 * The route of `type:detail`, where the event has a detail and there is such a route; else 0. One
 * look-up, whatever the event holds.
 */
export function detailedRoute(type: usize, typeBytes: usize): usize {
  const value = firstValue(POINTER_KIND_DETAIL);
  if (!value || typeBytes > TYPE_BYTES_MAX) return 0;
  const before = out;
  const found = valueText(value);
  const bytes = valueTextEnd - valueTextStart;
  const isText = (found == TEXT_STRING || found == TEXT_INTEGER) && bytes <= TYPE_BYTES_MAX;
  const room = typeBytes + 1 + bytes;
  let route: usize = 0;
  if (isText && out + room <= outEnd) {
    copyUnsafe(out, type, typeBytes);
    store<u8>(out + typeBytes, 0x3a);
    copyUnsafe(out + typeBytes + 1, valueTextStart, bytes);
    route = findRoute(out, room, 0, 0);
  }
  out = before;
  return route;
}
