/**
 * Avro schema → plan: the flat table of nodes that the WASM module interprets (assembly/abi.ts
 * draws it). Addresses in it are relative to its beginning; `fixups` says where they stand. It
 * knows nothing of memory or routes.
 */
import {
  ACTION_DROP,
  ACTION_FILL,
  BRANCH_BYTES,
  BRANCH_INDEX,
  BRANCH_NODE,
  DECIMAL_PRECISION,
  DECIMAL_PRECISION_MAX,
  DECIMAL_SCALE,
  FIELD_BYTES,
  FIELD_DEFAULT,
  FIELD_REQUIRED,
  FIELDS_MAX,
  FIXED_SIZE,
  FLAG_AMBIGUOUS,
  FLAG_LOOSE,
  ITEM_NODE,
  KIND_NULL,
  KIND_NULLABLE,
  KIND_PRIVATE,
  KIND_TAGGED,
  LIST_ARRAY,
  LIST_BOOLEAN,
  LIST_FRACTION,
  LIST_NULL,
  LIST_STRING,
  LIST_WHOLE,
  NODE_BYTES,
  NODE_FLAGS,
  NULLABLE_NODE,
  NULLABLE_NULL,
  NULLABLE_UNION,
  NULLABLE_VALUE,
  PLAN_BYTES,
  PLAN_POINTERS,
  PLAN_ROOT,
  PLAN_SLOTS,
  PRIVATE_ACTION,
  PRIVATE_BYTES,
  PRIVATE_INSTEAD,
  PRIVATE_INSTEAD_BYTES,
  PRIVATE_NODE,
  RECORD_BYTES,
  RECORD_FIELDS,
  RECORD_FRAME_BYTES,
  RECORD_TABLE,
  RECORD_WORDS,
  UNION_BYTES,
  UNION_LISTS,
  UNION_MAP,
  UNION_ONLY,
  UNION_RECORDS,
} from "../../codec/abi.gen.ts";
import { assert } from "../../lib/assert.ts";
import type {
  AvroEnum,
  AvroField,
  AvroFixed,
  AvroPrimitive,
  AvroRecord,
  AvroSchema,
  AvroUnion,
} from "../avro/schema.ts";
import { SchemaError } from "../avro/schema.ts";
import { defaultBytes } from "./defaults.ts";
import { type Fill, FillHoles } from "./fill.ts";
import {
  branchLists,
  commonKey,
  type From,
  fromFlag,
  hasTagName,
  type JsonMode,
  kindOf,
  tagOf,
} from "./kinds.ts";
import { writeMembers, writeNothing } from "./members.ts";
import { writeNames } from "./names.ts";
import { pointerSlots, refusePrivate, type RoutePointers, writePointers } from "./pointers.ts";
import { actionOn, checkedPrivacy, type PrivacyAction, type ValueAction } from "./privacy.ts";
import { PlanWriter } from "./writer.ts";

export type { RoutePointers } from "./pointers.ts";

export interface PlanOptions {
  readonly json: JsonMode;
  readonly pointers: RoutePointers;
  /**
   * Frames will come with a salt for keyed hashes; without it a schema that asks for them is
   * refused.
   */
  readonly hasPrivacySalt?: boolean;
}

/** What a node of the plan stands for, to put faults into words. */
export interface PlanNode {
  readonly schema: AvroSchema;
  readonly from: From;
  /** What is done with the value once it is found sound. */
  readonly privacy?: PrivacyAction | undefined;
}

export interface CompiledPlan {
  /** Relocatable: at each offset of `fixups` the plan's address has to be added. */
  readonly bytes: Uint8Array;
  readonly fixups: Uint32Array;
  readonly schema: AvroSchema;
  readonly json: JsonMode;
  /** Some field has a privacy action. */
  readonly isPrivate: boolean;
  /** What the gateway writes; holes for it name them by number. */
  readonly fills: readonly Fill[];
  /** Where in `bytes` the codec's token has to stand: at the start of each hole. */
  readonly holes: readonly number[];
  /** By offset. */
  readonly nodes: ReadonlyMap<number, PlanNode>;
}

/** What a field says of its type, wherever in it a node stands. */
interface Use {
  readonly from: From;
  readonly privacy: ValueAction | undefined;
}

const PLAIN_USE: Use = { from: undefined, privacy: undefined };

/**
 * Throws SchemaError for what the codec does not serve; a schema of 500 fields takes milliseconds.
 */
export function compilePlan(schema: AvroSchema, options: PlanOptions): CompiledPlan {
  return new PlanCompiler(options).compile(schema);
}

class PlanCompiler {
  readonly #writer = new PlanWriter();
  readonly #nodes = new Map<number, PlanNode>();
  readonly #known = new Map<AvroSchema | string, Map<string, number>>();
  readonly #mode: JsonMode;
  readonly #pointers: RoutePointers;
  readonly #hasPrivacySalt: boolean;
  readonly #holes = new FillHoles();
  #nothing = 0;
  #isPrivate = false;

  constructor({ json, pointers, hasPrivacySalt }: PlanOptions) {
    this.#mode = json;
    this.#pointers = pointers;
    this.#hasPrivacySalt = hasPrivacySalt ?? false;
  }

  compile(schema: AvroSchema): CompiledPlan {
    const writer = this.#writer;
    const head = writer.reserve(PLAN_BYTES, 16);
    this.#nothing = writeNothing(writer);
    refusePrivate(this.#pointers, schema);
    const slots = pointerSlots(this.#pointers, schema);
    // Marks hold for the event's record only, so its node is not shared with records inside it.
    const root =
      schema.kind === "record"
        ? this.#record(schema, this.#start(schema, PLAIN_USE, RECORD_BYTES), slots)
        : this.#node(schema, PLAIN_USE);
    const pointers = writePointers(writer, { pointers: this.#pointers, slots, schema });
    writer.address(head + PLAN_ROOT, root);
    writer.address(head + PLAN_POINTERS, pointers);
    writer.u32(head + PLAN_SLOTS, slots.size + 1);
    const isPrivate = this.#isPrivate;
    const filled = { fills: this.#holes.fills, holes: this.#holes.offsets };
    return {
      ...writer.finish(),
      schema,
      json: this.#mode,
      isPrivate,
      ...filled,
      nodes: this.#nodes,
    };
  }

  /** Address of the schema's node; equal uses share it, and a record finds itself. */
  #node(schema: AvroSchema, use: Use): number {
    const key = commonKey(schema) ?? schema;
    const own = this.#known.get(key) ?? new Map<string, number>();
    this.#known.set(key, own);
    const useKey = `${use.from ?? ""} ${use.privacy ?? ""}`;
    const known = own.get(useKey);
    if (known !== undefined) return known;
    const action = use.privacy && actionOn(schema, use.privacy);
    if (action !== undefined) {
      const node = this.#private({ schema, ...use }, action);
      own.set(useKey, node);
      return node;
    }
    const bytes = schema.kind === "record" ? RECORD_BYTES : UNION_BYTES;
    const node = this.#start(schema, use, bytes);
    own.set(useKey, node);
    this.#fill(schema, node, use);
    return node;
  }

  /** The node of a field's value. */
  #fieldNode(field: AvroField, record: AvroRecord): number {
    const { schema, from } = field;
    const place = `${record.name}.${field.name}`;
    const privacy = checkedPrivacy(field, { place, hasSalt: this.#hasPrivacySalt });
    if (privacy !== undefined) this.#isPrivate = true;
    const hole = this.#holes.holeOf(field, place);
    if (hole === undefined && privacy !== "drop") return this.#node(schema, { from, privacy });
    const instead = hole ?? defaultBytes(field, place);
    assert(instead !== undefined, "there is something to write instead of what is dropped");
    const action = hole === undefined ? ACTION_DROP : ACTION_FILL;
    const node = this.#private({ schema, from, privacy }, action);
    const at = this.#writer.bytes(instead);
    if (hole !== undefined) this.#holes.offsets.push(at);
    this.#writer.address(node + PRIVATE_INSTEAD, at);
    this.#writer.u32(node + PRIVATE_INSTEAD_BYTES, instead.length);
    return node;
  }

  /** A node that replaces what the value's own node has written. */
  #private({ schema, from, privacy }: PlanNode, action: number): number {
    const writer = this.#writer;
    const node = writer.reserve(PRIVATE_BYTES, 16);
    this.#nodes.set(node, { schema, from, privacy });
    writer.u8(node, KIND_PRIVATE);
    writer.u32(node + PRIVATE_ACTION, action);
    writer.address(node + PRIVATE_NODE, this.#node(schema, { from, privacy: undefined }));
    return node;
  }

  #start(schema: AvroSchema, { from }: Use, bytes: number): number {
    const node = this.#writer.reserve(Math.max(bytes, NODE_BYTES), 16);
    this.#nodes.set(node, { schema, from });
    const kind = kindOf(schema, from, this.#mode);
    this.#writer.u8(node, kind);
    this.#writer.u8(node + NODE_FLAGS, fromFlag(kind, from, this.#mode));
    return node;
  }

  #fill(schema: AvroSchema, node: number, use: Use): void {
    const items = { from: undefined, privacy: use.privacy };
    switch (schema.kind) {
      case "record":
        this.#record(schema, node, new Map());
        return;
      case "enum":
        this.#enum(schema, node);
        return;
      case "array":
        this.#writer.address(node + ITEM_NODE, this.#node(schema.items, items));
        return;
      case "map":
        this.#writer.address(node + ITEM_NODE, this.#node(schema.values, items));
        return;
      case "union":
        this.#union(schema, node, use);
        return;
      default:
        this.#scalar(schema, node);
    }
  }

  #scalar(schema: AvroPrimitive | AvroFixed, node: number): void {
    if (schema.kind === "fixed") this.#writer.u32(node + FIXED_SIZE, schema.size);
    if (schema.logical?.type !== "decimal") return;
    if (schema.logical.precision > DECIMAL_PRECISION_MAX) {
      throw new SchemaError(`a decimal of more than ${DECIMAL_PRECISION_MAX} digits`, "");
    }
    this.#writer.u32(node + DECIMAL_PRECISION, schema.logical.precision);
    this.#writer.u32(node + DECIMAL_SCALE, schema.logical.scale);
  }

  #enum(schema: AvroEnum, node: number): void {
    const names = schema.symbols.map((name, field) => ({ name, field }));
    writeNames(this.#writer, node, names);
  }

  #record(schema: AvroRecord, node: number, slots: ReadonlyMap<string, number>): number {
    const { fields } = schema;
    if (fields.length > FIELDS_MAX) {
      throw new SchemaError(`a record of more than ${FIELDS_MAX} fields`, schema.name);
    }
    const writer = this.#writer;
    writer.u32(node + RECORD_FIELDS, fields.length);
    writer.u32(node + RECORD_WORDS, Math.ceil(fields.length / 64));
    writer.u32(node + RECORD_FRAME_BYTES, Math.ceil(fields.length / 2) * 16);
    const required = this.#fieldTable(schema, node);
    if (required === 0) writer.u8(node + NODE_FLAGS, FLAG_LOOSE);
    const nodes = fields.map((field) => this.#fieldNode(field, schema));
    writeMembers(writer, { record: node, fields, nodes, slots, nothing: this.#nothing });
    return node;
  }

  /**
   * Defaults one behind the other, so that any gap is one copy; returns how many fields lack one.
   */
  #fieldTable(schema: AvroRecord, node: number): number {
    const writer = this.#writer;
    const defaults = schema.fields.map((field) => {
      const place = `${schema.name}.${field.name}`;
      const hole = this.#holes.holeOf(field, place);
      if (hole !== undefined || this.#mode === "avro") return hole;
      return defaultBytes(field, place);
    });
    const table = writer.reserve((schema.fields.length + 1) * FIELD_BYTES, 8);
    const total = defaults.reduce((sum, bytes) => sum + (bytes?.length ?? 0), 0);
    const blob = writer.bytes(new Uint8Array(total));
    let offset = blob;
    let required = 0;
    for (let index = 0; index <= schema.fields.length; index += 1) {
      writer.address(table + index * FIELD_BYTES + FIELD_DEFAULT, offset);
      writer.u32(table + index * FIELD_BYTES + FIELD_REQUIRED, required);
      const bytes = defaults[index];
      if (bytes === undefined) required += 1;
      else writer.set(offset, bytes);
      if (this.#holes.isFilled(schema.fields[index])) this.#holes.offsets.push(offset);
      offset += bytes?.length ?? 0;
    }
    writer.address(node + RECORD_TABLE, table);
    return required - 1;
  }

  #union(schema: AvroUnion, node: number, use: Use): void {
    const isNullable =
      this.#mode === "plain" &&
      schema.branches.length === 2 &&
      schema.branches.filter(({ kind }) => kind === "null").length === 1;
    if (!isNullable) {
      this.#unionTable(schema, node, use);
      return;
    }
    const writer = this.#writer;
    const union = this.#start(schema, use, UNION_BYTES);
    const isNullFirst = schema.branches[0]?.kind === "null";
    const value = schema.branches[isNullFirst ? 1 : 0];
    if (value === undefined) throw new SchemaError("a union without branches", "");
    writer.u8(node, KIND_NULLABLE);
    writer.u8(node + NULLABLE_NULL, isNullFirst ? 0 : 2);
    writer.u8(node + NULLABLE_VALUE, isNullFirst ? 2 : 0);
    writer.address(node + NULLABLE_NODE, this.#node(value, use));
    writer.address(node + NULLABLE_UNION, union);
    this.#unionTable(schema, union, use);
  }

  #unionTable(schema: AvroUnion, node: number, use: Use): void {
    const writer = this.#writer;
    const mode = this.#mode;
    const { from } = use;
    const branches = schema.branches.map((branch) => {
      const kind = kindOf(branch, from, mode);
      return { schema: branch, kind, flags: fromFlag(kind, from, mode) };
    });
    const table = writer.reserve(branches.length * BRANCH_BYTES, 16);
    const branchAt = (index: number): number => table + index * BRANCH_BYTES;
    branches.forEach((branch, index) => {
      writer.address(branchAt(index) + BRANCH_NODE, this.#node(branch.schema, use));
      writer.u32(branchAt(index) + BRANCH_INDEX, index);
    });
    const lists = branchLists(branches);
    const list = (offset: number, members: readonly number[]): void => {
      const address = writer.reserve(Math.max(members.length, 1) * 4, 4);
      members.forEach((index, place) => {
        writer.address(address + place * 4, branchAt(index));
      });
      writer.address(node + offset, address);
      writer.u32(node + offset + 4, members.length);
    };
    list(UNION_LISTS + LIST_NULL, lists.null);
    list(UNION_LISTS + LIST_BOOLEAN, lists.boolean);
    list(UNION_LISTS + LIST_WHOLE, lists.whole);
    list(UNION_LISTS + LIST_FRACTION, lists.fraction);
    list(UNION_LISTS + LIST_STRING, lists.string);
    list(UNION_LISTS + LIST_ARRAY, lists.array);
    list(UNION_RECORDS, lists.records);
    if (lists.map !== undefined) writer.address(node + UNION_MAP, branchAt(lists.map));
    const others = branches.flatMap(({ kind }, index) => (kind === KIND_NULL ? [] : [index]));
    const [only] = others;
    if (only !== undefined && others.length === 1)
      writer.address(node + UNION_ONLY, branchAt(only));
    const tags = branches.flatMap(({ schema: branch, kind }, index) =>
      mode === "avro" && kind === KIND_NULL
        ? []
        : [{ name: tagOf(branch), node: branchAt(index), field: index }],
    );
    writeNames(writer, node, tags);
    if (mode === "avro") writer.u8(node, KIND_TAGGED);
    const isAmbiguous = hasTagName(schema, new Set(tags.map(({ name }) => name)));
    writer.u8(node + NODE_FLAGS, isAmbiguous ? FLAG_AMBIGUOUS : 0);
  }
}
