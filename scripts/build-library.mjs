// @ts-check
/**
 * Makes build/library/, what `sluice/codec` is elsewhere: JavaScript and declarations of the
 * codec's library entry, and codec.wasm beside them. Node.js strips no types inside node_modules.
 *
 * By hand: npm run build:library
 */
import { copyFileSync, rmSync } from "node:fs";
import { spawnSync } from "node:child_process";

import { setUpOrExit } from "./setup.mjs";
import { inRoot } from "./setup/paths.mjs";

const FOLDER = inRoot("build", "library");

const { node, env } = await setUpOrExit();
rmSync(FOLDER, { recursive: true, force: true });
const compiler = inRoot("node_modules", "typescript", "bin", "tsc");
const words = [compiler, "-p", inRoot("tsconfig.library.json")];
const { status } = spawnSync(node, words, { env, stdio: "inherit" });
if (status === 0)
  copyFileSync(inRoot("build", "codec.wasm"), inRoot("build", "library", "codec.wasm"));
else process.exitCode = 1;
