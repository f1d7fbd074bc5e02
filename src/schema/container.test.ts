/** Container files are read back by avsc, an Avro implementation that is not ours. */
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { describe, it } from "node:test";

import avsc from "avsc";

import { CONTAINER_CODECS, ContainerWriter, type ContainerCodec } from "./container.ts";

const SCHEMA_TEXT =
  '{ "type":"record", "name":"R", "doc":"ä", "fields":[{"name":"n","type":"long"}] }';
const TYPE = avsc.Type.forSchema(JSON.parse(SCHEMA_TEXT) as avsc.Schema);

function write(codec: ContainerCodec, records: readonly Uint8Array[]): Buffer[] {
  const writer = new ContainerWriter({ schemaText: SCHEMA_TEXT, codec, sync: Buffer.alloc(16, 7) });
  const parts = [writer.header()];
  for (const record of records) {
    const block = writer.append(record);
    if (block !== undefined) parts.push(block);
  }
  const last = writer.finish();
  return last === undefined ? parts : [...parts, last];
}

async function read(file: Buffer): Promise<unknown[]> {
  const values: unknown[] = [];
  await pipeline(Readable.from([file]), new avsc.streams.BlockDecoder(), async (decoded) => {
    for await (const value of decoded) values.push(value);
  });
  return values;
}

describe("ContainerWriter", () => {
  for (const codec of CONTAINER_CODECS) {
    it(`${codec}, is read by avsc, all records in order over several blocks`, async () => {
      const numbers = Array.from({ length: 40_000 }, (_, index) => index * 1_000_003);
      const parts = write(
        codec,
        numbers.map((n) => TYPE.toBuffer({ n })),
      );
      assert.ok(parts.length > 3, "several blocks");
      const values = await read(Buffer.concat(parts));
      assert.deepEqual(
        values.map((value) => ({ ...(value as object) })),
        numbers.map((n) => ({ n })),
      );
    });
  }
  it("no records, is a header that avsc reads", async () => {
    assert.deepEqual(await read(Buffer.concat(write("deflate", []))), []);
  });
  it("header, holds the schema's text byte for byte", () => {
    assert.ok(write("null", [])[0]?.includes(Buffer.from(SCHEMA_TEXT)));
  });
  it("a sync marker of another length, throws", () => {
    const options = { schemaText: "1", codec: "null", sync: Buffer.alloc(15) } as const;
    assert.throws(() => new ContainerWriter(options), RangeError);
  });
});
