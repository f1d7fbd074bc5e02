import assert from "node:assert/strict";
import { it } from "node:test";

import avsc from "avsc";

import { readRows } from "./testing/events.ts";
import { Harness } from "./testing/harness.ts";

interface EncodeCase {
  readonly name: string;
  readonly schema: unknown;
  readonly avro_json: string;
  readonly hex: string | null;
}

it('input mode "avro": bytes as Avro Java writes them', async () => {
  const harness = await Harness.create({ inputBytesMax: 1024 * 1024 });
  const rows = readRows<EncodeCase>("avro-encode/encode.ndjson");
  assert.equal(rows.length, 143);
  for (const { name, schema, avro_json: text, hex } of rows) {
    const schemaText = JSON.stringify(schema);
    const index = harness.route({ type: "t", schemaText, json: "avro" });
    const row = harness.record("t", text);
    assert.equal(row.status, 0, `${name}: ${row.fault?.detail}`);
    if (row.avro.toString("hex") !== hex) {
      // Java's maps are hash tables: the same entries in another order.
      const type = avsc.Type.forSchema(schema as avsc.Schema, { wrapUnions: true });
      const expected: unknown = type.fromBuffer(Buffer.from(hex ?? "", "hex"));
      assert.deepEqual(type.fromBuffer(row.avro), expected, name);
    }
    harness.drop(index);
  }
});

it('input mode "avro": refuses what Avro Java refuses', async () => {
  const harness = await Harness.create({ inputBytesMax: 1024 * 1024 });
  const rows = readRows<EncodeCase>("avro-encode/java-json-decoder-rejects.ndjson");
  assert.equal(rows.length, 17);
  for (const { name, schema, avro_json: text } of rows) {
    const schemaText = JSON.stringify(schema);
    const index = harness.route({ type: "t", schemaText, json: "avro" });
    const result = harness.frame(text, { payload: "whole", defaultType: "t" });
    assert(
      result.kind === "fault" || (result.kind === "table" && result.table.status[0] !== 0),
      name,
    );
    harness.drop(index);
  }
});
