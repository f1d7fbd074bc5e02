// @ts-check
/** The packages of the lock file, installed by `npm ci` without running their install scripts. */
import { existsSync, readFileSync } from "node:fs";

import { SetupFailure } from "./failure.mjs";
import { npmMissing } from "./node.mjs";
import { inRoot, logFile } from "./paths.mjs";
import { showStep } from "./progress.mjs";
import { run } from "./run.mjs";

/** uWebSockets.js' addon: npm leaves it out silently when the wrong Node.js runs it. */
export const UWS_ADDON = inRoot("node_modules", "@uwsjs", "linux-x64-24", "uws.node");

/**
 * @typedef {{ version?: string, integrity?: string, optional?: boolean, link?: boolean }} LockEntry
 */

/**
 * Whether node_modules holds what the lock file names. npm writes its own list of what it installed
 * as its last act, so an installation that was cut short is seen as one.
 */
export function packagesInstalled() {
  if (!existsSync(UWS_ADDON)) return false;
  try {
    const wanted = packagesOf(inRoot("package-lock.json"));
    const present = packagesOf(inRoot("node_modules", ".package-lock.json"));
    return Object.entries(wanted).every(
      ([path, entry]) => path === "" || sameIn(present, path, entry),
    );
  } catch {
    return false;
  }
}

/**
 * @param {Record<string, LockEntry>} present
 * @param {string} path
 * @param {LockEntry} wanted
 */
function sameIn(present, path, wanted) {
  const found = present[path];
  if (found === undefined) return wanted.optional === true;
  return found.version === wanted.version && found.integrity === wanted.integrity;
}

/**
 * @param {string} file
 * @returns {Record<string, LockEntry>}
 */
function packagesOf(file) {
  return JSON.parse(readFileSync(file, "utf8")).packages;
}

/** @param {NodeJS.ProcessEnv} env one in which the right Node.js comes first */
export async function installPackages(env) {
  await showStep("packages of package-lock.json", async () => {
    const log = logFile("packages");
    const result = await run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
      log,
      env,
    });
    if (result.missing) throw npmMissing();
    if (!result.ok) {
      throw new SetupFailure(`npm could not install the packages (${result.how}).`, {
        mend: "npm ping, to see whether the registry can be reached; then the same again",
        log,
      });
    }
    if (!existsSync(UWS_ADDON)) {
      throw new SetupFailure("npm left out uWebSockets.js' addon for this platform.", {
        mend: "node scripts/fix-lock.mjs, then the same again",
        log,
      });
    }
  });
}
