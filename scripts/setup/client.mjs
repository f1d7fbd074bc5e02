// @ts-check
/**
 * Makes build/client.js and build/live.js: `sluice/client` and `sluice/client/live` for browsers as
 * one small file each, which the gateway's demo page uses as well. Only when a source has changed.
 * Names that no other program sees are shortened: they are listed here, and what is not listed
 * keeps its name.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";

import { inputFiles } from "./codec.mjs";
import { SetupFailure } from "./failure.mjs";
import { inRoot, logFile, ROOT } from "./paths.mjs";
import { showStep } from "./progress.mjs";
import { run } from "./run.mjs";

export const CLIENT_BUNDLE = inRoot("build", "client.js");
export const LIVE_BUNDLE = inRoot("build", "live.js");
const INPUTS_HASH = inRoot("build", "client.inputs");
const BUILDER = inRoot("scripts", "build-client.mjs");

/** The files that decide what is built. */
export function clientInputs() {
  const sources = inputFiles(inRoot("src", "client"));
  return [...sources.filter((path) => !path.includes("/testing/")), BUILDER];
}

/** Whether build/ holds what the sources say. */
export function clientIsCurrent() {
  if (![CLIENT_BUNDLE, LIVE_BUNDLE, INPUTS_HASH].every((path) => existsSync(path))) return false;
  return readFileSync(INPUTS_HASH, "utf8") === inputsHash();
}

/**
 * Throws a SetupFailure with the bundler's words.
 *
 * @param {{ node: string, env: NodeJS.ProcessEnv }} options `node`: the Node.js to build with
 */
export async function buildClient({ node, env }) {
  await showStep("browser client", async () => {
    const hash = inputsHash();
    const log = logFile("client");
    mkdirSync(inRoot("build"), { recursive: true });
    const result = await run([node, BUILDER], { log, env });
    if (!result.ok) {
      throw new SetupFailure(`The browser client could not be built (${result.how}).`, {
        mend: "mend what the bundler says, then npm run build",
        log,
      });
    }
    writeFileSync(INPUTS_HASH, hash);
  });
}

function inputsHash() {
  const hash = createHash("sha256");
  const tools = ["esbuild", "terser"].map((name) => inRoot("node_modules", name, "package.json"));
  for (const path of [...clientInputs(), ...tools]) {
    hash.update(path.slice(ROOT.length)).update("\0").update(readFileSync(path)).update("\0");
  }
  return hash.digest("hex");
}
