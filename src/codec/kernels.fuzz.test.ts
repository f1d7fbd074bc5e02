/**
 * Each fast kernel against an independent reading of the same text: V8's Number, BigInt,
 * TextDecoder, Date and Buffer, and against the codec's own slow path, which other notations of a
 * number take.
 */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";

import { longBytes } from "../schema/plan/defaults.ts";
import { Harness, recordOf } from "./testing/harness.ts";
import { seededRandom } from "./testing/random-schema.ts";

const SEED = Number(process.env["SLUICE_TEST_SEED"] ?? Date.now() % 2 ** 31);
const FRAME = 2_500;
const BLOCK_BYTES = 20;
/** Of every length, sharing beginnings, ends, or both. */
const SYMBOLS = Array.from({ length: 40 }, (_, length) => [
  "S".repeat(length + 1),
  `${"S".repeat(length)}T`,
  `T${"S".repeat(length)}U`,
]).flat();
/** Records of a union: their fields, those with a mark may be left out. */
const CHOICES = [
  ["a", "b?", "c?"],
  ["b", "a", "d?"],
  ["c?", "e", "a?"],
  ["a?", "b?", "f"],
] as const;

function choiceSchema(fields: readonly string[], index: number): unknown {
  const made = fields.map((field) =>
    field.endsWith("?")
      ? { name: field.slice(0, 1), type: "int", default: 0 }
      : { name: field, type: "int" },
  );
  return { type: "record", name: `Choice${index}`, fields: made };
}

/** The branch that has all it needs and knows the most members, the first of equals; -1: none. */
function choose(members: readonly string[]): number {
  const known = CHOICES.map((fields: readonly string[]) => {
    const isComplete = fields.every((field) => field.endsWith("?") || members.includes(field));
    const names = fields.map((field) => field.slice(0, 1));
    return isComplete ? members.filter((member) => names.includes(member)).length : -1;
  });
  const most = Math.max(...known);
  return most < 0 ? -1 : known.indexOf(most);
}

describe(`kernels (seed ${SEED})`, () => {
  let harness: Harness;
  const random = seededRandom(SEED);
  const digits = (count: number): string =>
    Array.from({ length: count }, () => String(random(10))).join("");

  before(async () => {
    harness = await Harness.create();
    const timestamp = { type: "long", logicalType: "timestamp-micros" };
    const base64 = { name: "v", type: "bytes", "sluice.from": "base64" };
    const routes: Readonly<Record<string, string>> = {
      double: recordOf({ v: "double" }),
      long: recordOf({ v: "long" }),
      string: recordOf({ v: "string" }),
      timestamp: recordOf({ v: timestamp }),
      keys: recordOf({ v: { type: "map", values: "null" } }),
      base64: JSON.stringify({ type: "record", name: "R", fields: [base64] }),
      uuid: recordOf({ v: { type: "string", logicalType: "uuid" } }),
      decimal: recordOf({
        v: { type: "bytes", logicalType: "decimal", precision: 60, scale: 10 },
      }),
      fixed: recordOf({
        v: { type: "fixed", name: "F", size: 12, logicalType: "decimal", precision: 28, scale: 3 },
      }),
      price: recordOf({
        v: { type: "bytes", logicalType: "decimal", precision: 12, scale: 4 },
      }),
      bytes: recordOf({ v: "bytes" }),
      block: recordOf({ v: { type: "fixed", name: "F", size: BLOCK_BYTES } }),
      enum: recordOf({ v: { type: "enum", name: "E", symbols: SYMBOLS } }),
      choice: recordOf({ v: CHOICES.map(choiceSchema) }),
      empty: recordOf({}),
    };
    for (const [type, schemaText] of Object.entries(routes)) harness.route({ type, schemaText });
  });

  /** Avro bytes of each value, null where it is refused. */
  const encode = (type: string, values: readonly string[]): (Buffer | null)[] =>
    harness
      .rows(values.map((value) => `{"v":${value}}`).join("\n"), {
        shape: "ndjson",
        payload: "whole",
        defaultType: type,
      })
      .map(({ status, avro }) => (status === 0 ? avro : null));

  const doubleText = (): string => {
    const sign = random(3) === 0 ? "-" : "";
    const whole = random(3) === 0 ? "0" : `${1 + random(9)}${digits(random(22))}`;
    const fraction = random(3) === 0 ? "" : `.${"0".repeat(random(8))}${digits(1 + random(22))}`;
    const exponent = random(2) === 0 ? "" : `e${random(2) === 0 ? "-" : "+"}${random(330)}`;
    return sign + whole + fraction + exponent;
  };

  /** Decimal text exactly halfway between two doubles, or a last digit beside it. */
  const halfwayText = (): string => {
    const mantissa = (1n << 53n) + BigInt(random(2 ** 31)) * 2n + 1n;
    const shift = random(200);
    if (random(2) === 0)
      return `${mantissa << BigInt(shift)}${random(2) === 0 ? "" : ".0000000001"}`;
    const scaled = mantissa * 5n ** BigInt(shift);
    return `${scaled + BigInt(random(3) - 1)}e-${shift}`;
  };

  const checkDoubles = (texts: readonly string[]): void => {
    const bytes = encode("double", texts);
    texts.forEach((text, index) => {
      const expected = Number(text);
      const got = bytes[index]?.readDoubleLE();
      const isSame = Number.isFinite(expected) ? Object.is(got, expected) : got === undefined;
      assert(isSame, `${text}: ${got} instead of ${expected}`);
    });
  };

  it("doubles: as Number() reads them", () => {
    for (let round = 0; round < 8; round += 1) {
      checkDoubles(Array.from({ length: FRAME }, doubleText));
      checkDoubles(Array.from({ length: FRAME }, halfwayText));
      const view = new DataView(new ArrayBuffer(8));
      const bits = Array.from({ length: FRAME }, () => {
        view.setUint32(0, random(2 ** 32));
        view.setUint32(4, random(2 ** 32));
        const value = view.getFloat64(0);
        return Number.isFinite(value) ? String(value) : "0";
      });
      checkDoubles(bits);
    }
  });

  it("doubles: short ones with a dot", () => {
    const whole = (): string => digits(1 + random(8)).replace(/^0+(?=\d)/, "");
    const sign = (): string => (random(2) === 0 ? "-" : "");
    const texts = Array.from(
      { length: FRAME },
      () => `${sign()}${whole()}.${digits(1 + random(10))}`,
    );
    checkDoubles(texts);
    for (const text of [".5", "-.5", "1.", "-1.", "01.5", "00.5", "1.5e", "1..5", "1.-5", "-"]) {
      assert.deepEqual(encode("double", [text]), [null], text);
    }
    assert(Object.is(encode("double", ["-0.0"])[0]?.readDoubleLE(), -0));
  });

  it("doubles: more digits that change nothing take the slow path to the same value", () => {
    const texts = Array.from(
      { length: FRAME },
      () => `${random(2 ** 31)}.${digits(1 + random(9))}`,
    );
    const long = texts.map((text) => text + "0".repeat(30));
    assert.deepEqual(encode("double", long), encode("double", texts));
  });

  it("longs: as BigInt reads them, in every notation", () => {
    const values = Array.from({ length: FRAME }, () => {
      const text = digits(1 + random(20)).replace(/^0+(?=\d)/, "");
      return BigInt(text) * (random(2) === 0 ? 1n : -1n);
    });
    const limits = [2n ** 63n - 1n, 2n ** 63n, -(2n ** 63n), -(2n ** 63n) - 1n];
    for (let bits = 0n; bits < 63n; bits += 1n)
      limits.push(1n << bits, -(1n << bits), (1n << bits) - 1n);
    const all = [...values.slice(0, FRAME - limits.length), ...limits];
    const expected = all.map((value) =>
      BigInt.asIntN(64, value) === value ? Buffer.from(longBytes(value)) : null,
    );
    assert.deepEqual(encode("long", all.map(String)), expected);
    assert.deepEqual(
      encode(
        "long",
        all.map((value) => `${value}.0`),
      ),
      expected,
    );
    assert.deepEqual(
      encode(
        "long",
        all.map((value) => `${value}e0`),
      ),
      expected,
    );
  });

  it("strings of every length, with and without escapes and beyond ASCII", () => {
    const pieces = ["a", "é", "日", "😀", "\n", '"', "\\", "\u0000", " ", "/"];
    const texts = Array.from({ length: FRAME }, (_, index) => {
      const kinds = 1 + random(pieces.length);
      return Array.from({ length: index % 300 }, () => pieces[random(kinds)] ?? "").join("");
    });
    const expected = texts.map((text) => {
      const bytes = Buffer.from(text);
      return Buffer.concat([Buffer.from(longBytes(BigInt(bytes.length))), bytes]);
    });
    assert.deepEqual(
      encode(
        "string",
        texts.map((text) => JSON.stringify(text)),
      ),
      expected,
    );
  });

  it("UTF-8: taken exactly where a strict TextDecoder takes it, whole or in an ignored value", () => {
    const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    const starts = [0x41, 0x7f, 0x80, 0xbf, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff];
    for (let round = 0; round < 20_000; round += 1) {
      const bytes = Buffer.alloc(random(40) + 1, "x");
      for (let count = random(6); count > 0; count -= 1) {
        const byte = random(2) === 0 ? 0x80 + random(64) : (starts[random(starts.length)] ?? 0);
        bytes[random(bytes.length)] = byte;
      }
      const text = Buffer.concat([Buffer.from('{"v":"'), bytes, Buffer.from('"}')]);
      const type = round % 2 === 0 ? "string" : "empty";
      const row = harness.record(type, new Uint8Array(text));
      let isSound = true;
      try {
        strict.decode(text);
      } catch {
        isSound = false;
      }
      assert.equal(row.status === 0, isSound, bytes.toString("hex"));
    }
  });

  it("timestamps: as Date reads them", () => {
    const instants = Array.from(
      { length: FRAME },
      () => random(2 ** 31) * 100_000 - 50_000_000_000_000 + random(1_000),
    );
    const texts = instants.map((instant) => `"${new Date(instant).toISOString()}"`);
    const expected = instants.map((instant) => Buffer.from(longBytes(BigInt(instant) * 1_000n)));
    const isPlainYear = (text: string): boolean => /^"\d{4}-/.test(text);
    const got = encode("timestamp", texts);
    texts.forEach((text, index) => {
      assert.deepEqual(got[index], isPlainYear(text) ? expected[index] : null, text);
    });
  });

  it("base64: as Buffer writes it", () => {
    const values = Array.from({ length: FRAME }, (_, index) =>
      Buffer.from(Array.from({ length: index % 100 }, () => random(256))),
    );
    const expected = values.map((value) =>
      Buffer.concat([Buffer.from(longBytes(BigInt(value.length))), value]),
    );
    for (const form of ["base64", "base64url"] as const) {
      const texts = values.map((value) => `"${value.toString(form)}"`);
      assert.deepEqual(encode("base64", texts), expected);
    }
  });

  /** JSON text of a string, each character as it is or escaped in some way. */
  const textOf = (characters: string): string => {
    const short = new Map(
      Object.entries({ "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t" }),
    );
    for (const character of ['"', "\\", "/"]) short.set(character, character);
    const written = Array.from(characters, (character) => {
      const letter = short.get(character);
      if (letter !== undefined && random(2) === 0) return `\\${letter}`;
      const isRaw = character >= " " && character !== '"' && character !== "\\";
      if (isRaw && random(10) > 0) return character;
      const hex = character.charCodeAt(0).toString(16).padStart(4, "0");
      return `\\u${random(2) === 0 ? hex : hex.toUpperCase()}`;
    });
    return `"${written.join("")}"`;
  };

  it("bytes and fixed: code points below 256, as they are or escaped", () => {
    for (const most of [0x80, 0x100, 0x110]) {
      const values = Array.from({ length: FRAME }, (_, index) =>
        Array.from({ length: index % 200 }, () => String.fromCharCode(random(most))).join(""),
      );
      const narrow = (value: string): Buffer | null =>
        Array.from(value).every((character) => character < "\u0100")
          ? Buffer.from(value, "latin1")
          : null;
      const expected = values
        .map(narrow)
        .map((bytes) =>
          bytes === null
            ? null
            : Buffer.concat([Buffer.from(longBytes(BigInt(bytes.length))), bytes]),
        );
      assert.deepEqual(encode("bytes", values.map(textOf)), expected);
      const blocks = values.map((value) => value.slice(0, BLOCK_BYTES));
      assert.deepEqual(
        encode("block", blocks.map(textOf)),
        blocks.map((value) => (value.length === BLOCK_BYTES ? narrow(value) : null)),
      );
    }
    for (const text of ['"\\x"', '"\\u00g0"', '"\\u000"', '"\\u0100"', '"\\ud800"', '"\u0001"']) {
      assert.deepEqual(encode("bytes", [text]), [null], text);
    }
  });

  it("enums: the number of the symbol, and no other text", () => {
    const texts = Array.from({ length: FRAME }, () => {
      const symbol = SYMBOLS[random(SYMBOLS.length)] ?? "";
      const at = random(symbol.length + 1);
      if (random(3) > 0) return symbol;
      return symbol.slice(0, at) + (random(2) === 0 ? "T" : "") + symbol.slice(at + random(2));
    });
    const expected = texts.map((text) => {
      const number = SYMBOLS.indexOf(text);
      return number < 0 ? null : Buffer.from(longBytes(BigInt(number)));
    });
    assert.deepEqual(encode("enum", texts.map(textOf)), expected);
  });

  it("uuids: as a regular expression reads them", () => {
    const form = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
    const odd = ["g", "/", ":", "@", "`", "-", "A", "F", "G", "é", ""];
    const texts = Array.from({ length: FRAME }, () => {
      const hex = (count: number): string =>
        digits(count).replaceAll("7", "a").replaceAll("3", "F");
      const uuid = [8, 4, 4, 4, 12].map(hex).join("-");
      if (random(3) === 0) return uuid;
      const at = random(37);
      return uuid.slice(0, at) + (odd[random(odd.length)] ?? "") + uuid.slice(at + random(2));
    });
    const expected = texts.map((text) =>
      form.test(text) ? Buffer.concat([Buffer.from([72]), Buffer.from(text)]) : null,
    );
    assert.deepEqual(
      encode(
        "uuid",
        texts.map((text) => JSON.stringify(text)),
      ),
      expected,
    );
  });

  it("decimals: as BigInt makes them, shortest or filling the fixed", () => {
    const values = Array.from({ length: FRAME }, () => {
      const value = BigInt(digits(1 + random(28)));
      return random(2) === 0 ? value : -value;
    });
    const edges = Array.from({ length: 90 }, (_, bit) => 1n << BigInt(bit)).flatMap((value) => [
      value - 1n,
      value,
      -value,
      -value - 1n,
    ]);
    const all = [...values.slice(edges.length), ...edges];
    const bytesOf = (value: bigint, size: number): Buffer =>
      Buffer.from(
        BigInt.asUintN(8 * size, value)
          .toString(16)
          .padStart(2 * size, "0"),
        "hex",
      );
    const shortest = (value: bigint): Buffer => {
      let size = 1;
      while (BigInt.asIntN(8 * size, value) !== value) size += 1;
      return Buffer.concat([Buffer.from([2 * size]), bytesOf(value, size)]);
    };
    const scaled = (value: bigint): string => `${value}e-10`;
    assert.deepEqual(encode("decimal", all.map(scaled)), all.map(shortest));
    const quoted = all.map((value) => `"${scaled(value)}"`);
    assert.deepEqual(encode("decimal", quoted), all.map(shortest));
    const fixed = all.map((value) => bytesOf(value, 12));
    assert.deepEqual(
      encode(
        "fixed",
        all.map((value) => `${value}e-3`),
      ),
      fixed,
    );
  });

  it("decimals: in plain digits as with an exponent", () => {
    const texts = Array.from({ length: FRAME }, () => {
      const whole = digits(1 + random(10)).replace(/^0+(?=\d)/, "");
      const fraction = random(3) === 0 ? "" : `.${digits(1 + random(6))}`;
      return `${random(2) === 0 ? "-" : ""}${whole}${fraction}`;
    });
    const slow = texts.map((text) => `${text}e0`);
    assert.deepEqual(encode("price", texts), encode("price", slow));
    assert.deepEqual(encode("decimal", texts), encode("decimal", slow));
    assert.deepEqual(encode("fixed", texts), encode("fixed", slow));
    for (const text of ["01", "1.", ".5", "-", "1.-5", "00", "-01.5"]) {
      assert.deepEqual(encode("price", [text]), [null], text);
    }
  });

  it("unions of records: the first that is complete and knows the most members", () => {
    const objects = Array.from({ length: FRAME }, () => {
      const names = Array.from("abcdefx").filter(() => random(2) === 0);
      return random(2) === 0 ? names : names.toSorted(() => random(3) - 1);
    });
    const texts = objects.map((names) => `{${names.map((name) => `"${name}":1`).join(",")}}`);
    const got = encode("choice", texts).map((bytes) => (bytes?.[0] ?? -2) / 2);
    assert.deepEqual(got, objects.map(choose));
  });

  it("map keys: a repeat is found, and nothing else taken for one", () => {
    for (let round = 0; round < 300; round += 1) {
      const count = random(60);
      const keys = Array.from(
        { length: count },
        () => digits(1 + random(3)) + "k".repeat(random(20)),
      );
      const text = `{${keys.map((key) => `"${key}":null`).join(",")}}`;
      const [bytes] = encode("keys", [text]);
      assert.equal(bytes !== null, new Set(keys).size === count, text);
    }
  });
});
