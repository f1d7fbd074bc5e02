/**
 * k6, version 2: the one that SLUICE_TEST_K6 names, or that is in PATH, or else one built from its
 * Go module, once, into the cache folder. This file knows how to get it, not what to do with it.
 */
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";

import { artifactFolder, cachedArtifact } from "./artifacts.mjs";
import { findProgram } from "./prerequisites.mjs";
import { ServiceProblem } from "./problem.mjs";
import { runCommand } from "./run-command.mjs";

const K6 = { name: "k6", version: "2.2.0" };
const MODULE = "go.k6.io/k6/v2";

/** Where the archive of go.dev/dl puts it; not in everybody's PATH. */
const GO_FOLDER = "/usr/local/go/bin";

/** What every call of k6 here has in its environment: nothing is reported, nothing is loaded. */
export const K6_ENVIRONMENT = {
  K6_NO_USAGE_REPORT: "true",
  K6_AUTO_EXTENSION_RESOLUTION: "false",
};

/**
 * The program.
 * @param {{
 *   environment?: NodeJS.ProcessEnv,
 *   goFolder?: string,
 *   progress?: (sentence: string) => void,
 * }} [options] `goFolder`: where Go may be besides PATH
 * @returns {Promise<string>}
 * @throws {ServiceProblem} when it cannot be had; its sentence says why, and what to do
 */
export async function provideK6(options = {}) {
  const { environment = process.env, goFolder = GO_FOLDER, progress = () => {} } = options;
  const named = environment.SLUICE_TEST_K6;
  if (named !== undefined && named !== "") {
    if (existsSync(named)) return named;
    throw new ServiceProblem(`SLUICE_TEST_K6 names ${named}, which is not there.`);
  }
  const installed = findProgram("k6", environment.PATH);
  if (installed !== undefined && (await majorVersion(installed)) === 2) return installed;
  const program = join(artifactFolder(K6, environment), "k6");
  if (existsSync(program)) return program;
  const searched = [environment.PATH ?? "", goFolder].join(delimiter);
  const go = findProgram("go", searched);
  if (go === undefined) {
    throw new ServiceProblem(
      "k6 is not there, and no Go to build it with: put k6 2 or Go 1.25 (https://go.dev/dl) in " +
        "PATH, or name a k6 by SLUICE_TEST_K6.",
    );
  }
  progress(`building k6 ${K6.version} from its Go module; this takes a few minutes, once`);
  await cachedArtifact(K6, (folder) => build(go, { folder, environment }), progress);
  return program;
}

/**
 * Not by `go install MODULE@VERSION`: that asks the module's own site, besides the module proxy,
 * whether the module is deprecated, and fails where only the proxy can be reached.
 */
async function build(go, { folder, environment }) {
  const workspace = join(folder, "workspace");
  await mkdir(workspace);
  const lines = ["module build", "go 1.25.0", `require ${MODULE} v${K6.version}`, ""];
  await writeFile(join(workspace, "go.mod"), lines.join("\n"));
  await runCommand(go, ["install", "-trimpath", "-ldflags=-s -w", "-mod=mod", MODULE], {
    directory: workspace,
    environment: {
      ...environment,
      GOPATH: join(workspace, "path"),
      GOMODCACHE: join(workspace, "modules"),
      GOCACHE: join(workspace, "cache"),
      GOBIN: folder,
      GOFLAGS: "-modcacherw",
      GOTELEMETRY: "off",
      CGO_ENABLED: "0",
    },
    purpose: `build k6 ${K6.version}`,
  });
  await rm(workspace, { recursive: true });
}

/** `k6 v2.2.0 (go1.26.8, linux/amd64)` → 2; NaN if it says something else, or nothing. */
async function majorVersion(program) {
  const text = await runCommand(program, ["version"]).catch(() => "");
  return Number(/k6 v(\d+)\./u.exec(text)?.[1]);
}
