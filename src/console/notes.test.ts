import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { mergedNotes } from "./notes.ts";

const batch = (atMs: number) => ({
  atMs,
  tenant: "acme",
  source: "web",
  transport: "ws" as const,
  topic: "t",
  stored: 1,
  duplicate: 0,
  rejected: 0,
  retry: 0,
  durationMs: 1,
});
const SCHEMA = { type: "page", subject: "page-value", version: 1, id: 4 };

describe("mergedNotes", () => {
  it("shows the latest of all workers first, and the schemas of one", () => {
    const merged = mergedNotes([
      { refusals: [], batches: [batch(5), batch(1)], schemas: [SCHEMA] },
      { refusals: [], batches: [batch(3)], schemas: [SCHEMA] },
    ]);
    assert.deepEqual(
      merged.batches.map(({ atMs }) => atMs),
      [5, 3, 1],
    );
    assert.deepEqual(merged.schemas, [SCHEMA]);
  });

  it("shows nothing when nobody answers", () => {
    assert.deepEqual(mergedNotes([]), { refusals: [], batches: [], schemas: [] });
  });
});
