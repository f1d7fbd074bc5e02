/** Whatever the registry answers and the record holds, there is a value to print. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { RegistryResult, RegistrySchema } from "./registry.ts";
import { ValueDecoder } from "./value-decoder.ts";

function decoderWith(answer: RegistryResult<RegistrySchema>): {
  readonly decoder: ValueDecoder;
  readonly asked: number[];
} {
  const asked: number[] = [];
  const schemaById = (id: number): Promise<RegistryResult<RegistrySchema>> => {
    asked.push(id);
    return Promise.resolve(answer);
  };
  return { decoder: new ValueDecoder({ schemaById }), asked };
}

const LONG = { kind: "found", value: { text: '"long"', references: [] } } as const;

describe("ValueDecoder", () => {
  it("a value with its schema, is decoded; the schema is asked for once", async () => {
    const { decoder, asked } = decoderWith(LONG);
    const value = await decoder.decode(Buffer.from("000000002a06", "hex"));
    assert.deepEqual(value, { kind: "avro", schemaId: 42, schemaName: "long", json: "3" });
    await decoder.decode(Buffer.from("000000002a08", "hex"));
    assert.deepEqual(asked, [42]);
  });
  it("a schema with references, is decoded", async () => {
    const text = '{"type":"record","name":"a.R","fields":[{"name":"e","type":"a.E"}]}';
    const references = ['{"type":"enum","name":"a.E","symbols":["X","Y"]}'];
    const { decoder } = decoderWith({ kind: "found", value: { text, references } });
    const value = await decoder.decode(Buffer.from("000000000102", "hex"));
    assert.deepEqual(value, { kind: "avro", schemaId: 1, schemaName: "a.R", json: '{"e":"Y"}' });
  });
  it("no value, is none", async () => {
    assert.deepEqual(await decoderWith(LONG).decoder.decode(null), { kind: "none" });
  });

  const reasons: ReadonlyArray<readonly [string, RegistryResult<RegistrySchema>, string, RegExp]> =
    [
      ["JSON", LONG, "7b7d7b7d7b7d", /^This is no Avro: the first byte is 123/],
      ["no bytes", LONG, "", /^This is no Avro: 0 bytes are too few/],
      [
        "another schema's bytes",
        LONG,
        "00000000010606",
        /^The value does not fit schema 1: 1 bytes are left over at byte 6\.$/,
      ],
      [
        "an unknown id",
        { kind: "missing", code: 40403, detail: "x" },
        "000000000106",
        /^The registry has no schema 1\.$/,
      ],
      [
        "a registry that is down",
        { kind: "failed", code: 0, detail: "no answer" },
        "000000000106",
        /^The registry does not give schema 1: no answer\.$/,
      ],
      [
        "a Protobuf schema",
        { kind: "found", value: { text: "syntax", references: [] } },
        "000000000106",
        /^Schema 1 of the registry is no Avro: /,
      ],
    ];
  for (const [name, answer, hex, expected] of reasons) {
    it(`${name}, is raw and says why`, async () => {
      const value = await decoderWith(answer).decoder.decode(Buffer.from(hex, "hex"));
      assert.equal(value.kind, "raw");
      assert.match(value.kind === "raw" ? value.reason : "", expected);
    });
  }
  it("no registry at all, is raw and says why", async () => {
    const value = await new ValueDecoder(undefined).decode(Buffer.from("000000000106", "hex"));
    assert.equal(value.kind, "raw");
  });
});
