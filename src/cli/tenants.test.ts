import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { keyDigest } from "../admission/keys.ts";
import { runCommand } from "./testing/run-command.ts";

describe("sluice keys new and tenants check", () => {
  let directory = "";
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sluice-tenants-"));
  });
  after(() => rm(directory, { recursive: true }));

  async function check(file: object | string) {
    const path = join(directory, "tenants.json");
    await writeFile(path, typeof file === "string" ? file : JSON.stringify(file));
    return runCommand(["tenants", "check", path]);
  }

  it("makes keys that differ, with the hash that the file needs", async () => {
    const runs = [await runCommand(["keys", "new", "--json"]), await runCommand(["keys", "new"])];
    const made = JSON.parse(runs[0]?.stdout ?? "") as { key: string; sha256: string; kind: string };
    assert.equal(made.kind, "write");
    assert.equal(made.sha256, keyDigest(made.key));
    assert.ok(!runs[1]?.stdout.includes(made.key));
    const file = {
      tenants: { shop: { sources: { web: { writeKeys: [{ sha256: made.sha256 }] } } } },
    };
    const run = await check(file);
    assert.equal(run.code, 0, run.stdout);
    assert.match(run.stdout, /^shop\/web +1 write key, 0 secret keys, all types/);
  });

  it("says of an unsound file all that is wrong, with places", async () => {
    const run = await check({
      tenants: { shop: { sources: { web: { types: ["pgae"] } }, topics: { nope: "t" } } },
    });
    assert.equal(run.code, 1);
    assert.match(run.stdout, /\/tenants\/shop\/sources\/web\/types: the pack has no type "pgae"/);
    assert.match(run.stdout, /\/tenants\/shop\/topics: the pack has no type "nope"/);
    assert.equal((await check("{")).code, 1);
    assert.equal((await runCommand(["tenants", "check", join(directory, "none")])).code, 1);
    assert.equal((await runCommand(["tenants", "check"])).code, 2);
  });

  it("points out sources that nobody can use", async () => {
    const run = await check({ tenants: { shop: { sources: { web: {} } } } });
    assert.equal(run.code, 0);
    assert.match(run.stdout, /nobody can send as shop\/web/);
  });
});
