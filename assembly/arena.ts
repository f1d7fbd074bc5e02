/**
 * The module's registers: where the output stands, the stack of the record being written, the
 * first fault of the event. Plain globals, no objects: they are set anew for every event. This file
 * knows nothing of JSON or Avro.
 *
 * Bounds. Whoever writes at `out` first makes sure of `out <= outEnd` (for up to WRITE_SLACK bytes)
 * or of `out + length <= outEnd`; WRITE_SLACK bytes behind every `outEnd` belong to the arena.
 */
import {
  FAULT_NONE,
  FAULT_TOO_LARGE,
  PARAM_ARENA_END,
  PARAM_SCRATCH,
  PARAM_SCRATCH_END,
  PARAM_STACK,
  PARAM_STACK_END,
  PARAMS,
  WRITE_SLACK,
} from "./abi";

/** Arrays and objects that may be open at once, the event itself being 1 (mapping v1). */
export const DEPTH_MAX: u32 = 64;

export let out: usize = 0;
export let outEnd: usize = 0;
export let stack: usize = 0;
export let stackEnd: usize = 0;
/** Room for one decoded string or one record's content. */
export let scratch: usize = 0;
export let scratchEnd: usize = 0;
export let depth: u32 = 0;
export let ignored: u32 = 0;

export let faultKind: u32 = FAULT_NONE;
export let faultAt: usize = 0;
export let faultNode: usize = 0;
export let faultField: u32 = 0;

/** Sets the registers for one event whose record may be written between `start` and `end`. */
export function openEvent(start: usize, end: usize): void {
  out = start;
  outEnd = end;
  stack = load<u32>(PARAMS + PARAM_STACK);
  stackEnd = load<u32>(PARAMS + PARAM_STACK_END);
  scratch = load<u32>(PARAMS + PARAM_SCRATCH);
  scratchEnd = load<u32>(PARAMS + PARAM_SCRATCH_END);
  depth = 0;
  ignored = 0;
  faultKind = FAULT_NONE;
  faultAt = 0;
}

/** Has nothing been written beyond its region? Asserted by the debug build at every seam. */
export function isInBounds(): bool {
  return (
    out <= outEnd + WRITE_SLACK &&
    outEnd <= <usize>load<u32>(PARAMS + PARAM_ARENA_END) &&
    stack <= stackEnd &&
    depth <= DEPTH_MAX
  );
}

/** Notes a fault of the value at `at`, which `node` of the plan refused. Always 0. */
export function fail(kind: u32, at: usize, node: usize): usize {
  faultKind = kind;
  faultAt = at;
  faultNode = node;
  faultField = 0;
  return 0;
}

/** Notes a required field that is absent at the closing brace `at`. Always 0. */
export function failField(kind: u32, at: usize, node: usize, field: u32): usize {
  fail(kind, at, node);
  faultField = field;
  return 0;
}

/** The record or the arena is full. Always 0. */
export function failRoom(at: usize): usize {
  return fail(FAULT_TOO_LARGE, at, 0);
}

/** A fault that a reader noted, now with the node that wanted the value. Always 0. */
export function failNode(node: usize): usize {
  faultNode = node;
  return 0;
}

let savedKind: u32 = FAULT_NONE;
let savedAt: usize = 0;
let savedNode: usize = 0;
let savedField: u32 = 0;

/** Keeps the fault while something else is tried; restoreFault (always 0) puts it back. */
export function saveFault(): void {
  savedKind = faultKind;
  savedAt = faultAt;
  savedNode = faultNode;
  savedField = faultField;
}

export function restoreFault(): usize {
  faultKind = savedKind;
  faultAt = savedAt;
  faultNode = savedNode;
  faultField = savedField;
  return 0;
}
