/** Texts made to hurt: each shape at any size, and what must become of it. */

export interface HostileShape {
  readonly name: string;
  /** A bare record of hostileSchema() of about `bytes` bytes. */
  readonly make: (bytes: number) => string | Uint8Array;
  /** `encoded`, a fault kind, `too_large`, or a problem of the frame. */
  readonly expected: string;
}

/** A schema with something for every shape. */
export function hostileSchema(): string {
  const optional = (name: string, type: unknown, more = {}) => {
    return { name, type: ["null", type], default: null, ...more };
  };
  const decimal = { type: "bytes", logicalType: "decimal", precision: 100, scale: 2 };
  const leaf = (name: string, field: string) => {
    return { type: "record", name, fields: [{ name: field, type: "long" }] };
  };
  return JSON.stringify({
    type: "record",
    name: "Hostile",
    fields: [
      optional("double", "double"),
      optional("long", "long"),
      optional("decimal", decimal),
      optional("string", "string"),
      optional("bytes", "bytes"),
      optional("base64", "bytes", { "sluice.from": "base64" }),
      optional("any", "string", { "sluice.from": "json" }),
      optional("map", { type: "map", values: "long" }),
      optional("list", { type: "array", items: "long" }),
      optional("doubles", { type: "array", items: "double" }),
      optional("at", { type: "long", logicalType: "timestamp-millis" }),
      optional("uuid", { type: "string", logicalType: "uuid" }),
      optional("symbol", { type: "enum", name: "Symbol", symbols: ["A", "B"] }),
      optional("fixed", { type: "fixed", name: "Fixed", size: 16 }),
      optional("next", "Hostile"),
      { name: "shape", type: ["null", leaf("A", "a"), leaf("B", "b")], default: null },
      { name: "mixed", type: ["null", "long", "double", "string", decimal], default: null },
    ],
  });
}

const fill = (text: string, bytes: number): string =>
  text.repeat(Math.max(1, Math.floor(bytes / text.length)));

const keys = (bytes: number, key: (index: number) => string): string =>
  Array.from({ length: Math.floor(bytes / 12) }, (_, index) => `"${key(index)}":1`).join(",");

/** A string member of the same bytes again and again, which need not be UTF-8. */
const illFormed = (bytes: readonly number[], length: number): Uint8Array =>
  Buffer.concat([
    Buffer.from('{"string":"'),
    Buffer.alloc(length, Uint8Array.from(bytes)),
    Buffer.from('"}'),
  ]);

export const HOSTILE_SHAPES: readonly HostileShape[] = [
  { name: "arrays in arrays", make: (n) => `{"x":${fill("[", n)}`, expected: "bad_json" },
  {
    name: "closed arrays in arrays",
    make: (n) => `{"x":${fill("[", n / 2)}${fill("]", n / 2)}}`,
    expected: "depth",
  },
  { name: "objects in objects", make: (n) => `{"x":${fill('{"a":', n)}`, expected: "bad_json" },
  {
    name: "records in records",
    make: (n) => `${fill('{"next":', n)}{}${fill("}", n / 8)}`,
    expected: "depth",
  },
  {
    name: "63 records in records, each out of order",
    make: (n) => {
      const part = Math.floor(n / 63 / 2);
      const open = `{"string":"${fill("x", part)}","next":`;
      return `${open.repeat(63)}{}${`,"double":1}`.repeat(63)}`;
    },
    expected: "too_large",
  },
  { name: "digits of a double", make: (n) => `{"double":${fill("7", n)}}`, expected: "range" },
  {
    name: "digits behind the point",
    make: (n) => `{"double":0.${fill("7", n)}}`,
    expected: "encoded",
  },
  {
    name: "zeros before a digit",
    make: (n) => `{"double":0.${fill("0", n)}1e${Math.floor(n)}}`,
    expected: "encoded",
  },
  { name: "digits of a long", make: (n) => `{"long":1${fill("0", n)}}`, expected: "range" },
  {
    name: "a long with a huge exponent",
    make: (n) => `{"long":1e${fill("9", n)}}`,
    expected: "range",
  },
  {
    name: "a long that is whole after all",
    make: (n) => `{"long":5.${fill("0", n)}}`,
    expected: "encoded",
  },
  { name: "digits of a decimal", make: (n) => `{"decimal":${fill("7", n)}}`, expected: "range" },
  {
    name: "digits in a union of numbers",
    make: (n) => `{"mixed":${fill("7", n)}}`,
    expected: "union",
  },
  {
    name: "long exponents",
    make: (n) => `{"list":[${fill("1e0000000000000000001,", n)}1]}`,
    expected: "encoded",
  },
  {
    name: "points halfway between doubles",
    make: (n) => `{"doubles":[${fill("9007199254740993.000000000000000000000001,", n)}1]}`,
    expected: "encoded",
  },
  {
    name: "tiny points halfway between doubles",
    make: (n) => `{"doubles":[${fill("2.4703282292062327208299439e-324,", n)}1]}`,
    expected: "encoded",
  },
  { name: "a long string", make: (n) => `{"string":"${fill("x", n)}"}`, expected: "too_large" },
  {
    name: "a string of escapes",
    make: (n) => `{"string":"${fill("\\u0041", n / 2)}"}`,
    expected: "encoded",
  },
  { name: "backslashes", make: (n) => `{"string":"${fill("\\\\", n / 2)}"}`, expected: "encoded" },
  { name: "an open string", make: (n) => `{"string":"${fill("x", n)}`, expected: "bad_json" },
  { name: "bytes", make: (n) => `{"bytes":"${fill("ÿ", n / 4)}"}`, expected: "encoded" },
  { name: "base64", make: (n) => `{"base64":"${fill("AAAA", n / 4)}"}`, expected: "encoded" },
  { name: "white space", make: (n) => `${fill(" \n", n)}{}`, expected: "encoded" },
  {
    name: "white space in a JSON text",
    make: (n) => `{"any":[${fill(" \n", n)}]}`,
    expected: "encoded",
  },
  {
    name: "map keys like array indexes",
    make: (n) => `{"map":{${keys(n / 2, (index) => String(index))}}}`,
    expected: "encoded",
  },
  {
    name: "map keys of equal ends",
    make: (n) => `{"map":{${keys(n / 8, (index) => `aaaaaaaa${index}aaaaaaaa`)}}}`,
    expected: "encoded",
  },
  {
    name: "a key that repeats at the end",
    make: (n) => `{"map":{${keys(n / 4, (index) => `k${index}`)},"k0":1}}`,
    expected: "duplicate",
  },
  {
    name: "unknown members",
    make: (n) => `{${keys(n, (index) => `u${index}`)}}`,
    expected: "encoded",
  },
  {
    name: "an object for a union of records",
    make: (n) => `{"shape":{${keys(n, (index) => `u${index}`)}}}`,
    expected: "union",
  },
  {
    name: "items of an array",
    make: (n) => `{"list":[${fill("1,", n / 4)}1]}`,
    expected: "encoded",
  },
  { name: "overlong UTF-8", make: (n) => illFormed([0xc0, 0x80], n), expected: "utf8" },
  { name: "surrogates as UTF-8", make: (n) => illFormed([0xed, 0xa0, 0x80], n), expected: "utf8" },
  { name: "cut UTF-8", make: (n) => illFormed([0xe6, 0x97], n), expected: "utf8" },
  {
    name: "sound UTF-8, ill-formed at its end",
    make: (n) =>
      Buffer.concat([Buffer.from(`{"x":"${fill("日", n / 3)}`), Buffer.from([0xff, 0x22, 0x7d])]),
    expected: "utf8",
  },
  {
    name: "UTF-16 with its byte order mark",
    make: (n) => Buffer.from(`\ufeff{"string":"${fill("x", n / 2)}"}`, "utf16le"),
    expected: "bad_json",
  },
  { name: "byte order marks", make: (n) => `${fill("\ufeff", n / 3)}{}`, expected: "bad_json" },
  {
    name: "digits of a double's exponent",
    make: (n) => `{"double":1e${fill("9", n)}}`,
    expected: "range",
  },
  {
    name: "lone surrogate escapes",
    make: (n) => `{"string":"${fill("\\ud800", n)}"}`,
    expected: "utf8",
  },
  {
    name: "escaped NUL characters",
    make: (n) => `{"string":"${fill("\\u0000", n / 2)}"}`,
    expected: "encoded",
  },
  {
    name: "one unknown name again and again",
    make: (n) => `{${fill('"__proto__":1,', n)}"constructor":1}`,
    expected: "encoded",
  },
  {
    name: "one field again and again",
    make: (n) => `{${fill('"double":1,', n)}"double":1}`,
    expected: "duplicate",
  },
  {
    name: "an array for a string",
    make: (n) => `{"string":[${fill("1,", n)}1]}`,
    expected: "type",
  },
  { name: "a long symbol", make: (n) => `{"symbol":"${fill("A", n)}"}`, expected: "enum" },
  { name: "a long fixed", make: (n) => `{"fixed":"${fill("x", n)}"}`, expected: "length" },
  { name: "a long uuid", make: (n) => `{"uuid":"${fill("0", n)}"}`, expected: "format" },
  {
    name: "digits of a second",
    make: (n) => `{"at":"2026-01-02T03:04:05.${fill("0", n)}Z"}`,
    expected: "format",
  },
  {
    name: "a long name of a branch",
    make: (n) => `{"mixed":{"${fill("x", n)}":1}}`,
    expected: "union",
  },
  { name: "commas", make: (n) => `{"x":[${fill(",", n)}]}`, expected: "bad_json" },
];
