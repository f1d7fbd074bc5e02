// @ts-check
/**
 * Runs one command of set-up: never with a terminal's input, its output kept in a log file, in a
 * process group of its own, so that it ends with all its children when set-up is ended. Set-up that
 * is killed leaves a note of the group behind, by which the next one ends what is left of it.
 */
import { spawn } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";

import { CHECKOUT_CACHE, ROOT } from "./paths.mjs";

/** Says which group runs: its number and when it began, for numbers are used again. */
const NOTE = join(CHECKOUT_CACHE, "running-command");

/** A command that was asked to end is not waited for any longer. */
const END_DEADLINE_MS = 2_000;

/** @type {Map<number, Promise<void>>} process groups that run, and their ends */
const running = new Map();

/** Logs that this process has begun: it adds to those, and replaces older ones. */
const begunLogs = new Set();

/**
 * @typedef {object} RunOptions
 * @property {string} log the file its output goes to, after that of earlier commands
 * @property {NodeJS.ProcessEnv} [env] default: ours
 * @property {string} [cwd] default: the checkout
 * @property {number} [timeoutMs] it is ended after this time; default: none
 *
 * @typedef {object} RunResult
 * @property {boolean} ok it ended by itself with exit code 0
 * @property {boolean} missing there is no such command
 * @property {string} how how it ended, as words
 */

/**
 * @param {readonly [string, ...string[]]} command program and arguments
 * @param {RunOptions} options
 * @returns {Promise<RunResult>}
 */
export function run(command, { log, env = process.env, cwd = ROOT, timeoutMs }) {
  mkdirSync(dirname(log), { recursive: true });
  mkdirSync(CHECKOUT_CACHE, { recursive: true });
  if (!begunLogs.has(log)) rmSync(log, { force: true });
  const output = openSync(log, "a");
  begunLogs.add(log);
  writeSync(output, `\n$ ${command.join(" ")}\n`);
  return new Promise((resolve) => {
    const [program, ...rest] = command;
    const stdio = /** @type {const} */ (["ignore", output, output]);
    const child = spawn(program, rest, { cwd, env, stdio: [...stdio], detached: true });
    const group = child.pid;
    if (group !== undefined) {
      writeFileSync(NOTE, `${group} ${beginningOf(group)}`);
      running.set(group, new Promise((ended) => child.once("exit", () => ended())));
    }
    let timedOut = false;
    const timer = setTimeout(
      () => {
        timedOut = true;
        if (group !== undefined) signalGroup(group, "SIGKILL");
      },
      timeoutMs ?? 2 ** 31 - 1,
    );
    const settle = (/** @type {Omit<RunResult, "missing">} */ result, missing = false) => {
      clearTimeout(timer);
      if (group !== undefined) {
        running.delete(group);
        rmSync(NOTE, { force: true });
      }
      closeSync(output);
      resolve({ ...result, missing });
    };
    child.once("error", (error) => {
      const missing = "code" in error && error.code === "ENOENT";
      settle({ ok: false, how: missing ? `${program} was not found` : error.message }, missing);
    });
    child.once("exit", (code, signal) => {
      if (timedOut) settle({ ok: false, how: `no end after ${String(timeoutMs)} ms` });
      else settle({ ok: code === 0, how: signal ? `signal ${signal}` : `exit code ${code}` });
    });
  });
}

/** Ends the commands that still run: for when set-up itself is told to end. */
export async function endRunning() {
  for (const [group, ended] of running) await endGroup(group, ended);
}

/** Ends what a set-up that was killed has left running. */
export async function endLeftover() {
  const [group = 0, beginning = ""] = readNote();
  if (group === 0 || beginning === "" || beginningOf(group) !== beginning) return;
  const gone = async () => {
    while (beginningOf(group) === beginning) await delay(50);
  };
  await endGroup(group, gone());
  rmSync(NOTE, { force: true });
}

/**
 * @param {number} group
 * @param {Promise<void>} ended
 */
async function endGroup(group, ended) {
  signalGroup(group, "SIGTERM");
  const timer = setTimeout(() => signalGroup(group, "SIGKILL"), END_DEADLINE_MS);
  await ended;
  clearTimeout(timer);
}

/**
 * @param {number} group
 * @param {NodeJS.Signals} signal
 */
function signalGroup(group, signal) {
  try {
    process.kill(-group, signal);
  } catch {
    // It has ended by itself in the meantime.
  }
}

/** @returns {[number, string] | []} */
function readNote() {
  try {
    const [group = "", beginning = ""] = readFileSync(NOTE, "utf8").split(" ");
    return [Number(group), beginning];
  } catch {
    return [];
  }
}

/**
 * When a process began, in ticks since the machine did; empty when there is none.
 *
 * @param {number} pid
 */
function beginningOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // Field 22; the name, field 2, stands in brackets and may hold anything.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}

/** @param {number} timeMs */
function delay(timeMs) {
  return new Promise((resolve) => setTimeout(resolve, timeMs));
}
