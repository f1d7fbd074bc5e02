/** `sluice schema` with a real registry: packs are registered, registered schemas are compared. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { testService } from "../../test/services.ts";
import { runCommand, type CommandRun } from "./testing/run-command.ts";

const REGISTRY = ["--registry", testService("registry")];

function schema(...fields: readonly unknown[]): string {
  return JSON.stringify({ type: "record", name: "sluice.test.Subject", fields });
}

describe("sluice schema with a registry", () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sluice-schema-"));
  });
  after(async () => {
    await rm(directory, { recursive: true });
  });

  async function run(
    command: "check" | "register",
    options: { readonly subject: string; readonly text: string },
  ): Promise<CommandRun> {
    const file = join(directory, "subject.avsc");
    await writeFile(file, options.text);
    return await runCommand(["schema", command, file, "--subject", options.subject, ...REGISTRY]);
  }

  for (const pack of ["behaviour", "aiops", "commerce"]) {
    it(`register --pack ${pack}, gives every subject an id, the second time the same`, async () => {
      const first = await runCommand(["schema", "register", "--pack", pack, ...REGISTRY]);
      assert.equal(first.stderr, "");
      assert.equal(first.code, 0);
      for (const line of first.stdout.trimEnd().split("\n")) assert.match(line, /^\S+ {2}id \d+$/);
      const second = await runCommand(["schema", "register", "--pack", pack, ...REGISTRY]);
      assert.equal(second.stdout, first.stdout);
      const checked = await runCommand(["schema", "check", "--pack", pack, ...REGISTRY]);
      assert.equal(checked.code, 0, checked.stdout);
      assert.doesNotMatch(checked.stdout, /warning|refused/);
    });
  }

  it("a new subject, then a compatible and an incompatible successor, are told apart", async () => {
    const subject = `sluice-test-${randomUUID()}`;
    const first = schema({ name: "a", type: "int" });
    assert.match(
      (await run("check", { subject, text: first })).stdout,
      /new: the registry has no version/,
    );
    assert.match(
      (await run("register", { subject, text: first })).stdout,
      new RegExp(`^${subject}  id \\d+\n$`),
    );

    const grown = schema({ name: "a", type: "int" }, { name: "b", type: "string", default: "" });
    const compatible = await run("check", { subject, text: grown });
    assert.equal(compatible.code, 0);
    assert.match(compatible.stdout, /compatible with the newest version in the registry/);

    const broken = schema({ name: "a", type: "int" }, { name: "b", type: "string" });
    const incompatible = await run("check", { subject, text: broken });
    assert.equal(incompatible.code, 1);
    assert.match(incompatible.stdout, /not compatible with the newest version in the registry/);
    const refused = await run("register", { subject, text: broken });
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, new RegExp(`^${subject} is not registered: `));
  });

  it("a registry that is down, is one sentence and exit code 1", async () => {
    const down = ["--registry", "http://127.0.0.1:9"];
    const registered = await runCommand(["schema", "register", "--pack", "aiops", ...down]);
    assert.equal(registered.code, 1);
    assert.match(registered.stderr, /^aiops-metrics-\S+ is not registered: /);
  });

  it("no registry, is one sentence and exit code 1", async () => {
    const registered = await runCommand(["schema", "register", "--pack", "aiops"]);
    assert.equal(registered.code, 1);
    assert.match(registered.stderr, /^There is no registry to register with/);
  });

  it("a file without a subject, is refused with exit code 2", async () => {
    const file = join(directory, "bare.avsc");
    await writeFile(file, schema());
    assert.equal((await runCommand(["schema", "register", file, ...REGISTRY])).code, 2);
    assert.equal((await runCommand(["schema", "check", file, ...REGISTRY])).code, 2);
  });
});
