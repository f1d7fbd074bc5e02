// @ts-check
/**
 * Where set-up keeps its things: below the checkout (`.cache/`, git-ignored) and below the user's
 * cache folder. Nothing else on the machine is written, apart from system packages.
 */
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout, without a slash at its end. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** Logs, locks and stamps of this checkout. */
export const CHECKOUT_CACHE = join(ROOT, ".cache");

/** Things that all checkouts of this user share: Node.js and compiled addons. */
export const USER_CACHE = join(
  process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"),
  "sluice",
);

/**
 * A path below the checkout.
 *
 * @param {...string} parts
 */
export function inRoot(...parts) {
  return join(ROOT, ...parts);
}

/**
 * The log file of a step.
 *
 * @param {string} step
 */
export function logFile(step) {
  return join(CHECKOUT_CACHE, "log", `${step}.log`);
}
