import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { before, describe, it } from "node:test";

import { recordOf, Harness, PRIVACY_SALT, type Row } from "./testing/harness.ts";
import { ORIGINALS_PER_EVENT_MAX } from "./abi.gen.ts";
import { ROW_STATUS } from "../records.ts";

const SECRET = "Zoe\u00e9 \ud83d\ude00 7791";

interface Field {
  readonly name: string;
  readonly type: unknown;
  readonly action?: string;
  readonly [more: string]: unknown;
}

function schemaOf(fields: readonly Field[], name = "R"): object {
  return {
    type: "record",
    name,
    fields: fields.map(({ action, ...field }) =>
      action === undefined ? field : { ...field, "sluice.privacy": action },
    ),
  };
}

function hmac(value: string | Buffer): Buffer {
  return createHmac("sha256", PRIVACY_SALT).update(value).digest();
}

/** A string's Avro bytes. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const size =
    bytes.length < 64 ? [2 * bytes.length] : [((2 * bytes.length) & 127) | 128, bytes.length >> 6];
  return Buffer.concat([Buffer.from(size), bytes]);
}

for (const module of ["codec.wasm", "codec.debug.wasm"]) {
  describe(`privacy actions, ${module}`, () => {
    let harness: Harness;
    let types = 0;
    before(async () => {
      const moduleUrl = new URL(`../../build/${module}`, import.meta.url);
      harness = await Harness.create({ moduleUrl });
    });
    const encode = (
      fields: readonly Field[],
      value: unknown,
      json: "plain" | "avro" = "plain",
    ): Row => {
      const type = `t${types++}`;
      const index = harness.route({ type, schemaText: JSON.stringify(schemaOf(fields)), json });
      const row = harness.record(type, typeof value === "string" ? value : JSON.stringify(value));
      harness.drop(index);
      return row;
    };
    const string = (action: string, value: string): Row =>
      encode([{ name: "a", type: "string", action }], { a: value });

    it("drop: the value is checked, the default or null is written", () => {
      const fields = [
        { name: "a", type: "string", default: "none", action: "drop" },
        { name: "b", type: ["string", "null"], action: "drop" },
        { name: "c", type: "int" },
      ];
      const row = encode(fields, { a: SECRET, b: SECRET, c: 1 });
      assert.deepEqual(row.avro, Buffer.concat([text("none"), Buffer.from([2, 2])]));
      assert.deepEqual(encode(fields, { c: 1 }).avro, row.avro);
      assert.equal(encode(fields, { a: 5, b: SECRET, c: 1 }).fault?.path, "/a");
    });

    it("mask: a star for each code point", () => {
      assert.deepEqual(string("mask", SECRET).avro, text("*".repeat(Array.from(SECRET).length)));
      assert.deepEqual(string("mask", "").avro, text(""));
      const long = "\u20ac".repeat(70);
      assert.deepEqual(string("mask", long).avro, text("*".repeat(70)));
      const escaped = encode([{ name: "a", type: "string", action: "mask" }], '{"a":"\\u20ac\\n"}');
      assert.deepEqual(escaped.avro, text("**"));
    });

    it("ip-truncate: the network of an address in its canonical text", () => {
      const cases = {
        "192.168.17.254": "192.168.17.0",
        "8.8.8.8": "8.8.8.0",
        "255.255.255.255": "255.255.255.0",
        "2001:db8:85a3:8d3:1319:8a2e:370:7348": "2001:db8:85a3::",
        "2001:0DB8::1": "2001:db8::",
        "::1": "::",
        "::": "::",
        "::ffff:192.168.17.254": "::",
        "1::": "1::",
        "0:0:5::1": "0:0:5::",
        "0:1:0:ffff:2:3:4:5": "0:1::",
        "1:2:3:4:5:6:7::": "1:2:3::",
        "::2:3:4:5:6:7:8": "0:2:3::",
        "::3:4:5:6:7:8": "0:0:3::",
        "1::3:4:5:6:7:8": "1:0:3::",
        "1:2:3:4:5:6:1.2.3.4": "1:2:3::",
        "::1:2:3:4:5:1.2.3.4": "0:1:2::",
        "fe80::a:b": "fe80::",
      };
      for (const [address, network] of Object.entries(cases)) {
        assert.deepEqual(string("ip-truncate", address).avro, text(network), address);
      }
    });

    it("ip-truncate: what is no address is a fault that does not show it", () => {
      const wrong = [
        "",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "01.2.3.4",
        "1.2.3.",
        ".1.2.3",
        "1.2.3.4 ",
        "a.b.c.d",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1::2::3",
        ":1::",
        "1:",
        ":::",
        "12345::",
        "g::",
        ":",
        "1:2:3:4:5:6:7:1.2.3.4",
        "::1.2.3",
        "fe80::1%eth0",
        "1:2:3:4::5:6:7:8",
        "1.2.3.4::",
      ];
      for (const address of wrong) {
        const { fault } = string("ip-truncate", address);
        assert.equal(fault?.kind, "format", address);
        const unit = address.length === 1 ? "byte" : "bytes";
        assert.equal(
          fault?.detail,
          `expected an IP address, got a string (${address.length} ${unit})`,
        );
      }
    });

    it("hmac: hex for strings, 32 bytes for bytes and fixed", () => {
      const fixed = { type: "fixed", name: "F", size: 32 };
      const bytes = "\u00ff".repeat(32);
      const fields = [
        { name: "a", type: "string", action: "hmac" },
        { name: "b", type: "bytes", "sluice.from": "base64", action: "hmac" },
        { name: "c", type: fixed, action: "hmac" },
        { name: "d", type: ["null", "string"], action: "hmac" },
        { name: "e", type: ["null", "string"], action: "hmac" },
      ];
      const value = { a: SECRET, b: "AQID", c: bytes, d: null, e: "" };
      const { avro } = encode(fields, value);
      const expected = Buffer.concat([
        text(hmac(SECRET).toString("hex")),
        Buffer.concat([Buffer.from([64]), hmac(Buffer.from([1, 2, 3]))]),
        hmac(Buffer.alloc(32, 0xff)),
        Buffer.from([0, 2]),
        text(hmac("").toString("hex")),
      ]);
      assert.deepEqual(avro, expected);
      const reversed = Object.fromEntries(Object.entries(value).toReversed());
      assert.deepEqual(encode(fields, reversed).avro, expected);
    });

    it("finds the holes in arrays, maps and nested records, in any order of members", () => {
      const inner = schemaOf(
        [
          { name: "mail", aliases: ["m"], type: "string", action: "hmac" },
          { name: "n", type: "int" },
        ],
        "I",
      );
      const fields = [
        { name: "list", type: { type: "array", items: inner } },
        { name: "map", type: { type: "map", values: ["null", "string"] }, action: "hmac" },
        { name: "last", type: "int" },
      ];
      const mails = Array.from({ length: 40 }, (_, index) => `${index}@b.example`);
      const list = mails.map((m, n) => (n % 2 === 0 ? { m, n } : { n, mail: m }));
      const { avro } = encode(fields, { last: 7, map: { x: "1", y: null }, list });
      const items = mails.map((mail, n) =>
        Buffer.concat([
          text(hmac(mail).toString("hex")),
          Buffer.from([2 * n > 63 ? (2 * n) & 127 : 2 * n]),
        ]),
      );
      const map = [
        Buffer.from([4]),
        text("x"),
        Buffer.from([2]),
        text(hmac("1").toString("hex")),
        text("y"),
        Buffer.from([0, 0]),
      ];
      assert.deepEqual(
        avro,
        Buffer.concat([Buffer.from([80]), ...items, Buffer.from([0]), ...map, Buffer.from([14])]),
      );
    });

    it("counts for the fitting branch of a union, also by tag and in Avro's JSON", () => {
      const mixed = [{ name: "a", type: ["null", "bytes", "string"], action: "hmac" }];
      const digest = hmac("s");
      assert.deepEqual(
        encode(mixed, { a: "s" }).avro,
        Buffer.concat([Buffer.from([2, 64]), digest]),
      );
      assert.deepEqual(
        encode(mixed, { a: { string: "s" } }).avro,
        Buffer.concat([Buffer.from([4]), text(digest.toString("hex"))]),
      );
      assert.deepEqual(
        encode(mixed, { a: { string: "s" } }, "avro").avro,
        Buffer.concat([Buffer.from([4]), text(digest.toString("hex"))]),
      );
    });

    it("refuses an event with more hashes than the host is asked for", () => {
      const fields = [{ name: "a", type: { type: "array", items: "string" }, action: "hmac" }];
      const many = (count: number): unknown => ({ a: Array.from({ length: count }, String) });
      assert.equal(encode(fields, many(ORIGINALS_PER_EVENT_MAX)).status, ROW_STATUS.encoded);
      assert.equal(encode(fields, many(ORIGINALS_PER_EVENT_MAX + 1)).status, ROW_STATUS.tooLarge);
    });

    it("keeps each row's values apart in a frame with refused rows between", () => {
      const schemaText = JSON.stringify(
        schemaOf([
          { name: "a", type: "string", action: "hmac" },
          { name: "b", type: "int" },
        ]),
      );
      const index = harness.route({ type: "many", schemaText });
      const events = Array.from({ length: 100 }, (_, b) => ({
        data: { a: `v${b}`, b: b % 3 === 0 ? "x" : b },
        type: "many",
      }));
      harness.rows(JSON.stringify(events)).forEach((row, b) => {
        if (b % 3 === 0) assert.equal(row.status, ROW_STATUS.invalid);
        else assert.deepEqual(row.avro.subarray(0, 66), text(hmac(`v${b}`).toString("hex")));
      });
      harness.drop(index);
    });

    it("faults say nothing of a private value, of names in it, or of a record that holds it", () => {
      const inner = schemaOf([{ name: "mail", type: "string", action: "mask" }], "I");
      const map = { type: "map", values: "int" };
      const fields = [
        { name: "a", aliases: ["b"], type: ["null", "string"], action: "mask" },
        { name: "m", type: ["null", map], action: "drop" },
        { name: "i", type: ["null", inner] },
        { name: "open", type: "int", default: 0 },
      ];
      const fault = (value: unknown) => encode(fields, value).fault;
      assert.equal(fault({ b: 7791 })?.detail, "expected string, got a number (4 bytes)");
      assert.equal(fault({ a: true })?.got, "a boolean");
      assert.equal(fault({ a: [] })?.got, "an array");
      assert.deepEqual(
        [fault({ m: { 7791: "x" } })?.path, fault({ m: { 7791: "x" } })?.got],
        ["/m", "a string (1 byte)"],
      );
      assert.equal(fault('{"m":{"7791":1,"7791":2}}')?.path, "/m");
      assert.equal(fault({ i: { mail: 7791 } })?.path, "/i/mail");
      assert.equal(fault({ i: "7791" })?.got, "a string (4 bytes)");
      assert.equal(fault({ open: "7791" })?.got, 'string "7791" (4 bytes)');
      assert.match(fault('{"a":7 91}')?.detail ?? "", /^not JSON at byte \d+$/);
    });
  });
}

describe("privacy actions of a frame without a salt", () => {
  it("stop the program rather than store a hole", async () => {
    const harness = await Harness.create();
    const schemaText = JSON.stringify(schemaOf([{ name: "a", type: "string", action: "hmac" }]));
    harness.route({ type: "t", schemaText });
    harness.route({ type: "open", schemaText: recordOf({ a: "string" }) });
    // Frames are typed; only a caller's mistake leaves the salt out.
    const noSalt = { privacySalt: undefined } as never;
    assert.throws(() => harness.frame('{"type":"t","data":{"a":"x"}}', noSalt), /salt/);
    assert.equal(harness.frame('{"type":"open","data":{"a":"x"}}', noSalt).kind, "table");
  });
});
