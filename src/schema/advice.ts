/**
 * What is sound Avro and will hurt all the same: fields that cannot be added later, enums that
 * cannot grow, logical types that every tool ignores without a word. `sluice schema check` prints
 * it; nothing depends on it.
 */
import { SCHEMA_DEPTH_MAX } from "../limits/schemas.ts";
import { pointerStep, readJson, type JsonNode } from "./avro/json.ts";
import { logicalType } from "./avro/logical.ts";
import type { Members } from "./avro/members.ts";
import { isPrimitive } from "./avro/names.ts";
import type { AvroField, AvroSchema } from "./avro/schema.ts";

export interface Advice {
  /** Where: an RFC 6901 pointer into the text, or the path of fields. */
  readonly at: string;
  /** One sentence. */
  readonly text: string;
}

/** Judges a schema and the text it was parsed from, which has to be sound. */
export function adviseOn(schema: AvroSchema, text: string): Advice[] {
  const advice: Advice[] = [];
  adviseOnText(readJson(text, SCHEMA_DEPTH_MAX), { path: "", isField: false }, advice);
  adviseOnSchema(schema, { path: "", seen: new Set() }, advice);
  return advice;
}

interface TextPlace {
  readonly path: string;
  /** An item of `fields`: its `type` is a member, but it is no type itself. */
  readonly isField: boolean;
}

function adviseOnText(node: JsonNode, place: TextPlace, advice: Advice[]): void {
  if (node.kind === "array") {
    const isField = place.path.endsWith("/fields");
    for (const [index, item] of node.items.entries()) {
      adviseOnText(item, { path: pointerStep(place.path, index), isField }, advice);
    }
  }
  if (node.kind !== "object") return;
  const logical = node.members.get("logicalType");
  if (logical?.kind === "string") {
    const quoted = JSON.stringify(logical.value);
    if (place.isField) {
      const text =
        `The logical type ${quoted} is ignored: it belongs into the type, ` +
        `{"type": {"type": …, "logicalType": ${quoted}}}.`;
      advice.push({ at: place.path, text });
    } else if (isIgnored(node.members)) {
      const text =
        `The logical type ${quoted} is ignored: it is unknown, or does not fit its type ` +
        "or its precision.";
      advice.push({ at: place.path, text });
    }
  }
  for (const [name, member] of node.members) {
    if (name === "default" || name === "aliases" || name === "symbols") continue;
    adviseOnText(member, { path: pointerStep(place.path, name), isField: false }, advice);
  }
}

function isIgnored(members: Members): boolean {
  const type = members.get("type");
  if (type?.kind !== "string") return true;
  if (isPrimitive(type.value)) return logicalType(members, type.value) === undefined;
  const size = members.get("size");
  if (type.value !== "fixed" || size?.kind !== "number") return true;
  return logicalType(members, { size: Number(size.raw) }) === undefined;
}

interface SchemaPlace {
  /** Names of the fields on the way, separated by dots. */
  readonly path: string;
  /** Named types that have been judged: a record may contain itself. */
  readonly seen: Set<string>;
}

function adviseOnSchema(schema: AvroSchema, place: SchemaPlace, advice: Advice[]): void {
  if ("name" in schema) {
    if (place.seen.has(schema.name)) return;
    place.seen.add(schema.name);
  }
  switch (schema.kind) {
    case "record":
      for (const field of schema.fields) {
        const path = place.path === "" ? field.name : `${place.path}.${field.name}`;
        adviseOnField(field, path, advice);
        adviseOnSchema(field.schema, { ...place, path }, advice);
      }
      return;
    case "enum":
      if (schema.defaultSymbol === undefined) {
        const text =
          `The enum ${schema.name} has no default symbol: once it grows, older readers fail ` +
          "on the new symbols.";
        advice.push({ at: place.path, text });
      }
      return;
    case "array":
      return adviseOnSchema(schema.items, place, advice);
    case "map":
      return adviseOnSchema(schema.values, place, advice);
    case "union":
      for (const branch of schema.branches) adviseOnSchema(branch, place, advice);
      return;
    default:
      return;
  }
}

function adviseOnField(field: AvroField, at: string, advice: Advice[]): void {
  if (field.schema.kind !== "union") return;
  const nullIndex = field.schema.branches.findIndex((branch) => branch.kind === "null");
  if (nullIndex < 0) return;
  if (field.defaultJson === undefined) {
    const text =
      `${field.name} may be null but has no default: records without it cannot be read ` +
      "with this schema.";
    advice.push({ at, text });
  } else if ((field.defaultJson === "null") !== (nullIndex === 0)) {
    const text =
      `The default of ${field.name} is not of the first branch of its union: older Avro ` +
      "tools refuse that.";
    advice.push({ at, text });
  }
}
