/**
 * The route's pointers as a table of the plan. The first step of each becomes a mark on a member of
 * the record, so its value is found in passing; the rest is walked in the event's text.
 */
import {
  POINTER_BYTES,
  POINTER_COUNT,
  POINTER_ENTRIES,
  POINTER_KIND_BYTES,
  POINTER_SLOT,
  POINTER_STEPS,
  POINTER_UNIT,
  POINTERS_MAX,
} from "../../codec/abi.gen.ts";
import type { AvroSchema } from "../avro/schema.ts";
import { SchemaError } from "../avro/schema.ts";
import { privateSteps } from "./privacy.ts";
import type { PlanWriter } from "./writer.ts";

/**
 * RFC 6901 pointers into the record, through objects, in order of preference: the first that is
 * present and not null wins. At most 4 of a kind.
 */
export interface RoutePointers {
  readonly id: readonly string[];
  readonly key: readonly string[];
  readonly time: readonly string[];
  readonly actor: readonly string[];
  readonly session: readonly string[];
}

const KINDS = ["id", "key", "time", "actor", "session"] as const satisfies (keyof RoutePointers)[];

const encoder = new TextEncoder();

/** The names along an RFC 6901 pointer; throws SchemaError if it is none. */
export function pointerSteps(pointer: string): string[] {
  if (pointer === "") return [];
  if (!pointer.startsWith("/") || /~(?![01])/.test(pointer)) {
    throw new SchemaError(`"${pointer}" is not a JSON pointer (RFC 6901)`, "");
  }
  const steps = pointer.slice(1).split("/");
  return steps.map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/**
 * First steps of all pointers, each with its slot (1, 2, …), if the schema is a record; else none.
 */
export function pointerSlots(pointers: RoutePointers, schema: AvroSchema): Map<string, number> {
  const slots = new Map<string, number>();
  if (schema.kind !== "record") return slots;
  for (const kind of KINDS) {
    for (const pointer of pointers[kind]) {
      const [first] = pointerSteps(pointer);
      if (first !== undefined && !slots.has(first)) slots.set(first, slots.size + 1);
    }
  }
  return slots;
}

/** Throws SchemaError if a pointer would take a private value into a record's key or header. */
export function refusePrivate(pointers: RoutePointers, schema: AvroSchema): void {
  for (const kind of KINDS) {
    for (const pointer of pointers[kind]) {
      if (privateSteps(schema, pointerSteps(pointer)) === 0) continue;
      throw new SchemaError(
        `the ${kind} pointer ${pointer} names a field with sluice.privacy, whose value would ` +
          "leave the record as it is: give the type other pointers",
        pointer,
      );
    }
  }
}

/**
 * Writes the table; returns its address. Throws SchemaError for more pointers than there is room.
 */
export function writePointers(
  writer: PlanWriter,
  {
    pointers,
    slots,
    schema,
  }: {
    readonly pointers: RoutePointers;
    readonly slots: ReadonlyMap<string, number>;
    readonly schema: AvroSchema;
  },
): number {
  const table = writer.reserve(POINTER_KIND_BYTES * KINDS.length, 8);
  KINDS.forEach((kind, number) => {
    const list = pointers[kind];
    if (list.length > POINTERS_MAX) {
      throw new SchemaError(`more than ${POINTERS_MAX} pointers for ${kind}`, "");
    }
    const base = table + number * POINTER_KIND_BYTES;
    writer.u32(base + POINTER_COUNT, list.length);
    list.forEach((pointer, index) => {
      const steps = pointerSteps(pointer);
      const slot = slots.get(steps[0] ?? "");
      const isMarked = steps.length > 0 && slot !== undefined;
      const entry = base + POINTER_ENTRIES + index * POINTER_BYTES;
      writer.u32(entry + POINTER_SLOT, isMarked ? slot * 4 : 0);
      writer.u32(entry + POINTER_UNIT, unitOf(schema, steps));
      writer.address(entry + POINTER_STEPS, writeSteps(writer, isMarked ? steps.slice(1) : steps));
    });
  });
  return table;
}

/** Writes what remains of a pointer; returns its address. */
export function writeSteps(writer: PlanWriter, steps: readonly string[]): number {
  const address = writer.reserve(4 + steps.length * 8, 4);
  writer.u32(address, steps.length);
  steps.forEach((step, index) => {
    const bytes = encoder.encode(step);
    writer.address(address + 4 + index * 8, writer.bytes(bytes));
    writer.u32(address + 8 + index * 8, bytes.length);
  });
  return address;
}

/** Integers per millisecond of the field at the end of `steps`. */
function unitOf(schema: AvroSchema, steps: readonly string[]): number {
  let at: AvroSchema | undefined = withoutNull(schema);
  for (const step of steps) {
    if (at?.kind !== "record") return 1;
    const { fields } = at;
    const field =
      fields.find(({ name }) => name === step) ??
      fields.find(({ aliases }) => aliases.includes(step));
    at = field && withoutNull(field.schema);
  }
  const logical = at !== undefined && "logical" in at ? at.logical?.type : undefined;
  if (logical?.endsWith("timestamp-micros")) return 1_000;
  return logical?.endsWith("timestamp-nanos") ? 1_000_000 : 1;
}

/** The only branch besides null of a union; any other schema itself. */
function withoutNull(schema: AvroSchema): AvroSchema | undefined {
  if (schema.kind !== "union") return schema;
  const branches = schema.branches.filter(({ kind }) => kind !== "null");
  return branches.length === 1 ? branches[0] : undefined;
}
