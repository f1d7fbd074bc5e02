// @ts-check
/**
 * Makes a checkout ready to run: Node.js 24, packages, two native addons, the WASM codec, the
 * browser client. Every
 * step looks first whether its work is done, so it can be cut short at any point and begun again;
 * when nothing is to be done it says nothing. It runs on any Node.js from 18 with nothing
 * installed, and knows nothing of what the gateway does.
 *
 * By hand: node scripts/setup.mjs [--print-node]   (prints the path of the Node.js to use)
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { buildClient, clientIsCurrent } from "./setup/client.mjs";
import { codecIsCurrent, buildCodec } from "./setup/codec.mjs";
import { relaxGlibcOf } from "./relax-glibc.mjs";
import { SetupFailure } from "./setup/failure.mjs";
import { KAFKA_ADDON, provideKafkaBinding } from "./setup/kafka-binding.mjs";
import { takeLock } from "./setup/lock.mjs";
import { environmentWith, fetchNode, findNode } from "./setup/node.mjs";
import { installPackages, packagesInstalled, UWS_ADDON } from "./setup/packages.mjs";
import { CHECKOUT_CACHE } from "./setup/paths.mjs";
import { checkPlatform, glibcVersion } from "./setup/platform.mjs";
import { endLeftover, endRunning } from "./setup/run.mjs";
import { readStamp, writeStamp } from "./setup/stamp.mjs";

const PARENT_CHECK_MS = 500;
const STOP_SIGNALS = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]);

/** The first glibc that has everything uWebSockets.js' addon asks for. */
const UWS_GLIBC = /** @type {const} */ ([2, 38]);

/**
 * @typedef {object} Ready
 * @property {string} node the Node.js to run the project with
 * @property {NodeJS.ProcessEnv} env an environment in which that Node.js comes first
 */

/**
 * Does what is left to do. Throws a SetupFailure when a step cannot be done.
 *
 * @returns {Promise<Ready>}
 */
export async function setUp() {
  const stamp = readStamp();
  if (stamp !== undefined) return readyWith(stamp);
  const glibc = glibcVersion();
  checkPlatform({
    platform: process.platform,
    arch: process.arch,
    glibc: process.platform !== "linux" || glibc !== undefined,
  });
  const giveBack = await takeLock(join(CHECKOUT_CACHE, "setup.lock"));
  const stop = async (/** @type {NodeJS.Signals} */ signal) => {
    await endRunning();
    giveBack();
    process.exit(signal === "SIGINT" ? 130 : 143);
  };
  const obey = (/** @type {NodeJS.Signals} */ signal) => void stop(signal);
  for (const signal of STOP_SIGNALS) process.once(signal, obey);
  // A shell that waits for us passes no signal on: its end is the sign.
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid !== parent) obey("SIGTERM");
  }, PARENT_CHECK_MS);
  try {
    await endLeftover();
    return await doSteps(glibc ?? UWS_GLIBC);
  } finally {
    clearInterval(watch);
    for (const signal of STOP_SIGNALS) process.off(signal, obey);
    giveBack();
  }
}

/**
 * @param {readonly [number, number]} glibc
 * @returns {Promise<Ready>}
 */
async function doSteps(glibc) {
  const node = findNode() ?? (await fetchNode());
  const env = environmentWith(node);
  if (!packagesInstalled()) await installPackages(env);
  if (glibc[0] === UWS_GLIBC[0] && glibc[1] < UWS_GLIBC[1]) relaxAddon(glibc);
  if (!existsSync(KAFKA_ADDON)) {
    const hasHeaders = existsSync(join(node.headers, "include", "node", "node.h"));
    const headers = async () => (hasHeaders ? node : await fetchNode()).headers;
    await provideKafkaBinding({ node, headers, env });
  }
  if (!codecIsCurrent()) await buildCodec({ node: node.binary, env });
  if (!clientIsCurrent()) await buildClient({ node: node.binary, env });
  writeStamp(node);
  return { node: node.binary, env };
}

/** @param {readonly [number, number]} glibc */
function relaxAddon(glibc) {
  try {
    relaxGlibcOf(UWS_ADDON, glibc);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SetupFailure(
      `uWebSockets.js' addon cannot be made to run on glibc ${glibc.join(".")}: ${reason}; ` +
        `use a system with glibc ${UWS_GLIBC.join(".")} or newer (Debian 13, Ubuntu 24.04).`,
    );
  }
}

/**
 * @param {import("./setup/node.mjs").NodeInstallation} node
 * @returns {Ready}
 */
function readyWith(node) {
  return { node: node.binary, env: environmentWith(node) };
}

/** setUp() for a command line: a failure is shown, and ends the process with exit code 1. */
export async function setUpOrExit() {
  try {
    return await setUp();
  } catch (error) {
    if (!(error instanceof SetupFailure)) throw error;
    process.stderr.write(`${error.render()}\n`);
    return process.exit(1);
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { node } = await setUpOrExit();
  if (process.argv.includes("--print-node")) process.stdout.write(`${node}\n`);
}
