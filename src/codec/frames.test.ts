import assert from "node:assert/strict";
import { before, describe, it } from "node:test";

import { ROW_STATUS } from "../records.ts";
import { Harness, RECEIVED_AT_MS, recordOf } from "./testing/harness.ts";

const A = '{"type":"a","data":{"n":1}}';
const B = '{"type":"b","data":{"s":"x"}}';

describe("frames", () => {
  let harness: Harness;
  let routeA = -1;
  before(async () => {
    harness = await Harness.create();
    routeA = harness.route({ type: "a", schemaText: recordOf({ n: "long" }), schemaId: 258 });
    harness.route({ type: "b", schemaText: recordOf({ s: "string" }) });
    harness.route({ type: "a", schemaText: recordOf({ s: "string" }), schemaRef: "a:2" });
  });

  const statuses = (frame: string | Uint8Array, context = {}): number[] =>
    harness.rows(frame, context).map(({ status }) => status);

  it("writes the registry header before the value", () => {
    const [row] = harness.rows(A);
    assert.deepEqual(row?.value, Buffer.from([0, 0, 0, 1, 2, 2]));
    assert.equal(row?.route, routeA);
    assert.equal(row?.event, A);
  });

  it("tells single event, bare array, envelope by content", () => {
    assert.deepEqual(statuses(A), [0]);
    assert.deepEqual(statuses(` [ ${A} , ${B} ] `), [0, 0]);
    assert.deepEqual(statuses(`{"events":[${A},${B}]}`), [0, 0]);
    assert.deepEqual(statuses(`{"sentAt":5,"batch":[${A}],"x":{}}`), [0]);
    assert.deepEqual(statuses("[]"), []);
    assert.deepEqual(statuses('{"events":[]}'), []);
    const [single] = harness.rows('{"events":[1],"type":"a","data":{"n":1}}');
    assert.equal(single?.status, 0);
    const own = harness.frame(
      '{"sentAt":1800000000000,"ts":1799999999000,"data":{"n":1},"type":"a"}',
    );
    assert(
      own.kind === "table" && Number.isNaN(own.sentAtMs),
      "a single event has no frame around",
    );
    const [late] = harness.rows('{"data":{"n":1},"events":5,"type":"a"}');
    assert.equal(late?.status, 0);
  });

  it("takes the envelope's members in any order", () => {
    const members = ['"id":"i"', '"type":"a"', '"ts":5', '"key":"k"', '"data":{"n":7}', '"ctx":{}'];
    for (let shift = 0; shift < members.length; shift += 1) {
      const order = [...members.slice(shift), ...members.slice(0, shift)];
      const [row] = harness.rows(`{${order.join(",")}}`);
      assert.deepEqual([row?.status, row?.id, row?.key, row?.timeMs], [0, "i", "k", 5]);
      assert.deepEqual(row?.avro, Buffer.from([14]));
    }
    const [escaped] = harness.rows('{"t\\u0079pe":"\\u0061","d\\u0061ta":{"n":1}}');
    assert.equal(escaped?.status, 0);
  });

  it("counts unknown members of the envelope, takes null as absent", () => {
    const [row] = harness.rows('{"id":null,"ts":null,"key":null,"schema":null,"x":1,' + A.slice(1));
    assert.equal(row?.status, 0);
    assert.equal(row?.ignored, 1);
    assert.equal(row?.timeMs, RECEIVED_AT_MS);
    const [missing] = harness.rows('{"type":"a","data":null}');
    assert.equal(missing?.fault?.path, "/data");
    assert.equal(missing?.fault?.kind, "missing");
  });

  it("points at the second of two equal members, and at the first fault by position", () => {
    const fault = (text: string) => {
      const [row] = harness.rows(text);
      return [row?.fault?.path, row?.fault?.kind];
    };
    assert.deepEqual(fault('{"id":"1","id":"2","type":"a","data":{"n":1}}'), ["/id", "duplicate"]);
    assert.deepEqual(fault('{"data":{"n":"x"},"id":"1","id":"2","type":"a"}'), ["/data/n", "type"]);
    assert.deepEqual(fault('{"data":{"n":1},"id":1,"id":2,"type":"a"}'), ["/id", "duplicate"]);
    assert.deepEqual(fault('{"type":"a","data":{"n":1,"n":1}}'), ["/data/n", "duplicate"]);
    assert.deepEqual(fault('{"type":"a","key":[],"data":{"n":1}}'), ["/key", "type"]);
  });

  it("judges id, ts, key and type", () => {
    const status = (members: string): number | undefined =>
      harness.rows(`{${members},"data":{"n":1}}`)[0]?.status;
    assert.equal(status('"type":"a","id":""'), ROW_STATUS.badId);
    assert.equal(status('"type":"a","id":5'), ROW_STATUS.badId);
    assert.equal(status(`"type":"a","id":"${"é".repeat(101)}"`), ROW_STATUS.badId);
    assert.equal(status(`"type":"a","id":"${"é".repeat(100)}"`), ROW_STATUS.encoded);
    assert.equal(status('"type":"a","ts":"yesterday"'), ROW_STATUS.badTime);
    assert.equal(status('"type":"a","ts":-1'), ROW_STATUS.badTime);
    assert.equal(status('"type":"a","ts":1768464000468835'), ROW_STATUS.badTime);
    assert.equal(status('"type":"a","ts":"9999-12-31T23:59:59Z"'), ROW_STATUS.encoded);
    assert.equal(status('"type":"c"'), ROW_STATUS.typeUnknown);
    assert.equal(status('"type":5'), ROW_STATUS.typeUnknown);
    assert.equal(status('"x":5'), ROW_STATUS.typeUnknown);
    assert.equal(status(`"type":"a","key":"${"k".repeat(1025)}"`), ROW_STATUS.invalid);
    assert.equal(status('"type":"a","key":12'), ROW_STATUS.encoded);
  });

  it("chooses the route by the schema member, wherever it stands", () => {
    const [early] = harness.rows('{"type":"a","schema":"a:2","data":{"s":"x"}}');
    const [late] = harness.rows('{"type":"a","data":{"s":"x"},"schema":"a:2"}');
    const [other] = harness.rows('{"type":"a","data":{"s":"x"},"schema":"a:3","id":"i"}');
    assert.deepEqual([early?.status, late?.status], [0, 0]);
    assert.equal(other?.status, ROW_STATUS.schemaNeeded);
    assert.equal(other?.schema, "a:3");
    assert.equal(other?.id, "i");
    assert.equal(other?.route, routeA);
    const [number] = harness.rows('{"type":"a","data":{},"schema":42}');
    assert.equal(number?.schema, "42");
    const [escaped] = harness.rows('{"type":"a","data":{},"schema":"x\\u0041","id":"i\\u0042"}');
    assert.deepEqual([escaped?.schema, escaped?.id], ["xA", "iB"]);
  });

  it("refuses a bad event alone and a broken frame whole", () => {
    assert.deepEqual(
      statuses(`[${A},{"type":"a","data":{"n":"x"}},${B},5,null,[]]`),
      [0, 1, 0, 1, 1, 1],
    );
    const broken = harness.frame(`{"events":[${A},{"type":"a","data":{"n":tru}}]}`);
    assert.equal(broken.kind, "fault");
    assert.deepEqual(broken.kind === "fault" && [broken.problem, broken.offset], ["bad_json", 66]);
    assert.equal(harness.frame(`[${A}`).kind, "fault");
    assert.equal(harness.frame(`[${A}] x`).kind, "fault");
    assert.equal(harness.frame(`[${A},]`).kind, "fault");
    assert.equal(harness.frame("").kind, "fault");
    assert.equal(harness.frame(" \n ").kind, "fault");
    const empty = harness.frame("\n\n", { shape: "ndjson" });
    assert.equal(empty.kind === "fault" && empty.problem, "empty");
  });

  it("gives ill-formed UTF-8 and depth to their event", () => {
    const bad = Buffer.concat([
      Buffer.from(`[${A},{"type":"b","data":{"s":"`),
      Buffer.from([0xff]),
      Buffer.from(`"}},${B},{"type":"b","x":${"[".repeat(70)}${"]".repeat(70)}},${B},`),
      Buffer.from('{"type":"b","data":{"s":"\\ud800"}}]'),
    ]);
    const rows = harness.rows(new Uint8Array(bad));
    assert.deepEqual(
      rows.map(({ status, fault }) => fault?.kind ?? status),
      [0, "utf8", 0, "depth", 0, "utf8"],
    );
    const [single] = harness.rows('{"x":"\\ud800","type":"b","data":{"s":"x"}}');
    assert.equal(single?.fault?.kind, "utf8");
    assert.equal(harness.frame(`{"x":"\\ud800","events":[${A}]}`).kind, "fault");
    const outside = Buffer.concat([
      Buffer.from('{"x":"'),
      Buffer.from([0xff]),
      Buffer.from(`","events":[${A}]}`),
    ]);
    assert.equal(harness.frame(new Uint8Array(outside)).kind, "fault");
  });

  it("NDJSON: a line is an event, a bad one is refused alone", () => {
    const lines = [A, "", " \t\r", '{"type":"a","data":{', '"n":1}}', `${A} x`, B, "\ufeff" + A];
    const rows = harness.rows(`${lines.join("\n")}\r\n`, { shape: "ndjson" });
    assert.deepEqual(
      rows.map(({ status, fault }) => fault?.kind ?? status),
      [0, "syntax", "syntax", "syntax", 0, "syntax"],
    );
    assert.equal(rows[0]?.event, A);
  });

  it("bounds the number and the size of events", () => {
    const many = harness.frame(`[${A},${A},${A}]`, { eventsMax: 2 });
    assert.equal(many.kind === "fault" && many.problem, "too_many_events");
    const lines = harness.frame(`${A}\n${A}\n${A}`, { eventsMax: 2, shape: "ndjson" });
    assert.equal(lines.kind === "fault" && lines.problem, "too_many_events");
    const long = `{"type":"b","data":{"s":"${"x".repeat(100)}"}}`;
    assert.deepEqual(statuses(`[${A},${long},${B}]`, { eventBytesMax: 64 }), [
      0,
      ROW_STATUS.tooLarge,
      0,
    ]);
    const record = `{"type":"b","data":{"s":"${"x".repeat(900_001)}"}}`;
    assert.deepEqual(statuses(`[${record},${B}]`), [ROW_STATUS.tooLarge, 0]);
  });

  it("bounds the record by itself: defaults may make much of a little event", async () => {
    const small = await Harness.create({ recordBytesMax: 3_000 });
    const fields = [{ name: "pad", type: "string", default: "d".repeat(100) }];
    const items = { type: "array", items: { type: "record", name: "Item", fields } };
    const schemaText = recordOf({ items });
    small.route({ type: "many", schemaText });
    const many = (count: number) =>
      `{"type":"many","data":{"items":[${Array(count).fill("{}").join(",")}]}}`;
    const [taken, refused] = small.rows(`[${many(20)},${many(40)}]`, { eventBytesMax: 1_000 });
    assert.equal(taken?.status, 0);
    assert.equal(refused?.status, ROW_STATUS.tooLarge);
    assert.match(refused?.fault?.detail ?? "", /record .* with the defaults .* over 3005 bytes/);
    const [long] = small.rows(many(400), { eventBytesMax: 1_000 });
    assert.match(long?.fault?.detail ?? "", /event .* \d{4} bytes of 1000$/);
  });

  it("whole events: the type stands in a member", () => {
    const context = { payload: "whole", typeMember: "kind" } as const;
    const [row] = harness.rows('{"n":1,"kind":"a"}', context);
    assert.deepEqual([row?.status, row?.ignored], [0, 1]);
    assert.deepEqual(statuses('[{"n":1,"kind":"a"},{"n":1}]', context), [0, 2]);
    assert.deepEqual(statuses('{"n":1}', { ...context, defaultType: "a" }), [0]);
  });
});

describe("pub frames", () => {
  let harness: Harness;
  before(async () => {
    harness = await Harness.create();
    harness.route({ type: "a", schemaText: recordOf({ n: "long" }) });
    harness.route({ type: "a", schemaText: recordOf({ s: "string" }), schemaRef: "7" });
  });
  const pub = (text: string) => harness.frame(text, { shape: "pub" });

  it("returns seq and sentAt, members in any order", () => {
    for (const text of [
      `{"t":"pub","seq":5,"sentAt":1800000000000,"events":[${A}]}`,
      `{"events":[${A}],"sentAt":"2027-01-15T08:00:00Z","seq":5,"t":"pub"}`,
    ]) {
      const result = pub(text);
      assert.deepEqual(
        result.kind === "table" && [result.seq, result.sentAtMs, result.table.count],
        [5, 1_800_000_000_000, 1],
      );
    }
  });

  it("gives events the frame's type and schema, even if they come late", () => {
    for (const text of [
      '{"t":"pub","seq":1,"type":"a","schema":7,"events":[{"data":{"s":"x"}}]}',
      '{"t":"pub","seq":1,"events":[{"data":{"s":"x"}}],"schema":7,"type":"a"}',
      '{"t":"pub","seq":1,"type":null,"schema":null,"events":[{"type":"a","data":{"n":1}}]}',
      '{"t":"pub","seq":1,"type":"b","schema":9,"events":[{"schema":"7","type":"a","data":{"s":"x"}}]}',
    ]) {
      assert.deepEqual(
        harness.rows(text, { shape: "pub" }).map(({ status }) => status),
        [0],
      );
    }
  });

  it("hands control frames back unread", () => {
    assert.deepEqual(pub('{"t":"ping","n":1}'), { kind: "control", t: "ping" });
    assert.deepEqual(pub('{"n":[{}],"t":"h\\u0065llo"}'), { kind: "control", t: "hello" });
  });

  it("names what is wrong with a bad frame", () => {
    const problem = (text: string): string => {
      const result = pub(text);
      return result.kind === "fault" ? result.problem : result.kind;
    };
    assert.equal(problem("[]"), "bad_frame");
    assert.equal(problem("5"), "bad_frame");
    assert.equal(problem('{"seq":1}'), "bad_frame");
    assert.equal(problem('{"t":5}'), "bad_frame");
    assert.equal(problem('{"t":"pub","seq":1}'), "bad_frame");
    assert.equal(problem('{"t":"pub","events":[]}'), "bad_frame");
    assert.equal(problem('{"t":"pub","seq":0,"events":[]}'), "bad_frame");
    assert.equal(problem('{"t":"pub","seq":1.5,"events":[]}'), "bad_frame");
    assert.equal(problem('{"t":"pub","seq":1,"events":{}}'), "bad_frame");
    assert.equal(problem('{"t":"pub","seq":1,"events":[],"events":[]}'), "bad_frame");
    assert.equal(problem('{"t":"pub","seq":1,"events":[]'), "bad_json");
    assert.equal(problem('{"t":"ping"'), "bad_json");
    assert.equal(problem('{"t":"ping","x":"\\ud800"}'), "bad_json");
    assert.equal(problem(""), "empty");
  });
});
