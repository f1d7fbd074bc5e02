import assert from "node:assert/strict";
import { before, describe, it } from "node:test";

import type { Fault } from "../errors.ts";
import { Harness } from "./testing/harness.ts";

const SCHEMA = JSON.stringify({
  type: "record",
  name: "shop.Order",
  fields: [
    { name: "id", type: "long", "sluice.from": "decimal-string" },
    { name: "state", type: { type: "enum", name: "State", symbols: ["NEW", "DONE"] } },
    { name: "price", type: { type: "bytes", logicalType: "decimal", precision: 5, scale: 2 } },
    { name: "lines", type: { type: "array", items: { type: "map", values: ["null", "int"] } } },
    { name: "note", type: ["null", "string"] },
    { name: "hash", type: ["null", { type: "fixed", name: "Hash", size: 4 }], default: null },
    { name: "mixed", type: ["null", "int", "boolean"], default: null },
  ],
});
const GOOD = '"id":1,"state":"NEW","price":1.5,"lines":[]';

describe("describe", () => {
  let harness: Harness;
  before(async () => {
    harness = await Harness.create();
    harness.route({ type: "order", schemaText: SCHEMA });
  });
  const fault = (members: string): Fault | undefined =>
    harness.rows(`{"type":"order","data":{${members}}}`)[0]?.fault;

  it("says path, expected and got in words", () => {
    assert.deepEqual(fault('"id":"abc"'), {
      code: "schema_invalid",
      kind: "format",
      path: "/data/id",
      expected: "long (a number or a string of digits)",
      got: 'string "abc" (3 bytes)',
      detail: 'expected long (a number or a string of digits), got string "abc" (3 bytes)',
    });
    assert.equal(fault('"state":"OLD"')?.expected, "enum shop.State (NEW, DONE)");
    assert.equal(
      fault('"price":1.234')?.expected,
      "decimal of at most 5 digits, 2 behind the point",
    );
    assert.equal(fault('"price":1.234')?.got, "number 1.234");
    assert.equal(fault('"note":{}')?.got, "an object");
    assert.equal(fault('"note":[]')?.got, "an array");
    assert.equal(fault('"note":true')?.detail, "expected string, got true");
    assert.equal(fault('"id":null')?.got, "null");
    assert.equal(fault('"mixed":1.5')?.expected, "null or int or boolean");
    assert.equal(fault('"hash":"12345"')?.expected, "fixed shop.Hash of 4 bytes");
    assert.equal(fault('"lines":{}')?.expected, "array of map");
    assert.match(fault(`"note":5,"x":"${"y".repeat(200)}"`)?.detail ?? "", /got number 5$/);
    assert.match(fault(`"id":"${"y".repeat(200)}"`)?.got ?? "", /^string "y{60}…" \(200 bytes\)$/);
  });

  it("finds the place among escapes, arrays and odd names", () => {
    assert.equal(fault('"lines":[{},{"a/b~c":null,"\\"}\\u0041":"x"}]')?.path, '/data/lines/1/"}A');
    assert.equal(fault('"lines":[{},{"a/b~c":[]}]')?.path, "/data/lines/1/a~1b~0c");
    assert.equal(fault('"zz":[1,{"id":[[],{}]}],"lines":[null]')?.path, "/data/lines/0");
    assert.equal(fault('"lines":[{"k":1,"k":2}]')?.path, "/data/lines/0/k");
    assert.equal(fault('"lines":[{"k":1,"\\u006b":2}]')?.kind, "duplicate");
  });

  it("says what is missing, and where", () => {
    assert.deepEqual(fault('"id":1'), {
      code: "schema_invalid",
      kind: "missing",
      path: "/data/state",
      expected: "enum shop.State (NEW, DONE)",
      got: "nothing",
      detail: "expected enum shop.State (NEW, DONE), got nothing",
    });
    assert.equal(fault(GOOD), undefined);
  });

  it("says where a text is not JSON", () => {
    const line = (text: string): Fault | undefined =>
      harness.rows(text, { shape: "ndjson" })[0]?.fault;
    assert.deepEqual(line('{"type":"order",}'), {
      code: "schema_invalid",
      kind: "syntax",
      path: "",
      detail: 'not JSON at byte 16: unexpected "}"',
    });
    assert.match(line('{"type"')?.detail ?? "", /the text ends too early$/);
    assert.match(line(`{"x":${"[".repeat(64)}${"]".repeat(64)}}`)?.detail ?? "", /more than 64/);
  });

  it("gives every other refusal its code", () => {
    const code = (text: string, context = {}): readonly (string | undefined)[] => {
      const row = harness.rows(text, context)[0];
      return [row?.fault?.code, row?.fault?.path];
    };
    assert.deepEqual(code('{"type":"nope","data":{}}'), ["schema_unknown", "/type"]);
    const whole = { payload: "whole", typeMember: "kind" };
    assert.deepEqual(code('{"kind":"nope"}', whole), ["schema_unknown", "/kind"]);
    assert.deepEqual(code('{"type":"order","schema":"x:9","data":{}}'), [
      "schema_unknown",
      "/schema",
    ]);
    assert.deepEqual(code(`{"type":"order","id":7,"data":{${GOOD}}}`), ["bad_id", "/id"]);
    assert.deepEqual(code(`{"ts":"x","type":"order","data":{${GOOD}}}`), [
      "timestamp_out_of_range",
      "/ts",
    ]);
    assert.deepEqual(code("[5]"), ["schema_invalid", ""]);
    assert.deepEqual(code(`{"type":"order","data":{${GOOD}}}`, { eventBytesMax: 9 }), [
      "too_large",
      undefined,
    ]);
  });
});
