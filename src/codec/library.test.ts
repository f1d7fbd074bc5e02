/** The library entry, from its sources and as a package that somebody else has installed. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { createEncoder, type Encoder, SchemaError } from "./library.ts";
import { loadCorpus } from "./testing/events.ts";
import { packLibrary, type PackedLibrary } from "./testing/packed-library.ts";

const MODULE = new Uint8Array(readFileSync(new URL("../../build/codec.wasm", import.meta.url)));
const COMPILER = fileURLToPath(new URL("../../node_modules/typescript/bin/tsc", import.meta.url));
const SCHEMA = '{"type":"record","name":"R","fields":[{"name":"n","type":"long"}]}';

const SECRET = SCHEMA.replace('"long"}', '"string","sluice.privacy":"hmac"}');

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const lengths = (encoder: Encoder, text: string): (number | string | undefined)[][] =>
  [...encoder.encode(bytes(text))].map((line) =>
    line.kind === "avro" ? [line.line, line.avro.length] : [line.line, line.fault.kind],
  );

describe("createEncoder", () => {
  it("encodes lines, tells faults, leaves out blank lines", async () => {
    const encoder = await createEncoder({ schema: SCHEMA, module: MODULE });
    const text = '{"n":1}\n\n{"n":"x"}\r\n \t\n{"n":300}';
    assert.deepEqual(lengths(encoder, text), [
      [0, 1],
      [2, "type"],
      [4, 2],
    ]);
    assert.deepEqual(lengths(encoder, ""), []);
    assert.deepEqual(lengths(encoder, "\n\n"), []);
    const [fault] = encoder.encode(bytes("{}"));
    assert(fault?.kind === "fault");
    assert.deepEqual([fault.fault.kind, fault.fault.path], ["missing", "/n"]);
  });

  it("goes on behind a line that is too long, and over many batches", async () => {
    const encoder = await createEncoder({ schema: SCHEMA, module: MODULE });
    const many = Array.from({ length: 1_201 }, (_, n) => `{"n":${n}}`).join("\n");
    assert.equal(lengths(encoder, many).length, 1_201);
    const long = `{"n":${" ".repeat(1024 * 1024)}1}`;
    assert.deepEqual(lengths(encoder, `{"n":1}\n${long}\n{"n":2}\n`), [
      [0, 1],
      [1, "too_large"],
      [2, 1],
    ]);
    const full = `{"n":${" ".repeat(1024 * 1024 - 7)}1}`;
    assert.deepEqual(lengths(encoder, `{"n":1}\n${full}\n${full}\n{"n":2}`).length, 4);
  });

  it("gives the same bytes as the corpora expect", async () => {
    const { schemaText, bytes: lines, expected } = loadCorpus("page_view");
    const encoder = await createEncoder({ schema: schemaText, module: MODULE });
    const found = [...encoder.encode(lines)];
    assert.equal(found.length, expected.length);
    for (const [index, line] of found.entries()) {
      assert(line.kind === "avro");
      assert.equal(String(line.avro.length), expected[index]?.split("\t")[0]);
    }
  });

  it("takes references, and refuses what is no schema", async () => {
    const user = '{"type":"record","name":"U","fields":[{"name":"r","type":"R"}]}';
    const encoder = await createEncoder({ schema: user, references: [SCHEMA], module: MODULE });
    assert.deepEqual(lengths(encoder, '{"r":{"n":5}}'), [[0, 1]]);
    await assert.rejects(createEncoder({ schema: user, module: MODULE }), SchemaError);
    // Without a salt nothing could be hashed, and the value would pass as it is.
    await assert.rejects(createEncoder({ schema: SECRET, module: MODULE }), SchemaError);
  });

  it("hashes private values under a salt", async () => {
    const privacySalt = "a salt for tests only";
    const encoder = await createEncoder({ schema: SECRET, module: MODULE, privacySalt });
    const [line] = encoder.encode(bytes('{"n":"a@b.example"}'));
    assert(line?.kind === "avro");
    const digest = createHmac("sha256", privacySalt).update("a@b.example").digest("hex");
    assert.equal(Buffer.from(line.avro).subarray(2).toString(), digest);
    const empty = createEncoder({ schema: SECRET, module: MODULE, privacySalt: "" });
    await assert.rejects(empty, TypeError);
  });

  it("tells all faults to who asks for them", async () => {
    const schema =
      '{"type":"record","name":"R","fields":[{"name":"a","type":"long"},{"name":"b","type":"int"}]}';
    const encoder = await createEncoder({ schema, module: MODULE, allFaults: true });
    const [line] = encoder.encode(bytes('{"a":"x"}'));
    assert(line?.kind === "fault");
    assert.deepEqual(
      line.faults?.map(({ path }) => path),
      ["/a", "/b"],
    );
    assert.deepEqual(line.faults[0], line.fault);
  });
});

describe("the package", () => {
  let library: PackedLibrary;
  before(async () => {
    library = await packLibrary();
  });
  after(() => library.remove());

  it("encodes in a program that imports sluice/codec", () => {
    const program = `import { createEncoder } from "sluice/codec";
      const encoder = await createEncoder({ schema: ${JSON.stringify(SCHEMA)} });
      const lines = [...encoder.encode(new TextEncoder().encode('{"n":1}\\n{"n":[]}'))];
      console.log(lines[0].avro.join(), lines[1].fault.path);`;
    writeFileSync(join(library.project, "user.js"), program);
    const output = execFileSync(process.execPath, ["user.js"], { cwd: library.project });
    assert.equal(output.toString(), "2 /n\n");
  });

  it("tells doubles in a program that imports sluice/consumer", () => {
    const program = `import { Deduplicator } from "sluice/consumer";
      const { verdict, reason } = new Deduplicator().decide({ topic: "t", partition: 0, headers: {} });
      console.log(verdict, reason);`;
    writeFileSync(join(library.project, "consumer.js"), program);
    const output = execFileSync(process.execPath, ["consumer.js"], { cwd: library.project });
    assert.equal(output.toString(), "unknown no_header\n");
  });

  it("has types that a strict TypeScript project takes", () => {
    const program = `import { createEncoder, type EncodedLine, type Fault } from "sluice/codec";
      import { Deduplicator, type Verdict } from "sluice/consumer";
      const record = { topic: "t", partition: 0, headers: {} };
      export const verdict: Verdict = new Deduplicator({ idsMax: 5 }).decide(record).verdict;
      const encoder = await createEncoder({ schema: "{}", json: "avro" });
      const lines: EncodedLine[] = [...encoder.encode(new Uint8Array())];
      export const faults: Fault[] = lines.flatMap((l) => (l.kind === "fault" ? [l.fault] : []));
      // @ts-expect-error: a schema is needed
      await createEncoder({});`;
    writeFileSync(join(library.project, "user.ts"), program);
    const options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022"];
    const words = [COMPILER, ...options, "--types", "", "--lib", "es2022", "user.ts"];
    try {
      execFileSync(process.execPath, words, { cwd: library.project });
    } catch (error) {
      assert.fail(String((error as { stdout?: Buffer }).stdout ?? error));
    }
  });

  it("needs nothing of Node.js in browsers", () => {
    const seen = new Set<string>();
    const entries = ["codec/library-browser.js", "consumer/library.js"];
    const open = entries.map((entry) => join(library.folder, "build/library", entry));
    for (let file = open.pop(); file !== undefined; file = open.pop()) {
      if (seen.has(file)) continue;
      seen.add(file);
      const imports = readFileSync(file, "utf8").matchAll(
        /^(?:import|export)\b[^"]* from "([^"]+)";$/gm,
      );
      for (const [, name = ""] of imports) {
        assert(name.startsWith("."), `${file} imports ${name}`);
        open.push(resolve(dirname(file), name));
      }
    }
    assert(seen.size > 10);
    assert([...seen].every((file) => existsSync(file)));
  });
});
