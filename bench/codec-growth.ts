/**
 * Is the codec's time linear in the size of hostile texts? Each shape at two sizes, the second
 * eight times the first; the last column says how much more time a byte of the larger one costs.
 * Linear is about 1; what grows with the square would show 8. Shapes that have no size, as the
 * files of JSONTestSuite, are tested and not measured.
 *
 *   node bench/codec-growth.ts
 */
import { createCodec } from "../src/codec/create-codec.ts";
import { HOSTILE_SHAPES, hostileSchema } from "../src/codec/testing/hostile.ts";
import { parseAvroSchema } from "../src/schema/avro/schema.ts";
import { compilePlan } from "../src/schema/plan/compile.ts";
import { machine } from "./codec/machine.ts";
import { helpIfAsked } from "../scripts/usage.ts";

helpIfAsked(import.meta.filename);

const SMALL_BYTES = 256 * 1024;
const FACTOR = 8;
const ROUNDS = 7;
/** Caches and neighbours explain a factor of two or three, work with the square would be FACTOR. */
const GROWTH_MAX = FACTOR / 2;

const codec = await createCodec();
const pointers = { id: [], key: [], time: [], actor: [], session: [] };
const plan = codec.loadPlan(
  compilePlan(parseAvroSchema(hostileSchema()), { json: "plain", pointers }),
);
codec.setRoute(0, { type: "hostile", plan, schemaId: 1, header: false, keyRequired: false });

/** Nanoseconds a byte, the best of some rounds. */
function cost(text: string | Uint8Array): number {
  const frame = typeof text === "string" ? new TextEncoder().encode(text) : text;
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

let worst = { name: "", growth: 0 };
const cells = (...texts: readonly string[]): string =>
  texts.map((text) => text.padStart(10)).join(" ");
process.stdout.write(`${"shape".padEnd(45)} ${cells("small ns/B", "large ns/B", "growth")}\n`);
for (const { name, make } of HOSTILE_SHAPES) {
  const small = cost(make(SMALL_BYTES));
  const large = cost(make(SMALL_BYTES * FACTOR));
  const growth = large / small;
  if (growth > worst.growth) worst = { name, growth };
  const row = cells(small.toFixed(2), large.toFixed(2), growth.toFixed(2));
  process.stdout.write(`${name.padEnd(45)} ${row}\n`);
}
const isLinear = worst.growth < GROWTH_MAX;
const most = `${worst.growth.toFixed(2)} times as much (${worst.name})`;
const verdict = `a byte of ${FACTOR} times the text costs at most ${most}`;
process.stdout.write(`\n${isLinear ? "linear" : "NOT LINEAR"}: ${verdict}\n`);
const summary = { shapes: HOSTILE_SHAPES.length, growth_max: worst.growth, is_linear: isLinear };
process.stdout.write(`${JSON.stringify({ ...summary, ...machine() })}\n`);
process.exitCode = isLinear ? 0 : 1;
