/**
 * The members of a record's plan: a name for every field, alias and pointer, with what the module
 * may know of the value without asking its node, and the first guess of what follows.
 */
import {
  ENTRY_BYTES,
  ENTRY_CARE,
  ENTRY_FIELD,
  ENTRY_NEEDLE,
  ENTRY_NEXT,
  KIND_NULLABLE,
  NO_BRANCH,
  NO_FIELD,
  NULLABLE_NODE,
  NULLABLE_VALUE,
} from "../../codec/abi.gen.ts";
import type { AvroField } from "../avro/schema.ts";
import { distinctNames, NEEDLE_BYTES, NO_TEXT, type PlanName, writeDistinct } from "./names.ts";
import type { PlanWriter } from "./writer.ts";

export interface RecordMembers {
  /** Addresses of the record's node and of the entry that writeNothing has made. */
  readonly record: number;
  readonly nothing: number;
  readonly fields: readonly AvroField[];
  /** Address of each field's node. */
  readonly nodes: readonly number[];
  /** Pointers' slots by first step. */
  readonly slots: ReadonlyMap<string, number>;
}

/** Writes the members' names in order of precedence: own names, aliases, pointers. */
export function writeMembers(writer: PlanWriter, members: RecordMembers): void {
  const { fields, nodes, slots } = members;
  const name = (text: string, field: number): PlanName => {
    const slot = (slots.get(text) ?? 0) * 4;
    const node = nodes[field];
    if (node === undefined) return { name: text, field, slot };
    const { kind, branch } = kindAt(writer, node);
    return { name: text, field, slot, node, kind, branch };
  };
  const names = [
    ...fields.map((field, index) => name(field.name, index)),
    ...fields.flatMap(({ aliases }, index) => aliases.map((alias) => name(alias, index))),
    ...[...slots.keys()].map((text) => name(text, NO_FIELD)),
  ];
  writeGuesses(writer, members, names);
}

/** Names in their tables, and as first guess of what follows each: the next field. */
function writeGuesses(
  writer: PlanWriter,
  { record, nothing }: RecordMembers,
  names: readonly PlanName[],
): void {
  const unique = distinctNames(names);
  const entries = writeDistinct(writer, record, unique);
  writer.address(record + ENTRY_NEXT, entries[0] ?? nothing);
  unique.forEach(({ field }, index) => {
    const follower = field === NO_FIELD ? undefined : entries[field + 1];
    writer.address((entries[index] ?? 0) + ENTRY_NEXT, follower ?? nothing);
  });
}

/** What a record knows of a member's value without asking its node. */
function kindAt(
  writer: PlanWriter,
  node: number,
): { readonly kind: number; readonly branch: number } {
  const kind = writer.u8At(node);
  if (kind !== KIND_NULLABLE) return { kind, branch: NO_BRANCH };
  const child = writer.u32At(node + NULLABLE_NODE);
  // A union that contains itself is still being made: its node has to be asked.
  if (child === 0) return { kind, branch: NO_BRANCH };
  return { kind: writer.u8At(child), branch: writer.u8At(node + NULLABLE_VALUE) };
}

/**
 * Writes a member that never occurs, the guess of who has none; returns its address. Text that is
 * no UTF-8 may look like it, and is judged later: until then it is a member that nobody knows.
 */
export function writeNothing(writer: PlanWriter): number {
  const entry = writer.reserve(ENTRY_BYTES, 16);
  writer.set(entry + ENTRY_NEEDLE, NO_TEXT);
  writer.set(entry + ENTRY_CARE, new Uint8Array(NEEDLE_BYTES).fill(0xff));
  writer.u32(entry + ENTRY_FIELD, NO_FIELD);
  writer.address(entry + ENTRY_NEXT, entry);
  return entry;
}
