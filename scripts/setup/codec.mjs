// @ts-check
/**
 * Compiles assembly/ to build/: the codec that runs, and one with assertions and guards for tests.
 * Both at once, and only when a source has changed. Options of the compiler are in
 * assembly/asconfig.json.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { SetupFailure } from "./failure.mjs";
import { writeGuarded } from "./guards.mjs";
import { inRoot, logFile, ROOT } from "./paths.mjs";
import { showStep } from "./progress.mjs";
import { run } from "./run.mjs";

const TARGETS = /** @type {const} */ ([
  { name: "release", output: "build/codec.wasm", folder: "assembly" },
  { name: "debug", output: "build/codec.debug.wasm", folder: "build/guarded" },
]);

/** What a build leaves: the modules, and the hash of what they were made from. */
export const CODEC_OUTPUTS = TARGETS.map(({ output }) => inRoot(output));
const INPUTS_HASH = inRoot("build", "codec.inputs");

/** Whether build/ holds what the sources say. */
export function codecIsCurrent() {
  if (![...CODEC_OUTPUTS, INPUTS_HASH].every((path) => existsSync(path))) return false;
  return readFileSync(INPUTS_HASH, "utf8") === inputsHash();
}

/**
 * Compiles both modules; throws a SetupFailure with the compiler's words.
 *
 * @param {{ node: string, env: NodeJS.ProcessEnv }} options `node`: the Node.js to run asc with
 */
export async function buildCodec({ node, env }) {
  await showStep("WASM codec", async () => {
    const hash = inputsHash();
    mkdirSync(inRoot("build"), { recursive: true });
    writeFileSync(INPUTS_HASH, "");
    writeGuarded(inRoot("build", "guarded"));
    const builds = TARGETS.map((target) => compile(target, { node, env }));
    await Promise.all(builds);
    writeFileSync(INPUTS_HASH, hash);
  });
}

/**
 * @param {(typeof TARGETS)[number]} target
 * @param {{ node: string, env: NodeJS.ProcessEnv }} options
 */
async function compile({ name, output, folder }, { node, env }) {
  const log = logFile(`codec-${name}`);
  const compiler = inRoot("node_modules", "assemblyscript", "bin", "asc.js");
  const source = [`${folder}/index.ts`, "--config", `${folder}/asconfig.json`];
  const result = await run([node, compiler, ...source, "--target", name, "--outFile", output], {
    log,
    env,
  });
  if (!result.ok) {
    throw new SetupFailure(`The WASM codec (${name}) could not be compiled (${result.how}).`, {
      mend: "mend what the compiler says, then npm run build",
      log,
    });
  }
}

/**
 * The files that decide what is compiled; or, of another folder, its files.
 *
 * @param {string} [folder]
 * @returns {string[]}
 */
export function inputFiles(folder) {
  if (folder === undefined) {
    const scripts = ["build.mjs", "setup/guards.mjs", "setup/guards.as"];
    return [...inputFiles(inRoot("assembly")), ...scripts.map((path) => inRoot("scripts", path))];
  }
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return inputFiles(path);
      return entry.isFile() ? [path] : [];
    })
    .filter((path) => !path.endsWith(".test.ts"))
    .sort();
}

function inputsHash() {
  const hash = createHash("sha256");
  const compiler = inRoot("node_modules", "assemblyscript", "package.json");
  for (const path of [...inputFiles(), compiler]) {
    hash.update(path.slice(ROOT.length)).update("\0").update(readFileSync(path)).update("\0");
  }
  return hash.digest("hex");
}
