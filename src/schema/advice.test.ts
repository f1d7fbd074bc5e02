import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { adviseOn } from "./advice.ts";
import { parseAvroSchema } from "./avro/schema.ts";

function advice(schema: unknown): string[] {
  const text = JSON.stringify(schema);
  return adviseOn(parseAvroSchema(text), text).map((one) => `${one.at}: ${one.text}`);
}

function recordOf(...fields: readonly unknown[]): unknown {
  return { type: "record", name: "R", fields };
}

describe("adviseOn", () => {
  const cases: ReadonlyArray<readonly [string, unknown, readonly RegExp[]]> = [
    [
      "a schema that can grow",
      recordOf(
        { name: "a", type: ["null", "string"], default: null },
        { name: "b", type: { type: "enum", name: "E", symbols: ["X"], default: "X" } },
        { name: "c", type: { type: "long", logicalType: "timestamp-millis" } },
        { name: "d", type: "R" },
      ),
      [],
    ],
    [
      "no default",
      recordOf({ name: "a", type: ["null", "int"] }),
      [/^a: a may be null but has no default/],
    ],
    [
      "a default of a later branch",
      recordOf({ name: "a", type: ["int", "null"], default: null }),
      [/^a: The default of a is not of the first branch/],
    ],
    [
      "an enum within a record within an array",
      recordOf({
        name: "list",
        type: {
          type: "array",
          items: recordIn("I", { name: "e", type: { type: "enum", name: "n.E", symbols: ["X"] } }),
        },
      }),
      [/^list\.e: The enum n\.E has no default symbol/],
    ],
    [
      "a logical type beside the type of a field",
      recordOf({ name: "at", type: "long", logicalType: "timestamp-millis" }),
      [/^\/fields\/0: The logical type "timestamp-millis" is ignored: it belongs into the type/],
    ],
    [
      "a logical type on another type",
      recordOf({ name: "at", type: { type: "string", logicalType: "timestamp-millis" } }),
      [/^\/fields\/0\/type: The logical type "timestamp-millis" is ignored: it is unknown/],
    ],
    [
      "a decimal that is too long for its fixed",
      { type: "fixed", name: "F", size: 2, logicalType: "decimal", precision: 9 },
      [/^: The logical type "decimal" is ignored/],
    ],
    [
      "a default that only looks like a schema",
      recordOf({
        name: "m",
        type: { type: "map", values: "string" },
        default: { logicalType: "x", type: "y" },
      }),
      [],
    ],
  ];
  for (const [name, schema, expected] of cases) {
    it(`${name}, gives ${expected.length} pieces of advice`, () => {
      const found = advice(schema);
      assert.equal(found.length, expected.length, found.join("\n"));
      for (const [index, pattern] of expected.entries()) assert.match(found[index] ?? "", pattern);
    });
  }
});

function recordIn(name: string, field: unknown): unknown {
  return { type: "record", name, fields: [field] };
}
