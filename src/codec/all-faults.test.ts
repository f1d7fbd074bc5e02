/** All faults of an event: which ones, and that the first is always the one of the default. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";

import { ROW_STATUS } from "../records.ts";
import { CORPORA, loadCorpus } from "./testing/events.ts";
import { Harness } from "./testing/harness.ts";
import { mutate } from "./testing/mutate.ts";
import { seededRandom } from "./testing/random-schema.ts";

const SEED = Number(process.env["SLUICE_TEST_SEED"] ?? Date.now() % 2 ** 31);
const BOUND = 32;

const SCHEMA = JSON.stringify({
  type: "record",
  name: "shop.Order",
  fields: [
    { name: "id", type: "long", "sluice.from": "decimal-string" },
    { name: "state", type: { type: "enum", name: "State", symbols: ["NEW", "DONE"] } },
    { name: "price", type: { type: "bytes", logicalType: "decimal", precision: 5, scale: 2 } },
    {
      name: "lines",
      type: {
        type: "array",
        items: {
          type: "record",
          name: "Line",
          fields: [
            { name: "sku", type: "string" },
            { name: "count", type: "int" },
          ],
        },
      },
    },
    { name: "tags", type: { type: "map", values: ["null", "int"] }, default: {} },
    { name: "hash", type: ["null", { type: "fixed", name: "Hash", size: 4 }], default: null },
    { name: "who", type: { type: "string", logicalType: "uuid" }, default: "" },
    { name: "mixed", type: ["null", "int", "boolean"], default: null },
    { name: "from", type: ["null", "string"], default: null, "sluice.privacy": "ip-truncate" },
  ],
});
const GOOD = { id: 1, state: "NEW", price: 1.5, lines: [] };

describe("describeAll", () => {
  let harness: Harness;
  before(async () => {
    harness = await Harness.create();
    harness.route({ type: "order", schemaText: SCHEMA });
  });
  const all = (frame: string, bound = BOUND): string[] => {
    const result = harness.frame(frame);
    assert(result.kind === "table");
    const faults = harness.codec.describeAll(0, bound);
    assert.deepEqual(faults[0], harness.codec.describe(0));
    for (const { detail } of faults) assert(detail.length > 0);
    return faults.map(({ kind, code, path }) => `${kind ?? code} ${path ?? ""}`);
  };
  const of = (data: object | string, more = ""): string[] =>
    all(`{"type":"order",${more}"data":${typeof data === "string" ? data : JSON.stringify(data)}}`);

  it("tells each of them, in the order of the text", () => {
    const lines = [{ sku: 1, count: "x" }, {}, 5, { sku: "a", count: 1 }, { count: 1.5 }];
    const event = { id: "x", state: "OLD", price: 1.555, lines, tags: { a: "b", c: {}, d: 1 } };
    assert.deepEqual(of({ ...event, hash: "12345", who: "me", mixed: "x", from: "here" }), [
      "format /data/id",
      "enum /data/state",
      "range /data/price",
      "type /data/lines/0/sku",
      "type /data/lines/0/count",
      "missing /data/lines/1/sku",
      "missing /data/lines/1/count",
      "type /data/lines/2",
      "type /data/lines/4/count",
      "missing /data/lines/4/sku",
      "type /data/tags/a",
      "type /data/tags/c",
      "length /data/hash",
      "format /data/who",
      "union /data/mixed",
      "format /data/from",
    ]);
  });

  it("tells repeated and missing members, and those of the envelope", () => {
    assert.deepEqual(of('{ "id":1, "id" : [2] ,"state":"NEW","id":3,"tags":{"a":1,"a":2}}'), [
      "duplicate /data/id",
      "duplicate /data/id",
      "duplicate /data/tags/a",
      "missing /data/price",
      "missing /data/lines",
    ]);
    assert.deepEqual(of("{ }"), [
      "missing /data/id",
      "missing /data/state",
      "missing /data/price",
      "missing /data/lines",
    ]);
    assert.deepEqual(of({ ...GOOD, id: null }, '"key":[],"id":7,"ts":"x","schema":[],'), [
      "type /key",
      "type /schema",
      "type /data/id",
      "bad_id /id",
      "timestamp_out_of_range /ts",
    ]);
    assert.deepEqual(all('{"type":"order","ts":"x"}'), [
      "missing /data",
      "timestamp_out_of_range /ts",
    ]);
    assert.deepEqual(all('{"type":"order","data":null}'), ["missing /data"]);
  });

  it("one where no more can be said, and never more than asked for", () => {
    assert.deepEqual(all('["x"]'), ["type "]);
    assert.deepEqual(all('{"type":"other","data":{}}'), ["unknown_type /type"]);
    assert.deepEqual(of('{"id":"\\ud800","state":5}'), ["utf8 "]);
    assert.deepEqual(of(GOOD, '"schema":"other","key":5,').length, 1);
    assert.deepEqual(all('{"type":"order","data":{}}', 2), [
      "missing /data/id",
      "missing /data/state",
    ]);
    const many = Array.from({ length: 100 }, () => "x");
    assert.equal(of({ ...GOOD, lines: many }).length, BOUND);
  });

  it("goes by the type and schema that the frame gave", async () => {
    const own = await Harness.create();
    const number = '{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}';
    own.route({ type: "t", schemaText: SCHEMA });
    own.route({ type: "t", schemaText: number, schemaRef: "7" });
    const events = '[{"data":{"a":"x"}},{"data":{"a":1.5},"key":[],"schema":7}]';
    const frame = `{"t":"pub","seq":1,"type":"t","schema":7,"events":${events}}`;
    const result = own.frame(frame, { shape: "pub" });
    assert(result.kind === "table");
    const kinds = (row: number) => own.codec.describeAll(row, 9).map(({ path }) => path);
    assert.deepEqual(kinds(0), ["/data/a"]);
    assert.deepEqual(kinds(1), ["/data/a", "/key"]);
  });
});

/** A value of the event spoilt: of another kind, out of every range, or gone. */
function spoil(value: unknown, random: (below: number) => number): unknown {
  if (typeof value !== "object" || value === null || random(6) === 0) {
    return [null, true, 1e300, -0.5, "x", "\u20ac", [], {}, [[1]], { long: 1 }][random(10)];
  }
  if (Array.isArray(value)) {
    return value.map((item: unknown) => (random(3) === 0 ? spoil(item, random) : item));
  }
  const members = Object.entries(value).filter(() => random(12) !== 0);
  return Object.fromEntries(
    members.map(([name, member]) => [name, random(3) === 0 ? spoil(member, random) : member]),
  );
}

describe(`all faults of spoilt events (seed ${SEED})`, () => {
  for (const name of CORPORA) {
    it(`${name}: the first is the default's, none comes twice, mending ends`, async () => {
      const { schemaText, json, bytes } = loadCorpus(name);
      const harness = await Harness.create({ inputBytesMax: 1024 * 1024 });
      harness.route({ type: name, schemaText, json });
      const lines = Buffer.from(bytes).toString().trimEnd().split("\n");
      const random = seededRandom(SEED);
      let refused = 0;
      let told = 0;
      for (let round = 0; round < 150; round += 1) {
        const line = lines[random(lines.length)] ?? "{}";
        if (line.length > 20_000) continue;
        const isText = random(3) === 0;
        const text = isText
          ? mutate(Buffer.from(line), random)
          : Buffer.from(JSON.stringify(spoil(JSON.parse(line), random)));
        const context = { payload: "whole", defaultType: name, shape: "ndjson" } as const;
        const result = harness.frame(new Uint8Array(text), context);
        if (result.kind !== "table" || result.table.status[0] === ROW_STATUS.encoded) continue;
        const faults = harness.codec.describeAll(0, BOUND);
        assert.deepEqual(faults[0], harness.codec.describe(0), text.toString());
        const shown = faults.map(({ kind, path }) => `${kind} ${path}`);
        const unique = new Set(shown.filter((fault) => !fault.startsWith("duplicate")));
        const repeats = shown.filter((fault) => fault.startsWith("duplicate")).length;
        assert.equal(
          unique.size + repeats,
          shown.length,
          `${shown.join(", ")}: ${text.toString()}`,
        );
        refused += 1;
        told += faults.length;
      }
      assert(refused > 20 && told > refused, `${refused} refused, ${told} faults`);
    });
  }
});
