import assert from "node:assert/strict";
import test from "node:test";

import { type AvroField, type AvroSchema, parseAvroSchema, SchemaError } from "./schema.ts";

test("parseAvroSchema reads primitives by name and as objects", () => {
  for (const kind of ["null", "boolean", "int", "long", "float", "double", "bytes", "string"]) {
    assert.deepEqual(parseAvroSchema(`"${kind}"`), { kind });
    assert.deepEqual(parseAvroSchema(`{"type":"${kind}","doc":"x"}`), { kind });
    assert.deepEqual(parseAvroSchema(`{"type":{"type":"${kind}"}}`), { kind });
  }
});

test("parseAvroSchema gives full names by the rules of namespaces", () => {
  const schema = parseAvroSchema(`{"type":"record","name":"Outer","namespace":"a.b","fields":[
    {"name":"e","type":{"type":"enum","name":"E","symbols":["X"],"aliases":["Old","c.Old"]}},
    {"name":"f","type":{"type":"fixed","name":"c.F","namespace":"ignored","size":2}},
    {"name":"r","type":{"type":"record","name":"R","namespace":"","aliases":["Q"],"fields":[
      {"name":"again","type":"a.b.E"}]}},
    {"name":"e2","type":"E"},{"name":"f2","type":"c.F"},{"name":"r2","type":"R"}]}`);
  const fields = fieldsOf(schema);
  assert.deepEqual(
    fields.slice(0, 3).map(({ schema: type }) => "name" in type && type.name),
    ["a.b.E", "c.F", "R"],
  );
  assert.equal(fields[3]?.schema, fields[0]?.schema);
  assert.equal(fields[4]?.schema, fields[1]?.schema);
  assert.equal(fields[5]?.schema, fields[2]?.schema);
  assert.ok("name" in schema && schema.name === "a.b.Outer");
});

test("parseAvroSchema takes null for an optional member that is not there", () => {
  const schema = parseAvroSchema(`{"type":"record","name":"R","namespace":null,"aliases":null,
    "doc":null,"fields":[{"name":"e","aliases":null,"type":{"type":"enum","name":"E",
    "symbols":["A"],"default":null}}]}`);
  assert.deepEqual(schema, {
    kind: "record",
    name: "R",
    aliases: [],
    fields: [
      {
        name: "e",
        aliases: [],
        schema: { kind: "enum", name: "E", symbols: ["A"] },
        annotations: {},
      },
    ],
  });
});

test("parseAvroSchema makes a record that contains itself a cycle", () => {
  const schema = parseAvroSchema(
    '{"type":"record","name":"n.Node","aliases":["Old","m.Older"],"fields":[' +
      '{"name":"next","type":["null","Node"],"default":null},' +
      '{"name":"all","type":{"type":"array","items":"n.Node"},"aliases":["every","user-id"]}]}',
  );
  const [next, all] = fieldsOf(schema);
  assert.ok(next?.schema.kind === "union" && next.schema.branches[1] === schema);
  assert.ok(all?.schema.kind === "array" && all.schema.items === schema);
  assert.deepEqual(all.aliases, ["every", "user-id"]);
  assert.deepEqual(schema.kind === "record" && schema.aliases, ["n.Old", "m.Older"]);
});

test("parseAvroSchema knows the named types of references, in their order", () => {
  const references = [
    '{"type":"enum","name":"a.E","symbols":["X"]}',
    '{"type":"record","name":"a.R","fields":[{"name":"e","type":"E","default":"X"}]}',
  ];
  const text = '{"type":"record","name":"b.S","fields":[{"name":"r","type":"a.R","default":{}}]}';
  assert.equal(fieldsOf(parseAvroSchema(text, references))[0]?.defaultJson, "{}");
  assert.throws(
    () => parseAvroSchema(text, references.toReversed()),
    (error) =>
      error instanceof SchemaError &&
      error.path === "/fields/0/type" &&
      error.problem === 'in reference 1: the type "E" is not defined before this place',
  );
});

test("parseAvroSchema keeps the digits of defaults", () => {
  const schema = parseAvroSchema(`{"type":"record","name":"R","fields":[
    {"name":"a","type":"long","default": 9007199254740993},
    {"name":"b","type":{"type":"array","items":"double"},"default":[ 1.10, -0, 1e2 ]},
    {"name":"c","type":["null","long"],"default":9223372036854775807},
    {"name":"d","type":{"type":"map","values":"bytes"},"default":{"x" : "\\u00ff\\u0000"}},
    {"name":"e","type":"int"}]}`);
  assert.deepEqual(
    fieldsOf(schema).map(({ defaultJson }) => defaultJson),
    ["9007199254740993", "[1.10,-0,1e2]", "9223372036854775807", '{"x":"ÿ\\u0000"}', undefined],
  );
});

test("parseAvroSchema reads logical types and ignores those that are malformed", () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['{"type":"long","logicalType":"timestamp-micros"}', { type: "timestamp-micros" }],
    ['{"type":"int","logicalType":"date"}', { type: "date" }],
    ['{"type":"string","logicalType":"uuid"}', { type: "uuid" }],
    ['{"type":"fixed","name":"U","size":16,"logicalType":"uuid"}', { type: "uuid" }],
    ['{"type":"fixed","name":"D","size":12,"logicalType":"duration"}', { type: "duration" }],
    ['{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}', decimal(9, 2)],
    ['{"type":"bytes","logicalType":"decimal","precision":9}', decimal(9, 0)],
    ['{"type":"fixed","name":"F","size":8,"logicalType":"decimal","precision":18}', decimal(18, 0)],
    ['{"type":"fixed","name":"F","size":8,"logicalType":"decimal","precision":19}', undefined],
    ['{"type":"fixed","name":"F","size":0,"logicalType":"decimal","precision":1}', undefined],
    ['{"type":"bytes","logicalType":"decimal","precision":2,"scale":3}', undefined],
    ['{"type":"bytes","logicalType":"decimal","precision":0}', undefined],
    ['{"type":"bytes","logicalType":"decimal","precision":2,"scale":-1}', undefined],
    ['{"type":"bytes","logicalType":"decimal","precision":"2"}', undefined],
    ['{"type":"bytes","logicalType":"decimal","precision":2.0}', undefined],
    ['{"type":"bytes","logicalType":"decimal","precision":2147483648}', undefined],
    ['{"type":"bytes","logicalType":"decimal"}', undefined],
    ['{"type":"string","logicalType":"decimal","precision":2}', undefined],
    ['{"type":"int","logicalType":"timestamp-millis"}', undefined],
    ['{"type":"fixed","name":"D","size":11,"logicalType":"duration"}', undefined],
    ['{"type":"string","logicalType":"toString"}', undefined],
    ['{"type":"long","logicalType":7}', undefined],
  ];
  for (const [text, logical] of cases) {
    const schema = parseAvroSchema(text);
    assert.deepEqual("logical" in schema ? schema.logical : undefined, logical, text);
  }
});

test("parseAvroSchema keeps the annotations of sluice", () => {
  const schema = parseAvroSchema(`{"type":"record","name":"R","fields":[
    {"name":"a","type":"bytes","sluice.from":"base64","x-other":{"any":1}},
    {"name":"b","type":"string","sluice.privacy":"mask"},{"name":"c","type":"string"}]}`);
  const [a, b, c] = fieldsOf(schema);
  assert.deepEqual([a?.from, a?.annotations], ["base64", { "sluice.from": "base64" }]);
  assert.deepEqual([b?.from, b?.annotations], [undefined, { "sluice.privacy": "mask" }]);
  assert.deepEqual([c?.from, c?.annotations], [undefined, {}]);
});

test("parseAvroSchema refuses what is no Avro schema, with the path and one sentence", () => {
  const record = (fields: string): string => `{"type":"record","name":"R","fields":${fields}}`;
  const field = (members: string): string => record(`[{"name":"f",${members}}]`);
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ["{", "", /the schema is not JSON: .* line 1, column 2/],
    ["[".repeat(300) + "]".repeat(300), "", /nested deeper than 256/],
    ["1", "", /a type is a name, an object or an array of types, not a number/],
    ['"Foo"', "", /the type "Foo" is not defined before this place/],
    ["{}", "", /needs the member "type"/],
    ['{"type":"Foo"}', "/type", /the type "Foo" is not defined/],
    ['{"type":"array"}', "", /the member "items" is missing/],
    ['{"type":"map"}', "", /the member "values" is missing/],
    ['["int",["null"]]', "/1", /a union may not hold a union/],
    ['["int",{"type":"int","logicalType":"date"}]', "/1", /the union holds int twice/],
    ['[{"type":"array","items":"int"},{"type":"array","items":"long"}]', "/1", /holds array twice/],
    ['[{"type":"fixed","name":"F","size":1},"F"]', "/1", /the union holds F twice/],
    ['{"type":"record","fields":[]}', "", /the member "name" is missing/],
    ['{"type":"record","name":"R"}', "", /the member "fields" is missing/],
    [record('{"a":1}'), "/fields", /"fields" is an array, not an object/],
    [record('["f"]'), "/fields/0", /a field is an object, not a string/],
    [record('[{"type":"int"}]'), "/fields/0", /the member "name" is missing/],
    [record('[{"name":"a-b","type":"int"}]'), "/fields/0/name", /no name for a field/],
    [record('[{"name":"f","type":"int"},{"name":"f","type":"int"}]'), "/fields/1", /twice/],
    [record('[{"name":"f"}]'), "/fields/0", /the member "type" is missing/],
    [field('"type":"int","aliases":"x"'), "/fields/0/aliases", /is an array, not a string/],
    [field('"type":"int","aliases":[1]'), "/fields/0/aliases/0", /this is no alias/],
    ['{"type":"record","name":"1R","fields":[]}', "/name", /no name for a type/],
    ['{"type":"record","name":"int","fields":[]}', "/name", /may not be called int/],
    ['{"type":"record","name":"R","namespace":"a..b","fields":[]}', "/namespace", /no namespace/],
    [
      record('[{"name":"f","type":{"type":"enum","name":"R","symbols":[]}}]'),
      "/fields/0/type",
      /the type "R" is defined twice/,
    ],
    ['{"type":"enum","name":"E"}', "", /the member "symbols" is missing/],
    ['{"type":"enum","name":"E","symbols":["a b"]}', "/symbols/0", /a symbol is a string/],
    ['{"type":"enum","name":"E","symbols":["a","a"]}', "/symbols/1", /the symbol a is there twice/],
    ['{"type":"enum","name":"E","symbols":["a"],"default":"b"}', "/default", /one of its symbols/],
    ['{"type":"fixed","name":"F"}', "", /needs the member "size"/],
    ['{"type":"fixed","name":"F","size":-1}', "", /needs the member "size"/],
    ['{"type":"fixed","name":"F","size":1.0}', "", /needs the member "size"/],
    [
      field(`"type":"int","default":${"[".repeat(65)}${"]".repeat(65)}`),
      "/fields/0/default",
      /nested deeper than 64/,
    ],
    [field('"type":"int","sluice.form":"json"'), "/fields/0", /"sluice.form" is no annotation/],
    [field('"type":"int","sluice.from":"hex"'), "/fields/0/sluice.from", /is one of base64,/],
    ['{"type":"bytes","sluice.from":"base64"}', "/sluice.from", /belongs to a field/],
    [`"${"x".repeat(1024 * 1024)}"`, "", /a schema may have 1048576 bytes/],
  ];
  for (const [text, path, message] of cases) assertRefused(text, path, message);
});

test("parseAvroSchema checks that defaults fit, as Avro says", () => {
  const fits: readonly (readonly [string, string])[] = [
    ['"null"', "null"],
    ['"int"', "-2147483648"],
    ['"long"', "9223372036854775807"],
    ['"float"', "1"],
    ['"double"', "-1.5e300"],
    ['"string"', '"\\u0000"'],
    ['"bytes"', '"\\u00ff"'],
    ['{"type":"fixed","name":"F","size":2}', '"ab"'],
    ['{"type":"enum","name":"E","symbols":["A"]}', '"A"'],
    ['["null","string"]', '"later branch"'],
    ['["string","null"]', "null"],
    ['[{"type":"array","items":"int"},{"type":"map","values":"int"}]', '{"a":1}'],
    ['{"type":"bytes","logicalType":"decimal","precision":4}', '"\\u0001"'],
    [inner('{"name":"a","type":"int"},{"name":"b","type":"int","default":2}'), '{"a":1,"z":0}'],
  ];
  for (const [type, value] of fits)
    assert.doesNotThrow(() => parseAvroSchema(withDefault(type, value)));
  const misfits: readonly (readonly [string, string, string, RegExp])[] = [
    ['"null"', "0", "", /a number does not fit null/],
    ['"int"', "2147483648", "", /a number does not fit int/],
    ['"int"', "1.0", "", /a number does not fit int/],
    ['"long"', "9223372036854775808", "", /does not fit long/],
    ['"long"', '"1"', "", /a string does not fit long/],
    ['"float"', "1e39", "", /does not fit float/],
    ['"double"', "1e309", "", /does not fit double/],
    ['"bytes"', '"\\u0100"', "", /does not fit bytes/],
    ['{"type":"fixed","name":"F","size":2}', '"abc"', "", /does not fit fixed F/],
    ['{"type":"enum","name":"E","symbols":["A"]}', '"B"', "", /does not fit enum E/],
    ['["int","string"]', "null", "", /null fits no branch of the union/],
    ['{"type":"array","items":"int"}', "[1,true]", "/1", /true does not fit int/],
    ['{"type":"map","values":"int"}', '{"a/b":null}', "/a~1b", /null does not fit int/],
    [inner('{"name":"a","type":"int"}'), "{}", "/a", /this field has no default/],
    [inner('{"name":"a","type":"int"}'), "[]", "", /an array does not fit record I/],
    [
      inner('{"name":"a","type":{"type":"array","items":["null","I"]}}'),
      '{"a":[null,{}]}',
      "/a/1",
      /an object fits no branch/,
    ],
  ];
  for (const [type, value, path, message] of misfits) {
    assertRefused(withDefault(type, value), `/fields/0/default${path}`, message);
  }
});

test("parseAvroSchema refuses a default that contains itself", () => {
  const text = `{"type":"record","name":"R","fields":[
    {"name":"r","type":["R","null"],"default":{}}]}`;
  assert.throws(() => parseAvroSchema(text), SchemaError);
  const nested = `{"type":"record","name":"R","fields":[
    {"name":"s","type":{"type":"record","name":"S","fields":[
      {"name":"r","type":"R","default":{}}]},"default":{}}]}`;
  assertRefused(nested, "/fields/0/type/fields/0/default/s", /this default contains itself/);
});

function decimal(precision: number, scale: number): unknown {
  return { type: "decimal", precision, scale };
}

function inner(fields: string): string {
  return `{"type":"record","name":"I","fields":[${fields}]}`;
}

function withDefault(type: string, value: string): string {
  const field = `{"name":"f","type":${type},"default":${value}}`;
  return `{"type":"record","name":"Outer","fields":[${field}]}`;
}

function fieldsOf(schema: AvroSchema): readonly AvroField[] {
  assert.ok(schema.kind === "record");
  return schema.fields;
}

function assertRefused(text: string, path: string, message: RegExp): void {
  assert.throws(
    () => parseAvroSchema(text),
    (error) => {
      assert.ok(error instanceof SchemaError);
      assert.deepEqual([error.path, message.test(error.problem)], [path, true], error.message);
      return true;
    },
    text.slice(0, 200),
  );
}
