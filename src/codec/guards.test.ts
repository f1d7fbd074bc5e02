/** The build for tests guards its memory: what reads or writes outside its regions traps there. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { guarded } from "../../scripts/setup/guards.mjs";
import { ROW_STATUS } from "../records.ts";
import { parseAvroSchema } from "../schema/avro/schema.ts";
import { type CompiledPlan, compilePlan } from "../schema/plan/compile.ts";
import { FIELD_BYTES, PLAN_ROOT, RECORD_TABLE, REGIONS, SLOTS } from "./abi.gen.ts";
import { Harness, NO_POINTERS } from "./testing/harness.ts";

const SCHEMA = '{"type":"record","name":"R","fields":[{"name":"a","type":"long","default":1}]}';

/** Status of an event whose field's default stands at `place`, by a plan that says so. */
async function statusWithDefaultAt(place: number, module: string): Promise<number | undefined> {
  const moduleUrl = new URL(`../../build/${module}`, import.meta.url);
  const harness = await Harness.create({ moduleUrl, inputBytesMax: 65_536 });
  const sound = compilePlan(parseAvroSchema(SCHEMA), { json: "plain", pointers: NO_POINTERS });
  const probe = harness.codec.loadPlan(sound);
  harness.codec.freePlan(probe);
  const bytes = sound.bytes.slice();
  const view = new DataView(bytes.buffer);
  const table = view.getUint32(view.getUint32(PLAN_ROOT, true) + RECORD_TABLE, true);
  view.setUint32(table, place - probe.address, true);
  view.setUint32(table + FIELD_BYTES, place + 1 - probe.address, true);
  const broken: CompiledPlan = { ...sound, bytes };
  const plan = harness.codec.loadPlan(broken);
  assert.equal(plan.address, probe.address);
  const route = { type: "t", plan, schemaId: 1, header: false, keyRequired: false };
  harness.codec.setRoute(0, route);
  return harness.rows('{"type":"t","data":{}}')[0]?.status;
}

describe("guards", () => {
  it("let be what lies in a region", async () => {
    assert.equal(await statusWithDefaultAt(SLOTS, "codec.debug.wasm"), ROW_STATUS.encoded);
  });

  it("trap on what lies behind the frame, or across two regions", async () => {
    for (const place of [REGIONS + 30_000, REGIONS - 8, 0]) {
      assert.equal(await statusWithDefaultAt(place, "codec.debug.wasm"), ROW_STATUS.fault);
      assert.equal(await statusWithDefaultAt(place, "codec.wasm"), ROW_STATUS.encoded);
    }
  });

  it("see no member in the zeros behind a frame, nor in what is no text", async () => {
    const moduleUrl = new URL("../../build/codec.debug.wasm", import.meta.url);
    const harness = await Harness.create({ moduleUrl, inputBytesMax: 65_536 });
    const none = '{"type":"record","name":"N","fields":[]}';
    const pointers = { id: ['/a"b'], key: ["/\u0001"] };
    for (const route of [
      { schemaText: SCHEMA, pointers },
      { schemaText: none, pointers },
      { schemaText: none },
    ]) {
      const index = harness.route({ type: "t", ...route });
      for (const tail of ["", "\0".repeat(40), "\0\0\0\x01}", "\0\0\0\0\0\0:1}"]) {
        assert.equal(harness.record("t", `{${tail}`).fault?.kind, "syntax");
        assert.equal(harness.record("t", `{"a":1,${tail}`).fault?.kind, "syntax");
      }
      for (const bytes of [1, 15, 16, 17, 40]) {
        const text = Buffer.concat([
          Buffer.from("{"),
          Buffer.alloc(bytes, 0xff),
          Buffer.from("1}"),
        ]);
        const context = { shape: "ndjson", payload: "whole", defaultType: "t" } as const;
        assert.equal(harness.rows(text, context)[0]?.fault?.kind, "utf8");
      }
      harness.drop(index);
    }
    assert.equal(harness.codec.stats().traps, 0);
  });

  it("are put before every access, whatever its form", () => {
    const source = [
      "store<u8>(p, load<u16>(q, OFFSET), 1);",
      "v128.store(to + i, v128.load(from + i));",
      "memory.copy(a, f(b, c), n - 1);",
    ].join("\n");
    const text = guarded(source, "./guards");
    assert.equal(text.match(/\b(readable|writable)\(/g)?.length, 6);
    assert(text.includes("load<u16>(readable((q) + <usize>(OFFSET), sizeof<u16>()))"));
    assert.equal(guarded("export const A: u32 = 1;", "./guards"), "export const A: u32 = 1;");
  });
});
