/** Frames of every dialect by descriptor, and members merged into events beside Object.assign. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { ROW_STATUS } from "../records.ts";
import type { FrameContext } from "./codec.ts";
import type { Dialect } from "./dialect.ts";
import { Harness, recordOf, type Row } from "./testing/harness.ts";
import { mutate } from "./testing/mutate.ts";
import { type Random, seededRandom } from "./testing/random-schema.ts";

const SEED = Number(process.env["SLUICE_TEST_SEED"] ?? Date.now() % 2 ** 31);
const DEBUG_MODULE = new URL("../../build/codec.debug.wasm", import.meta.url);

/** Every value as its JSON text, so that what reaches the record can be read. */
function jsonFields(...names: readonly string[]): string {
  const fields = names.map((name) => {
    return { name, type: ["null", "string"], default: null, "sluice.from": "json" };
  });
  return JSON.stringify({ type: "record", name: "R", fields });
}

const SEGMENT: Dialect = {
  form: {
    events: ["batch"],
    sentAt: "sentAt",
    type: ["/type"],
    detail: ["/event"],
    id: ["/messageId"],
    key: ["/anonymousId", "/userId"],
    time: ["/originalTimestamp", "/timestamp"],
    actor: ["/anonymousId", "/userId"],
    session: ["/context/sessionId"],
  },
  merge: [
    { from: "context", into: "/context" },
    { from: "integrations", into: "/integrations" },
  ],
};

const CLOUD_EVENTS: Dialect = {
  form: {
    events: [],
    type: ["/type"],
    data: "/data",
    id: ["/id"],
    key: ["/partitionkey", "/subject"],
    time: ["/time"],
    schema: ["/dataschema"],
  },
};

const NATIVE_WITH_CTX: Dialect = {
  merge: [{ from: "ctx", host: true, own: "ctx", into: "/data/ctx" }],
};

const whole = (dialect: Dialect): Partial<FrameContext> => ({ payload: "whole", dialect });

/** The texts of a row's record of jsonFields. */
function texts({ avro }: Row): (string | null)[] {
  const found: (string | null)[] = [];
  for (let at = 0; at < avro.length;) {
    if (avro[at] === 0) {
      found.push(null);
      at += 1;
      continue;
    }
    let bytes = 0;
    let shift = 1;
    for (at += 1; ; at += 1, shift *= 128) {
      bytes += ((avro[at] ?? 0) & 127) * shift;
      if ((avro[at] ?? 0) < 128) break;
    }
    found.push(avro.subarray(at + 1, at + 1 + bytes / 2).toString());
    at += 1 + bytes / 2;
  }
  return found;
}

for (const moduleUrl of [new URL("../../build/codec.wasm", import.meta.url), DEBUG_MODULE]) {
  describe(`dialects, ${moduleUrl.pathname.split("/").at(-1)}`, () => {
    it("Segment: batch, single event, bare array, lines", async () => {
      const harness = await Harness.create({ moduleUrl });
      const schemaText = jsonFields("event", "context", "integrations", "properties");
      harness.route({ type: "track", schemaText, header: true });
      harness.route({ type: "track:Order Completed", schemaText, schemaId: 7 });
      const event = {
        type: "track",
        event: "Order Completed",
        messageId: "m1",
        anonymousId: "a",
        originalTimestamp: "2027-01-15T08:00:00.000Z",
        context: { ip: "1.2.3.4", sessionId: "s9" },
      };
      const sentAt = "2027-01-15T08:00:01.000Z";
      const second = { type: "track", event: "Other", userId: 5, timestamp: 1_799_999_999_000 };
      const frame = { batch: [event, second, { type: "page" }], context: { app: 1 }, sentAt };
      for (const text of [
        JSON.stringify(frame),
        JSON.stringify({ sentAt, context: { app: 1 }, writeKey: "k", batch: frame.batch }),
      ]) {
        const rows = harness.rows(text, whole(SEGMENT));
        assert.deepEqual(
          rows.map(({ status, route, id, key, actor, session }) => {
            return { status, route, id, key, actor, session };
          }),
          [
            { status: 0, route: 1, id: "m1", key: "a", actor: "a", session: "s9" },
            { status: 0, route: 0, id: "", key: "5", actor: "5", session: "" },
            { status: ROW_STATUS.typeUnknown, route: -1, id: "", key: "", actor: "", session: "" },
          ],
        );
        const context = '{"app":1,"ip":"1.2.3.4","sessionId":"s9"}';
        const [first, other] = rows.map((row) => (row.status === 0 ? texts(row) : []));
        assert.deepEqual(first, ['"Order Completed"', context, null, null]);
        assert.deepEqual(other, ['"Other"', '{"app":1}', null, null]);
        // The sender's clock is behind: what it says is moved by the difference.
        assert.equal(rows[0]?.timeMs, 1_800_000_000_000 - 1_000);
        assert.equal(rows[2]?.fault?.path, "/type");
      }
      const single = harness.rows(JSON.stringify({ ...event, sentAt }), whole(SEGMENT));
      assert.deepEqual(
        single.map(({ status, timeMs }) => [status, timeMs]),
        [[0, 1_799_999_999_000]],
      );
      const list = harness.rows(JSON.stringify([event, event]), whole(SEGMENT));
      const lines = `${JSON.stringify(event)}\n\n${JSON.stringify(event)}`;
      const ndjson = harness.rows(lines, { ...whole(SEGMENT), shape: "ndjson" });
      for (const rows of [list, ndjson]) {
        assert.deepEqual(
          rows.map(({ status, id }) => [status, id]),
          [
            [0, "m1"],
            [0, "m1"],
          ],
        );
      }
    });

    it("CloudEvents: a member is the record, the others are attributes", async () => {
      const harness = await Harness.create({ moduleUrl });
      harness.route({ type: "com.example.a", schemaText: recordOf({ n: "long" }) });
      const event = (more: object): string =>
        JSON.stringify({ specversion: "1.0", type: "com.example.a", id: "1", ...more });
      const time = "2026-01-02T03:04:05Z";
      const good = event({ time, subject: "s", data: { n: 1 }, batch: [] });
      const [row] = harness.rows(good, whole(CLOUD_EVENTS));
      assert.deepEqual(
        [row?.status, row?.id, row?.key, row?.timeMs],
        [0, "1", "s", Date.parse(time)],
      );
      const rows = harness.rows(`[${good},${event({})},5,${event({ data: { n: "x" } })}]`, {
        ...whole(CLOUD_EVENTS),
      });
      assert.deepEqual(
        rows.map(({ status, fault }) => [status, fault?.kind, fault?.path]),
        [
          [0, undefined, undefined],
          [1, "missing", "/data"],
          [1, "type", ""],
          [1, "type", "/data/n"],
        ],
      );
      const [named] = harness.rows(
        event({ data: { n: 1 }, dataschema: "x:3" }),
        whole(CLOUD_EVENTS),
      );
      assert.deepEqual([named?.status, named?.schema], [ROW_STATUS.schemaNeeded, "x:3"]);
    });

    it("a fixed type, nested pointers, records deeper in the event", async () => {
      const harness = await Harness.create({ moduleUrl });
      harness.route({ type: "hook", schemaText: recordOf({ n: "long" }) });
      const dialect: Dialect = {
        form: {
          events: ["items"],
          type: [],
          data: "/body/record",
          id: ["/head/id", "/id"],
          key: ["/head/a~1b"],
        },
      };
      const text =
        '{"items":[{"type":"x","head":{"id":null,"a/b":"k"},"id":"\\u0031","body":{"record":{"n":1}}},{"body":{"record":{"n":[]}}},{}]}';
      const rows = harness.rows(text, { ...whole(dialect), defaultType: "hook" });
      assert.deepEqual(
        rows.map(({ status, id, key, fault }) => [status, id, key, fault?.path]),
        [
          [0, "1", "k", undefined],
          [1, "", "", "/body/record/n"],
          [1, "", "", "/body/record"],
        ],
      );
    });

    it("details find their route or none, whatever they hold", async () => {
      const harness = await Harness.create({ moduleUrl });
      harness.route({ type: "track", schemaText: jsonFields("event") });
      harness.route({ type: "track:a:b", schemaText: jsonFields("event") });
      const events = ["a:b", "a:b".padEnd(3_000, "b"), "a", "", 5, null, {}, "a\u003ab", "\u0000"];
      const frame = JSON.stringify(events.map((event) => ({ type: "track", event })));
      const rows = harness.rows(frame, whole(SEGMENT));
      assert.deepEqual(
        rows.map(({ route }) => route),
        [1, 0, 0, 0, 0, 0, 0, 1, 0],
      );
      const [escaped] = harness.rows('[{"type":"track","event":"a\\u003ab"}]', whole(SEGMENT));
      assert.equal(escaped?.route, 1);
    });

    it("ctx of hello, frame, event and record reach the record in this order", async () => {
      const harness = await Harness.create({ moduleUrl });
      harness.route({ type: "t", schemaText: jsonFields("ctx", "n") });
      const hostMembers = '{"a":"hello","b":"hello","c":"hello","d":"hello"}';
      const context: Partial<FrameContext> = { dialect: NATIVE_WITH_CTX, hostMembers };
      const event =
        '{"type":"t","ctx":{"c":"event","d":"event"},"data":{"n":1,"ctx":{"d":"data"}}}';
      const merged = '{"a":"hello","b":"frame","c":"event","d":"data"}';
      const pub = `{"t":"pub","seq":1,"events":[${event}],"ctx":{"b":"frame"}}`;
      for (const [shape, text] of [
        ["pub", pub],
        ["json", `{"ctx":{"b":"frame"},"events":[${event}]}`],
        ["json", `{"events":[${event}],"ctx":{"b":"frame"}}`],
      ] as const) {
        const [row] = harness.rows(text, { ...context, shape });
        assert.deepEqual(row && texts(row), [merged, "1"], text);
      }
      const bare = '{"type":"t","data":{}}';
      const [lone, line] = [bare, `${bare}\n`].map((text, index) => {
        const shape = index === 0 ? "json" : "ndjson";
        const [row] = harness.rows(text, { ...context, shape });
        return row && texts(row);
      });
      assert.deepEqual(
        [lone, line],
        [
          [hostMembers, null],
          [hostMembers, null],
        ],
      );
      const [own] = harness.rows(event, { dialect: NATIVE_WITH_CTX });
      assert.deepEqual(own && texts(own), ['{"c":"event","d":"data"}', "1"]);
      const [none] = harness.rows(bare, { dialect: NATIVE_WITH_CTX });
      assert.deepEqual(none && texts(none), [null, null]);
    });

    it("describes faults of merged events, all of them if asked", async () => {
      const harness = await Harness.create({ moduleUrl });
      const device = { type: "record", name: "D", fields: [{ name: "n", type: "long" }] };
      harness.route({ type: "t", schemaText: recordOf({ context: device, b: "int" }) });
      const frame =
        '{"context":{"n":"x"},"batch":[{"type":"t","b":1},{"type":"t","context":{"n":1}}]}';
      const result = harness.frame(frame, whole(SEGMENT));
      assert(result.kind === "table");
      assert.deepEqual(harness.codec.describe(0).path, "/context/n");
      const all = (row: number) => harness.codec.describeAll(row, 9).map(({ path }) => path);
      assert.deepEqual([all(0), all(1)], [["/context/n"], ["/b"]]);
    });

    it("bounds what a frame may give to its events", async () => {
      const harness = await Harness.create({ moduleUrl, inputBytesMax: 65_536 });
      harness.route({ type: "t", schemaText: jsonFields("context") });
      const context = { long: "x".repeat(8_100) };
      const many = Array.from({ length: 500 }, () => ({ type: "t" }));
      const rows = harness.rows(JSON.stringify({ context, batch: many }), whole(SEGMENT));
      assert.equal(rows.length, 500);
      const full = rows.filter(({ status }) => status === 0).length;
      assert(full > 20, "records are kept as long as there is room for them");
      const over = JSON.stringify({ context: { ...context, more: "x".repeat(200) }, batch: many });
      const result = harness.frame(over, whole(SEGMENT));
      assert.equal(result.kind === "fault" && result.problem, "too_large");
      const tooMany = Array.from({ length: 600 }, () => ({ type: "t" }));
      const all = harness.frame(JSON.stringify({ context, batch: tooMany }), whole(SEGMENT));
      assert.equal(all.kind === "fault" && all.problem, "too_large");
      const lines = tooMany.map((event) => JSON.stringify(event)).join("\n");
      const dialect: Dialect = { merge: [{ host: true, into: "/context" }] };
      const hostMembers = JSON.stringify(context);
      const shape = "ndjson";
      const host = harness.frame(lines, { payload: "whole", dialect, hostMembers, shape });
      assert.equal(host.kind === "fault" && host.problem, "too_large");
      const late = JSON.stringify({ batch: many, context: { more: "x".repeat(9_000) } });
      const fault = harness.frame(late, whole(SEGMENT));
      assert.equal(fault.kind === "fault" && fault.problem, "too_large");
      assert.equal(harness.rows('{"type":"t"}', whole(SEGMENT))[0]?.status, 0);
    });

    it("survives traps and frames of other dialects in between", async () => {
      const harness = await Harness.create({ moduleUrl });
      harness.route({ type: "t", schemaText: jsonFields("context") });
      const frame = '{"context":{"a":1},"batch":[{"type":"t"}]}';
      const native = '{"type":"t","data":{"context":5}}';
      for (let round = 0; round < 3; round += 1) {
        const [row] = harness.rows(frame, whole(SEGMENT));
        assert.deepEqual(row && texts(row), ['{"a":1}']);
        assert.deepEqual(harness.rows(native).map(texts), [["5"]]);
        const [cloud] = harness.rows(native, whole(CLOUD_EVENTS));
        assert.deepEqual(cloud && texts(cloud), ["5"]);
      }
    });
  });
}

const NAMES = ["a", "b", "c", "key", "a\u0000b", "\u00fc", "name longer than eight bytes", ""];

/** JSON text of an object of random members, sometimes of something else. */
function randomText(random: Random, depth = 0): string {
  if (random(8) === 0) return ["null", "5", '"x"', "[1]", "true"][random(5)] ?? "";
  const names = NAMES.filter(() => random(2) === 0);
  const members = names.map((name) => {
    const value = depth < 2 && random(3) === 0 ? randomText(random, depth + 1) : String(random(9));
    const label = random(4) === 0 ? escapedText(name) : JSON.stringify(name);
    return `${label}${random(3) === 0 ? " : " : ":"}${value}`;
  });
  return `{${members.join(random(3) === 0 ? " ,\n" : ",")}}`;
}

function escapedText(name: string): string {
  const units = name.split("").map((unit) => unit.charCodeAt(0).toString(16).padStart(4, "0"));
  return `"${units.map((unit) => `\\u${unit}`).join("")}"`;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What a merged member becomes, by JavaScript. */
function mergedValue(lower: unknown, upper: unknown): unknown {
  if (isObject(lower) && isObject(upper)) return Object.assign({}, lower, upper);
  return upper ?? lower;
}

describe(`merging beside Object.assign (seed ${SEED})`, () => {
  it("gives the records of events merged before", async () => {
    const harness = await Harness.create({ moduleUrl: DEBUG_MODULE, inputBytesMax: 65_536 });
    const random = seededRandom(SEED);
    const map = { type: "map", values: ["null", "long", "string", "boolean"] };
    const schemas = [
      jsonFields("context", "integrations", "b"),
      recordOf({ context: ["null", map] }),
    ];
    const indexes = schemas.map((schemaText, index) => {
      return harness.route({ type: `t${index}`, schemaText });
    });
    assert.equal(indexes.length, 2);
    let encoded = 0;
    for (let round = 0; round < 800; round += 1) {
      const type = `t${random(2)}`;
      const parts = ["context", "integrations", "b"].map((name) =>
        random(3) === 0 ? undefined : `"${name}":${randomText(random)}`,
      );
      const event = `{"type":"${type}"${parts.map((part) => (part === undefined ? "" : `,${part}`)).join("")}}`;
      const given = { context: randomText(random), integrations: randomText(random) };
      const members = [`"context":${given.context}`, `"batch":[${event}]`];
      if (random(2) === 0) members.push(`"integrations":${given.integrations}`);
      if (random(2) === 0) members.reverse();
      const [row] = harness.rows(`{${members.join(" ,")}}`, whole(SEGMENT));
      const value = JSON.parse(event) as Record<string, unknown>;
      const frame = JSON.parse(`{${members.join()}}`) as Record<string, unknown>;
      for (const name of ["context", "integrations"]) {
        const both = mergedValue(frame[name], value[name]);
        if (both !== undefined) value[name] = both;
      }
      const [one] = harness.rows(
        JSON.stringify(value),
        whole({ form: SEGMENT.form ?? assert.fail() }),
      );
      assert.equal(row?.status, one?.status, `{${members.join(" ,")}}`);
      if (type === "t1") {
        assert.deepEqual(row?.avro, one?.avro, `{${members.join(" ,")}} ${JSON.stringify(value)}`);
      } else if (row !== undefined && one !== undefined) {
        const values = [row, one].map((of) =>
          texts(of).map((t) => JSON.parse(t ?? "null") as unknown),
        );
        assert.deepEqual(values[0], values[1]);
      }
      encoded += row?.status === 0 ? 1 : 0;
    }
    assert(encoded > 300, `${encoded} encoded`);
  });

  it("damaged frames never trap and leave sound rows", async () => {
    const harness = await Harness.create({ moduleUrl: DEBUG_MODULE, inputBytesMax: 65_536 });
    const random = seededRandom(SEED);
    harness.route({ type: "t", schemaText: jsonFields("context", "integrations"), header: true });
    for (let round = 0; round < 1_500; round += 1) {
      const event = `{"type":"t","event":"x","context":${randomText(random)},"data":{"ctx":${randomText(random)}}}`;
      const more = `"context":${randomText(random)},"ctx":${randomText(random)},"sentAt":5`;
      const frame =
        random(2) === 0 ? `{${more},"batch":[${event},${event}]}` : `{"batch":[${event}],${more}}`;
      const text = new Uint8Array(mutate(Buffer.from(frame), random));
      const dialect = [SEGMENT, CLOUD_EVENTS, NATIVE_WITH_CTX][random(3)] ?? SEGMENT;
      const hostMembers = random(2) === 0 ? '{"h":1}' : "";
      const shape = random(4) === 0 ? "ndjson" : "json";
      const payload = random(2) === 0 ? "data" : "whole";
      const result = harness.frame(text, {
        dialect,
        hostMembers,
        shape,
        payload,
        defaultType: "t",
      });
      assert.equal(harness.codec.stats().traps, 0, Buffer.from(text).toString());
      if (result.kind !== "table") continue;
      for (let row = 0; row < result.table.count; row += 1) {
        const { table } = result;
        assert((table.eventStart[row] ?? 0) < (table.eventEnd[row] ?? 0));
        if (table.status[row] !== 0) assert(harness.codec.describeAll(row, 4).length > 0);
      }
    }
  });
});
