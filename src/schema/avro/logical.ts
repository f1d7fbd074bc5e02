/**
 * Logical types (Avro specification, "Logical Types"). One that is unknown, stands on the wrong
 * type or has bad parameters is ignored, as the specification demands: the value is then of the
 * base type.
 */
import type { JsonNode } from "./json.ts";
import type { PrimitiveKind } from "./names.ts";
import type { Logical, PlainLogicalType } from "./schema.ts";

/** The base types of each logical type; a number is the size a fixed has to have. */
const BASES: Readonly<Record<PlainLogicalType, readonly (PrimitiveKind | number)[]>> = {
  uuid: ["string", 16],
  date: ["int"],
  "time-millis": ["int"],
  "time-micros": ["long"],
  "timestamp-millis": ["long"],
  "timestamp-micros": ["long"],
  "timestamp-nanos": ["long"],
  "local-timestamp-millis": ["long"],
  "local-timestamp-micros": ["long"],
  "local-timestamp-nanos": ["long"],
  duration: [12],
};

/** The logical type that the members of a type's object give it; `base`: its kind, or its size. */
export function logicalType(
  members: ReadonlyMap<string, JsonNode>,
  base: PrimitiveKind | { readonly size: number },
): Logical | undefined {
  const named = members.get("logicalType");
  if (named?.kind !== "string") return undefined;
  if (named.value === "decimal") return decimal(members, base);
  if (!isPlain(named.value)) return undefined;
  const type = named.value;
  return BASES[type].includes(typeof base === "string" ? base : base.size) ? { type } : undefined;
}

function decimal(
  members: ReadonlyMap<string, JsonNode>,
  base: PrimitiveKind | { readonly size: number },
): Logical | undefined {
  if (typeof base === "string" && base !== "bytes") return undefined;
  const precision = integer(members.get("precision"));
  const scale = members.has("scale") ? integer(members.get("scale")) : 0;
  if (precision === undefined || scale === undefined) return undefined;
  const digitsMax = typeof base === "string" ? Number.MAX_SAFE_INTEGER : digitsOf(base.size);
  if (precision < 1 || precision > digitsMax || scale > precision) return undefined;
  return { type: "decimal", precision, scale };
}

/** Decimal digits that always fit into so many bytes of two's complement. */
function digitsOf(bytes: number): number {
  return bytes === 0 ? 0 : Math.floor(Math.log10(2) * (8 * bytes - 1));
}

function integer(node: JsonNode | undefined): number | undefined {
  if (node?.kind !== "number" || !/^[0-9]+$/.test(node.raw)) return undefined;
  const value = Number(node.raw);
  return value <= 0x7fffffff ? value : undefined;
}

function isPlain(name: string): name is PlainLogicalType {
  return Object.hasOwn(BASES, name);
}
