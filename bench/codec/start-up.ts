/** What it costs to have a codec and to load a schema into it. */
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

import { Codec } from "../../src/codec/codec.ts";
import { parseAvroSchema } from "../../src/schema/avro/schema.ts";
import { compilePlan } from "../../src/schema/plan/compile.ts";
import { median } from "./contenders.ts";

const MODULE = new URL("../../build/codec.wasm", import.meta.url);
const FIELDS = 500;
const ROUNDS = 21;

export interface StartUp {
  readonly wasm_bytes: number;
  readonly wasm_gzip_bytes: number;
  /** Compile the module. */
  readonly compile_ms: number;
  /** Make an instance with its memory laid out. */
  readonly instance_ms: number;
  /** Compile and load a plan of 500 fields: the first one of a process, and later ones. */
  readonly plan_500_first_ms: number;
  readonly plan_500_ms: number;
}

/** Has to be called before anything else compiles plans. */
export async function measureStartUp(): Promise<StartUp> {
  const bytes = readFileSync(MODULE);
  const compile: number[] = [];
  const instance: number[] = [];
  const plan: number[] = [];
  const module = await WebAssembly.compile(bytes);
  const codec = new Codec(module);
  for (let round = 0; round < ROUNDS; round += 1) {
    const schema = parseAvroSchema(schemaText(round));
    const startMs = performance.now();
    const pointers = { id: [], key: [], time: [], actor: [], session: [] };
    const handle = codec.loadPlan(compilePlan(schema, { json: "plain", pointers }));
    plan.push(performance.now() - startMs);
    codec.freePlan(handle);
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    const startMs = performance.now();
    const fresh = await WebAssembly.compile(bytes);
    const compiledMs = performance.now();
    // A gateway's frames: larger ones take more memory, which is not touched yet.
    const made = new Codec(fresh, { inputBytesMax: 1024 * 1024 });
    instance.push(performance.now() - compiledMs);
    compile.push(compiledMs - startMs);
    made.stats();
  }
  return {
    wasm_bytes: bytes.length,
    wasm_gzip_bytes: gzipSync(bytes).length,
    compile_ms: round2(median(compile)),
    instance_ms: round2(median(instance)),
    plan_500_first_ms: round2(plan[0] ?? Number.NaN),
    plan_500_ms: round2(median(plan)),
  };
}

function schemaText(round: number): string {
  const types = ["string", "long", "double", "boolean"];
  const fields = Array.from({ length: FIELDS }, (_, index) => ({
    name: `field_${index}_${round}`,
    type: ["null", types[index % types.length]],
    default: null,
  }));
  return JSON.stringify({ type: "record", name: "Wide", fields });
}

function round2(number: number): number {
  return Number(number.toFixed(2));
}
