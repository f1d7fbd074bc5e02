import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { canonicalForm, fingerprint64, fingerprintHex } from "./canonical.ts";
import { parseAvroSchema } from "./schema.ts";

const DATA = new URL("../../../test/data/avro/", import.meta.url);

test("canonicalForm and fingerprint64 give the answers of Apache Avro", () => {
  const rows = readRows("canonical-and-fingerprint.ndjson");
  assert.equal(rows.length, 34);
  for (const row of rows) {
    const schema = parseAvroSchema(row["input"] ?? "");
    assert.equal(canonicalForm(schema), row["canonical"]);
    assert.equal(String(BigInt.asIntN(64, fingerprint64(schema))), row["crc64avro_int64"]);
  }
});

test("fingerprint64 of published schemas is that of Avro Java", () => {
  const rows = readRows("real-schemas.ndjson");
  assert.equal(rows.length, 31);
  for (const row of rows) {
    const hex = fingerprintHex(fingerprint64(parseAvroSchema(row["text"] ?? "")));
    const bytes = Buffer.from(hex, "hex").swap64().toString("hex");
    assert.equal(bytes, row["crc64avro_bytes_le_hex"], row["file"]);
  }
});

test("canonicalForm defines a type that is used twice only once, referenced types too", () => {
  const reference = '{"type":"enum","name":"a.E","symbols":["X"]}';
  const text = `{"type":"record","name":"R","namespace":"a","fields":[
    {"name":"x","type":"E"},{"name":"y","type":["null","E","R"]}]}`;
  assert.equal(
    canonicalForm(parseAvroSchema(text, [reference])),
    '{"name":"a.R","type":"record","fields":[' +
      '{"name":"x","type":{"name":"a.E","type":"enum","symbols":["X"]}},' +
      '{"name":"y","type":["null","a.E","a.R"]}]}',
  );
});

function readRows(file: string): readonly Readonly<Record<string, string>>[] {
  const lines = readFileSync(new URL(file, DATA), "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as Record<string, string>);
}
