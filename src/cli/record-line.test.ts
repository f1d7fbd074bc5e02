/** One record as one line, with bytes written out by hand from docs/protocol.md §2.9. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { KafkaRecord } from "../delivery/reader.ts";
import { sluiceHeaderJson } from "./record-header.ts";
import { recordLine } from "./record-line.ts";
import { jsonLines } from "./testing/run-command.ts";

/** version 1, flags, stream, epoch 7, seq 2^53 − 1, received 1000, event time 999, five texts. */
function header(options: { readonly flags: string; readonly stream: string }): Buffer {
  const texts = ["demo", "web", "page", "ä", ""].map((text) => {
    const bytes = Buffer.from(text);
    return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  });
  const numbers = "00000007001fffffffffffff00000000000003e800000000000003e7";
  const fixed = `01${options.flags}${options.stream}${numbers}`;
  return Buffer.concat([Buffer.from(fixed, "hex"), ...texts]);
}

const STREAM = "0196a1c01025701380479e3779b19e37";

const RECORD: KafkaRecord = {
  topic: "t",
  partition: 2,
  offset: 41,
  timestampMs: 1_789_379_000_000,
  key: Buffer.from("k-1"),
  value: Buffer.from("x"),
  headers: [],
};

describe("sluiceHeaderJson", () => {
  it("all members, seq with all digits", () => {
    assert.equal(
      sluiceHeaderJson(header({ flags: "0d", stream: STREAM })),
      '{"version":1,"flags":["redelivery_possible","time_corrected","session_provisional"],' +
        '"stream":"0196a1c0-1025-7013-8047-9e3779b19e37","epoch":7,"seq":9007199254740991,' +
        '"receivedAt":1000,"eventTime":999,' +
        '"tenant":"demo","source":"web","type":"page","id":"ä","session":null}',
    );
  });
  it("no stream, has neither epoch nor seq", () => {
    const json = sluiceHeaderJson(header({ flags: "00", stream: "00".repeat(16) }));
    assert.match(json ?? "", /"flags":\[\],"stream":null,"epoch":null,"seq":null,/);
  });
  it("another version, or cut or lengthened anywhere, is none", () => {
    const whole = header({ flags: "00", stream: STREAM });
    for (let length = 0; length < whole.length; length += 1) {
      assert.equal(sluiceHeaderJson(whole.subarray(0, length)), undefined);
    }
    assert.equal(sluiceHeaderJson(Buffer.concat([whole, Buffer.alloc(1)])), undefined);
    assert.equal(sluiceHeaderJson(Buffer.concat([Buffer.from([2]), whole.subarray(1)])), undefined);
  });
});

describe("recordLine", () => {
  it("a decoded value, is put in as it is", () => {
    const json = '{"n":9007199254740993,"__proto__":1}';
    const line = recordLine(RECORD, { kind: "avro", schemaId: 3, schemaName: "a.B", json });
    assert.equal(
      line,
      '{"topic":"t","partition":2,"offset":41,"timestamp":1789379000000,"key":"k-1","headers":{},' +
        `"schema":{"id":3,"name":"a.B"},"value":${json}}\n`,
    );
  });
  it("a value that is no Avro, has its hex, its text and the reason", () => {
    const record = { ...RECORD, value: Buffer.from('{"a":"ä"}') };
    const line = recordLine(record, { kind: "raw", reason: "Why." });
    const members = jsonLines(line)[0] ?? {};
    assert.equal(members["value"], null);
    assert.equal(members["hex"], record.value.toString("hex"));
    assert.equal(members["text"], '{"a":"ä"}');
    assert.equal(members["reason"], "Why.");
    assert.deepEqual(Object.keys(members).slice(0, 8), [
      "topic",
      "partition",
      "offset",
      "timestamp",
      "key",
      "headers",
      "schema",
      "value",
    ]);
  });
  it("a value of bytes, has no text", () => {
    const record = { ...RECORD, value: Buffer.from([0, 1, 0xff]) };
    assert.match(
      recordLine(record, { kind: "raw", reason: "" }),
      /"hex":"0001ff","reason":""\}\n$/,
    );
  });
  it("a mark of deletion, is null and nothing more", () => {
    const line = recordLine({ ...RECORD, value: null, key: null }, { kind: "none" });
    assert.match(line, /"key":null,"headers":\{\},"schema":null,"value":null\}\n$/);
  });
  it("headers, texts and bytes, repeated names as an array, odd names kept", () => {
    const headers: KafkaRecord["headers"] = [
      ["a", Buffer.from("1")],
      ["__proto__", Buffer.from([0xff])],
      ["a", Buffer.from("2")],
      ["sluice", header({ flags: "02", stream: STREAM })],
    ];
    const line = recordLine({ ...RECORD, headers }, { kind: "none" });
    assert.match(
      line,
      /"headers":\{"a":\["1","2"\],"__proto__":\{"hex":"ff"\},"sluice":\{"version":1,"flags":\[/,
    );
    JSON.parse(line);
  });
  it("a header called sluice that is not ours, is shown as bytes", () => {
    const line = recordLine(
      { ...RECORD, headers: [["sluice", Buffer.from([9])]] },
      { kind: "none" },
    );
    assert.match(line, /"headers":\{"sluice":"\\t"\}/);
  });
  it("a key that is no text, is shown as hex", () => {
    const line = recordLine({ ...RECORD, key: Buffer.from([0xc3, 0x28]) }, { kind: "none" });
    assert.match(line, /"key":\{"hex":"c328"\}/);
  });
});
