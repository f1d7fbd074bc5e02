/** The mapping of types, as docs/persistence.md has it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { parseAvroSchema } from "../schema/avro/schema.ts";
import { columnRule, COLUMN_TYPES } from "./column-type.ts";

const record = { type: "record", name: "R", fields: [{ name: "x", type: "int" }] };
const fixed = (size: number, more: object) => ({ type: "fixed", name: "F", size, ...more });
const logical = (type: string, logicalType: string) => ({ type, logicalType });

const MAPPING: ReadonlyArray<readonly [unknown, (typeof COLUMN_TYPES)[number]]> = [
  ["boolean", "boolean"],
  ["int", "bigint"],
  ["long", "bigint"],
  ["float", "double precision"],
  ["double", "double precision"],
  ["string", "text"],
  [{ type: "enum", name: "E", symbols: ["A"] }, "text"],
  ["bytes", "bytea"],
  [fixed(3, {}), "bytea"],
  [{ type: "bytes", logicalType: "decimal", precision: 9, scale: 2 }, "numeric"],
  [fixed(8, { logicalType: "decimal", precision: 9, scale: 2 }), "numeric"],
  [logical("string", "uuid"), "uuid"],
  [fixed(16, { logicalType: "uuid" }), "uuid"],
  [fixed(12, { logicalType: "duration" }), "interval"],
  [logical("int", "date"), "date"],
  [logical("int", "time-millis"), "time"],
  [logical("long", "time-micros"), "time"],
  [logical("long", "timestamp-millis"), "timestamp with time zone"],
  [logical("long", "timestamp-micros"), "timestamp with time zone"],
  [logical("long", "timestamp-nanos"), "bigint"],
  [logical("long", "local-timestamp-millis"), "timestamp without time zone"],
  [logical("long", "local-timestamp-micros"), "timestamp without time zone"],
  [logical("long", "local-timestamp-nanos"), "bigint"],
  [record, "jsonb"],
  [{ type: "array", items: "int" }, "jsonb"],
  [{ type: "map", values: "int" }, "jsonb"],
  [["null", "long"], "bigint"],
  [["string", "null"], "text"],
  [["null", "long", "string"], "jsonb"],
  ["null", "jsonb"],
];

function ruleOf(type: unknown, annotations: object = {}) {
  const fields = [{ name: "f", type, ...annotations }];
  const schema = parseAvroSchema(JSON.stringify({ type: "record", name: "T", fields }));
  assert.equal(schema.kind, "record");
  const field = schema.kind === "record" ? schema.fields[0] : undefined;
  assert.ok(field);
  return columnRule(field);
}

describe("columnRule", () => {
  for (const [type, expected] of MAPPING) {
    it(`${JSON.stringify(type)}: ${expected}`, () => assert.equal(ruleOf(type).type, expected));
  }

  it("JSON in a string is jsonb, base64 in bytes is bytea", () => {
    assert.equal(ruleOf("string", { "sluice.from": "json" }).type, "jsonb");
    const { type, cell } = ruleOf("bytes", { "sluice.from": "base64" });
    assert.equal(type, "bytea");
    assert.equal(cell('"/w=="'), String.raw`\\xff`);
  });

  it("the document names every column type", () => {
    const page = readFileSync(new URL("../../docs/persistence.md", import.meta.url), "utf8");
    for (const type of COLUMN_TYPES) assert.ok(page.includes(`\`${type}\``), type);
  });
});
