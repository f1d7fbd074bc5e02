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

/** A name as it stands in JSON in front of its value: `"name":` in UTF-8. */
interface Label {
  readonly name: PlanName;
  readonly bytes: Uint8Array;
  /** JSON takes it as it is. */
  readonly isRaw: boolean;
}

/** Nearly all names are ASCII and short. */
function labelOf(name: PlanName): Label {
  const text = name.name;
  const { length } = text;
  const bytes = new Uint8Array(length + MARKS_BYTES);
  let isRaw = true;
  for (let at = 0; at < length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit >= 0x80) return wideLabelOf(name);
    if (unit < 0x20 || unit === QUOTE || unit === 0x5c) isRaw = false;
    bytes[at + 1] = unit;
  }
  bytes[0] = QUOTE;
  bytes[length + 1] = QUOTE;
  bytes[length + 2] = COLON;
  return { name, bytes, isRaw };
}

function wideLabelOf(name: PlanName): Label {
  const bytes = encoder.encode(`"${name.name}":`);
  const inner = bytes.subarray(1, bytes.length - 2);
  const isRaw = inner.every((byte) => byte >= 0x20 && byte !== QUOTE && byte !== 0x5c);
  return { name, bytes, isRaw };
}

/**
 * Slot number of a name before masking, from its length, its first eight and last four bytes;
 * assembly/avro/names.ts computes the same. `text`: where its label is written, zeros behind.
 */
function hashAt(writer: PlanWriter, text: number, length: number): number {
  const tail = length < 8 ? 0 : writer.u32At(text + length - 3);
  const mixed =
    Math.imul(headAt(writer, text, length), 0x9e3779b1) ^
    Math.imul(length <= 4 ? 0 : headAt(writer, text + 4, length - 4), 0x85ebca6b) ^
    Math.imul(tail ^ length, 0xc2b2ae35);
  const spread = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  return (spread ^ (spread >>> 12)) >>> 0;
}

/** The first four of `length` bytes behind the quote at `text`, zeros where there are fewer. */
function headAt(writer: PlanWriter, text: number, length: number): number {
  const word = writer.u32At(text + 1);
  return length < 4 ? word & ((1 << (length * 8)) - 1) : word;
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
  return writeDistinct(writer, owner, distinctNames(names));
}

/** The same where no two names are equal. */
export function writeDistinct(
  writer: PlanWriter,
  owner: number,
  names: readonly PlanName[],
): number[] {
  const entries: number[] = [];
  const hashes: number[] = [];
  for (const name of names) {
    const label = labelOf(name);
    const entry = writeEntry(writer, label);
    entries.push(entry);
    hashes.push(hashAt(writer, entry + ENTRY_BYTES, label.bytes.length - MARKS_BYTES));
  }
  const { size, slots } = placeNames(hashes);
  const address = writer.reserve(size * 4, 16);
  for (let index = 0; index < slots.length; index += 1) {
    writer.address(address + (slots[index] ?? 0) * 4, entries[index] ?? 0);
  }
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

function writeEntry(writer: PlanWriter, { name, bytes, isRaw }: Label): number {
  const { length } = bytes;
  const entry = writer.reserve(ENTRY_BYTES + length + NEEDLE_BYTES, 16);
  const text = entry + ENTRY_BYTES;
  writer.set(text, bytes);
  // A name that JSON must escape is never compared as raw text: its needle is of bytes that no
  // UTF-8 holds. Zeros would not do: they stand behind every frame.
  const needleBytes = isRaw && length < NEEDLE_BYTES ? length : NEEDLE_BYTES;
  if (isRaw) writer.copy(entry + ENTRY_NEEDLE, text, needleBytes);
  else writer.set(entry + ENTRY_NEEDLE, NO_TEXT);
  writer.fill(entry + ENTRY_CARE, needleBytes, 0xff);
  writer.u32(entry + ENTRY_LENGTH, length - MARKS_BYTES);
  if (name.node !== undefined) writer.address(entry + ENTRY_NODE, name.node);
  const { slot } = name;
  if (slot === undefined || slot === 0) writer.u32(entry + ENTRY_FIELD, name.field);
  else {
    writer.u32(entry + ENTRY_FIELD, (name.field | MARKED_FIELD) >>> 0);
    writer.u16(entry + ENTRY_SLOT, slot);
  }
  writer.u8(entry + ENTRY_KIND, name.kind ?? 0);
  writer.u8(entry + ENTRY_BRANCH, name.branch ?? 0);
  writer.copy(entry + ENTRY_HEAD, text + 1, Math.min(length - MARKS_BYTES, HEAD_BYTES));
  return entry;
}
