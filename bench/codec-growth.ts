/**
 * Is the codec's time linear in the size of hostile texts? Each shape at two sizes, the second
 * eight times the first; the last column says how much more time a byte of the larger one costs.
 * Linear is about 1; what grows with the square would show 8.
 *
 *   node bench/codec-growth.ts
 */
import { createCodec } from "../src/codec/create-codec.ts";
import { HOSTILE_SHAPES, hostileSchema } from "../src/codec/testing/hostile.ts";
import { parseAvroSchema } from "../src/schema/avro/schema.ts";
import { compilePlan } from "../src/schema/plan/compile.ts";

const SMALL_BYTES = 256 * 1024;
const FACTOR = 8;
const ROUNDS = 7;

const codec = await createCodec();
const pointers = { id: [], key: [], time: [], actor: [], session: [] };
const plan = codec.loadPlan(
  compilePlan(parseAvroSchema(hostileSchema()), { json: "plain", pointers }),
);
codec.setRoute(0, { type: "hostile", plan, schemaId: 1, header: false, keyRequired: false });

/** Nanoseconds a byte, the best of some rounds. */
function cost(text: string): number {
  const frame = new TextEncoder().encode(text);
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round += 1) {
    const start = performance.now();
    codec.encode(frame, {
      shape: "json",
      payload: "whole",
      typeMember: "",
      defaultType: "hostile",
      tenant: "bench",
      source: "bench",
      receivedAtMs: 0,
      eventsMax: 10,
    });
    best = Math.min(best, performance.now() - start);
  }
  return (best * 1e6) / frame.length;
}

let worst = 0;
for (const { name, make } of HOSTILE_SHAPES) {
  const small = cost(make(SMALL_BYTES));
  const large = cost(make(SMALL_BYTES * FACTOR));
  worst = Math.max(worst, large / small);
  const cells = [small.toFixed(2), large.toFixed(2), (large / small).toFixed(2)];
  process.stdout.write(`${name.padEnd(45)} ${cells.map((cell) => cell.padStart(8)).join(" ")}\n`);
}
process.stdout.write(`${JSON.stringify({ shapes: HOSTILE_SHAPES.length, growth_max: worst })}\n`);
