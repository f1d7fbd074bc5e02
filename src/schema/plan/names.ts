/**
 * Hash tables of names, as assembly/avro/names.ts reads them: entries with a needle for one vector
 * comparison, slots at most half taken.
 */
import {
  ENTRY_BYTES,
  ENTRY_BRANCH,
  ENTRY_CARE,
  ENTRY_FIELD,
  ENTRY_HEAD,
  ENTRY_KIND,
  ENTRY_LENGTH,
  ENTRY_NEEDLE,
  ENTRY_NODE,
  ENTRY_SLOT,
  ENTRY_TEXT,
  MARKED_FIELD,
  NAMES_MASK,
  NAMES_SLOTS,
} from "../../codec/abi.gen.ts";
import type { PlanWriter } from "./writer.ts";

export const NEEDLE_BYTES = 16;
/**
 * A table grows until its longest search is this short, or until it is four times as large as need
 * be.
 */
const PROBES_MAX = 3;

/** What no text is: bytes that occur nowhere in UTF-8. */
export const NO_TEXT = new Uint8Array(NEEDLE_BYTES).fill(0xff);

const encoder = new TextEncoder();

export interface PlanName {
  readonly name: string;
  /** Field or symbol number. */
  readonly field: number;
  /** Address of the value's node, or of the branch. */
  readonly node?: number;
  /** Byte offset of the pointer's slot; 0: no mark. */
  readonly slot?: number;
  /** Of a record's member, for ENTRY_KIND and ENTRY_BRANCH. */
  readonly kind?: number;
  readonly branch?: number;
}

/** Slot number of a name before masking; assembly/avro/names.ts computes the same. */
export function hashName(name: Uint8Array): number {
  const length = BigInt(name.length);
  const mixed = headOf(name) ^ (length * 0x9e3779b97f4a7c15n);
  return Number(
    (BigInt.asUintN(64, BigInt.asUintN(64, mixed) * 0xd6e8feb86659fd93n) >> 40n) & 0xffffffffn,
  );
}

/** The first 8 bytes as a little-endian integer, zero-padded. */
export function headOf(name: Uint8Array): bigint {
  const bytes = new Uint8Array(8);
  bytes.set(name.subarray(0, 8));
  return new DataView(bytes.buffer).getBigUint64(0, true);
}

/** Without those whose name came before. */
export function distinctNames(names: readonly PlanName[]): PlanName[] {
  const unique = new Map<string, PlanName>();
  for (const name of names) if (!unique.has(name.name)) unique.set(name.name, name);
  return [...unique.values()];
}

/**
 * Writes entries and slots for `owner`, the names in order of precedence (the first of equals
 * wins).
 */
export function writeNames(
  writer: PlanWriter,
  owner: number,
  names: readonly PlanName[],
): number[] {
  const list = distinctNames(names).map((name) => ({ name, bytes: encoder.encode(name.name) }));
  const entries = list.map(({ name, bytes }) => writeEntry(writer, name, bytes));
  const slots = placeNames(list.map(({ bytes }) => hashName(bytes)));
  const address = writer.reserve(slots.length * 4, 16);
  slots.forEach((index, slot) => {
    const entry = entries[index];
    if (entry !== undefined) writer.address(address + slot * 4, entry);
  });
  writer.address(owner + NAMES_SLOTS, address);
  writer.u32(owner + NAMES_MASK, slots.length - 1);
  return entries;
}

/** Index of the name in each slot, -1 where it is free. */
function placeNames(hashes: readonly number[]): Int32Array {
  let size = 2;
  while (size < hashes.length * 2) size *= 2;
  for (const largest = size * 4; ; size *= 2) {
    const slots = new Int32Array(size).fill(-1);
    let longest = 0;
    hashes.forEach((hash, index) => {
      let slot = hash & (size - 1);
      let probes = 1;
      for (; slots[slot] !== -1; probes += 1) slot = (slot + 1) & (size - 1);
      slots[slot] = index;
      longest = Math.max(longest, probes);
    });
    if (longest <= PROBES_MAX || size >= largest) return slots;
  }
}

function writeEntry(writer: PlanWriter, name: PlanName, bytes: Uint8Array): number {
  const entry = writer.reserve(ENTRY_BYTES, 16);
  const quoted = new Uint8Array([0x22, ...bytes, 0x22, 0x3a]);
  const text = writer.bytes(quoted);
  writeNeedle(writer, entry, quoted);
  writer.u32(entry + ENTRY_LENGTH, bytes.length);
  writer.address(entry + ENTRY_TEXT, text);
  if (name.node !== undefined) writer.address(entry + ENTRY_NODE, name.node);
  const isMarked = name.slot !== undefined && name.slot !== 0;
  writer.u32(entry + ENTRY_FIELD, isMarked ? (name.field | MARKED_FIELD) >>> 0 : name.field);
  writer.u16(entry + ENTRY_SLOT, name.slot ?? 0);
  writer.u8(entry + ENTRY_KIND, name.kind ?? 0);
  writer.u8(entry + ENTRY_BRANCH, name.branch ?? 0);
  writer.u64(entry + ENTRY_HEAD, headOf(bytes));
  return entry;
}

/**
 * A name that JSON must escape is never compared as raw text: its needle is of bytes that no UTF-8
 * holds. Zeros would not do: they stand behind every frame.
 */
function writeNeedle(writer: PlanWriter, entry: number, quoted: Uint8Array): void {
  const isRaw = quoted
    .subarray(1, -2)
    .every((byte) => byte >= 0x20 && byte !== 0x22 && byte !== 0x5c);
  const needle = isRaw ? quoted.subarray(0, NEEDLE_BYTES) : NO_TEXT;
  writer.set(entry + ENTRY_NEEDLE, needle);
  writer.set(entry + ENTRY_CARE, new Uint8Array(needle.length).fill(0xff));
}
