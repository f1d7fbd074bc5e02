import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { provideK6 } from "./k6.mjs";

/** @type {string} */
let directory;

before(() => {
  directory = mkdtempSync(join(tmpdir(), "sluice-k6-"));
});

after(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** @param {string} version what it says of itself */
function install(version) {
  const program = join(directory, "k6");
  writeFileSync(program, `#!/bin/sh\necho 'k6 v${version} (go1.26.8, linux/amd64)'\n`);
  chmodSync(program, 0o755);
  return program;
}

/** A place where nothing is, neither programs nor what was built before. */
const NOWHERE = { PATH: "", XDG_CACHE_HOME: "/nowhere" };

test("the one that is named is taken, or it is said that it is not there", async () => {
  const environment = { ...NOWHERE, SLUICE_TEST_K6: join(directory, "mine") };
  await assert.rejects(provideK6({ environment, goFolder: "" }), /SLUICE_TEST_K6 names .*mine/);
  writeFileSync(environment.SLUICE_TEST_K6, "");
  assert.equal(await provideK6({ environment, goFolder: "" }), environment.SLUICE_TEST_K6);
});

test("one in PATH is taken if it is of version 2", async () => {
  const environment = { ...NOWHERE, PATH: directory };
  const program = install("2.3.1");
  assert.equal(await provideK6({ environment, goFolder: "" }), program);
  install("1.8.0");
  await assert.rejects(provideK6({ environment, goFolder: "" }), /no Go to build it with/);
});

test("without k6 and without Go it is said what to do", async () => {
  await assert.rejects(provideK6({ environment: NOWHERE, goFolder: "" }), {
    name: "ServiceProblem",
    message: /put k6 2 or Go 1\.25 .* in PATH, or name a k6 by SLUICE_TEST_K6/,
  });
});
