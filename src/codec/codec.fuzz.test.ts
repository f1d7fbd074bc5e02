/**
 * The codec against avsc on random schemas and events, and against mutated text: never a trap,
 * never out of its regions, never a verdict that differs from JSON.parse's on what is JSON.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import avsc from "avsc";
import fc from "fast-check";

import { ROW_STATUS } from "../records.ts";
import { Differential } from "./testing/differential.ts";
import { CORPORA, loadCorpus } from "./testing/events.ts";
import { Harness } from "./testing/harness.ts";
import { mutate } from "./testing/mutate.ts";
import { type SchemaJson, SchemaMaker, seededRandom } from "./testing/random-schema.ts";
import { judgeSoundness } from "./testing/soundness.ts";

const SEED = Number(process.env["SLUICE_TEST_SEED"] ?? Date.now() % 2 ** 31);
const DEBUG_MODULE = new URL("../../build/codec.debug.wasm", import.meta.url);

describe(`random schemas (seed ${SEED})`, () => {
  it("Avro's JSON encoding becomes avsc's bytes", async () => {
    const harness = await Harness.create({ inputBytesMax: 1024 * 1024, moduleUrl: DEBUG_MODULE });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), (seed) => {
        const maker = new SchemaMaker(seededRandom(seed));
        const schema = maker.record(3);
        const type = avsc.Type.forSchema(schema as never, { wrapUnions: true });
        withRoute(harness, { schema, json: "avro" }, () => {
          const { value } = maker.sample(schema);
          const json = type.toString(value);
          const row = harness.record("t", json);
          assert.equal(row.status, 0, `${JSON.stringify(row.fault)} ${json}`);
          assert.equal(row.avro.toString("hex"), type.toBuffer(value).toString("hex"), json);
        });
      }),
      { seed: SEED, numRuns: 400 },
    );
  });

  it("plain JSON becomes avsc's bytes", async () => {
    const harness = await Harness.create({ inputBytesMax: 1024 * 1024, moduleUrl: DEBUG_MODULE });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), (seed) => {
        const maker = new SchemaMaker(seededRandom(seed));
        const schema = maker.record(3);
        const type = avsc.Type.forSchema(schema as never, { wrapUnions: true });
        withRoute(harness, { schema, json: "plain" }, () => {
          for (let round = 0; round < 4; round += 1) {
            const { json, value } = maker.sample(schema);
            const row = harness.record("t", json);
            assert.equal(row.status, 0, `${JSON.stringify(row.fault)} ${json}`);
            assert.equal(row.avro.toString("hex"), type.toBuffer(value).toString("hex"), json);
          }
        });
      }),
      { seed: SEED, numRuns: 400 },
    );
    assert.equal(harness.codec.stats().traps, 0);
  });
});

it(`private values are hidden, by JavaScript's own reckoning (seed ${SEED})`, async () => {
  const differential = await Differential.create();
  const random = seededRandom(SEED);
  for (let round = 0; round < 60; round += 1) differential.checkPrivateSchema(random(2 ** 31));
});

/** Gives "t" the schema for the time of `use`. */
function withRoute(
  harness: Harness,
  { schema, json }: { readonly schema: SchemaJson; readonly json: "plain" | "avro" },
  use: () => void,
): void {
  const index = harness.route({ type: "t", schemaText: JSON.stringify(schema), json });
  try {
    use();
  } finally {
    harness.drop(index);
  }
}

describe(`mutated events (seed ${SEED})`, () => {
  for (const name of CORPORA) {
    it(`${name}: sound exactly where JSON.parse says so, no trap`, async () => {
      const { schemaText, json, bytes } = loadCorpus(name);
      const harness = await Harness.create({ inputBytesMax: 1024 * 1024, moduleUrl: DEBUG_MODULE });
      harness.route({ type: name, schemaText, json });
      const lines = Buffer.from(bytes).toString().trimEnd().split("\n");
      const random = seededRandom(SEED);
      for (let round = 0; round < 500; round += 1) {
        const line = Buffer.from(lines[random(lines.length)] ?? "{}");
        if (line.length > 20_000) continue;
        const text = new Uint8Array(mutate(line, random));
        const result = harness.frame(text, { payload: "whole", defaultType: name });
        const soundness = judgeSoundness(text);
        const isFrameFault = result.kind === "fault";
        const kind = result.kind === "table" ? kindOf(harness, result.table.status[0]) : "syntax";
        if (soundness === "sound") {
          assert(!["syntax", "utf8"].includes(kind), Buffer.from(text).toString());
        } else assert(["syntax", "utf8", "depth"].includes(kind), Buffer.from(text).toString());
        assert(!isFrameFault || soundness !== "sound");
      }
      assert.equal(harness.codec.stats().traps, 0);
    });
  }
});

function kindOf(harness: Harness, status: number | undefined): string {
  return status === ROW_STATUS.invalid ? (harness.codec.describe(0).kind ?? "") : "";
}
