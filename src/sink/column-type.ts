/**
 * Which column an Avro field becomes: the one table of type mappings (docs/persistence.md). Types
 * that Avro lets a schema widen share a column type, so that a wider schema needs no new column.
 */
import type {
  AvroField,
  AvroFixed,
  AvroPrimitive,
  AvroSchema,
  PlainLogicalType,
} from "../schema/avro/schema.ts";
import {
  base64Cell,
  bytesCell,
  dateCell,
  doubleCell,
  durationCell,
  jsonCell,
  plainCell,
  stringCell,
  timeCell,
  timestampCell,
  uuidBytesCell,
  uuidCell,
  type Cell,
} from "./cells.ts";

export const COLUMN_TYPES = [
  "boolean",
  "bigint",
  "double precision",
  "numeric",
  "text",
  "uuid",
  "bytea",
  "date",
  "time",
  "timestamp with time zone",
  "timestamp without time zone",
  "interval",
  "jsonb",
] as const;
export type ColumnType = (typeof COLUMN_TYPES)[number];

export interface ColumnRule {
  readonly type: ColumnType;
  /** Never called for null. */
  readonly cell: Cell;
}

const JSONB: ColumnRule = { type: "jsonb", cell: jsonCell };
const BIGINT: ColumnRule = { type: "bigint", cell: plainCell };

/** By logical type; PostgreSQL's clock has microseconds, so that nanoseconds stay numbers. */
const LOGICAL_RULES: Readonly<Record<Exclude<PlainLogicalType, "uuid">, ColumnRule>> = {
  date: { type: "date", cell: dateCell },
  "time-millis": { type: "time", cell: (json) => timeCell(json, 1n) },
  "time-micros": { type: "time", cell: (json) => timeCell(json, 1_000n) },
  "timestamp-millis": {
    type: "timestamp with time zone",
    cell: (json) => `${timestampCell(json, 1n)}Z`,
  },
  "timestamp-micros": {
    type: "timestamp with time zone",
    cell: (json) => `${timestampCell(json, 1_000n)}Z`,
  },
  "timestamp-nanos": BIGINT,
  "local-timestamp-millis": {
    type: "timestamp without time zone",
    cell: (json) => timestampCell(json, 1n),
  },
  "local-timestamp-micros": {
    type: "timestamp without time zone",
    cell: (json) => timestampCell(json, 1_000n),
  },
  "local-timestamp-nanos": BIGINT,
  duration: { type: "interval", cell: durationCell },
};

/** The column of a record's field. */
export function columnRule({ schema, from }: Pick<AvroField, "schema" | "from">): ColumnRule {
  const inner = withoutNull(schema);
  if (inner === undefined) return JSONB;
  switch (inner.kind) {
    case "boolean":
      return { type: "boolean", cell: plainCell };
    case "int":
    case "long":
      return logicalRule(inner) ?? BIGINT;
    case "float":
    case "double":
      return { type: "double precision", cell: doubleCell };
    case "string":
      if (from === "json") return JSONB;
      return inner.logical?.type === "uuid"
        ? { type: "uuid", cell: uuidCell }
        : { type: "text", cell: stringCell };
    case "enum":
      return { type: "text", cell: stringCell };
    case "bytes":
    case "fixed":
      return octetsRule(inner, from);
    case "null":
    case "union":
    case "record":
    case "array":
    case "map":
      return JSONB;
    default:
      return inner satisfies never;
  }
}

function octetsRule(schema: AvroPrimitive | AvroFixed, from: AvroField["from"]): ColumnRule {
  if (schema.logical?.type === "decimal") return { type: "numeric", cell: plainCell };
  if (from === "base64") return { type: "bytea", cell: base64Cell };
  if (schema.logical?.type === "uuid") return { type: "uuid", cell: uuidBytesCell };
  return logicalRule(schema) ?? { type: "bytea", cell: bytesCell };
}

function logicalRule({ logical }: AvroPrimitive | AvroFixed): ColumnRule | undefined {
  const type = logical?.type;
  if (type === undefined || type === "decimal" || type === "uuid") return undefined;
  return LOGICAL_RULES[type];
}

/** The one branch besides null; undefined: there are several, or none. */
function withoutNull(schema: AvroSchema): AvroSchema | undefined {
  if (schema.kind !== "union") return schema;
  const branches = schema.branches.filter(({ kind }) => kind !== "null");
  return branches.length === 1 ? branches[0] : undefined;
}
