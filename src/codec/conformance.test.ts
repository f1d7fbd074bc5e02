import assert from "node:assert/strict";
import { before, describe, it } from "node:test";

import { readFileSync } from "node:fs";

import { ROW_STATUS } from "../records.ts";
import { readRows } from "./testing/events.ts";
import { Harness, recordOf } from "./testing/harness.ts";

interface JsonCase {
  readonly name: string;
  readonly expect: "accept" | "reject" | "either" | "transform";
  readonly base64: string;
}

/**
 * Files that RFC 8259 leaves open. Numbers beyond a double are sound JSON (a field's type judges
 * them); lone surrogates, ill-formed UTF-8, other encodings, a byte order mark and more than 64
 * nested arrays are not.
 */
const TAKEN_EITHER = new Set([
  "i_number_double_huge_neg_exp.json",
  "i_number_huge_exp.json",
  "i_number_neg_int_huge_exp.json",
  "i_number_pos_double_huge_exp.json",
  "i_number_real_neg_overflow.json",
  "i_number_real_pos_overflow.json",
  "i_number_real_underflow.json",
  "i_number_too_big_neg_int.json",
  "i_number_too_big_pos_int.json",
  "i_number_very_big_negative_int.json",
]);
/** Transform files that are refused: lone surrogates, escaped or not. */
const REFUSED_TRANSFORM = /invalid_codepoint/;

describe("JSONTestSuite", () => {
  let harness: Harness;
  const cases = [
    ...readRows<JsonCase>("json-parsing/cases.ndjson"),
    ...[
      ["n_structure_100000_opening_arrays.json", "[".repeat(100_000)],
      ["n_structure_open_array_object.json", '[{"":'.repeat(50_000)],
    ].map(([name = "", text = ""]): JsonCase => {
      return { name, expect: "reject", base64: Buffer.from(text).toString("base64") };
    }),
  ];
  before(async () => {
    harness = await Harness.create();
    const field = { name: "v", type: "string", "sluice.from": "json" };
    const kept = JSON.stringify({ type: "record", name: "Kept", fields: [field] });
    harness.route({ type: "kept", schemaText: kept });
    harness.route({ type: "ignored", schemaText: recordOf({}) });
    const name = JSON.stringify({ type: "record", name: "N", fields: [] });
    harness.route({ type: "n", schemaText: name });
  });

  const isTaken = ({ name, expect }: JsonCase): boolean => {
    if (expect === "transform") return !REFUSED_TRANSFORM.test(name);
    return expect === "accept" || TAKEN_EITHER.has(name);
  };
  const embed = ({ base64 }: JsonCase): Uint8Array =>
    new Uint8Array(
      Buffer.concat([Buffer.from('{"v":'), Buffer.from(base64, "base64"), Buffer.from("}")]),
    );

  it("holds all files", () => {
    assert.equal(cases.filter(({ expect }) => expect === "accept").length, 95);
    assert.equal(cases.filter(({ expect }) => expect === "reject").length, 188);
    assert.equal(cases.filter(({ expect }) => expect === "either").length, 35);
  });

  it("keeps what is JSON, equal to JSON.parse's reading, and refuses the rest", () => {
    for (const test of cases) {
      const text = embed(test);
      const result = harness.frame(text, { payload: "whole", defaultType: "kept" });
      const status = result.kind === "table" ? result.table.status[0] : -1;
      assert.equal(status === ROW_STATUS.encoded, isTaken(test), test.name);
      if (status !== 0 || result.kind !== "table") continue;
      const row = harness.record("kept", text);
      const kept: unknown = JSON.parse(stringOf(row.avro));
      assert.deepEqual(kept, JSON.parse(Buffer.from(test.base64, "base64").toString()), test.name);
    }
  });

  it("judges ignored members the same", () => {
    for (const test of cases) {
      const result = harness.frame(embed(test), { payload: "whole", defaultType: "ignored" });
      const status = result.kind === "table" ? result.table.status[0] : -1;
      assert.equal(status === ROW_STATUS.encoded, isTaken(test), test.name);
    }
  });
});

/** The Avro string that fills `avro`. */
function stringOf(avro: Buffer): string {
  let length = 0;
  let at = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = avro[at] ?? 0;
    length += (byte & 0x7f) * 2 ** shift;
    at += 1;
    if (byte < 0x80) break;
  }
  assert.equal(avro.length, at + length / 2);
  return avro.subarray(at).toString();
}

describe("numbers", () => {
  it("become the nearest double, and the float nearest to that", async () => {
    const harness = await Harness.create();
    harness.route({ type: "d", schemaText: recordOf({ v: "double" }) });
    harness.route({ type: "f", schemaText: recordOf({ v: "float" }) });
    const file = new URL("../../test/data/numbers/numbers.tsv", import.meta.url);
    const rows = readFileSync(file, "utf8").trimEnd().split("\n");
    assert.equal(rows.length, 3_711);
    for (const row of rows) {
      const [bits = "", , grammar, , , text = ""] = row.split("\t");
      if (grammar !== "json") {
        const whole = { payload: "whole", defaultType: "d" } as const;
        assert.equal(harness.frame(`{"v":${text}}`, whole).kind, "fault", text);
        continue;
      }
      const double = harness.record("d", `{"v":${text}}`);
      const float = harness.record("f", `{"v":${text}}`);
      const expected = Buffer.from(bits, "hex").readDoubleBE();
      assert.equal(double.status === 0, Number.isFinite(expected), text);
      if (double.status === 0) {
        assert.equal(Buffer.from(double.avro).reverse().toString("hex"), bits, text);
      } else assert.equal(double.fault?.kind, "range", text);
      const narrow = Math.fround(expected);
      assert.equal(float.status === 0, Number.isFinite(narrow), text);
      if (float.status === 0) assert(Object.is(float.avro.readFloatLE(), narrow), text);
    }
  });
});

describe("UTF-8", () => {
  it("is taken or refused at the first ill-formed sequence", async () => {
    const harness = await Harness.create();
    harness.route({ type: "s", schemaText: recordOf({ v: "string" }) });
    interface Sequence {
      readonly hex: string;
      readonly valid: boolean;
      readonly first_bad?: number;
    }
    const rows = readRows<Sequence>("utf8/sequences.ndjson");
    assert.equal(rows.length, 409);
    for (const { hex, valid, first_bad: firstBad } of rows) {
      const bytes = Buffer.from(hex, "hex");
      for (const pad of [0, 1, 13, 14, 15, 16, 29, 30, 31, 32, 63]) {
        const text = Buffer.concat([
          Buffer.from(`{"v":"${" ".repeat(pad)}`),
          bytes,
          Buffer.from('"}'),
        ]);
        const special = bytes.findIndex((byte) => byte < 0x20 || byte === 0x22 || byte === 0x5c);
        if (special >= 0) continue;
        const row = harness.record("s", new Uint8Array(text));
        assert.equal(row.status === 0, valid, hex);
        if (valid) {
          assert(row.avro.subarray(-bytes.length).equals(bytes), hex);
        } else {
          assert.equal(row.fault?.kind, "utf8", hex);
          const at = 6 + pad + (firstBad ?? 0);
          assert.match(row.fault?.detail ?? "", new RegExp(`byte ${at}$`), hex);
        }
      }
    }
  });
});

describe("timestamps", () => {
  it("are cut to the unit, towards the past", async () => {
    const harness = await Harness.create();
    const type = (logicalType: string) => ({ type: "long", logicalType });
    harness.route({ type: "ms", schemaText: recordOf({ v: type("timestamp-millis") }) });
    harness.route({ type: "us", schemaText: recordOf({ v: type("timestamp-micros") }) });
    harness.route({ type: "long", schemaText: recordOf({ v: "long" }) });
    interface Timestamp {
      readonly text: string;
      readonly rfc3339: boolean;
      readonly epoch_us?: string;
      readonly epoch_ms_floor?: number;
    }
    const rows = readRows<Timestamp>("timestamps/timestamps.ndjson");
    assert.equal(rows.length, 84);
    for (const row of rows) {
      const text = `{"v":${JSON.stringify(row.text)}}`;
      const micros = harness.record("us", text);
      const isBasicOffset = /[+-]\d{4}$/.test(row.text) && row.text.includes("T");
      if (isBasicOffset) continue;
      const isTaken = row.rfc3339 && /^.{10}[Tt]/.test(row.text) && !/:60|\.\d{10}/.test(row.text);
      assert.equal(micros.status === 0, isTaken, row.text);
      if (!isTaken) {
        assert.equal(micros.fault?.kind, "format", row.text);
        continue;
      }
      const same = harness.record("long", `{"v":${row.epoch_us ?? ""}}`);
      assert.deepEqual(micros.avro, same.avro, row.text);
      const millis = harness.record("ms", text);
      const sameMillis = harness.record("long", `{"v":${row.epoch_ms_floor ?? ""}}`);
      assert.deepEqual(millis.avro, sameMillis.avro, row.text);
    }
  });
});
