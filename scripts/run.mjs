// @ts-check
/**
 * Runs a script of the project in a checkout that is set up, with the right Node.js: what stands
 * behind `npm run NAME`. Passes on arguments, signals and the exit code.
 *
 * By hand: node scripts/run.mjs SCRIPT [ARGUMENT…]
 */
import { spawn } from "node:child_process";
import { constants } from "node:os";

import { setUpOrExit } from "./setup.mjs";
import { inRoot } from "./setup/paths.mjs";

const [script, ...rest] = process.argv.slice(2);
if (script === undefined) throw new Error("usage: run.mjs SCRIPT [ARGUMENT…]");

const { node, env } = await setUpOrExit();
const child = spawn(node, [inRoot(script), ...rest], { env, stdio: "inherit" });
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
  process.on(signal, () => child.kill(signal));
}
child.once("exit", (code, signal) => {
  process.exit(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
});
