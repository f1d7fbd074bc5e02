/**
 * The default of a field as Avro bytes, exact: numbers come as text and are never rounded on the
 * way. Avro's own rules for defaults hold, not mapping v1: bytes are code points, logical types
 * play no part, a union's default belongs to the first branch that it fits.
 */
import { type JsonNode, readJson } from "../avro/json.ts";
import type { AvroField, AvroRecord, AvroSchema } from "../avro/schema.ts";
import { SchemaError } from "../avro/schema.ts";

const DEFAULT_DEPTH_MAX = 64;
const INT_MAX = 2n ** 31n;
const LONG_MAX = 2n ** 63n;
/** Beyond this exponent no number is an integer in range (save 0); it bounds the work. */
const EXPONENT_MAX = 400;

/** The first branch of a union, if that is null. */
const FIRST_BRANCH = Uint8Array.of(0);

const encoder = new TextEncoder();

/**
 * The default of `field`, or null's bytes where its union has a null branch; undefined: required.
 */
export function defaultBytes(field: AvroField, path: string): Uint8Array | undefined {
  if (field.defaultJson === "null" && isNullFirst(field.schema)) return FIRST_BRANCH;
  if (field.defaultJson !== undefined) {
    const bytes = encode(field.schema, readJson(field.defaultJson, DEFAULT_DEPTH_MAX), 0);
    if (bytes === undefined) throw new SchemaError("the default does not fit its type", path);
    return Uint8Array.from(bytes);
  }
  const { schema } = field;
  if (schema.kind !== "union") return undefined;
  const branch = schema.branches.findIndex(({ kind }) => kind === "null");
  return branch < 0 ? undefined : Uint8Array.from(longBytes(BigInt(branch)));
}

function isNullFirst(schema: AvroSchema): boolean {
  return schema.kind === "union" && schema.branches[0]?.kind === "null";
}

/** Avro's long: zig-zag, seven bits a byte, least first. */
export function longBytes(value: bigint): number[] {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  const bytes: number[] = [];
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return bytes;
}

/** The integer a JSON number's text stands for, in any notation; undefined if it is none. */
export function integerOf(raw: string): bigint | undefined {
  const parts = /^(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/.exec(raw);
  if (parts === null) return undefined;
  const [, sign = "", whole = "", fraction = "", exponentText = "0"] = parts;
  const digits = (whole + fraction).replace(/0+$/, "");
  const dropped = whole.length + fraction.length - digits.length;
  if (/^0*$/.test(digits)) return 0n;
  const exponent = Number(exponentText) - fraction.length + dropped;
  if (exponent < 0 || exponent > EXPONENT_MAX) return undefined;
  return BigInt(`${sign}${digits}`) * 10n ** BigInt(exponent);
}

function encode(schema: AvroSchema, value: JsonNode, depth: number): number[] | undefined {
  if (depth > DEFAULT_DEPTH_MAX) return undefined;
  switch (schema.kind) {
    case "null":
      return value.kind === "null" ? [] : undefined;
    case "boolean":
      return value.kind === "boolean" ? [value.value ? 1 : 0] : undefined;
    case "int":
      return encodeWhole(value, INT_MAX);
    case "long":
      return encodeWhole(value, LONG_MAX);
    case "float":
    case "double":
      return encodeReal(value, schema.kind);
    case "bytes":
    case "fixed":
      return encodeCodePoints(value, schema.kind === "fixed" ? schema.size : undefined);
    case "string":
      return value.kind === "string" ? withLength([...encoder.encode(value.value)]) : undefined;
    case "enum": {
      const symbol = value.kind === "string" ? schema.symbols.indexOf(value.value) : -1;
      return symbol < 0 ? undefined : longBytes(BigInt(symbol));
    }
    case "array":
      if (value.kind !== "array") return undefined;
      return block(value.items.map((item) => encode(schema.items, item, depth + 1)));
    case "map":
      return value.kind === "object" ? encodeMap(schema.values, value.members, depth) : undefined;
    case "record":
      return value.kind === "object" ? encodeRecord(schema, value.members, depth) : undefined;
    case "union":
      return encodeUnion(schema.branches, value, depth);
    default:
      return schema satisfies never;
  }
}

function encodeWhole(value: JsonNode, limit: bigint): number[] | undefined {
  const whole = value.kind === "number" ? integerOf(value.raw) : undefined;
  if (whole === undefined || whole < -limit || whole >= limit) return undefined;
  return longBytes(whole);
}

function encodeReal(value: JsonNode, kind: "float" | "double"): number[] | undefined {
  if (value.kind !== "number") return undefined;
  const real = kind === "float" ? Math.fround(Number(value.raw)) : Number(value.raw);
  if (!Number.isFinite(real)) return undefined;
  const view = new DataView(new ArrayBuffer(8));
  if (kind === "float") view.setFloat32(0, real, true);
  else view.setFloat64(0, real, true);
  return [...new Uint8Array(view.buffer, 0, kind === "float" ? 4 : 8)];
}

function encodeCodePoints(value: JsonNode, size: number | undefined): number[] | undefined {
  if (value.kind !== "string") return undefined;
  const bytes = Array.from(value.value, (character) => character.codePointAt(0) ?? 0);
  if (bytes.some((byte) => byte > 255)) return undefined;
  if (size === undefined) return withLength(bytes);
  return bytes.length === size ? bytes : undefined;
}

function withLength(bytes: number[]): number[] {
  return [...longBytes(BigInt(bytes.length)), ...bytes];
}

/** An array or map: one block and its end. */
function block(items: readonly (number[] | undefined)[]): number[] | undefined {
  if (items.length === 0) return [0];
  const bytes = longBytes(BigInt(items.length));
  for (const item of items) {
    if (item === undefined) return undefined;
    bytes.push(...item);
  }
  bytes.push(0);
  return bytes;
}

function encodeMap(
  values: AvroSchema,
  members: ReadonlyMap<string, JsonNode>,
  depth: number,
): number[] | undefined {
  const entries = [...members].map(([name, value]) => {
    const bytes = encode(values, value, depth + 1);
    return bytes && [...withLength([...encoder.encode(name)]), ...bytes];
  });
  return block(entries);
}

function encodeRecord(
  schema: AvroRecord,
  members: ReadonlyMap<string, JsonNode>,
  depth: number,
): number[] | undefined {
  const bytes: number[] = [];
  for (const field of schema.fields) {
    const member = members.get(field.name);
    const own = member ?? fieldDefault(field);
    const encoded = own && encode(field.schema, own, depth + 1);
    if (encoded === undefined) return undefined;
    bytes.push(...encoded);
  }
  return bytes;
}

function fieldDefault(field: AvroField): JsonNode | undefined {
  if (field.defaultJson === undefined) return undefined;
  return readJson(field.defaultJson, DEFAULT_DEPTH_MAX);
}

function encodeUnion(
  branches: readonly AvroSchema[],
  value: JsonNode,
  depth: number,
): number[] | undefined {
  for (const [index, branch] of branches.entries()) {
    const bytes = encode(branch, value, depth + 1);
    if (bytes !== undefined) return [...longBytes(BigInt(index)), ...bytes];
  }
  return undefined;
}
