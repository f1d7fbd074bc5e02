/**
 * Which encoder of the module serves a schema under mapping v1, and what unions make of it. It
 * knows nothing of the layout of plans.
 */
import {
  FLAG_FROM,
  KIND_ARRAY,
  KIND_BOOLEAN,
  KIND_BYTES,
  KIND_DATE,
  KIND_DECIMAL,
  KIND_DECIMAL_FIXED,
  KIND_DOUBLE,
  KIND_ENUM,
  KIND_FIXED,
  KIND_FLOAT,
  KIND_INT,
  KIND_JSON,
  KIND_LONG,
  KIND_MAP,
  KIND_MICROS,
  KIND_MILLIS,
  KIND_NULL,
  KIND_RECORD,
  KIND_STRING,
  KIND_UNION,
  KIND_UUID,
} from "../../codec/abi.gen.ts";
import type { AvroField, AvroSchema, AvroUnion } from "../avro/schema.ts";

export type JsonMode = "plain" | "avro";
export type From = AvroField["from"];

const BASE_KINDS = {
  null: KIND_NULL,
  boolean: KIND_BOOLEAN,
  int: KIND_INT,
  long: KIND_LONG,
  float: KIND_FLOAT,
  double: KIND_DOUBLE,
  string: KIND_STRING,
  bytes: KIND_BYTES,
  fixed: KIND_FIXED,
  enum: KIND_ENUM,
  array: KIND_ARRAY,
  map: KIND_MAP,
  record: KIND_RECORD,
  union: KIND_UNION,
} as const satisfies Record<AvroSchema["kind"], number>;

/** Number of the encoder. */
export function kindOf(schema: AvroSchema, from: From, mode: JsonMode): number {
  const base = BASE_KINDS[schema.kind];
  const logical = "logical" in schema ? schema.logical?.type : undefined;
  if (schema.kind === "string" && logical === "uuid") return KIND_UUID;
  if (mode === "avro") return base;
  if (schema.kind === "string") return from === "json" ? KIND_JSON : base;
  if (schema.kind === "long" && logical === "timestamp-millis") return KIND_MILLIS;
  if (schema.kind === "long" && logical === "timestamp-micros") return KIND_MICROS;
  if (schema.kind === "int" && logical === "date") return KIND_DATE;
  if (schema.kind === "bytes" && logical === "decimal") return KIND_DECIMAL;
  if (schema.kind === "fixed" && logical === "decimal") return KIND_DECIMAL_FIXED;
  return base;
}

const INTEGERS: ReadonlySet<number> = new Set([
  KIND_INT,
  KIND_LONG,
  KIND_MILLIS,
  KIND_MICROS,
  KIND_DATE,
]);

/** FLAG_FROM where `sluice.from` has an effect on the encoder's input, else 0. */
export function fromFlag(kind: number, from: From, mode: JsonMode): number {
  if (mode === "avro") return 0;
  if (from === "decimal-string" && INTEGERS.has(kind)) return FLAG_FROM;
  if (from === "base64" && (kind === KIND_BYTES || kind === KIND_FIXED)) return FLAG_FROM;
  return 0;
}

/** Branches of a union by what may become of a JSON value, in the order in which they are tried. */
export interface BranchLists {
  readonly null: readonly number[];
  readonly boolean: readonly number[];
  readonly whole: readonly number[];
  readonly fraction: readonly number[];
  readonly string: readonly number[];
  readonly array: readonly number[];
  readonly records: readonly number[];
  readonly map: number | undefined;
}

export interface Branch {
  readonly schema: AvroSchema;
  readonly kind: number;
  readonly flags: number;
}

/** The lists of mapping v1; numbers are positions in `branches`. */
export function branchLists(branches: readonly Branch[]): BranchLists {
  const where = (wanted: (branch: Branch) => boolean): number[] =>
    branches.flatMap((branch, index) => (wanted(branch) ? [index] : []));
  const ofKind = (...kinds: number[]): number[] => where(({ kind }) => kinds.includes(kind));
  const anyJson = ofKind(KIND_JSON);
  const nulls = ofKind(KIND_NULL);
  const [json] = anyJson;
  if (json !== undefined) {
    const all = [json];
    const forNull = nulls.length > 0 ? nulls : all;
    return {
      null: forNull,
      boolean: all,
      whole: all,
      fraction: all,
      string: all,
      array: all,
      records: [],
      map: json,
    };
  }
  const integers = where(({ kind }) => INTEGERS.has(kind));
  const reals = ofKind(KIND_FLOAT, KIND_DOUBLE);
  const decimals = ofKind(KIND_DECIMAL, KIND_DECIMAL_FIXED);
  return {
    null: nulls,
    boolean: ofKind(KIND_BOOLEAN),
    whole: [...integers, ...reals, ...decimals],
    fraction: [...reals, ...integers, ...decimals],
    string: [...where(takesAnyString), ...where(takesStringForm)],
    array: ofKind(KIND_ARRAY),
    records: ofKind(KIND_RECORD),
    map: ofKind(KIND_MAP)[0],
  };
}

function takesAnyString({ kind, schema }: Branch): boolean {
  if (kind === KIND_FIXED) return !("logical" in schema) || schema.logical?.type !== "duration";
  return [KIND_ENUM, KIND_STRING, KIND_UUID, KIND_BYTES].includes(kind);
}

function takesStringForm({ kind, flags }: Branch): boolean {
  if (INTEGERS.has(kind) && (flags & FLAG_FROM) !== 0) return true;
  return [KIND_MILLIS, KIND_MICROS, KIND_DATE, KIND_DECIMAL, KIND_DECIMAL_FIXED].includes(kind);
}

/** The name of a branch in the tag form. */
export function tagOf(schema: AvroSchema): string {
  return "name" in schema ? schema.name : schema.kind;
}

/** Primitive types without logical type, and unions of them, are the same wherever they stand. */
export function commonKey(schema: AvroSchema): string | undefined {
  if (schema.kind === "union") {
    let keys = "";
    for (const branch of schema.branches) {
      const key = branch.kind === "union" ? undefined : commonKey(branch);
      if (key === undefined) return undefined;
      keys += `,${key}`;
    }
    return keys;
  }
  if ("name" in schema || schema.kind === "array" || schema.kind === "map") return undefined;
  return schema.logical === undefined ? schema.kind : undefined;
}

/** May an object's member be taken for a branch's tag? */
export function hasTagName(schema: AvroUnion, tags: ReadonlySet<string>): boolean {
  return schema.branches.some(
    (branch) =>
      branch.kind === "record" &&
      branch.fields.some(({ name, aliases }) => [name, ...aliases].some((text) => tags.has(text))),
  );
}
