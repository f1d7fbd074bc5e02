import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

describe("--help", () => {
  for (const program of [...globSync("bench/*.ts", { cwd: ROOT }), "test/oracle/run.ts"]) {
    it(`${program}: its header, and nothing is started`, () => {
      const words = [program, "--help"];
      const { status, stdout, stderr } = spawnSync(process.execPath, words, {
        cwd: ROOT,
        encoding: "utf8",
      });
      assert.equal(stderr, "");
      assert.equal(status, 0);
      assert.match(stdout, new RegExp(`(npm run bench -- |node .*${program})`, "u"));
    });
  }

  it("npm run bench: every benchmark with what it asks", () => {
    const words = ["scripts/bench.ts", "--help"];
    const { status, stdout } = spawnSync(process.execPath, words, { cwd: ROOT, encoding: "utf8" });
    assert.equal(status, 0);
    for (const program of globSync("*.ts", { cwd: `${ROOT}/bench` })) {
      assert.match(stdout, new RegExp(`^  ${program.replace(".ts", "")} +\\S.*[.?]$`, "mu"));
    }
  });
});
