/**
 * Realistic events are encoded, decoded and encoded again: what `sluice tail` prints is JSON that
 * the mapping takes back, byte for byte. The corpora of rules are left out: their unions are made
 * so that several branches take the same JSON.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";

import { LineEncoder } from "../src/cli/line-encoder.ts";
import type { Line } from "../src/cli/lines.ts";
import { parseAvroSchema } from "../src/schema/avro/schema.ts";
import { decodeToJson } from "../src/schema/decode.ts";
import { CORPUS_DIRECTORY } from "./e2e/corpus.ts";

const CORPORA = [
  "page_view",
  "click",
  "search",
  "add_to_cart",
  "identify",
  "metric",
  "log",
  "alert",
  "product",
  "order",
  "payment",
] as const;

function linesOf(texts: readonly string[]): Line[] {
  return texts.map((text, index) => {
    const bytes = Buffer.from(text);
    return { index, bytes, length: bytes.length };
  });
}

function encodeAll(encoder: LineEncoder, texts: readonly string[]): Buffer[] {
  return Array.from(encoder.encode(linesOf(texts)), (line) => {
    assert.equal(line.kind, "avro", texts[line.index]);
    return line.kind === "avro" ? Buffer.from(line.avro) : Buffer.alloc(0);
  });
}

describe("decodeToJson", () => {
  for (const type of CORPORA) {
    it(`corpus ${type}, comes back byte for byte`, async () => {
      const read = (end: string) => readFile(join(CORPUS_DIRECTORY, `${type}.${end}`), "utf8");
      const schema = parseAvroSchema(await read("avsc"));
      const encoder = await LineEncoder.create(schema, "plain");
      const events = (await read("ndjson")).trimEnd().split("\n");
      const encoded = encodeAll(encoder, events);
      assert.equal(encoded.length, events.length);
      const decoded = encoded.map((avro) => {
        const value = decodeToJson(schema, avro);
        assert.equal(value.kind, "json");
        return value.kind === "json" ? value.text : "";
      });
      assert.deepEqual(encodeAll(encoder, decoded), encoded);
    });
  }
});
