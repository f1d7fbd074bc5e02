import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { FIELDS_MAX } from "../../codec/abi.gen.ts";
import { parseAvroSchema, SchemaError } from "../avro/schema.ts";
import { compilePlan } from "./compile.ts";
import { integerOf, longBytes } from "./defaults.ts";
import { pointerSteps } from "./pointers.ts";

const POINTERS = { id: [], key: [], time: [], actor: [], session: [] };

function compile(schema: unknown, pointers: Partial<typeof POINTERS> = {}) {
  return compilePlan(parseAvroSchema(JSON.stringify(schema)), {
    json: "plain",
    pointers: { ...POINTERS, ...pointers },
    hasPrivacySalt: true,
  });
}

function record(fields: readonly unknown[]) {
  return { type: "record", name: "R", fields };
}

describe("compilePlan", () => {
  it("notes what the gateway fills, and where the holes for it are", () => {
    const schema = record([{ name: "a", type: "string", "sluice.fill": "tenant" }]);
    const { fills, holes, bytes } = compile(schema);
    assert.deepEqual(
      fills.map(({ source, form }) => [source, form]),
      [["tenant", "text"]],
    );
    assert.equal(holes.length, 2, "one for the field left out, one for the field sent");
    for (const hole of holes) assert(hole > 0 && hole < bytes.length);
    const inner = record([
      { name: "r", type: { ...schema, name: "Inner" } },
      { name: "s", type: "Inner" },
    ]);
    assert.equal(compile(inner).fills.length, 1);
    assert.deepEqual(compile(record([{ name: "a", type: "string" }])).fills, []);
  });

  it("refuses privacy actions that cannot hide the value", () => {
    const field = (action: string, type: unknown, more: object = {}) =>
      record([{ name: "a", type, "sluice.privacy": action, ...more }]);
    const uuid = { type: "string", logicalType: "uuid" };
    const fixed = (size: number) => ({ type: "fixed", name: "F", size });
    for (const refused of [
      field("drop", "string"),
      field("mask", "int"),
      field("mask", "bytes"),
      field("mask", uuid),
      field("mask", ["null", "string", "int"]),
      field("mask", { type: "array", items: "long" }),
      field("mask", { type: "record", name: "S", fields: [] }),
      field("mask", "null"),
      field("ip-truncate", "bytes"),
      field("ip-truncate", "string", { "sluice.from": "json" }),
      field("hmac", fixed(16)),
      field("hmac", "long"),
    ]) {
      assert.throws(() => compile(refused), SchemaError, JSON.stringify(refused));
    }
    for (const taken of [
      field("drop", "int", { default: 0 }),
      field("drop", ["null", "int"]),
      field("mask", ["null", "string"]),
      field("mask", { type: "map", values: "string" }),
      field("hmac", fixed(32)),
      field("hmac", ["bytes", "null", "string"]),
    ]) {
      assert.equal(compile(taken).isPrivate, true);
    }
    assert.throws(
      () =>
        compilePlan(parseAvroSchema(JSON.stringify(field("hmac", "string"))), {
          json: "plain",
          pointers: POINTERS,
        }),
      /SLUICE_PRIVACY_SALT/,
    );
  });

  it("refuses pointers that would take a private value out of the record", () => {
    const user = {
      type: "record",
      name: "User",
      fields: [{ name: "mail", aliases: ["email"], type: "string", "sluice.privacy": "mask" }],
    };
    const schema = record([
      { name: "user", type: ["null", user] },
      { name: "id", aliases: ["key"], type: "string", "sluice.privacy": "hmac" },
      { name: "open", type: "string" },
    ]);
    for (const kind of ["id", "key", "time", "actor", "session"] as const) {
      for (const pointer of ["/id", "/key", "/user/mail", "/user/email", "/user/User/mail"]) {
        assert.throws(() => compile(schema, { [kind]: ["/open", pointer] as never }), SchemaError);
      }
      assert.equal(compile(schema, { [kind]: ["/open", "/user/x"] as never }).isPrivate, true);
    }
  });

  it("refuses what is beyond its bounds", () => {
    const fields = (count: number) =>
      Array.from({ length: count }, (_, index) => ({ name: `f${index}`, type: "int" }));
    assert.throws(() => compile(record(fields(FIELDS_MAX + 1))), SchemaError);
    assert.equal(compile(record(fields(100))).schema.kind, "record");
    const decimal = { type: "bytes", logicalType: "decimal", precision: 5_000, scale: 0 };
    assert.throws(() => compile(decimal), SchemaError);
    assert.throws(() => compile("string", { id: ["no pointer"] as never }), SchemaError);
    assert.throws(
      () => compile("string", { id: ["/1", "/2", "/3", "/4", "/5"] as never }),
      SchemaError,
    );
  });

  it("compiles records that contain themselves, and shares equal parts", () => {
    const list = record([
      { name: "next", type: ["null", "R"] },
      { name: "v", type: "int" },
    ]);
    assert(compile(list).bytes.length < 2_048);
    const many = (count: number) =>
      compile(
        record(
          Array.from({ length: count }, (_, index) => ({
            name: `f${index}`,
            type: ["null", "string"],
          })),
        ),
      ).bytes.length;
    assert((many(200) - many(100)) / 100 < 160, "a field of a common type costs its name only");
  });

  it("puts addresses only where the fixups say", () => {
    const { bytes, fixups } = compile(record([{ name: "a", type: ["null", "long"] }]));
    const view = new DataView(bytes.buffer);
    for (const fixup of fixups) assert(view.getUint32(fixup, true) < bytes.length);
    assert.equal(new Set(fixups).size, fixups.length);
  });
});

describe("defaults", () => {
  it("reads integers exactly in every notation", () => {
    assert.equal(integerOf("9223372036854775807"), 9223372036854775807n);
    assert.equal(integerOf("-9007199254740993.000"), -9007199254740993n);
    assert.equal(integerOf("50e-1"), 5n);
    assert.equal(integerOf("1.5e1"), 15n);
    assert.equal(integerOf("-0"), 0n);
    assert.equal(integerOf("0e999999999"), 0n);
    assert.equal(integerOf("1.5"), undefined);
    assert.equal(integerOf("1e-1"), undefined);
    assert.equal(integerOf("1e999999999"), undefined);
  });

  it("writes longs as Avro does", () => {
    assert.deepEqual(longBytes(0n), [0]);
    assert.deepEqual(longBytes(-1n), [1]);
    assert.deepEqual(longBytes(64n), [0x80, 1]);
    const most = [...Array<number>(9).fill(0xff), 1];
    assert.deepEqual(longBytes(-(2n ** 63n)), most);
  });

  it("are refused where they do not fit", () => {
    const field = (type: unknown, value: unknown) => record([{ name: "a", type, default: value }]);
    assert.throws(() => compile(field("int", 2 ** 31)), SchemaError);
    assert.throws(() => compile(field(["int", "null"], "x")), SchemaError);
  });
});

describe("pointerSteps", () => {
  it("follows RFC 6901", () => {
    assert.deepEqual(pointerSteps(""), []);
    assert.deepEqual(pointerSteps("/"), [""]);
    assert.deepEqual(pointerSteps("/a~1b/~0~01"), ["a/b", "~~1"]);
    assert.throws(() => pointerSteps("a"), SchemaError);
    assert.throws(() => pointerSteps("/~2"), SchemaError);
  });
});
