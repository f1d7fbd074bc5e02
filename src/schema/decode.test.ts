/** Decodes bytes that were worked out by hand from the Avro specification; no encoder is asked. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { DECODE_DEPTH_MAX } from "../limits/schemas.ts";
import { parseAvroSchema } from "./avro/schema.ts";
import { decodeToJson, splitRegistryValue } from "./decode.ts";

function decode(schema: unknown, hex: string): string {
  const decoded = decodeToJson(parseAvroSchema(JSON.stringify(schema)), Buffer.from(hex, "hex"));
  return decoded.kind === "json" ? decoded.text : `fault at ${decoded.offset}: ${decoded.detail}`;
}

const DECIMAL = { type: "bytes", logicalType: "decimal", precision: 20, scale: 4 };

describe("decodeToJson", () => {
  const cases: ReadonlyArray<readonly [string, unknown, string, string]> = [
    ["null", "null", "", "null"],
    ["boolean", "boolean", "01", "true"],
    ["int, least", "int", "ffffffff0f", "-2147483648"],
    ["int, greatest", "int", "feffffff0f", "2147483647"],
    ["long, least", "long", "ffffffffffffffffff01", "-9223372036854775808"],
    ["long, greatest", "long", "feffffffffffffffff01", "9223372036854775807"],
    ["long, beyond 2^53", "long", "8280808080808020", "9007199254740993"],
    ["long, 28 bits", "long", "ffffff7f", "-134217728"],
    ["long, 29 bits", "long", "8080808001", "134217728"],
    ["double, integral", "double", "0000000000001440", "5.0"],
    ["double, minus zero", "double", "0000000000000080", "-0.0"],
    ["double, exponent", "double", "ea8ca039593e2946", "1e+30"],
    ["double, NaN", "double", "000000000000f87f", '"NaN"'],
    ["double, infinite", "double", "000000000000f0ff", '"-Infinity"'],
    ["float, shortest", "float", "cdcccc3d", "0.1"],
    ["float, integral", "float", "00008041", "16.0"],
    ["float, least", "float", "01000000", "1e-45"],
    ["float, greatest", "float", "ffff7f7f", "3.4028235e+38"],
    ["float, infinite", "float", "0000807f", '"Infinity"'],
    ["string, UTF-8", "string", "0ac3a4e282ac", '"ä€"'],
    ["string, byte order mark kept", "string", "08efbbbf61", '"\ufeffa"'],
    ["bytes", "bytes", "0600ff61", '"\\u0000ÿa"'],
    ["fixed", { type: "fixed", name: "F", size: 2 }, "80e9", '"\u0080é"'],
    ["enum", { type: "enum", name: "E", symbols: ["A", "B"] }, "02", '"B"'],
    ["union", ["null", "long"], "0206", "3"],
    [
      "array, blocks with and without size",
      { type: "array", items: "int" },
      "02020304040600",
      "[1,2,3]",
    ],
    ["decimal", DECIMAL, "0407d0", "0.2000"],
    ["decimal, negative", DECIMAL, "02ff", "-0.0001"],
    ["decimal, sign bytes repeated", DECIMAL, "0affffffff85", "-0.0123"],
    ["decimal, empty", DECIMAL, "00", "0.0000"],
    ["decimal, beyond a double", DECIMAL, "12056bc75e2d63100001", "10000000000000000.0001"],
    [
      "decimal, no scale",
      { type: "bytes", logicalType: "decimal", precision: 4 },
      "0403e8",
      "1000",
    ],
    ["timestamp", { type: "long", logicalType: "timestamp-millis" }, "d00f", "1000"],
  ];
  for (const [name, schema, hex, expected] of cases) {
    it(`${name}, gives ${expected}`, () => {
      assert.equal(decode(schema, hex), expected);
    });
  }

  it("a map, keeps the order of its keys, array indexes and __proto__ among them", () => {
    const map = { type: "map", values: "int" };
    const keys = ["b", "10", "2", "__proto__", "a"];
    const entries = keys.map((key) =>
      Buffer.from([key.length * 2, ...Buffer.from(key), 2]).toString("hex"),
    );
    assert.equal(
      decode(map, `0a${entries.join("")}00`),
      '{"b":1,"10":1,"2":1,"__proto__":1,"a":1}',
    );
  });

  it("a record that contains itself, is decoded to its end", () => {
    const fields = [
      { name: "value", type: "int" },
      { name: "next", type: ["null", "Node"] },
    ];
    const text = decode({ type: "record", name: "Node", fields }, "02020400");
    assert.equal(text, '{"value":1,"next":{"value":2,"next":null}}');
  });

  function decodeFrom(from: string, type: unknown, hex: string): string {
    const field = { name: "f", type, "sluice.from": from };
    return decode({ type: "record", name: "R", fields: [field] }, hex);
  }

  it("sluice.from base64, is printed as base64, within a union too, a decimal never", () => {
    assert.equal(decodeFrom("base64", "bytes", "04fbff"), '{"f":"+/8="}');
    assert.equal(decodeFrom("base64", ["null", "bytes"], "020261"), '{"f":"YQ=="}');
    assert.equal(decodeFrom("base64", DECIMAL, "0264"), '{"f":0.0100}');
    const items = { type: "array", items: "bytes" };
    assert.equal(decodeFrom("base64", items, "02026100"), '{"f":["a"]}');
  });

  it("sluice.from json, is printed as the JSON it holds, on one line or as a string", () => {
    const hexOf = (text: string): string =>
      Buffer.from([text.length * 2, ...Buffer.from(text)]).toString("hex");
    const asJson = (text: string): string => decodeFrom("json", "string", hexOf(text));
    assert.equal(asJson('{"a":1.0,"a":2}'), '{"f":{"a":1.0,"a":2}}');
    assert.equal(asJson("12345678901234567890"), '{"f":12345678901234567890}');
    assert.equal(asJson("no JSON"), '{"f":"no JSON"}');
    assert.equal(asJson("[1,\n2]"), '{"f":"[1,\\n2]"}');
  });

  const faults: ReadonlyArray<readonly [string, unknown, string, RegExp]> = [
    ["too few bytes", "double", "0000", /^fault at 0: the record ends 6 bytes too early$/],
    ["too many bytes", "null", "00", /^fault at 0: 1 bytes are left over$/],
    ["a boolean of 2", "boolean", "02", /the byte 2 where a boolean/],
    ["a long in an int", "int", "8080808020", /^fault at 0: 4294967296 where an int belongs$/],
    ["65 bits", "long", "ffffffffffffffffff02", /more than 64 bits/],
    ["eleven bytes", "long", "8080808080808080808000", /more than ten bytes/],
    ["a branch that is not there", ["null", "int"], "04", /^fault at 0: branch 2 of 2$/],
    ["a negative symbol", { type: "enum", name: "E", symbols: ["A"] }, "01", /symbol -1 of 1/],
    ["a negative length", "string", "01", /a length of -1 bytes/],
    ["a cut character", "string", "08c3a4e282", /a string of 4 bytes that is not UTF-8/],
    ["no UTF-8", "string", "02ff", /a string of 1 bytes that is not UTF-8/],
    ["a block without end", { type: "array", items: "null" }, "feffffffffffffffff01", /a block of/],
    [
      "many blocks of nothing",
      { type: "array", items: "null" },
      "c08db701".repeat(3),
      /more than 4000000 items/,
    ],
  ];
  for (const [name, schema, hex, expected] of faults) {
    it(`${name}, is a fault with its offset`, () => {
      assert.match(decode(schema, hex), expected);
    });
  }

  it("endless nesting that costs no bytes, is a fault and no overflow", () => {
    const schema = { type: "record", name: "R", fields: [{ name: "r", type: "R" }] };
    assert.match(decode(schema, ""), new RegExp(`more than ${DECODE_DEPTH_MAX} nested values`));
  });
});

describe("splitRegistryValue", () => {
  it("magic and id, are taken off", () => {
    const parts = splitRegistryValue(Buffer.from("00fffffffe0a", "hex"));
    assert.deepEqual(parts, { kind: "avro", schemaId: 0xfffffffe, body: Buffer.from([0x0a]) });
  });
  it("JSON, is other", () => {
    const parts = splitRegistryValue(Buffer.from('{"a":1}'));
    assert.deepEqual(parts, {
      kind: "other",
      reason: "the first byte is 123, not the 0 of a registry header",
    });
  });
  it("four bytes, are other", () => {
    assert.equal(splitRegistryValue(Buffer.alloc(4)).kind, "other");
  });
});
