/**
 * Compiles and loads plans of 500 fields, started by start-up.ts in a process of its own: what the
 * first one costs while nothing is warm, and the median of the later ones. Prints one JSON object.
 */
import { readFileSync } from "node:fs";

import { Codec } from "../../src/codec/codec.ts";
import { parseAvroSchema } from "../../src/schema/avro/schema.ts";
import { compilePlan } from "../../src/schema/plan/compile.ts";

const MODULE = new URL("../../build/codec.wasm", import.meta.url);
const FIELDS = 500;
const ROUNDS = 21;

function schemaText(round: number): string {
  const types = ["string", "long", "double", "boolean"];
  const fields = Array.from({ length: FIELDS }, (_, index) => ({
    name: `field_${index}_${round}`,
    type: ["null", types[index % types.length]],
    default: null,
  }));
  return JSON.stringify({ type: "record", name: "Wide", fields });
}

const codec = new Codec(await WebAssembly.compile(readFileSync(MODULE)));
const pointers = { id: [], key: [], time: [], actor: [], session: [] };
const plans: number[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  const schema = parseAvroSchema(schemaText(round));
  const startMs = performance.now();
  const handle = codec.loadPlan(compilePlan(schema, { json: "plain", pointers }));
  plans.push(performance.now() - startMs);
  codec.freePlan(handle);
}
const [first = Number.NaN, ...later] = plans;
const sorted = later.toSorted((a, b) => a - b);
const report = { first_ms: first, later_ms: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN };
process.stdout.write(JSON.stringify(report));
