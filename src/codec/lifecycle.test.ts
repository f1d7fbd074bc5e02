import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { generateAbi } from "../../scripts/gen-abi.mjs";
import { FAULT_KINDS } from "../errors.ts";
import { DEPTH_MAX, TABLE_ROWS_MAX } from "../limits/events.ts";
import { ROW_STATUS } from "../records.ts";
import { parseAvroSchema } from "../schema/avro/schema.ts";
import { compilePlan } from "../schema/plan/compile.ts";
import * as abi from "./abi.gen.ts";
import { createCodec } from "./create-codec.ts";
import { Space } from "./space.ts";
import { CORPORA, loadCorpus } from "./testing/events.ts";
import { Harness, NO_POINTERS, recordOf } from "./testing/harness.ts";

const context = {
  shape: "json",
  payload: "data",
  typeMember: "",
  tenant: "t",
  source: "s",
  receivedAtMs: 1,
  eventsMax: 10,
} as const;

/** A plan whose root is of no kind the module knows: encoding by it traps. */
function brokenPlan() {
  const plan = compilePlan(parseAvroSchema('"long"'), { json: "plain", pointers: NO_POINTERS });
  const bytes = plan.bytes.slice();
  const root = new DataView(bytes.buffer).getUint32(abi.PLAN_ROOT, true);
  bytes[root] = 255;
  return { ...plan, bytes };
}

for (const name of ["codec.wasm", "codec.debug.wasm"]) {
  describe(`traps (${name})`, () => {
    const moduleUrl = new URL(`../../build/${name}`, import.meta.url);

    it("row 29: a trap costs one event; the rest of the frame, later frames, plans and routes live on", async () => {
      let traps = 0;
      const harness = await Harness.create({ onTrap: () => (traps += 1), moduleUrl });
      harness.route({ type: "good", schemaText: recordOf({ n: "long" }) });
      const plan = harness.codec.loadPlan(brokenPlan());
      const bad = { type: "bad", plan, schemaId: 1, header: false, keyRequired: false };
      harness.codec.setRoute(9, bad);
      const good = '{"type":"good","data":{"n":1}}';
      const frame = `[${good},{"type":"bad","data":5},${good},{"type":"bad","data":5},${good}]`;
      for (let round = 1; round <= 3; round += 1) {
        const rows = harness.rows(frame);
        assert.deepEqual(
          rows.map(({ status }) => status),
          [0, ROW_STATUS.fault, 0, ROW_STATUS.fault, 0],
        );
        assert.equal(rows[1]?.fault?.code, "event_fault");
        assert.equal(rows[4]?.event, good);
        assert.equal(traps, 2 * round);
        assert.equal(harness.codec.stats().traps, traps);
      }
      const lines = harness.rows(`${good}\n{"type":"bad","data":5}\n${good}`, { shape: "ndjson" });
      assert.deepEqual(
        lines.map(({ status }) => status),
        [0, ROW_STATUS.fault, 0],
      );
      const flood = harness.frame(`[${Array(20).fill('{"type":"bad","data":5}').join(",")}]`);
      assert.equal(flood.kind === "fault" && flood.problem, "bad_frame");
      assert.deepEqual(
        harness.rows(good).map(({ status }) => status),
        [0],
      );
    });
  });
}

describe("plans and routes", () => {
  it("memory stays flat over thousands of loads", async () => {
    const codec = await createCodec({ inputBytesMax: 65_536 });
    const plans = CORPORA.map((name) => {
      const { schemaText, json } = loadCorpus(name);
      return compilePlan(parseAvroSchema(schemaText), { json, pointers: NO_POINTERS });
    });
    const cycle = (): void => {
      const handles = plans.map((plan) => codec.loadPlan(plan));
      handles.forEach((plan, index) => {
        const route = { type: `type-${index}`, schemaId: index, header: true, keyRequired: false };
        codec.setRoute(index, { ...route, plan });
        codec.setRoute(index, { ...route, plan, schemaRef: "x" });
      });
      handles.forEach((_, index) => {
        codec.removeRoute(index);
      });
      for (const handle of handles.toSorted((a, b) => (a.address % 7) - (b.address % 7))) {
        codec.freePlan(handle);
      }
    };
    cycle();
    const before = codec.stats();
    for (let round = 0; round < 300; round += 1) cycle();
    assert.deepEqual(codec.stats(), before);
    assert.equal(before.plans, 0);
    assert.equal(before.planBytes, 0);
  });

  it("a route switch is seen by the next frame", async () => {
    const codec = await createCodec({ inputBytesMax: 65_536 });
    const load = (type: string) =>
      codec.loadPlan(
        compilePlan(parseAvroSchema(recordOf({ v: type })), {
          json: "plain",
          pointers: NO_POINTERS,
        }),
      );
    const long = load("long");
    const string = load("string");
    const route = { type: "t", header: false, keyRequired: false };
    const frame = new TextEncoder().encode('{"type":"t","data":{"v":"x"}}');
    const status = (): number | undefined => {
      const result = codec.encode(frame, context);
      return result.kind === "table" ? result.table.status[0] : undefined;
    };
    codec.setRoute(0, { ...route, plan: long, schemaId: 1 });
    assert.equal(status(), ROW_STATUS.invalid);
    codec.setRoute(0, { ...route, plan: string, schemaId: 2 });
    assert.equal(status(), ROW_STATUS.encoded);
    assert.throws(() => codec.freePlan(string));
    codec.freePlan(long);
    codec.removeRoute(0);
    assert.equal(status(), ROW_STATUS.typeUnknown);
    assert.throws(() => codec.freePlan(long));
  });

  it("versions of one subject are there side by side, while others come and go", async () => {
    const harness = await Harness.create({ inputBytesMax: 65_536 });
    const types = ["long", "string", ["null", "boolean"], { type: "array", items: "int" }] as const;
    const values = ["1", '"x"', "true", "[2]"];
    const load = (version: number, schemaRef?: string): number =>
      harness.route({
        type: "t",
        schemaText: recordOf({ v: types[version % types.length] }),
        schemaId: 100 + version,
        ...(schemaRef === undefined ? {} : { schemaRef }),
      });
    types.forEach((_, version) => load(version, `t:${version}`));
    for (let newest = 0; newest < 12; newest += 1) {
      const index = load(newest);
      const events = types.map((_, version) => {
        return `{"type":"t","schema":"t:${version}","data":{"v":${values[version]}}}`;
      });
      const own = `{"type":"t","data":{"v":${values[newest % types.length]}}}`;
      const rows = harness.rows(`[${[...events, own].join()}]`);
      assert.deepEqual(
        rows.map(({ status, value }) => [status, value.readUInt32BE(1)]),
        [...types.map((_, version) => [0, 100 + version]), [0, 100 + newest]],
      );
      assert.deepEqual(
        rows.slice(0, -1).map(({ avro }) => avro.toString("hex")),
        ["02", "0278", "0201", "020400"],
      );
      harness.drop(index);
    }
  });

  it("a plan of 500 fields compiles and loads", async () => {
    const codec = await createCodec({ inputBytesMax: 65_536 });
    const fields = Object.fromEntries(
      Array.from({ length: 500 }, (_, index) => [`field_number_${index}`, ["null", "string"]]),
    );
    const plan = compilePlan(parseAvroSchema(recordOf(fields)), {
      json: "plain",
      pointers: NO_POINTERS,
    });
    codec.setRoute(0, {
      type: "t",
      plan: codec.loadPlan(plan),
      schemaId: 1,
      header: false,
      keyRequired: false,
    });
    const members = Array.from({ length: 500 }, (_, index) => `"field_number_${499 - index}":"x"`);
    const frame = new TextEncoder().encode(`{"type":"t","data":{${members.join(",")}}}`);
    const result = codec.encode(frame, context);
    assert(result.kind === "table");
    assert.equal(result.table.status[0], 0);
    const { valueStart, valueEnd } = result.table;
    assert.equal((valueEnd[0] ?? 0) - (valueStart[0] ?? 0), 5 + 500 * 3);
  });
});

describe("free space", () => {
  it("hands out what does not overlap, and joins what comes back", () => {
    const space = new Space(1_024);
    const held = new Map<number, number>();
    let state = 12_345;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % below;
    };
    for (let round = 0; round < 5_000; round += 1) {
      const addresses = [...held.keys()];
      if (addresses.length > 20 || (addresses.length > 0 && random(2) === 0)) {
        const address = addresses[random(addresses.length)] ?? 0;
        space.free(address);
        held.delete(address);
        continue;
      }
      const size = 1 + random(500);
      const address = space.allocate(size);
      assert.equal(address % 16, 0);
      for (const [other, bytes] of held) {
        assert(address + size <= other || other + bytes <= address, "no overlap");
      }
      held.set(address, size);
    }
    for (const address of held.keys()) space.free(address);
    assert.equal(space.end, 1_024);
    assert.equal(space.usedBytes, 0);
    assert(!held.has(0));
  });
});

describe("the border", () => {
  it("abi.gen.ts is what assembly/abi.ts says", () => {
    const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");
    assert.equal(read("abi.gen.ts"), generateAbi(read("../../assembly/abi.ts")));
  });

  it("numbers agree with the tables they come from", () => {
    const numbers: Readonly<Record<string, number>> = { ...abi };
    FAULT_KINDS.forEach((kind, number) => {
      const constant = numbers[`FAULT_${kind.toUpperCase()}`];
      if (constant !== undefined) assert.equal(constant, number, kind);
    });
    for (const [status, number] of Object.entries(ROW_STATUS)) {
      const name = status.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
      assert.equal(numbers[`STATUS_${name}`], number, status);
    }
    assert(abi.TABLE_ROWS >= TABLE_ROWS_MAX);
    const arena = readFileSync(new URL("../../assembly/arena.ts", import.meta.url), "utf8");
    assert.match(arena, new RegExp(`DEPTH_MAX: u32 = ${DEPTH_MAX};`));
  });
});
