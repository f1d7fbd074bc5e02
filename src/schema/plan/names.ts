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
  MARKED_FIELD,
  NAMES_MASK,
  NAMES_SLOTS,
} from "../../codec/abi.gen.ts";
import type { PlanWriter } from "./writer.ts";

export const NEEDLE_BYTES = 16;
const HEAD_BYTES = 8;
/** Two quotes and a colon. */
const MARKS_BYTES = 3;
const QUOTE = 0x22;
const COLON = 0x3a;
/**
 * A table grows until its longest search is this short, or until it is four times as large as need
 * be. Those of few names, as enums have, try to do with one probe each: that is no guesswork for
 * the processor.
 */
const PROBES_MAX = 6;
const FEW_NAMES = 16;

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

/** UTF-8 of a name; nearly all are ASCII and short. */
function utf8(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit >= 0x80) return encoder.encode(text);
    bytes[at] = unit;
  }
  return bytes;
}

/**
 * Slot number of a name before masking, from its length, its first eight and last four bytes;
 * assembly/avro/names.ts computes the same.
 */
export function hashName(name: Uint8Array): number {
  const { length } = name;
  const tail = length < 8 ? 0 : wordAt(name, length - 4);
  const mixed =
    Math.imul(wordAt(name, 0), 0x9e3779b1) ^
    Math.imul(wordAt(name, 4), 0x85ebca6b) ^
    Math.imul(tail ^ length, 0xc2b2ae35);
  const spread = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  return (spread ^ (spread >>> 12)) >>> 0;
}

/** Four bytes as a little-endian integer, zeros behind the end. */
function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)
  );
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
  const list = distinctNames(names).map((name) => ({ name, bytes: utf8(name.name) }));
  const entries = list.map(({ name, bytes }) => writeEntry(writer, name, bytes));
  const { size, slots } = placeNames(list.map(({ bytes }) => hashName(bytes)));
  const address = writer.reserve(size * 4, 16);
  slots.forEach((slot, index) => {
    writer.address(address + slot * 4, entries[index] ?? 0);
  });
  writer.address(owner + NAMES_SLOTS, address);
  writer.u32(owner + NAMES_MASK, size - 1);
  return entries;
}

interface Placed {
  /** A power of two. */
  readonly size: number;
  /** Slot of each name. */
  readonly slots: readonly number[];
}

function placeNames(hashes: readonly number[]): Placed {
  let size = 2;
  while (size < hashes.length * 2) size *= 2;
  const largest = size * 4;
  for (let few = size; hashes.length <= FEW_NAMES && few <= largest; few *= 2) {
    const placed = placeIn(few, hashes, 1);
    if (placed !== undefined) return placed;
  }
  for (; ; size *= 2) {
    const placed = placeIn(size, hashes, size >= largest ? Infinity : PROBES_MAX);
    if (placed !== undefined) return placed;
  }
}

/** Undefined: some name would take more probes than `most`. */
function placeIn(size: number, hashes: readonly number[], most: number): Placed | undefined {
  const isTaken = new Uint8Array(size);
  const slots: number[] = [];
  for (const hash of hashes) {
    let slot = hash & (size - 1);
    for (let probes = 1; isTaken[slot] === 1; probes += 1) {
      if (probes >= most) return undefined;
      slot = (slot + 1) & (size - 1);
    }
    isTaken[slot] = 1;
    slots.push(slot);
  }
  return { size, slots };
}

function writeEntry(writer: PlanWriter, name: PlanName, bytes: Uint8Array): number {
  const { length } = bytes;
  const entry = writer.reserve(ENTRY_BYTES + length + MARKS_BYTES + NEEDLE_BYTES, 16);
  const text = entry + ENTRY_BYTES;
  writer.u8(text, QUOTE);
  writer.set(text + 1, bytes);
  writer.u8(text + length + 1, QUOTE);
  writer.u8(text + length + 2, COLON);
  writeNeedle(writer, entry, { text, length });
  writer.u32(entry + ENTRY_LENGTH, length);
  if (name.node !== undefined) writer.address(entry + ENTRY_NODE, name.node);
  const isMarked = name.slot !== undefined && name.slot !== 0;
  writer.u32(entry + ENTRY_FIELD, isMarked ? (name.field | MARKED_FIELD) >>> 0 : name.field);
  writer.u16(entry + ENTRY_SLOT, name.slot ?? 0);
  writer.u8(entry + ENTRY_KIND, name.kind ?? 0);
  writer.u8(entry + ENTRY_BRANCH, name.branch ?? 0);
  writer.copy(entry + ENTRY_HEAD, text + 1, Math.min(length, HEAD_BYTES));
  return entry;
}

/**
 * A name that JSON must escape is never compared as raw text: its needle is of bytes that no UTF-8
 * holds. Zeros would not do: they stand behind every frame.
 */
function writeNeedle(
  writer: PlanWriter,
  entry: number,
  { text, length }: { readonly text: number; readonly length: number },
): void {
  const isPlain = isRaw(writer.view(text + 1, length));
  const bytes = isPlain ? Math.min(length + MARKS_BYTES, NEEDLE_BYTES) : NEEDLE_BYTES;
  if (isPlain) writer.copy(entry + ENTRY_NEEDLE, text, bytes);
  else writer.set(entry + ENTRY_NEEDLE, NO_TEXT);
  writer.fill(entry + ENTRY_CARE, bytes, 0xff);
}

function isRaw(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte < 0x20 || byte === QUOTE || byte === 0x5c) return false;
  return true;
}
