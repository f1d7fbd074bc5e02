/** `sluice types`: the packs' samples are what its types say, and the compiler agrees. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { runCommand } from "./testing/run-command.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const CLIENT = join(ROOT, "src", "client", "types.ts");

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), "sluice-types-"));
});
after(() => rmSync(directory, { recursive: true }));

/** What the compiler complains about, "" for nothing. */
async function compile(program: string): Promise<string> {
  const file = join(directory, "program.ts");
  writeFileSync(file, program);
  const compiler = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const options = ["--noEmit", "--strict", "--skipLibCheck", "--ignoreConfig"];
  const more = [
    "--allowImportingTsExtensions",
    "--module",
    "nodenext",
    "--types",
    "",
    "--lib",
    "es2022,dom",
  ];
  const run = promisify(execFile)(process.execPath, [compiler, ...options, ...more, file]);
  return run.then(
    () => "",
    ({ stdout }: { readonly stdout: string }) => stdout,
  );
}

async function typesOf(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(["types", ...words]);
  assert.equal(code, 0, stderr);
  return stdout;
}

test("types: the samples of every pack fit, through track()", async () => {
  const program = [`import type { Client } from ${JSON.stringify(CLIENT)};`];
  for (const [pack, typeMember, isWhole] of [
    ["behaviour", "type", false],
    ["aiops", "type", false],
    ["commerce", "eventType", true],
  ] as const) {
    writeFileSync(join(directory, `${pack}.d.ts`), await typesOf("--pack", pack));
    program.push(`import type { Events as ${pack}Events } from "./${pack}.d.ts";`);
    program.push(`declare const ${pack}: Client<${pack}Events>;`);
    const samples = readFileSync(join(ROOT, "packs", pack, "samples.ndjson"), "utf8");
    for (const line of samples.trim().split("\n")) {
      const event = JSON.parse(line) as Record<string, unknown>;
      const data = isWhole ? event : event["data"];
      const type = JSON.stringify(event[typeMember]);
      // Not literally in the call: senders may hold more than a schema asks for.
      const name = `sample${program.length}`;
      program.push(`const ${name} = ${JSON.stringify(data)} as const;`);
      program.push(`${pack}.track(${type}, ${name});`);
    }
  }
  program.push("// @ts-expect-error: no such type");
  program.push('behaviour.track("paeg", {});');
  program.push("// @ts-expect-error: a string in place of a number, and fields are missing");
  program.push('behaviour.track("search", { resultCount: "many" });');
  assert.equal(await compile(program.join("\n")), "");
});

test("types: each form of mapping v1 has its type", async () => {
  const file = join(directory, "form.avsc");
  const field = (name: string, type: unknown, more: object = {}) => ({ name, type, ...more });
  const schema = {
    type: "record",
    name: "a.Form",
    fields: [
      field("n", "long"),
      field("big", "long", { "sluice.from": "decimal-string" }),
      field("at", { type: "long", logicalType: "timestamp-millis" }),
      field("day", { type: "int", logicalType: "date" }, { default: 0 }),
      field("price", { type: "bytes", logicalType: "decimal", precision: 9, scale: 2 }),
      field("raw", "string", { "sluice.from": "json" }),
      field("maybe", ["null", "string"]),
      field("tags", { type: "array", items: ["null", "string"] }),
      field("counts", { type: "map", values: "int" }),
      field("size", { type: "enum", name: "shirt_size", symbols: ["S", "M"] }),
      field("next", ["null", "a.Form"], { default: null }),
    ],
  };
  writeFileSync(file, JSON.stringify(schema));
  const text = await typesOf(file);
  assert.equal(
    text.split("\n").slice(2).join("\n"),
    `export type ShirtSize = "S" | "M";

export interface Form {
  n: number;
  big: number | string;
  at: number | string;
  day?: number | string;
  price: number | string;
  raw: unknown;
  maybe?: null | string;
  tags: readonly (null | string)[];
  counts: { [key: string]: number };
  size: ShirtSize;
  next?: null | Form;
}

export interface Events {
  "form": Form;
}
`,
  );
});

test("types: two schemas with the same name and other fields get a type each", async () => {
  const write = (name: string, type: string) => {
    const file = join(directory, `${name}.avsc`);
    const schema = { type: "record", name: "Thing", fields: [{ name: "a", type }] };
    writeFileSync(file, JSON.stringify(schema));
    return file;
  };
  const text = await typesOf(write("x", "int"), write("y", "string"), write("z", "int"));
  assert.match(text, /"x": Thing;\n {2}"y": Thing2;\n {2}"z": Thing;/);
});

test("types: a file that is no schema is named, and so is a missing operand", async () => {
  const file = join(directory, "broken.avsc");
  writeFileSync(file, "{");
  const broken = await runCommand(["types", file]);
  assert.equal(broken.code, 1);
  assert.match(broken.stderr, /broken\.avsc/);
  assert.equal((await runCommand(["types"])).code, 2);
});
