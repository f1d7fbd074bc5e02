import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test, { type TestContext } from "node:test";
import { fileURLToPath } from "node:url";

import {
  PACK_PARTITIONS_MAX,
  PACK_TOPICS_MAX,
  PACK_TYPES_MAX,
  POINTER_BYTES_MAX,
  POINTERS_MAX,
  SUBJECT_BYTES_MAX,
  TOPIC_BYTES_MAX,
  TYPE_BYTES_MAX,
} from "../limits/schemas.ts";
import {
  DEFAULT_POINTERS,
  DEFAULT_SUBJECT,
  DEFAULT_TOPIC,
  PACK_MEMBERS,
  PackError,
  readPackFile,
} from "./pack-file.ts";
import { loadPack } from "./pack.ts";

const PACKS = fileURLToPath(new URL("../../packs/", import.meta.url));
const CLICK = '{"type":"record","name":"shop.Click","fields":[{"name":"id","type":"string"}]}';

test("loadPack loads every pack of the project", async () => {
  const entries = await readdir(PACKS, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  assert.ok(names.length >= 3);
  for (const name of names) {
    const pack = await loadPack(name, PACKS);
    assert.equal(pack.name, name);
    assert.equal(pack.directory, join(PACKS, name));
    for (const { topic } of pack.types.values()) assert.ok(pack.topics.has(topic));
  }
});

test("loadPack fills in defaults: of the type, of the pack, of sluice", async (t) => {
  const directory = await directoryOf(t, {
    "pack.json": JSON.stringify({
      name: "shop",
      topics: { clicks: { partitions: 3 }, spare: { header: false } },
      defaults: { topic: "clicks", keyRequired: true, pointers: { key: ["/user/id"], actor: [] } },
      types: {
        click: { schema: "schemas/click.avsc" },
        tap: {
          schema: "schemas/click.avsc",
          subject: "{topic}-value",
          keyRequired: false,
          json: "avro",
          pointers: { id: ["/a~1b"] },
        },
      },
    }),
    "schemas/click.avsc": `// comment\n${CLICK}`,
  });
  const pack = await loadPack(directory, PACKS);
  assert.deepEqual(
    [...pack.topics.values()],
    [
      { name: "clicks", partitions: 3, header: true },
      { name: "spare", partitions: 6, header: false },
    ],
  );
  const [click, tap] = pack.types.values();
  assert.deepEqual(click, {
    type: "click",
    schemaFile: "schemas/click.avsc",
    schemaText: CLICK,
    topic: "clicks",
    subject: "clicks-shop.Click",
    pointers: { ...DEFAULT_POINTERS, key: ["/user/id"], actor: [] },
    keyRequired: true,
    json: "plain",
  });
  assert.equal(tap?.subject, "clicks-value");
  assert.deepEqual([tap.keyRequired, tap.json, tap.pointers.id], [false, "avro", ["/a~1b"]]);
  assert.deepEqual([pack.payload, pack.typeMember], ["data", "type"]);
});

test("loadPack takes a bare directory: type = file, one topic, the usual pointers", async (t) => {
  const directory = await directoryOf(t, {
    "b.avsc": CLICK.replace("Click", "B"),
    "a.avsc": CLICK,
    "notes.txt": "no schema",
  });
  const pack = await loadPack(directory, PACKS);
  assert.deepEqual([...pack.types.keys()], ["a", "b"]);
  assert.deepEqual([...pack.topics.values()], [{ name: "events", partitions: 6, header: true }]);
  assert.equal(pack.types.get("b")?.subject, "events-shop.B");
  assert.deepEqual(pack.types.get("a")?.pointers, DEFAULT_POINTERS);
});

test("loadPack says which file is wrong", async (t) => {
  const types = { click: { schema: "click.avsc", topic: "t" } };
  const pack = (more: object): string => JSON.stringify({ name: "p", types, ...more });
  const cases: readonly (readonly [Readonly<Record<string, string | Buffer>>, RegExp])[] = [
    [{}, /a pack has a pack\.json or at least one \.avsc file, here is neither\.$/],
    [{ "pack.json": pack({}) }, /click\.avsc: there is no such file\.$/],
    [{ "pack.json": "{" }, /pack\.json: it is not JSON: .* line 1, column 2\.$/],
    [{ "pack.json": Buffer.from([0xff]) }, /pack\.json: it is not UTF-8\.$/],
    [
      { "click.avsc": " ".repeat(1024 * 1024 + 1) },
      /it may have 1048576 bytes, but has 1048577\.$/,
    ],
    [{ "click.avsc": '{"type":"record"}' }, /click\.avsc: the member "name" is missing\.$/],
    [
      { "click.avsc": CLICK.replace('"string"', '"sting"') },
      /click\.avsc, \/fields\/0\/type: the type "sting" is not defined before this place\.$/,
    ],
    [
      { "click.avsc": '"string"' },
      /the schema of a type is a record, this one is of the kind string/,
    ],
    [
      {
        "pack.json": pack({
          defaults: { topic: "t", subject: "same" },
          types: { a: { schema: "a.avsc" }, "b/c": { schema: "b.avsc" } },
        }),
        "a.avsc": CLICK,
        "b.avsc": CLICK,
      },
      /pack\.json, \/types\/b~1c: its subject "same" is also that of "a", which has/,
    ],
    [
      {
        "pack.json": pack({ defaults: { subject: `{record}${"é".repeat(300)}` } }),
        "click.avsc": CLICK,
      },
      /\/types\/click: its subject has more than 500 bytes/,
    ],
  ];
  for (const [files, message] of cases) {
    const directory = await directoryOf(t, files);
    await assert.rejects(loadPack(directory, PACKS), (error) => {
      assert.ok(error instanceof PackError);
      assert.match(error.message, message);
      return true;
    });
  }
});

test("loadPack names the packs there are when there is none of that name", async (t) => {
  const packs = await directoryOf(t, { "one/a.avsc": CLICK, "two/a.avsc": CLICK, file: "" });
  await assert.rejects(loadPack("three", packs), /in .* there are one, two\.$/);
  await assert.rejects(loadPack("", packs), PackError);
  await assert.rejects(loadPack("three", join(packs, "nothing")), /there is none\.$/);
  assert.equal((await loadPack("one", packs)).name, "one");
});

test("readPackFile refuses each wrong member with its place", () => {
  const type = { schema: "a.avsc", topic: "t" };
  const cases: readonly (readonly [object, string, RegExp])[] = [
    [{ types: { a: type } }, "", /the member "name" is missing/],
    [{ name: "a b", types: { a: type } }, "/name", /1 to 64 letters/],
    [{ name: 1 }, "/name", /a string is expected, not a number/],
    [{ name: "p" }, "", /the member "types" is missing/],
    [{ name: "p", types: {} }, "/types", /at least one type/],
    [{ name: "p", types: [] }, "/types", /an object is expected, not an array/],
    [{ name: "p", typs: {} }, "/typs", /unknown member; known are \$schema, name,/],
    [{ name: "p", payload: "body" }, "/payload", /one of data, whole, not "body"/],
    [{ name: "p", payload: "whole", types: { a: type } }, "", /"typeMember" names the member/],
    [{ name: "p", typeMember: "t", types: { a: type } }, "/typeMember", /only with "payload"/],
    [{ name: "p", types: { "": type } }, "/types/", /a type's name has 1 to 200 bytes/],
    [{ name: "p", types: { a: "a.avsc" } }, "/types/a", /an object is expected, not a string/],
    [{ name: "p", types: { a: { topic: "t" } } }, "/types/a", /the member "schema" is missing/],
    [{ name: "p", types: { a: { schema: "a.avsc" } } }, "/types/a", /neither the type nor/],
    ...["../a.avsc", "/a.avsc", "a.json", "x//a.avsc", "a\0.avsc"].map(
      (schema) =>
        [
          { name: "p", types: { a: { ...type, schema } } },
          "/types/a/schema",
          /the path of an \.avsc file inside/,
        ] as const,
    ),
    [{ name: "p", types: { a: { ...type, key: 1 } } }, "/types/a/key", /unknown member/],
    [
      { name: "p", types: { a: { ...type, topic: "a b" } } },
      "/types/a/topic",
      /no name for a topic/,
    ],
    [
      { name: "p", types: { a: { ...type, topic: ".." } } },
      "/types/a/topic",
      /no name for a topic/,
    ],
    [
      { name: "p", types: { a: { ...type, subject: "" } } },
      "/types/a/subject",
      /a subject is a text/,
    ],
    [
      { name: "p", types: { a: { ...type, subject: "{x}" } } },
      "/types/a/subject",
      /may hold \{topic\}/,
    ],
    [
      { name: "p", types: { a: { ...type, json: "tagged" } } },
      "/types/a/json",
      /one of plain, avro/,
    ],
    [
      { name: "p", types: { a: { ...type, keyRequired: 1 } } },
      "/types/a/keyRequired",
      /true or false/,
    ],
    [
      { name: "p", types: { a: { ...type, pointers: { ids: [] } } } },
      "/types/a/pointers/ids",
      /known are id,/,
    ],
    [
      { name: "p", types: { a: { ...type, pointers: { id: ["/a", "b"] } } } },
      "/types/a/pointers/id/1",
      /a JSON pointer \(RFC 6901\)/,
    ],
    [
      { name: "p", types: { a: { ...type, pointers: { id: ["/a~2"] } } } },
      "/types/a/pointers/id/0",
      /pointer/,
    ],
    [
      { name: "p", types: { a: { ...type, pointers: { id: ["/a", "/b", "/c", "/d", "/e"] } } } },
      "/types/a/pointers/id",
      /up to 4 JSON pointers/,
    ],
    [
      { name: "p", topics: { "a b": {} }, types: { a: type } },
      "/topics/a b",
      /no name for a topic/,
    ],
    [{ name: "p", topics: { t: { partitions: 0 } } }, "/topics/t/partitions", /from 1 to 10000/],
    [{ name: "p", topics: { t: { header: "no" } } }, "/topics/t/header", /true or false/],
    [
      { name: "p", topics: { u: {} }, types: { a: type } },
      "/types/a",
      /its topic "t" is not under/,
    ],
    [{ name: "p", defaults: { schema: "a" }, types: { a: type } }, "/defaults/schema", /unknown/],
  ];
  for (const [json, member, message] of cases) assertRefused(JSON.stringify(json), member, message);
  assertRefused('{"name":"p","name":"q"}', "", /the member "name" is there twice/);
  const many = (count: number): object =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`n${index}`, type]));
  assertRefused(JSON.stringify({ name: "p", types: many(1_001) }), "/types", /may have 1000 types/);
  const topics = Object.fromEntries(Object.keys(many(1_001)).map((name) => [name, {}]));
  assertRefused(JSON.stringify({ name: "p", topics }), "/topics", /may have 1000 topics/);
});

test("pack.schema.json says what the loader does", async () => {
  const text = await readFile(join(PACKS, "pack.schema.json"), "utf8");
  const schema = JSON.parse(text) as JsonSchema;
  const { $defs: parts } = schema;
  assert.ok(parts !== undefined);
  for (const [name, members] of Object.entries(PACK_MEMBERS)) {
    const part: JsonSchema | undefined = name === "pack" ? schema : parts[name];
    assert.deepEqual(Object.keys(part?.properties ?? {}), members.slice(), name);
    assert.equal(part?.additionalProperties, false, name);
  }
  const bounds = {
    types: schema.properties?.["types"]?.maxProperties,
    type: schema.properties?.["types"]?.propertyNames?.maxLength,
    topics: schema.properties?.["topics"]?.maxProperties,
    topic: parts["topicName"]?.maxLength,
    partitions: parts["topic"]?.properties?.["partitions"]?.maximum,
    subject: parts["type"]?.properties?.["subject"]?.maxLength,
    pointers: parts["pointerList"]?.maxItems,
    pointer: parts["pointerList"]?.items?.maxLength,
  };
  assert.deepEqual(bounds, {
    types: PACK_TYPES_MAX,
    type: TYPE_BYTES_MAX,
    topics: PACK_TOPICS_MAX,
    topic: TOPIC_BYTES_MAX,
    partitions: PACK_PARTITIONS_MAX,
    subject: SUBJECT_BYTES_MAX,
    pointers: POINTERS_MAX,
    pointer: POINTER_BYTES_MAX,
  });
  const pointers = Object.entries(parts["pointers"]?.properties ?? {});
  assert.deepEqual(
    Object.fromEntries(pointers.map(([name, part]) => [name, part.default])),
    DEFAULT_POINTERS,
  );
  assert.deepEqual(
    {
      partitions: parts["topic"]?.properties?.["partitions"]?.default,
      header: parts["topic"]?.properties?.["header"]?.default,
    },
    DEFAULT_TOPIC,
  );
  assert.equal(parts["type"]?.properties?.["subject"]?.default, DEFAULT_SUBJECT);
});

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly propertyNames?: JsonSchema;
  readonly items?: JsonSchema;
  readonly additionalProperties?: unknown;
  readonly default?: unknown;
  readonly maxProperties?: number;
  readonly maxItems?: number;
  readonly maxLength?: number;
  readonly maximum?: number;
}

function assertRefused(text: string, member: string, message: RegExp): void {
  assert.throws(
    () => readPackFile(text, "pack.json"),
    (error) => {
      assert.ok(error instanceof PackError);
      assert.deepEqual([error.member, message.test(error.message)], [member, true], error.message);
      return true;
    },
    text.slice(0, 200),
  );
}

async function directoryOf(
  t: TestContext,
  files: Readonly<Record<string, string | Buffer>>,
): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "sluice-pack-"));
  t.after(() => rm(directory, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), content);
  }
  return directory;
}
