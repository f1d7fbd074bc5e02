// @ts-check
/**
 * Completes package-lock.json after an update. npm leaves out of the lock file optional packages
 * that the registry does not have (uWebSockets.js' for other platforms), and then its own `npm ci`
 * refuses that lock file. This writes the entries that npm would have written. It also drops the
 * addresses that packages were downloaded from: which registry is used is the user's affair.
 *
 * By hand, after every npm install or npm update: node scripts/fix-lock.mjs
 */
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { inRoot } from "./setup/paths.mjs";

const PARENT = "node_modules/uWebSockets.js";

/** @typedef {{ resolved?: string, optionalDependencies?: Record<string, string> }} Entry */

/**
 * The completed lock file; the same text again when nothing was missing.
 *
 * @param {string} text
 * @returns {string}
 */
export function fixLock(text) {
  const lock = JSON.parse(text);
  /** @type {Record<string, Entry>} */
  const packages = lock.packages;
  for (const entry of Object.values(packages)) delete entry.resolved;
  for (const [name, version] of Object.entries(packages[PARENT]?.optionalDependencies ?? {})) {
    packages[`node_modules/${name}`] ??= platformEntry(name, version);
  }
  lock.packages = Object.fromEntries(
    Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, "en")),
  );
  return `${JSON.stringify(lock, null, 2)}\n`;
}

/**
 * The entry of a platform's package, read from its name.
 *
 * @param {string} name as `@uwsjs/linux-x64-24`
 * @param {string} version
 */
function platformEntry(name, version) {
  const match = /^@uwsjs\/(\w+)-(\w+)-(\d+)$/.exec(name);
  if (match === null) throw new Error(`cannot tell the platform of ${name}`);
  const [, os, cpu, major] = match;
  const engines = { node: `>=${major}.0.0 <${Number(major) + 1}.0.0` };
  return { version, cpu: [cpu], optional: true, os: [os], engines };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const path = inRoot("package-lock.json");
  writeFileSync(path, fixLock(readFileSync(path, "utf8")));
}
