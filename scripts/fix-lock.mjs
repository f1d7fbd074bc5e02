// @ts-check
/**
 * Completes package-lock.json after an update. npm leaves out of the lock file optional packages
 * that the registry at hand does not have (those for other platforms), and then its own `npm ci`
 * refuses that lock file. This writes the entries that npm would have written, with the platform
 * read from the name, so that npm passes over them everywhere else. It also drops the addresses
 * that packages were downloaded from: which registry is used is the user's affair.
 *
 * By hand, after every npm install or npm update: node scripts/fix-lock.mjs
 */
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

import { inRoot } from "./setup/paths.mjs";

const SYSTEMS = new Set(["aix", "android", "darwin", "freebsd", "linux", "openharmony", "win32"]);

/** The words for processors in package names, and npm's names for them. */
const PROCESSORS = new Map([
  ["x64", "x64"],
  ["arm64", "arm64"],
  ["arm", "arm"],
  ["ia32", "ia32"],
  ["ppc64", "ppc64"],
  ["riscv64", "riscv64"],
  ["s390x", "s390x"],
  ["wasm32", "wasm32"],
]);

/** The words for C libraries in package names, and npm's names for them. */
const LIBRARIES = new Map([
  ["gnu", "glibc"],
  ["musl", "musl"],
]);

/**
 * @typedef {{ resolved?: string, dev?: boolean, optionalDependencies?: Record<string, string> }}
 *   Entry
 */

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
  for (const { name, version, dev } of missingOptional(packages)) {
    packages[`node_modules/${name}`] = { ...platformEntry(name, version), ...(dev && { dev }) };
  }
  lock.packages = Object.fromEntries(
    Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, "en")),
  );
  return `${JSON.stringify(lock, null, 2)}\n`;
}

/**
 * Optional packages that a package of the lock file names and that the lock file lacks.
 *
 * @param {Record<string, Entry>} packages
 */
export function missingOptional(packages) {
  return Object.entries(packages).flatMap(([path, entry]) =>
    Object.entries(entry.optionalDependencies ?? {})
      .filter(([name]) => !isPresent(packages, path, name))
      .map(([name, version]) => ({ name, version, dev: entry.dev === true })),
  );
}

/**
 * Whether a package would find another one: beside it or further up, as Node.js looks.
 *
 * @param {Record<string, Entry>} packages
 * @param {string} path of the package that looks, empty for the project
 * @param {string} name
 */
function isPresent(packages, path, name) {
  for (let from = path; from !== ""; from = from.slice(0, Math.max(0, from.lastIndexOf("/")))) {
    if (packages[`${from}/node_modules/${name}`] !== undefined) return true;
  }
  return packages[`node_modules/${name}`] !== undefined;
}

/**
 * The entry of a platform's package, read from its name.
 *
 * @param {string} name as `@uwsjs/linux-x64-24` or `@oxlint/binding-linux-x64-musl`
 * @param {string} version exact
 */
function platformEntry(name, version) {
  const words = (name.split("/").at(-1) ?? name).split("-");
  const os = words.find((word) => SYSTEMS.has(word));
  const cpu = words.map((word) => PROCESSORS.get(word)).find((found) => found !== undefined);
  const libc = words.map((word) => LIBRARIES.get(word)).find((found) => found !== undefined);
  if (os === undefined || cpu === undefined || !/^\d+\.\d+\.\d+$/.test(version)) {
    throw new Error(`cannot tell the platform or the version of ${name} ${version}`);
  }
  const major = name.startsWith("@uwsjs/") ? Number(words.at(-1)) : undefined;
  return {
    version,
    cpu: [cpu],
    ...(libc === undefined ? {} : { libc: [libc] }),
    optional: true,
    os: [os],
    ...(major === undefined ? {} : { engines: { node: `>=${major}.0.0 <${major + 1}.0.0` } }),
  };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const path = inRoot("package-lock.json");
  writeFileSync(path, fixLock(readFileSync(path, "utf8")));
}
