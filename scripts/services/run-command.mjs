/**
 * Runs a program to its end and gives its output. Used for the tools that prepare a server (maven,
 * go, openssl, …), never for the servers themselves.
 */
import { spawn } from "node:child_process";

import { ServiceProblem } from "./problem.mjs";

const OUTPUT_KEPT_CHARACTERS = 64 * 1024;
const OUTPUT_SHOWN_LINES = 15;

/**
 * @param {string} program
 * @param {readonly string[]} commandArguments
 * @param {{ directory?: string, environment?: NodeJS.ProcessEnv, purpose?: string }} options
 *   `purpose` ends the sentence "could not …" of a failure
 * @returns {Promise<string>} standard output and standard error, the last 64 Ki characters
 * @throws {ServiceProblem} when the program is missing or ends with another status than 0
 */
export function runCommand(program, commandArguments, options = {}) {
  const { directory, environment = process.env, purpose = `run ${program}` } = options;
  return new Promise((fulfil, reject) => {
    let output = "";
    const keep = (chunk) => {
      output = (output + chunk).slice(-OUTPUT_KEPT_CHARACTERS);
    };
    const child = spawn(program, commandArguments, {
      cwd: directory,
      env: environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.setEncoding("utf8").on("data", keep);
    child.stderr.setEncoding("utf8").on("data", keep);
    child.once("error", (error) => {
      reject(new ServiceProblem(`could not ${purpose}: ${error.message}`));
    });
    child.once("close", (status, signal) => {
      if (status === 0) fulfil(output);
      else reject(new ServiceProblem(failureText({ purpose, program, status, signal, output })));
    });
  });
}

function failureText({ purpose, program, status, signal, output }) {
  const end = signal === null ? `status ${status}` : signal;
  const shown = output.trimEnd().split("\n").slice(-OUTPUT_SHOWN_LINES).join("\n  ");
  return `could not ${purpose}: ${program} ended with ${end}\n  ${shown}`;
}
