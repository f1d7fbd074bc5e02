/** Every logical type of Avro, end to end, as docs/mapping.md has them, at their edges. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";

import { Harness } from "./testing/harness.ts";

/** JSON text → Avro's hex, or the kind of fault. */
type Cases = Readonly<Record<string, string>>;

interface Group {
  readonly name: string;
  readonly type: object | string | readonly unknown[];
  readonly cases: Cases;
  /** The same in Avro's JSON encoding. */
  readonly avro?: Cases;
  readonly from?: string;
}

const long = (value: bigint | number): string => {
  let rest = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
  let hex = "";
  for (; rest >= 128n; rest >>= 7n) hex += Number((rest & 127n) | 128n).toString(16);
  return hex + Number(rest).toString(16).padStart(2, "0");
};

const time = (base: string, logicalType: string) => ({ type: base, logicalType });
const bytesDecimal = { type: "bytes", logicalType: "decimal", precision: 4, scale: 2 };
const fixedDecimal = { ...bytesDecimal, type: "fixed", name: "D", size: 3 };
const INT_MAX = 2 ** 31 - 1;
const LONG_MAX = 2n ** 63n - 1n;
const MILLIS = Date.UTC(2026, 1, 28, 23, 59, 59, 987);
const UUID = "00112233-4455-6677-8899-aAbBcCdDeEfF";

const NUMBERS_OF_INT: Cases = {
  "0": "00",
  "-1": "01",
  "5.0": "0a",
  [INT_MAX]: long(INT_MAX),
  [-INT_MAX - 1]: long(-INT_MAX - 1),
  [INT_MAX + 1]: "range",
  "1.5": "type",
  true: "type",
  null: "type",
};

const NUMBERS_OF_LONG: Cases = {
  "0": "00",
  [String(LONG_MAX)]: long(LONG_MAX),
  [String(-LONG_MAX - 1n)]: long(-LONG_MAX - 1n),
  [String(LONG_MAX + 1n)]: "range",
  "1e3": long(1_000),
  "0.5": "type",
  "[]": "type",
};

const GROUPS: readonly Group[] = [
  {
    name: "date (int)",
    type: time("int", "date"),
    cases: {
      ...NUMBERS_OF_INT,
      '"1970-01-01"': "00",
      '"1969-12-31"': "01",
      '"2024-02-29"': long(Date.UTC(2024, 1, 29) / 86_400_000),
      '"0000-01-01"': long(-719_528),
      '"9999-12-31"': long(2_932_896),
      '"2023-02-29"': "format",
      '"1900-02-29"': "format",
      '"2026-00-10"': "format",
      '"2026-13-01"': "format",
      '"2026-04-31"': "format",
      '"2026-1-1"': "format",
      '"2026-01-01T00:00:00Z"': "format",
      '""': "format",
    },
    avro: { "7": "0e", '"1970-01-01"': "type" },
  },
  {
    name: "time-millis (int)",
    type: time("int", "time-millis"),
    cases: { ...NUMBERS_OF_INT, '"10:00:00"': "type" },
  },
  {
    name: "time-micros (long)",
    type: time("long", "time-micros"),
    cases: { ...NUMBERS_OF_LONG, '"10:00:00"': "type" },
  },
  {
    name: "timestamp-millis",
    type: time("long", "timestamp-millis"),
    cases: {
      ...NUMBERS_OF_LONG,
      '"1970-01-01T00:00:00Z"': "00",
      '"2026-02-28T23:59:59.987654321Z"': long(MILLIS),
      '"2026-02-28t23:59:59.987z"': long(MILLIS),
      '"2026-03-01T05:29:59.987+05:30"': long(MILLIS),
      '"2026-02-28T15:59:59.987-0800"': long(MILLIS),
      '"1969-12-31T23:59:59.9999Z"': long(-1),
      '"0000-01-01T00:00:00Z"': long(-62_167_219_200_000n),
      '"9999-12-31T23:59:59.999Z"': long(253_402_300_799_999n),
      '"2026-02-28T24:00:00Z"': "format",
      '"2026-02-28T23:59:60Z"': "format",
      '"2026-02-29T00:00:00Z"': "format",
      '"2026-02-28T23:59:59"': "format",
      '"2026-02-28 23:59:59Z"': "format",
      '"2026-02-28T23:59:59.Z"': "format",
      '"2026-02-28T23:59:59.1234567890Z"': "format",
      '"1790000000000"': "format",
    },
    avro: { "5": "0a", '"1970-01-01T00:00:00Z"': "type" },
  },
  {
    name: "timestamp-micros",
    type: time("long", "timestamp-micros"),
    cases: {
      ...NUMBERS_OF_LONG,
      '"2026-02-28T23:59:59.987654321Z"': long(BigInt(MILLIS) * 1_000n + 654n),
      '"1969-12-31T23:59:59.9999999Z"': long(-1),
      '"9999-12-31T23:59:59.999999Z"': long(253_402_300_799_999_999n),
    },
  },
  ...[
    "timestamp-nanos",
    "local-timestamp-millis",
    "local-timestamp-micros",
    "local-timestamp-nanos",
  ].map((logicalType) => ({
    name: `${logicalType}, a number only`,
    type: time("long", logicalType),
    cases: {
      ...NUMBERS_OF_LONG,
      '"2026-02-28T23:59:59Z"': "type",
      '"2026-02-28T23:59:59"': "type",
    },
  })),
  {
    name: "timestamp-millis, decimal-string",
    type: time("long", "timestamp-millis"),
    from: "decimal-string",
    cases: {
      '"1790000000000"': long(1_790_000_000_000),
      '"-0"': "00",
      [`"${LONG_MAX}"`]: long(LONG_MAX),
      [`"${LONG_MAX + 1n}"`]: "range",
      '"01"': "format",
      '"1e3"': "format",
      '"1970-01-01T00:00:00Z"': "00",
    },
  },
  {
    name: "uuid (string)",
    type: time("string", "uuid"),
    cases: {
      [`"${UUID}"`]: `48${Buffer.from(UUID).toString("hex")}`,
      [`"${UUID.replace("a", "\\u0061")}"`]: `48${Buffer.from(UUID).toString("hex")}`,
      [`"${UUID.replaceAll("-", "")}"`]: "format",
      [`"${UUID.replace("f", "g").replace("F", "G")}"`]: "format",
      [`"{${UUID}}"`]: "format",
      [`"${UUID} "`]: "format",
      '""': "format",
      "5": "type",
    },
    avro: { [`"${UUID}"`]: `48${Buffer.from(UUID).toString("hex")}`, '"x"': "format" },
  },
  {
    name: "uuid (fixed of 16): its bytes as code points",
    type: { type: "fixed", name: "U", size: 16, logicalType: "uuid" },
    cases: {
      '"0123456789abcdef"': Buffer.from("0123456789abcdef").toString("hex"),
      [`"${"\\u00ff".repeat(16)}"`]: "ff".repeat(16),
      [`"${UUID}"`]: "length",
      [`"${"\\u0100".repeat(16)}"`]: "format",
    },
  },
  {
    name: "decimal (bytes), 4 digits, 2 behind the point",
    type: bytesDecimal,
    cases: {
      "0": "0200",
      "-0.00": "0200",
      "1.27": "027f",
      "1.28": "040080",
      "-1.28": "0280",
      "-1.29": "04ff7f",
      "12.3e-1": "027b",
      "99.99": "04270f",
      "-99.99": "04d8f1",
      '"12.5"': "0404e2",
      "100": "range",
      "9999e-2": "04270f",
      "1.001": "range",
      "1.0010": "range",
      "1.2500": "027d",
      '"1."': "format",
      '"+1"': "format",
      '" 1"': "format",
      '""': "format",
      '"NaN"': "format",
      "1e999999999999": "range",
      true: "type",
    },
    avro: { '"\\u0004\\u00e2"': "0404e2", "1.5": "type" },
  },
  {
    name: "decimal (fixed of 3)",
    type: fixedDecimal,
    cases: {
      "0": "000000",
      "99.99": "00270f",
      "-99.99": "ffd8f1",
      '"-0.01"': "ffffff",
      "100": "range",
    },
    avro: { '"abc"': "616263", '"ab"': "length" },
  },
  {
    name: "duration (fixed of 12): its bytes as code points",
    type: { type: "fixed", name: "P", size: 12, logicalType: "duration" },
    cases: {
      [`"${"\\u0001\\u0000\\u0000\\u0000".repeat(3)}"`]: "010000000100000001000000",
      '"PT1H"': "length",
      "5": "type",
    },
  },
  {
    name: "logical types that are none are ignored",
    type: { type: "bytes", logicalType: "decimal", precision: 2, scale: 3 },
    cases: { '"ab"': "046162", "1": "type" },
  },
  {
    name: "on the wrong base",
    type: time("string", "timestamp-millis"),
    cases: { '"x"': "0278", "1": "type" },
  },
  {
    name: "in a union",
    type: ["null", time("int", "date"), time("long", "timestamp-millis"), bytesDecimal, "boolean"],
    cases: {
      "5": "020a",
      "3000000000": `04${long(3_000_000_000)}`,
      "1.5": "06040096",
      '"1970-01-02"': "0202",
      '"1970-01-01T00:00:00.001Z"': "0402",
      '"1.5"': "06040096",
      '"x"': "union",
      null: "00",
    },
    avro: {
      '{"int":5}': "020a",
      '{"long":5}': "040a",
      '{"bytes":"\\u0005"}': "060205",
      "5": "union",
    },
  },
];

for (const module of ["codec.wasm", "codec.debug.wasm"]) {
  describe(`logical types, ${module}`, () => {
    let harness: Harness;
    before(async () => {
      const moduleUrl = new URL(`../../build/${module}`, import.meta.url);
      harness = await Harness.create({ moduleUrl, inputBytesMax: 65_536 });
    });
    for (const { name, type, cases, avro = {}, from } of GROUPS) {
      it(name, () => {
        const field = { name: "v", type, ...(from === undefined ? {} : { "sluice.from": from }) };
        const schemaText = JSON.stringify({ type: "record", name: "R", fields: [field] });
        for (const [json, table] of [["plain", cases] as const, ["avro", avro] as const]) {
          const index = harness.route({ type: "t", schemaText, json });
          for (const [text, expected] of Object.entries(table)) {
            const { status, avro: bytes, fault } = harness.record("t", `{"v":${text}}`);
            const got = status === 0 ? bytes.toString("hex") : fault?.kind;
            assert.equal(got, expected, `${json} ${text}`);
          }
          harness.drop(index);
        }
      });
    }
  });
}
