/** `sluice encode` with the real codec: JSON lines in, the lines of the issue out. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, describe, it } from "node:test";

import avsc from "avsc";

import { ENCODE_LINE_BYTES_MAX } from "../limits/commands.ts";
import { jsonLines, runCommand, type CommandRun, type RunOptions } from "./testing/run-command.ts";

const SCHEMA = {
  type: "record",
  name: "Line",
  fields: [
    { name: "sku", type: "string" },
    { name: "quantity", type: "int", default: 1 },
    { name: "type", type: ["null", "string"], default: null },
  ],
};

describe("sluice encode", () => {
  let directory: string;
  let schemaFile: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sluice-encode-"));
    schemaFile = join(directory, "line.avsc");
    await writeFile(schemaFile, JSON.stringify(SCHEMA));
  });
  after(async () => {
    await rm(directory, { recursive: true });
  });

  function encode(stdin: RunOptions["stdin"], ...more: readonly string[]): Promise<CommandRun> {
    return runCommand(["encode", "--schema", schemaFile, ...more], { stdin: stdin ?? "" });
  }

  it("good lines, give hex without the registry header and exit code 0", async () => {
    const run = await encode('{"sku":"KET-1","quantity":2}\n{"quantity":-1,"sku":""}');
    assert.equal(run.stderr, "");
    assert.equal(
      run.stdout,
      '{"index":0,"ok":true,"avro":"0a4b45542d310400"}\n{"index":1,"ok":true,"avro":"000100"}\n',
    );
    assert.equal(run.code, 0);
  });

  it("private fields, are hashed under the salt of the environment and refused without", async () => {
    const file = join(directory, "private.avsc");
    const field = { name: "mail", type: "string", "sluice.privacy": "hmac" };
    await writeFile(file, JSON.stringify({ type: "record", name: "P", fields: [field] }));
    const salt = "0123456789abcdef";
    const run = (env: Record<string, string>): Promise<CommandRun> =>
      runCommand(["encode", "--schema", file], { stdin: '{"mail":"a@b.example"}', env });
    const [line] = jsonLines((await run({ SLUICE_PRIVACY_SALT: salt })).stdout);
    const digest = createHmac("sha256", salt).update("a@b.example").digest("hex");
    assert.equal(line?.["avro"], `8001${Buffer.from(digest).toString("hex")}`);
    const refused = await run({});
    assert.match(refused.stderr, /needs SLUICE_PRIVACY_SALT/);
    assert.equal(refused.stdout, "");
  });

  it("--all-faults, prints all that is wrong with a line", async () => {
    const run = await encode('{"sku":5,"quantity":"x","quantity":1}\n{"sku":""}\n', "--all-faults");
    const [line] = jsonLines(run.stdout);
    const faults = line?.["faults"] as Readonly<Record<string, unknown>>[];
    assert.deepEqual(
      faults.map(({ kind, path }) => [kind, path]),
      [
        ["type", "/sku"],
        ["type", "/quantity"],
        ["duplicate", "/quantity"],
      ],
    );
    assert.equal(line?.["path"], "/sku");
    const plain = await encode('{"sku":5,"quantity":"x"}');
    assert.equal(jsonLines(plain.stdout)[0]?.["faults"], undefined);
  });

  it("a refused line between good ones, has its own answer; exit code 1", async () => {
    const run = await encode('{"sku":"a"}\n{"sku":7}\n{"sku":"b"}\n{"sku"\n');
    const lines = jsonLines(run.stdout);
    assert.deepEqual(
      lines.map((line) => [line["index"], line["ok"]]),
      [
        [0, true],
        [1, false],
        [2, true],
        [3, false],
      ],
    );
    assert.equal(lines[1]?.["code"], "schema_invalid");
    assert.equal(lines[1]?.["kind"], "type");
    assert.equal(lines[1]?.["path"], "/sku");
    assert.match(String(lines[1]?.["detail"]), /string/);
    assert.deepEqual([lines[3]?.["kind"], lines[3]?.["path"]], ["syntax", ""]);
    assert.equal(run.code, 1);
  });

  it("blank lines, count but give nothing; CR before LF is white space", async () => {
    const run = await encode('\n  \r\n{"sku":"a"}\r\n\n{"sku":"b"}');
    assert.equal(
      run.stdout,
      '{"index":2,"ok":true,"avro":"02610200"}\n{"index":4,"ok":true,"avro":"02620200"}\n',
    );
  });

  it("members called type, id, data, events or schema, are members of the record", async () => {
    const run = await encode(
      '{"type":"x","sku":"a","id":7,"data":{},"events":[],"schema":"s","ts":"no"}',
    );
    assert.equal(run.stdout, '{"index":0,"ok":true,"avro":"026102020278"}\n');
  });

  it("--json avro, takes Avro's own encoding", async () => {
    const tagged = '{"sku":"a","quantity":1,"type":{"string":"x"}}';
    const run = await encode(`${tagged}\n{"sku":"a","quantity":1,"type":"x"}`, "--json", "avro");
    assert.match(
      run.stdout,
      /^\{"index":0,"ok":true,"avro":"026102020278"\}\n\{"index":1,"ok":false,/,
    );
    assert.equal(run.code, 1);
  });

  it("a line over the bound, is too_large and its neighbours are not touched", async () => {
    const long = `{"sku":"${"x".repeat(ENCODE_LINE_BYTES_MAX)}"}`;
    const run = await encode(`{"sku":"a"}\n${long}\n{"sku":"b"}\n`);
    const lines = jsonLines(run.stdout);
    assert.deepEqual(
      lines.map((line) => line["code"] ?? "ok"),
      ["ok", "too_large", "ok"],
    );
  });

  it("100,000 lines in chunks of any size, all come out in order", async () => {
    const count = 100_000;
    const input = Buffer.from(
      Array.from({ length: count }, (_, index) => `{"sku":"s${index}","quantity":${index}}`).join(
        "\n",
      ),
    );
    const chunks = function* (): Generator<Buffer> {
      for (
        let start = 0, size = 1;
        start < input.length;
        start += size, size = (size * 7) % 99_991
      ) {
        yield input.subarray(start, start + size);
      }
    };
    const run = await encode(Readable.from(chunks()));
    const type = avsc.Type.forSchema(SCHEMA as avsc.Schema);
    const lines = run.stdout.trimEnd().split("\n");
    assert.equal(lines.length, count);
    for (const [index, line] of lines.entries()) {
      const expected = type.toBuffer({ sku: `s${index}`, quantity: index, type: null });
      assert.equal(line, `{"index":${index},"ok":true,"avro":"${expected.toString("hex")}"}`);
    }
  });

  it("--ocf, writes a file that avsc reads, and prints only what was refused", async () => {
    for (const codec of ["null", "deflate"]) {
      const file = join(directory, `${codec}.avro`);
      const run = await encode(
        '{"sku":"a"}\n{"sku":1}\n{"sku":"b"}\n',
        "--ocf",
        file,
        "--codec",
        codec,
      );
      assert.equal(run.code, 1);
      assert.match(run.stdout, /^\{"index":1,"ok":false,[^\n]*\}\n$/);
      assert.equal(run.stderr, `${file}: 2 records, 1 refused.\n`);
      const records: unknown[] = [];
      for await (const record of avsc.createFileDecoder(file)) records.push({ ...record });
      assert.deepEqual(records, [
        { sku: "a", quantity: 1, type: null },
        { sku: "b", quantity: 1, type: null },
      ]);
    }
    assert.deepEqual(
      (await readdir(directory)).filter((file) => file.endsWith(".part")),
      [],
    );
  });

  it("--ocf, interrupted, leaves neither the file nor a part of it", async () => {
    const abort = new AbortController();
    const endless = function* (): Generator<Buffer> {
      for (let chunks = 0; ; chunks += 1) {
        if (chunks === 100) abort.abort();
        yield Buffer.from('{"sku":"a"}\n');
      }
    };
    const file = join(directory, "interrupted.avro");
    const run = await runCommand(["encode", "--schema", schemaFile, "--ocf", file], {
      stdin: Readable.from(endless()),
      signal: abort.signal,
    });
    assert.equal(run.code, 1);
    assert.equal(run.stderr, `${file} is not written: interrupted.\n`);
    const left = (await readdir(directory)).filter((name) => name.startsWith("interrupted"));
    assert.deepEqual(left, []);
  });

  it("--ocf into a directory that does not exist, is one sentence and exit code 1", async () => {
    const run = await encode('{"sku":"a"}', "--ocf", join(directory, "none", "x.avro"));
    assert.equal(run.code, 1);
    assert.match(run.stderr, /x\.avro cannot be written: ENOENT[^\n]*\n$/);
  });

  it("a schema that cannot be read or used, is one sentence", async () => {
    const missing = await runCommand(["encode", "--schema", join(directory, "none.avsc")]);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /none\.avsc cannot be read: ENOENT[^\n]*\n$/);
    const file = join(directory, "broken.avsc");
    await writeFile(file, '{"type":"rekord"}');
    const broken = await runCommand(["encode", "--schema", file]);
    assert.equal(broken.code, 2);
    assert.match(broken.stderr, /broken\.avsc is not a schema sluice can use: [^\n]*\n$/);
  });
});
