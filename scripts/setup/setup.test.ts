import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";

import { SetupFailure } from "./failure.mjs";
import { takeLock } from "./lock.mjs";
import { environmentWith, nodeFits } from "./node.mjs";
import { checkPlatform } from "./platform.mjs";
import { run } from "./run.mjs";

const folder = mkdtempSync(join(tmpdir(), "sluice-setup-"));
after(() => {
  rmSync(folder, { recursive: true });
});

describe("nodeFits", () => {
  for (const [version, fits] of [
    ["18.19.0", false],
    ["22.18.0", false],
    ["24.14.0", false],
    ["24.14.1", true],
    ["24.21.0", true],
    ["25.0.0", false],
  ] as const) {
    it(`${version}: ${fits ? "yes" : "no"}`, () => {
      assert.equal(nodeFits(version), fits);
    });
  }
});

describe("checkPlatform", () => {
  it("Linux x86-64 with glibc: content", () => {
    checkPlatform({ platform: "linux", arch: "x64", glibc: true });
  });

  for (const machine of [
    { platform: "darwin", arch: "arm64", glibc: false },
    { platform: "linux", arch: "arm64", glibc: true },
    { platform: "win32", arch: "x64", glibc: false },
    { platform: "linux", arch: "x64", glibc: false },
  ]) {
    it(`${machine.platform} ${machine.arch}, glibc ${machine.glibc}: one sentence`, () => {
      assert.throws(() => {
        checkPlatform(machine);
      }, SetupFailure);
    });
  }
});

describe("environmentWith", () => {
  it("puts the Node.js first and drops what an npm left about its own run", () => {
    process.env["npm_config_only"] = "prod";
    process.env["npm_lifecycle_event"] = "test";
    try {
      const env = environmentWith({ binary: "/opt/node/bin/node", headers: "/opt/node" });
      assert.match(env["PATH"] ?? "", /^\/opt\/node\/bin:/);
      assert.equal(env["npm_config_only"], undefined);
      assert.equal(env["npm_lifecycle_event"], undefined);
    } finally {
      delete process.env["npm_config_only"];
      delete process.env["npm_lifecycle_event"];
    }
  });
});

describe("takeLock", () => {
  const path = join(folder, "lock");

  it("a lock whose owner is gone: taken over", async () => {
    const { pid } = spawnSync(process.execPath, ["--version"]);
    mkdirSync(path);
    writeFileSync(join(path, "pid"), String(pid));
    const giveBack = await takeLock(path);
    giveBack();
    assert.equal(existsSync(path), false);
  });

  it("a lock whose owner lives: waited for", async () => {
    const giveBack = await takeLock(path);
    let taken = false;
    const second = takeLock(path).then((release) => {
      taken = true;
      return release;
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(taken, false);
    giveBack();
    (await second)();
  });
});

describe("run", () => {
  const log = join(folder, "log", "step.log");

  it("a command that fails: its exit code as words", async () => {
    const result = await run([process.execPath, "-e", "process.exit(3)"], { log });
    assert.deepEqual(result, { ok: false, how: "exit code 3", missing: false });
  });

  it("a command that does not exist: missing", async () => {
    const result = await run(["no-such-command"], { log });
    assert.deepEqual(result, { ok: false, how: "no-such-command was not found", missing: true });
  });

  it("a command that hangs: ended at its time limit", async () => {
    const command = [process.execPath, "-e", "setInterval(() => {}, 1000)"] as const;
    const result = await run([...command], { log, timeoutMs: 50 });
    assert.deepEqual(result, { ok: false, how: "no end after 50 ms", missing: false });
  });
});

describe("SetupFailure", () => {
  it("shows the sentence, the remedy and the end of the log", () => {
    const log = join(folder, "long.log");
    writeFileSync(log, Array.from({ length: 50 }, (_, index) => `line ${index}`).join("\n"));
    const text = new SetupFailure("It broke.", { mend: "mend it", log }).render();
    assert.match(text, /^sluice: It broke\.\n {2}To mend it: mend it\n {2}The end of /);
    assert.match(text, /line 49$/);
    assert.doesNotMatch(text, /line 29\n/);
  });
});
