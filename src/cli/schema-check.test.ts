/** `sluice schema check` without a registry. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { runCommand, type CommandRun } from "./testing/run-command.ts";

describe("sluice schema check", () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sluice-check-"));
  });
  after(async () => {
    await rm(directory, { recursive: true });
  });

  async function check(text: string, ...more: readonly string[]): Promise<CommandRun> {
    const file = join(directory, "a.avsc");
    await writeFile(file, text);
    const run = await runCommand(["schema", "check", file, ...more]);
    return { ...run, stdout: run.stdout.replaceAll(directory, "DIR") };
  }

  it("a sound schema, has its name, fingerprint and canonical form", async () => {
    // The fingerprint of "int" is one of the Avro specification's own test vectors.
    const run = await check('{ "type": "int" }', "--canonical");
    assert.equal(
      run.stdout,
      'DIR/a.avsc\n  int\n  fingerprint fp:7275d51a3f395c8f\n  canonical "int"\n',
    );
    assert.equal(run.code, 0);
  });

  it("what will hurt later, is a warning and exit code 0", async () => {
    const run = await check(
      '{"type":"record","name":"R","fields":[{"name":"a","type":["null","int"]}]}',
    );
    assert.match(
      run.stdout,
      /^DIR\/a\.avsc\n {2}record R with 1 field\n {2}fingerprint fp:\w{16}\n {2}warning: a: /,
    );
    assert.equal(run.code, 0);
  });

  const refused: ReadonlyArray<readonly [string, string]> = [
    ["no JSON", "{"],
    ["no Avro", '{"type":"rekord"}'],
    [
      "an annotation that is not served",
      '{"type":"record","name":"R","fields":[{"name":"a","type":"int","sluice.fill":"tenant"}]}',
    ],
  ];
  for (const [name, text] of refused) {
    it(`${name}, is refused with exit code 1`, async () => {
      const run = await check(text);
      assert.match(run.stdout, /^DIR\/a\.avsc\n {2}refused: [^\n]+\n$/);
      assert.equal(run.code, 1);
    });
  }

  it("a refused schema among sound ones, does not hide them", async () => {
    const files = ["1.avsc", "2.avsc", "3.avsc"].map((file) => join(directory, file));
    for (const [index, file] of files.entries())
      await writeFile(file, index === 1 ? "{" : '"long"');
    const run = await runCommand(["schema", "check", ...files]);
    assert.equal(run.code, 1);
    assert.equal(run.stdout.match(/fingerprint/g)?.length, 2);
    assert.equal(run.stdout.match(/refused/g)?.length, 1);
  });

  it("a pack that does not exist, is one sentence and exit code 1", async () => {
    const run = await runCommand(["schema", "check", "--pack", "behavior"]);
    assert.equal(run.code, 1);
    assert.match(run.stderr, /behaviour[^\n]*\n$/);
  });
});
