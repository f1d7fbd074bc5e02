/**
 * Avro schema → JSON Schema that takes the texts the mapping takes: what somebody would give to ajv
 * before avsc. Forms that JSON Schema would need a pattern for (times, decimals) are only strings
 * or numbers, in ajv's favour.
 */
import type { AvroField, AvroRecord, AvroSchema } from "../../src/schema/avro/schema.ts";

type JsonSchema = Readonly<Record<string, unknown>>;

const NUMBER_OR_STRING: JsonSchema = { type: ["number", "string"] };
const RANGES = {
  int: { type: "integer", minimum: -(2 ** 31), maximum: 2 ** 31 - 1 },
  long: { type: "integer" },
} as const;

export function jsonSchema(schema: AvroSchema): JsonSchema {
  const definitions: Record<string, JsonSchema> = {};
  const root = translate(schema, definitions);
  return { ...root, definitions };
}

function translate(schema: AvroSchema, definitions: Record<string, JsonSchema>): JsonSchema {
  switch (schema.kind) {
    case "record":
      definitions[schema.name] ??= recordSchema(schema, definitions);
      return { $ref: `#/definitions/${schema.name}` };
    case "array":
      return { type: "array", items: translate(schema.items, definitions) };
    case "map":
      return { type: "object", additionalProperties: translate(schema.values, definitions) };
    case "union":
      return { anyOf: schema.branches.map((branch) => translate(branch, definitions)) };
    case "enum":
      return { enum: schema.symbols };
    case "null":
    case "boolean":
      return { type: schema.kind };
    case "int":
    case "long":
      return schema.logical === undefined ? RANGES[schema.kind] : NUMBER_OR_STRING;
    case "float":
    case "double":
      return { type: "number" };
    default:
      return schema.logical === undefined ? { type: "string" } : NUMBER_OR_STRING;
  }
}

function recordSchema(record: AvroRecord, definitions: Record<string, JsonSchema>): JsonSchema {
  // A record that contains itself refers to this entry.
  definitions[record.name] = {};
  const named = (field: AvroField) => [field.name, ...field.aliases];
  const properties = Object.fromEntries(
    record.fields.flatMap((field) => {
      const type = field.from !== undefined ? {} : translate(field.schema, definitions);
      return named(field).map((name) => [name, type]);
    }),
  );
  const needed = record.fields.filter((field) => isRequired(field) && field.aliases.length === 0);
  return { type: "object", properties, required: needed.map(({ name }) => name) };
}

function isRequired({ schema, defaultJson }: AvroField): boolean {
  const isNullable =
    schema.kind === "union" && schema.branches.some((branch) => branch.kind === "null");
  return defaultJson === undefined && !isNullable;
}
