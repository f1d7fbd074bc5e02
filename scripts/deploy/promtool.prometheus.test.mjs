import { execFile } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const cwd = fileURLToPath(new URL("../../deploy/prometheus", import.meta.url));

/** Rejects with all that promtool printed when it is not content. */
const promtool = (...words) => run("promtool", words, { cwd });

describe("promtool", () => {
  it("takes the rule files", () =>
    promtool("check", "rules", "sluice-objectives.rules.yml", "sluice-causes.rules.yml"));

  it("sees each alert on a cause fire when it should, and stay quiet when it should not", () =>
    promtool("test", "rules", "sluice-causes.test.yml"));

  it("sees each alert on a budget fire when it should, and stay quiet when it should not", () =>
    promtool("test", "rules", "sluice-objectives.test.yml"));
});
