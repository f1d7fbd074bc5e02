/** Many events through one instance of the module, and what that does to its memory. */
import assert from "node:assert/strict";

import { loadCorpus, type CorpusName } from "./events.ts";
import { Harness } from "./harness.ts";

const NAMES: readonly CorpusName[] = ["page_view", "order", "log", "unions", "all_types"];
const LINES_A_FRAME = 50;

/** Encodes at least so many events; its memory is what it was after the first of them. */
export async function endure(events: number): Promise<void> {
  const harness = await Harness.create();
  const frames = NAMES.flatMap((name) => {
    const corpus = loadCorpus(name);
    harness.route({ type: name, schemaText: corpus.schemaText, json: corpus.json });
    const lines = Buffer.from(corpus.bytes).toString().trimEnd().split("\n");
    // Some that do not fit, some that are no JSON.
    const all = [...lines.slice(0, LINES_A_FRAME - 2), "{}", '{"id":'];
    return { name, bytes: Buffer.from(all.join("\n")) };
  });
  const round = (): number => {
    let encoded = 0;
    for (const { name, bytes } of frames) {
      const context = { shape: "ndjson", payload: "whole", defaultType: name } as const;
      const result = harness.frame(bytes, context);
      assert.equal(result.kind, "table");
      encoded += result.kind === "table" ? result.table.count : 0;
    }
    return encoded;
  };
  round();
  const before = harness.codec.stats();
  for (let encoded = 0; encoded < events; encoded += round());
  assert.deepEqual(harness.codec.stats(), before);
}
