/**
 * `npm run bench -- NAME [OPTIONS]`: runs one benchmark of bench/, which says at its top (and with
 * `--help`) what it measures and what options it takes, and prints its own results. `npm run bench
 * -- --check` holds the whole path to its budget.
 */
import { spawn } from "node:child_process";
import { globSync } from "node:fs";
import { constants } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

import { headerOf } from "./usage.ts";

const folder = fileURLToPath(new URL("../bench", import.meta.url));
const fileOf = (name: string): string => join(folder, `${name}.ts`);
const known = globSync("*.ts", { cwd: folder })
  .map((file) => basename(file, ".ts"))
  .toSorted();

function usage(): string {
  const lines = known.map((name) => {
    const [question = ""] = /^.*?[.?:](?=\s)/su.exec(headerOf(fileOf(name))) ?? [];
    return `  ${name.padEnd(14)}${question.replaceAll(/\s+/gu, " ").replace(/:$/u, ".")}`;
  });
  return `npm run bench -- NAME [OPTIONS]   (NAME --help: what it takes)
npm run bench -- --check          holds the whole path to its budget

NAME is one of:
${lines.join("\n")}
`;
}

/**
 * In a group of processes of its own: the gateways and generators that a benchmark starts end with
 * it, however it ends.
 */
function run(name: string, options: readonly string[]): void {
  // A benchmark of memory asks for garbage collection.
  const words = ["--expose-gc", fileOf(name), ...options];
  const child = spawn(process.execPath, words, { stdio: "inherit", detached: true });
  const tellGroup = (signal: NodeJS.Signals): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // Nobody is left.
    }
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => tellGroup(signal));
  }
  child.once("exit", (code, signal) => {
    tellGroup("SIGTERM");
    process.exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
  });
}

const [asked = "", ...further] = process.argv.slice(2);
if (asked === "--help") {
  process.stdout.write(usage());
} else if (asked === "--check") {
  run("path", [asked, ...further]);
} else if (known.includes(asked)) {
  run(asked, further);
} else {
  console.error(usage());
  process.exitCode = 2;
}
