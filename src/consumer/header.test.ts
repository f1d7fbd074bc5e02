import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { HEADER_FLAG } from "../records.ts";
import { headerOf, isCanary, parseHeader, RECORD_FLAGS, type RecordHeaders } from "./header.ts";
import { makeHeader } from "./testing/make-header.ts";

const STREAM = "0196a1c0-1025-7013-8047-9e3779b19e37";

describe("parseHeader", () => {
  it("gives all members", () => {
    const bytes = makeHeader({ flags: 5, stream: STREAM, epoch: 7, seq: 2 ** 53 - 1, id: "ä" });
    assert.deepEqual(parseHeader(bytes), {
      version: 1,
      flags: ["redelivery_possible", "time_corrected"],
      stream: STREAM,
      epoch: 7,
      seq: 2 ** 53 - 1,
      receivedAtMs: 1_790_000_000_000,
      eventTimeMs: -1,
      tenant: "demo",
      source: "web",
      type: "page",
      id: "ä",
      session: null,
    });
  });
  it("reads a text of two length bytes", () => {
    const id = "x".repeat(200);
    assert.equal(parseHeader(makeHeader({ id }))?.id, id);
  });
  it("without a stream there is neither epoch nor seq", () => {
    const header = parseHeader(makeHeader({ epoch: 3, seq: 4 }));
    assert.deepEqual([header?.stream, header?.epoch, header?.seq], [null, null, null]);
  });
  it("refuses another version, cut bytes, ill-formed text, and numbers from 2^53 on", () => {
    const whole = makeHeader({ stream: STREAM, seq: 1, id: "é" });
    for (let length = 0; length < whole.length; length += 1) {
      assert.equal(parseHeader(whole.subarray(0, length)), null);
    }
    assert.equal(parseHeader(Buffer.concat([whole, Buffer.alloc(1)])), null);
    assert.equal(parseHeader(Buffer.concat([Buffer.from([2]), whole.subarray(1)])), null);
    assert.equal(
      parseHeader(Buffer.from(whole.map((byte) => (byte === 0xc3 ? 0xff : byte)))),
      null,
    );
    assert.equal(parseHeader(makeHeader({ stream: STREAM, seq: 2n ** 53n })), null);
  });
  it("knows the flags that the gateway sets", () => {
    assert.equal(RECORD_FLAGS.redelivery_possible, HEADER_FLAG.redelivery);
    assert.equal(RECORD_FLAGS.session_provisional, HEADER_FLAG.sessionProvisional);
  });
});

describe("headerOf", () => {
  const bytes = makeHeader({ stream: STREAM, seq: 9 });
  const plain = new Uint8Array(bytes);
  const shapes: Readonly<Record<string, RecordHeaders>> = {
    "an object": { other: Buffer.from("x"), sluice: bytes },
    "an object with arrays": { sluice: [bytes] },
    "a list of objects": [{ other: Buffer.from("x") }, { sluice: plain }],
    "a list of pairs": [
      ["other", plain],
      ["sluice", plain],
    ],
    "a list of keys and values": [{ key: "sluice", value: bytes }],
    "keys as bytes": [{ key: Buffer.from("sluice"), value: bytes }],
    "a map": new Map([["sluice", bytes]]),
    "a map with names as bytes": new Map([[Buffer.from("sluice"), bytes]]),
  };
  for (const [name, headers] of Object.entries(shapes)) {
    it(`finds it in ${name}`, () => assert.equal(headerOf(headers)?.seq, 9));
  }
  it("is null where there is none", () => {
    const none = [
      null,
      undefined,
      {},
      [],
      new Map(),
      [null],
      { sluice: "text" },
      { sluice: plain.subarray(1) },
    ];
    for (const headers of none) assert.equal(headerOf(headers), null);
  });
});

describe("isCanary", () => {
  const mark = Buffer.from("mark");
  it("knows the record by its header, however a client gives that", () => {
    const shapes: readonly RecordHeaders[] = [
      { "sluice-canary": mark },
      [{ other: mark }, { "sluice-canary": mark }],
      new Map([["sluice-canary", mark]]),
    ];
    for (const headers of shapes) assert.equal(isCanary(headers), true);
    for (const headers of [null, {}, [], { sluice: mark }]) assert.equal(isCanary(headers), false);
  });
});
