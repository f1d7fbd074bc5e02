// @ts-check
/**
 * Runs one command of set-up: never with a terminal's input, its output kept in a log file, ended
 * with us when we are ended.
 */
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";

import { ROOT } from "./paths.mjs";

/** @type {Set<import("node:child_process").ChildProcess>} */
const running = new Set();

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
  const output = openSync(log, begunLogs.has(log) ? "a" : "w");
  begunLogs.add(log);
  writeSync(output, `\n$ ${command.join(" ")}\n`);
  return new Promise((resolve) => {
    const [program, ...rest] = command;
    const child = spawn(program, rest, { cwd, env, stdio: ["ignore", output, output] });
    running.add(child);
    let timedOut = false;
    const timer = setTimeout(
      () => {
        timedOut = true;
        child.kill("SIGKILL");
      },
      timeoutMs ?? 2 ** 31 - 1,
    );
    const settle = (/** @type {Omit<RunResult, "missing">} */ result, missing = false) => {
      clearTimeout(timer);
      running.delete(child);
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
export function endRunning() {
  for (const child of running) child.kill("SIGTERM");
}
