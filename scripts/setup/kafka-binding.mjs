// @ts-check
/**
 * The compiled half of @confluentinc/kafka-javascript. In order: the copy in the user's cache, the
 * maker's prebuilt binary (seconds, no compiler, but it lies outside the npm registry, so it may be
 * out of reach), the source in the package (minutes). What was got is kept in the cache; what is
 * put in place has been loaded once before it counts.
 */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { dirname, join } from "node:path";

import { SetupFailure } from "./failure.mjs";
import { NODE_ABI } from "./node.mjs";
import { CHECKOUT_CACHE, inRoot, logFile, USER_CACHE } from "./paths.mjs";
import { showStep } from "./progress.mjs";
import { run } from "./run.mjs";
import { requireCompiler } from "./system-packages.mjs";

const PACKAGE = inRoot("node_modules", "@confluentinc", "kafka-javascript");
const BUILD = join(PACKAGE, "build");

/** Present only when everything else is, for it is put in place last. */
export const KAFKA_ADDON = join(BUILD, "Release", "confluent-kafka-javascript.node");

/** Where it is compiled; packages are found from here as from node_modules. */
const WORKSHOP = join(CHECKOUT_CACHE, "kafka-build");

/** Where the addon and the libraries beside it lie below build/. */
const KEPT = /** @type {const} */ ([
  { folder: "deps", name: /^librdkafka(\+\+)?\.so\.1$/ },
  { folder: "Release", name: /\.node$/ },
]);

/** A refusal comes at once; behind a wall that swallows packets we do not wait longer than this. */
const DOWNLOAD_TIMEOUT_MS = 30_000;

/**
 * @typedef {import("./node.mjs").NodeInstallation} NodeInstallation
 * @typedef {{ node: NodeInstallation, headers: () => Promise<string>, env: NodeJS.ProcessEnv }}
 *   Context
 */

/**
 * @param {Context} context `headers`: a folder with Node.js' headers, fetched if it has to be
 */
export async function provideKafkaBinding(context) {
  const cache = join(USER_CACHE, cacheName());
  if (await takeFromCache(cache, context)) return;
  if (await takePrebuilt(context)) return keep(cache);
  await requireCompiler(context.env);
  await build(context);
  keep(cache);
}

/** Its name holds all that the binary depends on: a system's next release has other libraries. */
function cacheName() {
  const { version } = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8"));
  const release = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  const field = (/** @type {string} */ name) =>
    new RegExp(`^${name}="?([^"\n]*)"?$`, "m").exec(release)?.[1] ?? "unknown";
  return `kafka-javascript-${version}-abi${NODE_ABI}-${field("ID")}-${field("VERSION_ID")}`;
}

/**
 * @param {string} cache
 * @param {Context} context
 */
async function takeFromCache(cache, context) {
  if (!existsSync(cache)) return false;
  return showStep("Kafka binding from the cache", async (note) => {
    rmSync(BUILD, { recursive: true, force: true });
    cpSync(cache, BUILD, { recursive: true });
    if (await loads(context)) return true;
    rmSync(BUILD, { recursive: true, force: true });
    rmSync(cache, { recursive: true, force: true });
    note("it does not load, so it was dropped");
    return false;
  });
}

/** @param {Context} context */
async function takePrebuilt(context) {
  return showStep("Kafka binding, prebuilt by its makers", async (note) => {
    const installer = inRoot("node_modules", "@mapbox", "node-pre-gyp", "bin", "node-pre-gyp");
    rmSync(BUILD, { recursive: true, force: true });
    const got = await run(
      [context.node.binary, installer, "install", "--fallback-to-build=false"],
      {
        log: logFile("kafka-prebuilt"),
        env: context.env,
        cwd: PACKAGE,
        timeoutMs: DOWNLOAD_TIMEOUT_MS,
      },
    );
    if (got.ok && (await loads(context))) return true;
    rmSync(BUILD, { recursive: true, force: true });
    note("not to be had here");
    return false;
  });
}

/**
 * Compiles in a copy of the package, so that the installed one stays small and as npm left it.
 *
 * @param {Context} context
 */
async function build(context) {
  const headers = await context.headers();
  await showStep("Kafka binding, compiled from source; this takes a few minutes", async () => {
    const log = logFile("kafka-build");
    rmSync(WORKSHOP, { recursive: true, force: true });
    cpSync(PACKAGE, WORKSHOP, { recursive: true });
    /** @type {NodeJS.ProcessEnv} */
    const env = {
      ...context.env,
      CKJS_LINKING: "dynamic",
      npm_config_nodedir: headers,
      npm_config_build_from_source: "true",
      npm_config_ignore_scripts: "false",
    };
    // A parallel outer make builds the binding before the library that it needs.
    delete env["JOBS"];
    delete env["MAKEFLAGS"];
    const built = await run(["npm", "run", "install"], { log, env, cwd: WORKSHOP });
    const output = join(WORKSHOP, "build");
    if (!built.ok || keptFiles(output).length < KEPT.length) {
      throw new SetupFailure(`The Kafka binding could not be compiled (${built.how}).`, {
        mend: "read the log, mend what the compiler says, then the same again",
        log,
      });
    }
    // Without debugging information it is a seventh of the size. No strip, no harm.
    for (const file of keptFiles(output)) await run(["strip", "-g", file], { log, env });
    copyKept(output, BUILD);
    rmSync(WORKSHOP, { recursive: true, force: true });
    if (await loads(context)) return;
    rmSync(BUILD, { recursive: true, force: true });
    throw new SetupFailure("The Kafka binding was compiled but does not load.", {
      mend: "read the log for the library that is missing, install it, then the same again",
      log: logFile("kafka-load"),
    });
  });
}

/**
 * Puts a copy into the cache, complete or not at all.
 *
 * @param {string} cache
 */
function keep(cache) {
  mkdirSync(USER_CACHE, { recursive: true });
  const draft = mkdtempSync(join(USER_CACHE, ".kafka-"));
  copyKept(BUILD, draft);
  rmSync(cache, { recursive: true, force: true });
  renameSync(draft, cache);
}

/**
 * @param {string} from
 * @param {string} to
 */
function copyKept(from, to) {
  for (const file of keptFiles(from)) {
    const target = join(to, file.slice(from.length));
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(file, target);
  }
}

/**
 * @param {string} tree
 * @returns {string[]}
 */
function keptFiles(tree) {
  return KEPT.flatMap(({ folder, name }) => {
    const path = join(tree, folder);
    if (!existsSync(path)) return [];
    return readdirSync(path)
      .filter((file) => name.test(file))
      .map((file) => join(path, file));
  });
}

/**
 * Whether the binding that is in place can be loaded by the Node.js that is to run it.
 *
 * @param {Context} context
 */
async function loads({ node, env }) {
  const check = ["-e", `require(${JSON.stringify(KAFKA_ADDON)})`];
  return (await run([node.binary, ...check], { log: logFile("kafka-load"), env })).ok;
}
