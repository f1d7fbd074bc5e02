// @ts-check
/**
 * One set-up at a time in a checkout. The lock is a folder (making one is atomic) that holds the
 * process id of its owner; a lock whose owner is gone is taken over.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { remark } from "./progress.mjs";

const POLL_MS = 200;

/** A folder without an owner's id is that of a process that died between two calls. */
const NAMELESS_POLLS_MAX = 10;

/**
 * Waits for the lock and takes it.
 *
 * @param {string} folder
 * @returns {Promise<() => void>} gives it back
 */
export async function takeLock(folder) {
  mkdirSync(dirname(folder), { recursive: true });
  let namelessPolls = 0;
  for (let polls = 0; ; polls += 1) {
    if (tryTake(folder)) return () => rmSync(folder, { recursive: true, force: true });
    const owner = ownerOf(folder);
    namelessPolls = owner === undefined ? namelessPolls + 1 : 0;
    if (namelessPolls > NAMELESS_POLLS_MAX || (owner !== undefined && !isAlive(owner))) {
      rmSync(folder, { recursive: true, force: true });
      continue;
    }
    if (polls === 0) remark(`another set-up of this checkout is at work (${owner}): waiting`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** @param {string} folder */
function tryTake(folder) {
  try {
    mkdirSync(folder);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
  writeFileSync(join(folder, "pid"), String(process.pid));
  return true;
}

/**
 * @param {string} folder
 * @returns {number | undefined}
 */
function ownerOf(folder) {
  try {
    const pid = Number.parseInt(readFileSync(join(folder, "pid"), "utf8"), 10);
    return Number.isNaN(pid) ? undefined : pid;
  } catch {
    return undefined;
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
