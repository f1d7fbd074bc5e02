/**
 * One instance of the WASM module with its memory laid out. A trap poisons an instance; the codec
 * then makes another from the same compiled module. It knows nothing of plans and frames.
 */
import { assert } from "../lib/assert.ts";
import { ID_BYTES_MAX, KEY_BYTES_MAX, RECORD_BYTES_MAX } from "../limits/events.ts";
import {
  INPUT_PADDING,
  ORIGINAL_TEXT,
  ORIGINALS_PER_EVENT_MAX,
  PARAM_ARENA,
  PARAM_ARENA_END,
  PARAM_ID_BYTES_MAX,
  PARAM_INPUT,
  PARAM_KEY_BYTES_MAX,
  PARAM_ORIGINALS,
  PARAM_ORIGINALS_END,
  PARAM_RECORD_BYTES_MAX,
  PARAM_SCRATCH,
  PARAM_SCRATCH_END,
  PARAM_SEED,
  PARAM_STACK,
  PARAM_STACK_END,
  PARAM_TOKEN,
  PARAMS,
  POWERS,
  REGIONS,
  TABLE_ROWS,
  TOKEN_BYTES,
  WRITE_SLACK,
} from "./abi.gen.ts";
import { powersOfFive } from "./powers.ts";

const PAGE_BYTES = 65_536;
const REGISTRY_HEADER_BYTES = 5;
const SEED_BYTES = 8;
const ORIGINAL_PADDING_BYTES = 15;
/** Stack for 64 records inside one another and for a map's key table. */
const STACK_BYTES_MIN = 4 * 1024 * 1024;

/** Room for plans from the start: growing the memory can cost as much as compiling a plan. */
const FIRST_PLANS_BYTES = 1024 * 1024;

/** Where the regions are whose size depends on the largest frame. */
export interface Regions {
  readonly input: number;
  readonly scratch: number;
  readonly scratchEnd: number;
  readonly stack: number;
  readonly stackEnd: number;
  readonly arena: number;
  readonly arenaEnd: number;
  readonly originals: number;
  readonly originalsEnd: number;
  /** Plans and route texts, up to the end of the memory. */
  readonly plans: number;
  /** Bytes of the longest record, its registry header with it. */
  readonly recordBytesMax: number;
}

/** Regions for frames of at most `inputBytesMax` bytes. */
export function layOut(inputBytesMax: number, recordBytesMax: number): Regions {
  let next = REGIONS;
  const take = (bytes: number): number => {
    const start = next;
    next = Math.ceil((start + bytes) / PAGE_BYTES) * PAGE_BYTES;
    return start;
  };
  const scratchBytes = Math.max(inputBytesMax, RECORD_BYTES_MAX) + PAGE_BYTES;
  // A map's keys take at least 5 bytes each in the text and at most 32 in the tables.
  const stackBytes = 7 * inputBytesMax + STACK_BYTES_MIN;
  // Two digits and a comma become at most eight bytes; defaults and headers come on top.
  const arenaBytes = 4 * inputBytesMax + 2 * RECORD_BYTES_MAX;
  const input = take(inputBytesMax + INPUT_PADDING + WRITE_SLACK);
  const scratch = take(scratchBytes + WRITE_SLACK);
  const stack = take(stackBytes + WRITE_SLACK);
  const arena = take(arenaBytes + WRITE_SLACK);
  // What is decoded is never longer than its text; each entry has a head and is padded.
  const entryBytes = ORIGINAL_TEXT + ORIGINAL_PADDING_BYTES;
  const originalsBytes = inputBytesMax + TABLE_ROWS * ORIGINALS_PER_EVENT_MAX * entryBytes;
  const originals = take(originalsBytes + WRITE_SLACK);
  return {
    input,
    scratch,
    scratchEnd: scratch + scratchBytes,
    stack,
    stackEnd: stack + stackBytes,
    arena,
    arenaEnd: arena + arenaBytes,
    originals,
    originalsEnd: originals + originalsBytes,
    plans: next,
    recordBytesMax: recordBytesMax + REGISTRY_HEADER_BYTES,
  };
}

export class Instance {
  /** The whole memory; made anew when it grows. */
  memory: Uint8Array<ArrayBuffer>;
  view: DataView;
  readonly #memory: WebAssembly.Memory;
  readonly #encodeFrame: (bytes: number) => void;

  constructor(module: WebAssembly.Module, regions: Regions) {
    const abort = (): never => {
      throw new WebAssembly.RuntimeError("an assertion of the codec failed");
    };
    const { exports } = new WebAssembly.Instance(module, { env: { abort } });
    const { memory, encodeFrame } = exports;
    assert(memory instanceof WebAssembly.Memory, "the module exports its memory");
    assert(typeof encodeFrame === "function", "the module exports encodeFrame");
    this.#memory = memory;
    // The border to WASM: an export's type is only known to abi.ts.
    this.#encodeFrame = encodeFrame as (bytes: number) => void;
    this.memory = new Uint8Array(memory.buffer);
    this.view = new DataView(memory.buffer);
    this.growTo(regions.plans + FIRST_PLANS_BYTES);
    this.memory.set(powersOfFive(), POWERS);
    this.#writeRegions(regions);
  }

  /** Encodes the frame of `bytes` bytes in the input region; throws when the module traps. */
  encodeFrame(bytes: number): void {
    this.#encodeFrame(bytes);
  }

  /** Makes the memory reach `end`; true if the views had to be made anew. */
  growTo(end: number): boolean {
    const missing = end + PAGE_BYTES - this.memory.length;
    if (missing <= 0) return false;
    this.#memory.grow(Math.ceil(missing / PAGE_BYTES));
    this.memory = new Uint8Array(this.#memory.buffer);
    this.view = new DataView(this.#memory.buffer);
    return true;
  }

  #writeRegions(regions: Regions): void {
    const put = (offset: number, value: number): void => {
      this.view.setUint32(PARAMS + offset, value, true);
    };
    put(PARAM_INPUT, regions.input);
    put(PARAM_SCRATCH, regions.scratch);
    put(PARAM_SCRATCH_END, regions.scratchEnd);
    put(PARAM_STACK, regions.stack);
    put(PARAM_STACK_END, regions.stackEnd);
    put(PARAM_ARENA, regions.arena);
    put(PARAM_ARENA_END, regions.arenaEnd);
    put(PARAM_ORIGINALS, regions.originals);
    put(PARAM_ORIGINALS_END, regions.originalsEnd);
    put(PARAM_RECORD_BYTES_MAX, regions.recordBytesMax);
    put(PARAM_ID_BYTES_MAX, ID_BYTES_MAX);
    put(PARAM_KEY_BYTES_MAX, KEY_BYTES_MAX);
    for (const [at, bytes] of [
      [PARAM_SEED, SEED_BYTES] as const,
      [PARAM_TOKEN, TOKEN_BYTES] as const,
    ]) {
      crypto.getRandomValues(this.memory.subarray(PARAMS + at, PARAMS + at + bytes));
    }
  }
}
