import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { ROW_STATUS } from "../records.ts";
import { Harness, RECEIVED_AT_MS, recordOf } from "./testing/harness.ts";

const POINTERS = {
  id: ["/messageId", "/deep/id"],
  key: ["/userId", "/deep/er/key"],
  time: ["/timestamp", "/at"],
  actor: ["/anonymousId", "/userId"],
  session: ["/context/session~1id"],
};

const SCHEMA = recordOf({
  messageId: ["null", "string"],
  timestamp: ["null", { type: "long", logicalType: "timestamp-micros" }],
  context: { type: "map", values: "string" },
});

async function make(keyRequired = false): Promise<Harness> {
  const harness = await Harness.create();
  harness.route({ type: "t", schemaText: SCHEMA, pointers: POINTERS, header: true, keyRequired });
  return harness;
}

describe("pointers", () => {
  it("find values in known and unknown members, first present one first", async () => {
    const harness = await make();
    const row = harness.record(
      "t",
      '{"messageId":"m\\u0031","userId":12,"timestamp":1768464000468835,"anonymousId":"a","context":{"x":"y","session/id":"s"}}',
    );
    assert.deepEqual([row.id, row.key, row.actor, row.session], ["m1", "12", "a", "s"]);
    assert.equal(row.timeMs, 1_768_464_000_468);
    assert.equal(row.ignored, 2);
    const second = harness.record(
      "t",
      '{"messageId":null,"deep":{"er":{"key":"k"},"id":7},"context":{},"at":"2026-01-02T03:04:05Z","userId":null}',
    );
    assert.deepEqual([second.id, second.key, second.actor, second.session], ["7", "k", "", ""]);
    assert.equal(second.timeMs, Date.UTC(2026, 0, 2, 3, 4, 5));
  });

  it("take what is no text or time as absent", async () => {
    const harness = await make();
    const row = harness.record(
      "t",
      '{"messageId":null,"deep":[],"userId":1.5,"anonymousId":"","timestamp":-1,"at":true,"context":{}}',
    );
    assert.deepEqual([row.status, row.id, row.key, row.actor], [0, "", "", ""]);
    assert.equal(row.timeMs, RECEIVED_AT_MS);
  });

  it("do not reach into records inside the record", async () => {
    const harness = await Harness.create();
    const schemaText = recordOf({ id: ["null", "string"], next: ["null", "R"] });
    harness.route({ type: "t", schemaText, pointers: { id: ["/id"] } });
    const row = harness.record("t", '{"next":{"id":"inner","next":null},"id":"outer"}');
    assert.equal(row.id, "outer");
    assert.equal(harness.record("t", '{"next":{"id":"inner","next":null}}').id, "");
  });

  it("find the id of a refused record, for the answer", async () => {
    const harness = await make();
    const row = harness.record("t", '{"messageId":"m1","timestamp":"x","context":{}}');
    assert.deepEqual([row.status, row.id], [ROW_STATUS.invalid, "m1"]);
    const long = "u".repeat(201);
    const both = harness.record("t", `{"messageId":"${long}","timestamp":"x","context":{}}`);
    assert.equal(both.fault?.path, "/timestamp");
  });

  it("make the key required where the pack says so", async () => {
    const harness = await make(true);
    const row = harness.record("t", '{"context":{}}');
    assert.equal(row.status, ROW_STATUS.keyMissing);
    assert.equal(harness.record("t", '{"context":{},"userId":"u"}').status, 0);
    const long = harness.record("t", `{"context":{},"userId":"${"u".repeat(1_025)}"}`);
    assert.deepEqual([long.fault?.path, long.fault?.kind], ["/userId", "too_large"]);
    const longId = harness.record(
      "t",
      `{"context":{},"userId":"u","messageId":"${"u".repeat(201)}"}`,
    );
    assert.equal(longId.status, ROW_STATUS.badId);
  });
});

describe("key hash", () => {
  it("is Java's murmur2 with the sign bit cleared", async () => {
    const harness = await Harness.create();
    harness.route({ type: "t", schemaText: recordOf({}), pointers: { key: ["/k"] } });
    // Values of org.apache.kafka.common.utils.Utils.murmur2 in Kafka's own UtilsTest.
    const known: readonly (readonly [string, number])[] = [
      ["21", -973932308],
      ["foobar", -790332482],
      ["a-little-bit-long-string", -985981536],
      ["a-little-bit-longer-string", -1486304829],
      ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
      ["abc", 479470107],
    ];
    for (const [key, hash] of known) {
      assert.equal(harness.record("t", JSON.stringify({ k: key })).keyHash, hash & 0x7fffffff);
    }
  });
});

describe("event time", () => {
  const HOUR_MS = 3_600_000;
  const time = async (ts: string, sentAt: string): Promise<readonly [number, number]> => {
    const harness = await make();
    const text = `{"events":[{"type":"t","ts":${ts},"data":{"context":{}}}]${sentAt}}`;
    const [row] = harness.rows(text);
    return [(row?.timeMs ?? NaN) - RECEIVED_AT_MS, row?.header[1] ?? -1];
  };

  it("is corrected by the sender's clock, never beyond the time of receipt", async () => {
    const ts = RECEIVED_AT_MS + 5 * HOUR_MS;
    const sentAt = (ms: number): string => `,"sentAt":${RECEIVED_AT_MS + ms}`;
    assert.deepEqual(await time(String(ts), ""), [5 * HOUR_MS, 0]);
    assert.deepEqual(await time(String(ts), sentAt(6 * HOUR_MS)), [-HOUR_MS, 4]);
    assert.deepEqual(await time(String(ts), sentAt(4 * HOUR_MS)), [0, 4]);
    assert.deepEqual(await time(String(RECEIVED_AT_MS - 5), sentAt(0)), [-5, 0]);
    assert.deepEqual(await time(String(ts), sentAt(-366 * 24 * HOUR_MS)), [5 * HOUR_MS, 0]);
    assert.deepEqual(await time(String(ts), ',"sentAt":"soon"'), [5 * HOUR_MS, 0]);
    assert.deepEqual(await time("null", sentAt(HOUR_MS)), [0, 0]);
  });
});

interface Header {
  readonly version: number;
  readonly flags: number;
  readonly stream: string;
  readonly epoch: number;
  readonly seq: bigint;
  readonly receivedAt: bigint;
  readonly time: bigint;
  readonly texts: readonly string[];
}

function decodeHeader(header: Buffer): Header {
  const texts: string[] = [];
  let at = 46;
  while (at < header.length) {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = header[at] ?? 0;
      length += (byte & 0x7f) << shift;
      at += 1;
      if (byte < 0x80) break;
    }
    texts.push(header.subarray(at, at + length).toString());
    at += length;
  }
  assert.equal(at, header.length);
  return {
    version: header[0] ?? -1,
    flags: header[1] ?? -1,
    stream: header.subarray(2, 18).toString("hex"),
    epoch: header.readUInt32BE(18),
    seq: header.readBigUInt64BE(22),
    receivedAt: header.readBigInt64BE(30),
    time: header.readBigInt64BE(38),
    texts,
  };
}

describe("the header sluice", () => {
  it("holds what the protocol says", async () => {
    const harness = await make();
    const id = new Uint8Array(16).map((_, index) => index + 1);
    const event = '{"type":"t","id":"é1","ts":1799999999000,"data":{"context":{}}}';
    const rows = harness.rows(`{"t":"pub","seq":41,"events":[${event},5,${event}]}`, {
      shape: "pub",
      tenant: "t".repeat(200),
      stream: { id, epoch: 3 },
      flags: 1,
    });
    assert.deepEqual(decodeHeader(rows[2]?.header ?? Buffer.alloc(0)), {
      version: 1,
      flags: 1,
      stream: Buffer.from(id).toString("hex"),
      epoch: 3,
      seq: 43n,
      receivedAt: BigInt(RECEIVED_AT_MS),
      time: 1_799_999_999_000n,
      texts: ["t".repeat(200), "web", "t", "é1", ""],
    });
    assert.equal(rows[1]?.header.length, 0);
  });

  it("takes a session id in place, and a long one elsewhere", async () => {
    const harness = await make();
    const event = '{"type":"t","data":{"context":{}}}';
    for (const session of ["0197f0c0-0000-7000-8000-000000000001", "s".repeat(150)]) {
      const result = harness.frame(`[${event},${event}]`);
      assert(result.kind === "table");
      harness.codec.setSession(0, session);
      const { table } = result;
      const header = (row: number): Header =>
        decodeHeader(Buffer.from(table.memory.slice(table.headerStart[row], table.headerEnd[row])));
      assert.deepEqual(header(0).texts, ["acme", "web", "t", "", session]);
      assert.deepEqual(header(1).texts, ["acme", "web", "t", "", ""]);
    }
  });

  it("is left out where the route says so", async () => {
    const harness = await Harness.create();
    harness.route({ type: "t", schemaText: recordOf({}) });
    const row = harness.record("t", "{}");
    assert.equal(row.header.length, 0);
    harness.codec.setSession(0, "s");
  });
});
