// @ts-check
/**
 * Remembers that set-up was complete, so that the next start need not look at every step: a hash of
 * what set-up was made from, and the sizes and times of what it made.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { CLIENT_BUNDLE, clientInputs, LIVE_BUNDLE } from "./client.mjs";
import { CODEC_OUTPUTS, inputFiles } from "./codec.mjs";
import { KAFKA_ADDON } from "./kafka-binding.mjs";
import { UWS_ADDON } from "./packages.mjs";
import { CHECKOUT_CACHE, inRoot } from "./paths.mjs";

const FILE = join(CHECKOUT_CACHE, "setup.json");

/** @typedef {import("./node.mjs").NodeInstallation} NodeInstallation */

/**
 * The Node.js of a complete set-up; undefined when set-up has to look at its steps.
 *
 * @returns {NodeInstallation | undefined}
 */
export function readStamp() {
  try {
    const { key, node } = JSON.parse(readFileSync(FILE, "utf8"));
    return key === keyOf(node) ? node : undefined;
  } catch {
    return undefined;
  }
}

/** @param {NodeInstallation} node */
export function writeStamp(node) {
  mkdirSync(dirname(FILE), { recursive: true });
  writeFileSync(`${FILE}.new`, `${JSON.stringify({ key: keyOf(node), node })}\n`);
  renameSync(`${FILE}.new`, FILE);
}

/**
 * Throws when something that set-up makes is absent.
 *
 * @param {NodeInstallation} node
 */
function keyOf(node) {
  const hash = createHash("sha256");
  const lists = [inRoot("package-lock.json"), inRoot("node_modules", ".package-lock.json")];
  for (const path of [
    ...lists,
    ...inputFiles(inRoot("scripts", "setup")),
    ...inputFiles(),
    ...clientInputs(),
  ]) {
    hash.update(path).update("\0").update(readFileSync(path));
  }
  for (const path of [
    node.binary,
    KAFKA_ADDON,
    UWS_ADDON,
    ...CODEC_OUTPUTS,
    CLIENT_BUNDLE,
    LIVE_BUNDLE,
  ]) {
    const { size, mtimeMs } = statSync(path);
    hash.update(`${path} ${size} ${mtimeMs}\n`);
  }
  return hash.digest("hex");
}
