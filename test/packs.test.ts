/**
 * The packs that come with sluice: their schemas are of the quality they preach, every sample
 * encodes, and every invalid sample is refused for the reason its README gives.
 */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import avsc from "avsc";

import type { Codec, FrameContext } from "../src/codec/codec.ts";
import { createCodec } from "../src/codec/create-codec.ts";
import { FRAME_EVENTS_MAX } from "../src/limits/events.ts";
import { ROW_STATUS, type RecordTable } from "../src/records.ts";
import { adviseOn } from "../src/schema/advice.ts";
import { parseAvroSchema } from "../src/schema/avro/schema.ts";
import { decodeToJson, splitRegistryValue } from "../src/schema/decode.ts";
import { loadPack, type Pack } from "../src/schema/pack.ts";
import { compilePlan } from "../src/schema/plan/compile.ts";

const PACKS = fileURLToPath(new URL("../packs", import.meta.url));
const NAMES = ["behaviour", "aiops", "commerce"] as const;
const SAMPLES_OF_TYPE_MIN = 2;

/** JSON of a schema file, as it stands; what is looked at is checked on the way. */
type Json = Readonly<Record<string, unknown>>;

interface Loaded {
  readonly pack: Pack;
  readonly types: readonly string[];
  readonly codec: Codec;
  encode(frame: Uint8Array): RecordTable;
}

async function load(name: string): Promise<Loaded> {
  const pack = await loadPack(name, PACKS);
  const codec = await createCodec({});
  for (const [index, type] of [...pack.types.values()].entries()) {
    const { pointers, json, keyRequired } = type;
    const plan = codec.loadPlan(compilePlan(parseAvroSchema(type.schemaText), { json, pointers }));
    codec.setRoute(index, {
      type: type.type,
      plan,
      schemaId: index + 1,
      header: true,
      keyRequired,
    });
  }
  const context: FrameContext = {
    shape: "ndjson",
    payload: pack.payload,
    typeMember: pack.typeMember,
    tenant: "demo",
    source: "test",
    receivedAtMs: Date.UTC(2026, 9, 1),
    eventsMax: FRAME_EVENTS_MAX,
  };
  const encode = (frame: Uint8Array): RecordTable => {
    const result = codec.encode(frame, context);
    assert.equal(result.kind, "table");
    assert.ok(result.kind === "table");
    return result.table;
  };
  return { pack, types: [...pack.types.keys()], codec, encode };
}

/** The rows of the README's table of refused events: code, kind, path. */
function refusals(readme: string): Array<{ code: string; kind: string; path: string }> {
  const rows = readme.matchAll(/^\| (\d+) \| `(\w+)` \| (?:`(\w+)`)? \| (?:`([^`]*)`)? \|/gm);
  return [...rows].map(([, line, code = "", kind = "", path = ""], index) => {
    assert.equal(Number(line), index + 1, "the table counts its lines");
    return { code, kind, path };
  });
}

for (const name of NAMES) {
  describe(`pack ${name}`, () => {
    let loaded: Loaded;
    before(async () => {
      loaded = await load(name);
    });
    const text = (file: string): Promise<string> => readFile(join(PACKS, name, file), "utf8");

    it("its schemas, all belong to a type and have no fault that will hurt later", async () => {
      const files = (await readdir(join(PACKS, name))).filter((file) => file.endsWith(".avsc"));
      const used = [...loaded.pack.types.values()].map((type) => type.schemaFile);
      assert.deepEqual(files.toSorted(), used.toSorted());
      for (const file of files) {
        const schemaText = await text(file);
        assert.deepEqual(adviseOn(parseAvroSchema(schemaText), schemaText), [], file);
        avsc.Type.forSchema(JSON.parse(schemaText) as avsc.Schema);
      }
    });

    it("its schemas, say what each type and field means; a name means one thing", async () => {
      const byName = new Map<string, string>();
      for (const type of loaded.pack.types.values()) {
        assert.equal(type.topic in Object.fromEntries(loaded.pack.topics), true);
        walk(JSON.parse(await text(type.schemaFile)), (node) => {
          if (!("name" in node)) return;
          assert.equal(
            typeof node["doc"],
            "string",
            `${type.schemaFile}: ${String(node["name"])} has a doc`,
          );
          if (!("fields" in node || "symbols" in node) || "namespace" in node) return;
          const known = byName.get(String(node["name"])) ?? JSON.stringify(node);
          byName.set(String(node["name"]), known);
          assert.equal(
            JSON.stringify(node),
            known,
            `${type.schemaFile}: ${String(node["name"])} differs`,
          );
        });
      }
    });

    it("samples.ndjson, all encode, with id and key, several of each type", async () => {
      const lines = (await text("samples.ndjson")).trimEnd().split("\n");
      const table = loaded.encode(Buffer.from(lines.join("\n")));
      assert.equal(table.count, lines.length);
      const counts = new Map(loaded.types.map((type) => [type, 0]));
      for (const [row, line] of lines.entries()) {
        if (table.status[row] !== ROW_STATUS.encoded) {
          assert.fail(`line ${row + 1}: ${JSON.stringify(loaded.codec.describe(row))}\n${line}`);
        }
        const type = loaded.types[table.route[row] ?? -1] ?? "";
        counts.set(type, (counts.get(type) ?? 0) + 1);
        assert.ok((table.idEnd[row] ?? 0) > (table.idStart[row] ?? 0), `line ${row + 1} has an id`);
        assert.ok(
          (table.keyEnd[row] ?? 0) > (table.keyStart[row] ?? 0),
          `line ${row + 1} has a key`,
        );
        checkValue(loaded, table, row);
      }
      for (const [type, count] of counts) {
        assert.ok(count >= SAMPLES_OF_TYPE_MIN, `${type} has ${count} samples`);
      }
    });

    it("samples.invalid.ndjson, each is refused as the README says", async () => {
      const lines = (await text("samples.invalid.ndjson")).trimEnd().split("\n");
      const expected = refusals(await text("README.md"));
      assert.equal(expected.length, lines.length);
      const table = loaded.encode(Buffer.from(lines.join("\n")));
      assert.equal(table.count, lines.length);
      const found = lines.map((_, row) => {
        assert.notEqual(table.status[row], ROW_STATUS.encoded, `line ${row + 1} is refused`);
        const { code, kind = "", path = "" } = loaded.codec.describe(row);
        // Only faults within the schema have a kind and a path that is promised.
        return code === "schema_invalid" ? { code, kind, path } : { code, kind: "", path: "" };
      });
      assert.deepEqual(found, expected);
    });

    it("README, names every type with its topic, and commands that name its files", async () => {
      const readme = await text("README.md");
      for (const type of loaded.pack.types.values()) {
        assert.ok(readme.includes(`| \`${type.type}\` | \`${type.topic}\` |`), type.type);
      }
      assert.ok(readme.includes(`--data-binary @packs/${name}/samples.ndjson`));
    });
  });
}

/** What was encoded is read back by two decoders that know nothing of the encoder. */
function checkValue(loaded: Loaded, table: RecordTable, row: number): void {
  const value = table.memory.slice(table.valueStart[row], table.valueEnd[row]);
  const parts = splitRegistryValue(value);
  assert.ok(parts.kind === "avro");
  const type = loaded.pack.types.get(loaded.types[parts.schemaId - 1] ?? "");
  assert.ok(type !== undefined);
  const decoded = decodeToJson(parseAvroSchema(type.schemaText), parts.body);
  assert.equal(decoded.kind, "json");
  const avscType = avsc.Type.forSchema(JSON.parse(type.schemaText) as avsc.Schema);
  avscType.fromBuffer(Buffer.from(parts.body));
}

function walk(node: unknown, visit: (node: Json) => void): void {
  if (Array.isArray(node)) {
    for (const item of node) walk(item, visit);
  } else if (typeof node === "object" && node !== null) {
    // An object of JSON has members; which ones is what the visitor looks at.
    visit(node as Json);
    for (const [member, value] of Object.entries(node)) {
      if (member !== "default") walk(value, visit);
    }
  }
}
