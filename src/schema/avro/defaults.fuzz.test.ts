/**
 * Generated types with generated defaults: what fits is taken and its text comes back exactly; what
 * does not is refused. The oracle for names and canonical forms is avsc.
 */
import assert from "node:assert/strict";
import test from "node:test";

import avsc from "avsc";
import fc from "fast-check";

import { canonicalForm } from "./canonical.ts";
import { parseAvroSchema, SchemaError } from "./schema.ts";

/** A type and JSON texts: defaults that fit it, and some that do not. */
interface Sample {
  readonly type: unknown;
  readonly good: string;
  readonly bad: string;
}

let names = 0;
const LEAVES: fc.Arbitrary<Sample> = fc.oneof(
  fc.constant({ type: "null", good: "null", bad: "0" }),
  fc.boolean().map((value) => ({ type: "boolean", good: String(value), bad: "0" })),
  fc.integer().map((value) => ({ type: "int", good: String(value), bad: `${value}.0` })),
  fc
    .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
    .map((value) => ({ type: "long", good: String(value), bad: `${value}0000000000000000000001` })),
  fc
    .double({ noNaN: true, noDefaultInfinity: true })
    .map((value) => ({ type: "double", good: JSON.stringify(value), bad: "1e999" })),
  fc
    .string({ unit: "grapheme" })
    .map((value) => ({ type: "string", good: JSON.stringify(value), bad: "1" })),
  fc
    .uint8Array({ maxLength: 9 })
    .map((bytes) => Buffer.from(bytes).toString("latin1"))
    .map((text) => ({
      type: "bytes",
      good: JSON.stringify(text),
      bad: JSON.stringify(`${text}Ā`),
    })),
  fc.uint8Array({ maxLength: 5 }).map((bytes) => ({
    type: { type: "fixed", name: freshName(), size: bytes.length },
    good: JSON.stringify(Buffer.from(bytes).toString("latin1")),
    bad: JSON.stringify("x".repeat(bytes.length + 1)),
  })),
  fc.constantFrom("A", "B").map((symbol) => ({
    type: { type: "enum", name: freshName(), symbols: ["A", "B"] },
    good: JSON.stringify(symbol),
    bad: '"C"',
  })),
);

const { sample: SAMPLES } = fc.letrec<{ sample: Sample }>((tie) => ({
  sample: fc.oneof(
    { depthSize: "small", withCrossShrink: false },
    LEAVES,
    tie("sample").map(({ type, good, bad }) => ({
      type: { type: "array", items: type },
      good: `[${good}]`,
      bad: `[${good},${bad}]`,
    })),
    tie("sample").map(({ type, good, bad }) => ({
      type: { type: "map", values: type },
      good: `{"k":${good}}`,
      bad: `{"k":${bad}}`,
    })),
    fc.array(tie("sample"), { maxLength: 4 }).map((fields) => ({
      type: {
        type: "record",
        name: freshName(),
        fields: fields.map(({ type }, index) => ({ name: `f${index}`, type })),
      },
      good: `{${fields.map(({ good }, index) => `"f${index}":${good}`).join(",")}}`,
      bad: fields[0] === undefined ? "[]" : "{}",
    })),
  ),
}));

test("parseAvroSchema takes a default that fits, digits and all, and no other", () => {
  fc.assert(
    fc.property(SAMPLES, ({ type, good, bad }) => {
      const schema = parseAvroSchema(withDefault(type, good));
      assert.ok(schema.kind === "record");
      assert.equal(schema.fields[0]?.defaultJson, good);
      assert.throws(() => parseAvroSchema(withDefault(type, bad)), SchemaError);
    }),
    { numRuns: 500 },
  );
});

test("canonicalForm agrees with avsc on generated schemas", () => {
  fc.assert(
    fc.property(SAMPLES, fc.constantFrom("", "a", "a.b_2"), ({ type }, namespace) => {
      const text = outer(type, { namespace });
      const theirs = avsc.Type.forSchema(JSON.parse(text) as avsc.Schema, { wrapUnions: true });
      assert.equal(canonicalForm(parseAvroSchema(text)), JSON.stringify(theirs.schema()));
    }),
    { numRuns: 300 },
  );
});

function freshName(): string {
  names++;
  return names % 3 === 0 ? `space.T${names}` : `T${names}`;
}

function withDefault(type: unknown, value: string): string {
  return outer(type, { value });
}

function outer(
  type: unknown,
  { value, namespace = "" }: { readonly value?: string; readonly namespace?: string },
): string {
  const place = namespace === "" ? "" : `"namespace":"${namespace}",`;
  const rest = value === undefined ? "" : `,"default":${value}`;
  const field = `{"name":"f","type":${JSON.stringify(type)}${rest}}`;
  return `{"type":"record","name":"Outer",${place}"fields":[${field}]}`;
}
