/**
 * The route's pointers. Marks on the record's members have left the places of their values in
 * SLOTS while the record was encoded; what remains of a pointer is walked from there.
 */
import {
  PLAN_POINTERS,
  PLAN_SLOTS,
  POINTER_BYTES,
  POINTER_COUNT,
  POINTER_ENTRIES,
  POINTER_KIND_BYTES,
  POINTER_SLOT,
  POINTER_STEPS,
  POINTER_UNIT,
  SLOTS,
} from "../abi";
import { memberValue } from "./members";

/** Unit of the last pointerValue. */
export let pointerUnit: u32 = 1;

/** Forgets the marks; slot 0 is the record at `record`. */
export function resetSlots(plan: usize, record: usize): void {
  const bytes = (<usize>load<u32>(plan, PLAN_SLOTS)) << 2;
  for (let i: usize = 0; i < bytes; i += 16) v128.store(SLOTS + i, i64x2.splat(0));
  store<u32>(SLOTS, <u32>record);
}

function walk(at: usize, steps: usize): usize {
  let p = at;
  const count = load<u32>(steps);
  for (let i: u32 = 0; i < count && p != 0; i++) {
    const step = steps + 4 + ((<usize>i) << 3);
    p = memberValue(p, <usize>load<u32>(step), <usize>load<u32>(step, 4));
  }
  return p;
}

/** How many pointers the plan has of a kind. */
export function pointerCount(plan: usize, kind: u32): u32 {
  const table = <usize>load<u32>(plan, PLAN_POINTERS);
  return load<u32>(table + <usize>(kind * POINTER_KIND_BYTES), POINTER_COUNT);
}

/** Where the value of the `index`-th pointer of a kind is, or 0: not there, or null. */
export function pointerValue(plan: usize, kind: u32, index: u32): usize {
  const table = <usize>load<u32>(plan, PLAN_POINTERS) + <usize>(kind * POINTER_KIND_BYTES);
  const entry = table + POINTER_ENTRIES + <usize>(index * POINTER_BYTES);
  let at = <usize>load<u32>(SLOTS + <usize>load<u32>(entry, POINTER_SLOT));
  if (!at) return 0;
  const steps = <usize>load<u32>(entry, POINTER_STEPS);
  if (load<u32>(steps)) at = walk(at, steps);
  pointerUnit = load<u32>(entry, POINTER_UNIT);
  return at && load<u8>(at) != 0x6e ? at : 0;
}
