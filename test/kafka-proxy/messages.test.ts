/**
 * The messages of the Kafka protocol that the fault proxy reads, as bytes: written out by hand from
 * the protocol's definition, not by the code under test.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { addressesIn, capVersions, replaceAddresses } from "./addresses.ts";
import { framed, FrameSplitter } from "./frames.ts";
import { produceAnswer, readProduce } from "./produce.ts";
import { API, readRequestHeader } from "./protocol.ts";
import { WireReader } from "./wire.ts";

/** Hex with spaces; a quoted word stands for its ASCII. */
function bytes(text: string): Buffer {
  const hex = text.replaceAll(/'([^']*)'/g, (_, word: string) => Buffer.from(word).toString("hex"));
  return Buffer.from(hex.replaceAll(/\s/g, ""), "hex");
}

const CORRELATION = "00000007";
const LATER = "00 01 02 03"; // What follows is passed on as it is.

const METADATA_4 = `${CORRELATION} 00000000 00000002
  00000001 0005 'kafka' 00002384 ffff
  00000002 0009 '127.0.0.1' 00002385 0004 'rack' ${LATER}`;
const METADATA_12 = `${CORRELATION} 00 00000000 03
  00000001 06 'kafka' 00002384 00 00
  00000002 0a '127.0.0.1' 00002385 05 'rack' 01 05 02 aabb ${LATER}`;
const COORDINATOR_0 = `${CORRELATION} 0000 00000002 0005 'kafka' 00002384`;
const COORDINATOR_2 = `${CORRELATION} 00000000 0000 ffff 00000002 0005 'kafka' 00002384`;
const COORDINATOR_4 = `${CORRELATION} 00 00000000 03
  02 'a' 00000002 06 'kafka' 00002384 0000 00 00
  02 'b' ffffffff 01 ffffffff 000f 00 00 00`;

const LOCAL = { host: "127.0.0.1", port: 65_000 };

describe("addressesIn and replaceAddresses", () => {
  for (const [name, kind, text, replaced] of [
    [
      "Metadata 4",
      { apiKey: API.Metadata, apiVersion: 4 },
      METADATA_4,
      METADATA_4.replace("0005 'kafka' 00002384", "0009 '127.0.0.1' 0000fde8").replace(
        "00002385",
        "0000fde8",
      ),
    ],
    [
      "Metadata 12, flexible, with a tagged field",
      { apiKey: API.Metadata, apiVersion: 12 },
      METADATA_12,
      METADATA_12.replace("06 'kafka' 00002384", "0a '127.0.0.1' 0000fde8").replace(
        "00002385",
        "0000fde8",
      ),
    ],
    [
      "FindCoordinator 0",
      { apiKey: API.FindCoordinator, apiVersion: 0 },
      COORDINATOR_0,
      COORDINATOR_0.replace("0005 'kafka' 00002384", "0009 '127.0.0.1' 0000fde8"),
    ],
    [
      "FindCoordinator 2",
      { apiKey: API.FindCoordinator, apiVersion: 2 },
      COORDINATOR_2,
      COORDINATOR_2.replace("0005 'kafka' 00002384", "0009 '127.0.0.1' 0000fde8"),
    ],
    [
      "FindCoordinator 4, one of two without an address",
      { apiKey: API.FindCoordinator, apiVersion: 4 },
      COORDINATOR_4,
      COORDINATOR_4.replace("06 'kafka' 00002384", "0a '127.0.0.1' 0000fde8"),
    ],
  ] as const) {
    it(`${name}: only hosts and ports change`, () => {
      const answer = bytes(text);
      const fields = addressesIn(answer, kind);
      assert.ok(fields.length > 0);
      const targets = fields.map(() => LOCAL);
      assert.deepEqual(replaceAddresses(answer, { kind, fields, targets }), bytes(replaced));
    });
  }

  it("a Metadata answer: tells whose each address is", () => {
    const fields = addressesIn(bytes(METADATA_12), { apiKey: API.Metadata, apiVersion: 12 });
    const seen = fields.map(({ node, host, port }) => ({ node, host, port }));
    assert.deepEqual(seen, [
      { node: 1, host: "kafka", port: 9_092 },
      { node: 2, host: "127.0.0.1", port: 9_093 },
    ]);
  });

  it("a Metadata answer that ends too early: RangeError", () => {
    const short = bytes(METADATA_12).subarray(0, 20);
    const kind = { apiKey: API.Metadata, apiVersion: 12 };
    assert.throws(() => addressesIn(short, kind), RangeError);
  });
});

describe("capVersions", () => {
  it("version 3: Produce and Fetch stay below what is read, the others as they were", () => {
    const answer = (produce: string, fetch: string) =>
      bytes(`${CORRELATION} 0000 04
        0000 0003 ${produce} 00 0001 0004 ${fetch} 00 0016 0000 0005 00 00000000 00`);
    assert.deepEqual(capVersions(answer("000d", "0012"), 3), answer("0009", "000f"));
  });

  it("version 0: the same without tagged fields", () => {
    const answer = (produce: string) =>
      bytes(`${CORRELATION} 0000 00000002 0000 0003 ${produce} 0012 0000 0004`);
    assert.deepEqual(capVersions(answer("000d"), 0), answer("0009"));
  });

  it("a refusal of the version: as it is, whatever version was asked for", () => {
    const answer = bytes(`${CORRELATION} 0023 00000001 0012 0000 0004`);
    assert.deepEqual(capVersions(answer, 4), answer);
  });
});

const PRODUCE_9 = `0000 0009 ${CORRELATION} 0002 'me' 00
  00 ffff 00007530 03
  07 'orders' 03 00000000 04 aaaaaa 00 00000005 03 bbbb 00 00
  05 'mail' 02 00000001 01 00 00 00`;
const PRODUCE_7 = `0000 0007 ${CORRELATION} ffff
  ffff 0000 00007530 00000001 0006 'orders' 00000001 00000003 00000002 cccc`;

describe("readProduce and produceAnswer", () => {
  it("version 9: finds every partition and its records; the answer is for all of them", () => {
    const request = bytes(PRODUCE_9);
    const reader = new WireReader(request);
    const header = readRequestHeader(reader);
    assert.deepEqual(header, { apiKey: 0, apiVersion: 9, correlationId: 7, clientId: "me" });
    const produce = readProduce(reader, header.apiVersion);
    assert.ok(produce !== null);
    assert.equal(produce.acks, -1);
    const seen = produce.parts.map(({ topic, partition, start, end }) => [
      `${topic}-${partition}`,
      request.subarray(start, end).toString("hex"),
    ]);
    assert.deepEqual(seen, [
      ["orders-0", "aaaaaa"],
      ["orders-5", "bbbb"],
      ["mail-1", ""],
    ]);
    const none = "ffffffffffffffff";
    const rest = `002d ${none} ${none} ${none} 01 00 00`;
    assert.deepEqual(
      produceAnswer(header, produce, 45),
      bytes(`${CORRELATION} 00 03
        07 'orders' 03 00000000 ${rest} 00000005 ${rest} 00
        05 'mail' 02 00000001 ${rest} 00 00000000 00`),
    );
  });

  it("version 7, no client name, no answer wanted", () => {
    const reader = new WireReader(bytes(PRODUCE_7));
    const header = readRequestHeader(reader);
    assert.equal(header.clientId, "");
    const produce = readProduce(reader, header.apiVersion);
    assert.ok(produce !== null);
    assert.equal(produce.acks, 0);
    assert.deepEqual(
      produceAnswer(header, produce, 19),
      bytes(`${CORRELATION} 00000001 0006 'orders' 00000001 00000003 0013
        ffffffffffffffff ffffffffffffffff ffffffffffffffff 00000000`),
    );
  });

  it("a version that is not known here: null", () => {
    assert.equal(readProduce(new WireReader(bytes("00")), 13), null);
  });
});

describe("FrameSplitter", () => {
  const frames = [bytes("01"), bytes("0203"), Buffer.alloc(0), bytes("040506")];
  const stream = Buffer.concat(frames.map((frame) => framed(frame)));

  for (const size of [1, 2, 3, 5, 100]) {
    it(`pieces of ${size} bytes: the frames come whole and in order`, () => {
      const splitter = new FrameSplitter(3);
      const found: Buffer[] = [];
      for (let at = 0; at < stream.length; at += size) {
        found.push(...splitter.push(stream.subarray(at, at + size)));
      }
      assert.deepEqual(found, frames);
    });
  }

  it("a frame beyond the bound, or of negative length: RangeError", () => {
    assert.throws(() => new FrameSplitter(3).push(bytes("00000004")), RangeError);
    assert.throws(() => new FrameSplitter(3).push(bytes("ffffffff")), RangeError);
  });
});
