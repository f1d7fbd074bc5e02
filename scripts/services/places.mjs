/**
 * Where things live: the user's cache folder (what was downloaded, shared by every checkout) and
 * the checkout's `.run` folder (what a server writes). Nothing is written anywhere else. This file
 * knows paths only, not what is kept in them.
 */
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const checkout = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/** The cache folder, after the XDG base directory specification. */
export function cacheFolder(environment = process.env) {
  const base = environment.XDG_CACHE_HOME;
  const isUsable = base !== undefined && base.startsWith("/");
  return join(isUsable ? base : join(homedir(), ".cache"), "sluice");
}

/** Run data of the shared servers; every port offset has a folder of its own. */
export function servicesFolder(portOffset) {
  const suffix = portOffset === 0 ? "" : `-offset-${portOffset}`;
  return join(checkout, ".run", `services${suffix}`);
}

/** The list of addresses of the servers that run, for tests and tools. */
export function addressFile(portOffset) {
  return `${servicesFolder(portOffset)}.json`;
}

/** Run data of the private servers of tests, one folder each. */
export function instancesFolder() {
  return join(checkout, ".run", "instances");
}
