/**
 * Real servers for a test run, through `npm run services`. A server that the user points at is used
 * as it is; one that runs already stays; one that was started for the run is stopped after it.
 */
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";

import type { Service } from "./suites.ts";

const VARIABLES = {
  kafka: "SLUICE_TEST_KAFKA",
  redis: "SLUICE_TEST_REDIS",
  registry: "SLUICE_TEST_REGISTRY",
  postgres: "SLUICE_TEST_POSTGRES",
} as const satisfies Record<Service, string>;

export interface StartedServices {
  /** Variables for the tests. */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/**
 * Throws an Error with a sentence when a server does not start; what did start is stopped again.
 */
export async function startServices(
  root: string,
  wanted: readonly Service[],
): Promise<StartedServices> {
  const main = join(root, "scripts", "services", "main.mjs");
  const run = (words: readonly string[]) => runNode(root, [main, ...words]);
  const needed = wanted.filter((service) => !process.env[VARIABLES[service]]);
  const startable = needed.filter(
    (service) => spawnSync(process.execPath, [main, "status", service], { cwd: root }).status !== 0,
  );
  const stop = async () => {
    if (startable.length > 0) await run(["down", ...startable]);
  };
  if (startable.length > 0 && (await run(["up", ...startable])) !== 0) {
    await stop();
    throw new Error(`These servers did not start: ${startable.join(", ")}.`);
  }
  return { env: readAddresses(root, main), stop };
}

function runNode(cwd: string, words: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, words, { cwd, stdio: ["ignore", "inherit", "inherit"] });
    child.once("error", reject);
    child.once("exit", (code) => {
      resolve(code ?? 1);
    });
  });
}

/** The tests' variables of the servers that run, below those that the user has set. */
function readAddresses(root: string, main: string): Record<string, string> {
  const { stdout } = spawnSync(process.execPath, [main, "env"], { cwd: root, encoding: "utf8" });
  const pairs = [...stdout.matchAll(/^export (SLUICE_TEST_\w+)='(.*)'$/gm)];
  const found = pairs.map(([, name = "", value = ""]): [string, string] => [name, value]);
  return Object.fromEntries(found.filter(([name]) => !process.env[name]));
}
