/** `sluice.fill`: what the gateway writes, whatever the event says. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";

import { parseAvroSchema, SchemaError } from "../schema/avro/schema.ts";
import { decodeToJson } from "../schema/decode.ts";
import { ROW_STATUS } from "../records.ts";
import type { FrameContext } from "./codec.ts";
import { Harness, RECEIVED_AT_MS, type Row } from "./testing/harness.ts";

const IP = "203.0.113.77";
const AGENT = "Mozilla/5.0 (\u00fc)";
const SENDER = { ip: IP, userAgent: AGENT };

/** `what`: the field's name and what fills it. */
function field(what: string, type: unknown, more: object = {}): object {
  const [name, source] = what.split(" ");
  return { name, type, "sluice.fill": source, ...more };
}

const micros = { type: "long", logicalType: "timestamp-micros" };
const FIELDS = [
  { name: "n", type: "int" },
  field("tenant tenant", "string"),
  field("received received-at", { type: "long", logicalType: "timestamp-millis" }),
  field("ip ip", ["null", "string"], { default: null }),
  field("agent user-agent", "string", { default: "none" }),
  field("time corrected-time", ["null", micros], { aliases: ["when"] }),
  field("session session", ["string", "null"]),
  { name: "last", type: "string", default: "end" },
];

function schemaOf(fields: readonly object[], name = "R"): string {
  return JSON.stringify({ type: "record", name, fields });
}

const SCHEMA = schemaOf(FIELDS);

for (const module of ["codec.wasm", "codec.debug.wasm"]) {
  describe(`filled fields, ${module}`, () => {
    let harness: Harness;
    before(async () => {
      const moduleUrl = new URL(`../../build/${module}`, import.meta.url);
      harness = await Harness.create({ moduleUrl });
      harness.route({ type: "t", schemaText: SCHEMA, header: true });
      harness.route({ type: "plain", schemaText: schemaOf([{ name: "n", type: "int" }]) });
    });
    const valueOf = (row: Row | undefined, schemaText = SCHEMA): unknown => {
      assert(row !== undefined);
      assert.equal(row.status, ROW_STATUS.encoded, JSON.stringify(row.fault));
      const decoded = decodeToJson(parseAvroSchema(schemaText), row.avro);
      assert(decoded.kind === "json", JSON.stringify(decoded));
      return JSON.parse(decoded.text);
    };
    const rows = (text: string, context: Partial<FrameContext> = {}): Row[] =>
      harness.rows(text, { sender: SENDER, ...context });

    it("hold the gateway's values where the event leaves them out", () => {
      const [row] = rows('{"type":"t","data":{"n":1}}');
      assert.deepEqual(valueOf(row), {
        n: 1,
        tenant: "acme",
        received: RECEIVED_AT_MS,
        ip: IP,
        agent: AGENT,
        time: RECEIVED_AT_MS * 1_000,
        session: null,
        last: "end",
      });
    });

    it("hold them whatever the event says, and in any order of members", () => {
      const claims = `"last":"z","session":"mine","time":[{"a":[1]}],"agent":7,"ip":"9.9.9.9","received":"x","tenant":{"t":1}`;
      const [row] = rows(`{"type":"t","ts":"2026-01-01T00:00:00Z","data":{${claims},"n":1}}`);
      assert.deepEqual(valueOf(row), {
        n: 1,
        tenant: "acme",
        received: RECEIVED_AT_MS,
        ip: IP,
        agent: AGENT,
        time: Date.parse("2026-01-01T00:00:00Z") * 1_000,
        session: null,
        last: "z",
      });
      const [twice] = rows('{"type":"t","data":{"n":1,"tenant":"a","tenant":"b"}}');
      assert.equal(twice?.fault?.kind, "duplicate");
      const [alias] = rows('{"type":"t","data":{"n":1,"when":5}}');
      assert.equal(alias?.status, ROW_STATUS.encoded);
      const [unsound] = rows('{"type":"t","data":{"n":1,"tenant":"\\ud800"}}');
      assert.equal(unsound?.fault?.kind, "utf8");
    });

    it("hold the default where the gateway has no value", () => {
      const [row] = rows('{"type":"t","data":{"n":1,"ip":"9.9.9.9"}}', { sender: {} });
      const value = valueOf(row) as Readonly<Record<string, unknown>>;
      assert.deepEqual([value["ip"], value["agent"]], [null, "none"]);
    });

    it("are sessions as soon as they are known, beside the header", () => {
      const frame =
        '[{"type":"t","data":{"n":1}},{"type":"plain","data":{"n":2}},{"type":"t","data":{"n":3}}]';
      const result = harness.frame(frame, { sender: SENDER });
      assert(result.kind === "table");
      const { table } = result;
      const long = "s".repeat(100);
      harness.codec.setSession(0, "session-0");
      harness.codec.setSession(1, "session-1");
      harness.codec.setSession(2, long);
      const record = (row: number): unknown => {
        const avro = table.memory.slice((table.valueStart[row] ?? 0) + 5, table.valueEnd[row]);
        const decoded = decodeToJson(parseAvroSchema(SCHEMA), avro);
        assert(decoded.kind === "json");
        return JSON.parse(decoded.text);
      };
      const [first, last] = [record(0), record(2)] as Readonly<Record<string, unknown>>[];
      assert.deepEqual([first?.["session"], first?.["last"]], ["session-0", "end"]);
      assert.deepEqual([last?.["session"], last?.["n"]], [long, 3]);
      const header = Buffer.from(table.memory.slice(table.headerStart[0], table.headerEnd[0]));
      assert(header.includes("session-0"));
      assert.equal((table.valueEnd[1] ?? 0) - (table.valueStart[1] ?? 0), 6);
    });

    it("may stand in records within records and arrays, many times", () => {
      const inner = {
        type: "record",
        name: "I",
        fields: [field("t tenant", "string"), field("s session", ["null", "string"])],
      };
      const schemaText = schemaOf([
        { name: "one", type: inner },
        { name: "many", type: { type: "array", items: "I" } },
        { name: "maybe", type: ["null", "I", "string"] },
      ]);
      const index = harness.route({ type: "deep", schemaText });
      const many = Array.from({ length: 300 }, () => "{}").join(",");
      const event = `{"type":"deep","data":{"one":{},"many":[${many}],"maybe":{"t":"x"}}}`;
      const [row] = rows(event);
      const value = valueOf(row, schemaText) as { many: unknown[]; one: unknown; maybe: unknown };
      assert.equal(value.many.length, 300);
      assert.deepEqual(
        [value.one, value.many[299], value.maybe],
        [
          { t: "acme", s: null },
          { t: "acme", s: null },
          { t: "acme", s: null },
        ],
      );
      harness.drop(index);
    });

    it("need no member in Avro's JSON encoding either, and never show the token", () => {
      const index = harness.route({ type: "avro", schemaText: SCHEMA, json: "avro" });
      const [row] = rows('{"type":"avro","data":{"n":1,"last":"x"}}');
      assert.equal((valueOf(row) as { tenant: string }).tenant, "acme");
      harness.drop(index);
      for (const status of rows(`[${Array(50).fill('{"type":"t","data":{"n":1}}').join()}]`)) {
        assert.doesNotThrow(() => valueOf(status));
      }
    });

    it("too large a record is refused, an agent too long is cut", () => {
      const long = "a".repeat(5_000);
      const [row] = rows('{"type":"t","data":{"n":1}}', { sender: { userAgent: long } });
      assert.equal((valueOf(row) as { agent: string }).agent.length, 1_024);
      const text = "z".repeat(899_950);
      const [large] = rows(`{"type":"t","data":{"n":1,"last":"${text}"}}`);
      assert.equal(large?.status, ROW_STATUS.tooLarge);
    });
  });
}

it("sluice.fill is refused where it cannot be carried out", async () => {
  const harness = await Harness.create();
  for (const refused of [
    field("a tenant", "bytes"),
    field("a tenant", { type: "string", logicalType: "uuid" }),
    field("a tenant", ["null", "string", "int"]),
    field("a session", "string"),
    field("a ip", "string"),
    field("a user-agent", "string"),
    field("a received-at", "string"),
    field("a corrected-time", "int"),
    field("a tenant", "string", { "sluice.privacy": "mask" }),
  ]) {
    const schemaText = schemaOf([refused]);
    assert.throws(() => harness.route({ type: "x", schemaText }), SchemaError, schemaText);
  }
});
