import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { before, describe, it } from "node:test";

import { CORPORA, EVENT_DATA, EVENT_DATA_NAME, loadCorpus } from "./testing/events.ts";
import { Harness } from "./testing/harness.ts";

interface InvalidCase {
  readonly schema: string;
  readonly event?: string;
  readonly eventBase64?: string;
  readonly expect: { readonly path: string; readonly kind: string };
}

describe(`event corpora (${EVENT_DATA_NAME})`, () => {
  let harness: Harness;
  before(async () => {
    harness = await Harness.create();
    for (const name of CORPORA) {
      const { schemaText, json } = loadCorpus(name);
      harness.route({ type: name, schemaText, json });
    }
  });

  for (const name of CORPORA) {
    it(`${name}: every event becomes the expected bytes`, () => {
      const { bytes, expected } = loadCorpus(name);
      const rows = harness.rows(bytes, { shape: "ndjson", payload: "whole", defaultType: name });
      const got = rows.map(({ status, avro, ignored }) => {
        if (status !== 0) return `status ${status}`;
        const digest = createHash("sha256").update(avro).digest("hex").slice(0, 32);
        return [avro.length, digest, ignored].join("\t");
      });
      assert.deepEqual(got, expected);
    });
  }

  it("invalid events: each gets the path and kind of its first fault", () => {
    const lines = readFileSync(new URL("invalid.ndjson", EVENT_DATA), "utf8").trimEnd().split("\n");
    let checked = 0;
    for (const line of lines) {
      const row = JSON.parse(line) as InvalidCase;
      const bytes =
        row.eventBase64 === undefined
          ? Buffer.from(row.event ?? "")
          : Buffer.from(row.eventBase64, "base64");
      assert.deepEqual(faultOf(harness, row.schema, new Uint8Array(bytes)), row.expect, line);
      checked += 1;
    }
    assert.equal(checked, 655);
  });
});

/** A text without any token is no event of a frame; alone it would be the fault `syntax`. */
function faultOf(harness: Harness, schema: string, bytes: Uint8Array) {
  const isLine = !bytes.includes(0x0a);
  const shape = isLine ? "ndjson" : "json";
  const result = harness.frame(bytes, { shape, payload: "whole", defaultType: schema });
  if (result.kind === "fault") {
    assert(result.problem === "bad_json" || result.problem === "empty");
    return { path: "", kind: "syntax" };
  }
  assert(result.kind === "table" && result.table.count === 1);
  if (result.table.status[0] === 0) return { path: "", kind: "none" };
  const { path, kind } = harness.codec.describe(0);
  return { path, kind };
}
