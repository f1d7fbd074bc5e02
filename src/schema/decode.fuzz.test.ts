/**
 * Random schemas and values, encoded by avsc (an Avro implementation that is not ours), decode to
 * the JSON that was meant; and random bytes never do worse than a fault.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import avsc from "avsc";
import fc from "fast-check";

import { parseAvroSchema } from "./avro/schema.ts";
import { decodeToJson } from "./decode.ts";

const SEED = Number(process.env["SLUICE_TEST_SEED"] ?? Date.now() % 0x7fffffff);
const RUNS = 2_000;

/** A schema, and a value of it as avsc takes it and as sluice prints it. */
interface Sample {
  readonly schema: unknown;
  readonly value: unknown;
  readonly json: string;
}

/** Longs as bigints: with numbers avsc loses the sign of longs below −2^52. */
// oxlint-disable-next-line no-underscore-dangle -- the name is avsc's
const LONG = avsc.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    return bytes;
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === "bigint",
  compare: (left: bigint, right: bigint) => Number(left - right),
});

function avscType(schema: unknown): avsc.Type {
  // avsc's types have no name for "any JSON schema".
  const options = { wrapUnions: "always", registry: { long: LONG } } as const;
  return avsc.Type.forSchema(schema as avsc.Schema, options);
}

type Make = (name: string, depth: number) => fc.Arbitrary<Sample>;

const withFraction = (text: string): string => (/[.e]/.test(text) ? text : `${text}.0`);

const LEAVES: readonly Make[] = [
  () => fc.constant({ schema: "null", value: null, json: "null" }),
  () => fc.boolean().map((value) => ({ schema: "boolean", value, json: String(value) })),
  () =>
    fc
      .integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
      .map((value) => ({ schema: "int", value, json: String(value) })),
  () =>
    fc
      .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
      .map((value) => ({ schema: "long", value, json: String(value) })),
  () =>
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => ({
      schema: "double",
      value,
      json: withFraction(Object.is(value, -0) ? "-0" : String(value)),
    })),
  () =>
    fc
      .string({ unit: "grapheme" })
      .map((value) => ({ schema: "string", value, json: JSON.stringify(value) })),
  () =>
    fc.uint8Array({ maxLength: 20 }).map((bytes) => ({
      schema: "bytes",
      value: Buffer.from(bytes),
      json: JSON.stringify(Buffer.from(bytes).toString("latin1")),
    })),
  (name) =>
    fc.constantFrom("A", "B", "C").map((value) => ({
      schema: { type: "enum", name: `E${name}`, symbols: ["A", "B", "C"] },
      value,
      json: JSON.stringify(value),
    })),
  () =>
    fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n }).map((unscaled) => {
      const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(4, "0");
      const json = `${unscaled < 0n ? "-" : ""}${digits.slice(0, -3)}.${digits.slice(-3)}`;
      const schema = { type: "bytes", logicalType: "decimal", precision: 20, scale: 3 };
      return { schema, value: twosComplement(unscaled), json };
    }),
];

function twosComplement(value: bigint): Buffer {
  const hex = BigInt.asUintN(72, value).toString(16).padStart(18, "0");
  return Buffer.from(hex, "hex");
}

const sample: Make = (name, depth) => {
  const leaves = LEAVES.map((make) => make(name, depth));
  if (depth === 0) return fc.oneof(...leaves);
  return fc.oneof(
    ...leaves,
    record(name, depth),
    array(name, depth),
    map(name, depth),
    nullable(name, depth),
  );
};

const record: Make = (name, depth) =>
  fc.tuple(...[0, 1, 2].map((index) => sample(`${name}_${index}`, depth - 1))).map((fields) => ({
    schema: {
      type: "record",
      name: `R${name}`,
      fields: fields.map((field, index) => ({ name: `f${index}`, type: field.schema })),
    },
    value: Object.fromEntries(fields.map((field, index) => [`f${index}`, field.value])),
    json: `{${fields.map((field, index) => `"f${index}":${field.json}`).join(",")}}`,
  }));

const array: Make = (name, depth) =>
  fc.tuple(sample(name, depth - 1), fc.nat({ max: 3 })).map(([item, count]) => {
    const items = Array.from({ length: count }, () => item);
    return {
      schema: { type: "array", items: item.schema },
      value: items.map((one) => one.value),
      json: `[${items.map((one) => one.json).join(",")}]`,
    };
  });

const map: Make = (name, depth) =>
  fc
    .tuple(sample(name, depth - 1), fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}$/)))
    .map(([item, keys]) => ({
      schema: { type: "map", values: item.schema },
      value: Object.fromEntries(keys.map((key) => [key, item.value])),
      json: `{${keys.map((key) => `"${key}":${item.json}`).join(",")}}`,
    }));

const nullable: Make = (name, depth) =>
  fc.tuple(sample(name, depth - 1), fc.boolean()).map(([item, isNull]) => {
    // A union may hold neither a union nor a second null.
    if (item.schema === "null" || Array.isArray(item.schema)) return item;
    const schema = ["null", item.schema];
    if (isNull) return { schema, value: null, json: "null" };
    return { schema, value: { [branchName(item.schema)]: item.value }, json: item.json };
  });

function branchName(schema: unknown): string {
  return avscType(schema).branchName ?? "";
}

describe("decodeToJson", () => {
  it(`what avsc has encoded, is the JSON that was meant (seed ${SEED})`, () => {
    fc.assert(
      fc.property(sample("x", 3), ({ schema, value, json }) => {
        const type = avscType(schema);
        const decoded = decodeToJson(parseAvroSchema(JSON.stringify(schema)), type.toBuffer(value));
        assert.deepEqual(decoded, { kind: "json", text: json });
        JSON.parse(json);
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });

  it(`bytes that were changed or cut, are JSON or a fault within the bytes (seed ${SEED})`, () => {
    fc.assert(
      fc.property(
        sample("x", 3),
        fc.uint8Array({ maxLength: 40 }),
        fc.nat(),
        (made, noise, cut) => {
          const type = avscType(made.schema);
          const sound = type.toBuffer(made.value);
          const bytes = Buffer.concat([sound.subarray(0, cut % (sound.length + 1)), noise]);
          const decoded = decodeToJson(parseAvroSchema(JSON.stringify(made.schema)), bytes);
          if (decoded.kind === "json") JSON.parse(decoded.text);
          else assert.ok(decoded.offset >= 0 && decoded.offset <= bytes.length);
        },
      ),
      { seed: SEED, numRuns: RUNS },
    );
  });
});
