/**
 * What the build for tests asks before each access to memory (scripts/setup/guards.mjs): do the
 * bytes lie wholly in one region that may be read, or written (abi.ts)?
 */
import {
  INPUT_PADDING,
  PARAM_ARENA,
  PARAM_ARENA_END,
  PARAM_INPUT,
  PARAM_MERGED,
  PARAM_MERGED_END,
  PARAM_ORIGINALS,
  PARAM_ORIGINALS_END,
  PARAM_SCRATCH,
  PARAM_SCRATCH_END,
  PARAM_STACK,
  PARAM_STACK_END,
  PARAMS,
  POWERS,
  REGIONS,
  RESULT,
  ROUTES,
  SLOTS,
  TABLE,
  TEXT,
  WRITE_SLACK,
} from "./abi";

/** Behind the frame and its padding. */
let inputEnd: usize = 0;

/** A frame of `bytes` bytes is about to be read. */
export function openGuards(bytes: usize): void {
  inputEnd = load<u32>(PARAMS + PARAM_INPUT) + bytes + INPUT_PADDING;
}

// @ts-ignore: decorator
@inline
function param(offset: u32): usize {
  return <usize>load<u32>(PARAMS + offset);
}

/** Does [at, end) lie in [start, limit)? */
// @ts-ignore: decorator
@inline
function lies(at: usize, end: usize, start: usize, limit: usize): bool {
  return at >= start && end <= limit;
}

function mayWriteRegion(at: usize, end: usize): bool {
  return (
    lies(at, end, param(PARAM_ARENA), param(PARAM_ARENA_END) + WRITE_SLACK) ||
    lies(at, end, param(PARAM_STACK), param(PARAM_STACK_END) + WRITE_SLACK) ||
    lies(at, end, param(PARAM_SCRATCH), param(PARAM_SCRATCH_END) + WRITE_SLACK) ||
    lies(at, end, param(PARAM_ORIGINALS), param(PARAM_ORIGINALS_END) + WRITE_SLACK)
  );
}

/** `at`, if `bytes` bytes there may be read; traps else. */
export function readable(at: usize, bytes: usize): usize {
  const end = at + bytes;
  assert(end >= at);
  if (at < REGIONS) {
    // Constants of the module; then the fixed pages, of which host or module have written each.
    assert(lies(at, end, 1024, PARAMS) || lies(at, end, PARAMS, REGIONS));
    return at;
  }
  const isKnown =
    lies(at, end, param(PARAM_INPUT), inputEnd) ||
    mayWriteRegion(at, end) ||
    lies(at, end, param(PARAM_ORIGINALS_END), (<usize>memory.size()) << 16);
  assert(isKnown);
  return at;
}

/** `at`, if `bytes` bytes there may be written; traps else. */
export function writable(at: usize, bytes: usize): usize {
  const end = at + bytes;
  assert(end >= at);
  if (at < REGIONS) {
    const isOwn =
      lies(at, end, 1024, PARAMS) ||
      lies(at, end, RESULT, POWERS) ||
      lies(at, end, SLOTS, TEXT) ||
      lies(at, end, TABLE, ROUTES);
    assert(isOwn);
    return at;
  }
  const merged = param(PARAM_MERGED);
  const isOwn =
    mayWriteRegion(at, end) ||
    lies(at, end, param(PARAM_INPUT), inputEnd) ||
    (merged != 0 && lies(at, end, merged, param(PARAM_MERGED_END))) ||
    // A guess: one word of a plan.
    (bytes == 4 && lies(at, end, param(PARAM_ORIGINALS_END), (<usize>memory.size()) << 16));
  assert(isOwn);
  return at;
}
