/** `sluice config print|check`: what sluice start would run with. The work is done by config/. */
import { readFileSync } from "node:fs";

import { loadConfig, type LoadResult } from "../config/load.ts";
import { checkConfig, printConfig } from "../config/print.ts";
import { PackError } from "../schema/pack-file.ts";
import { loadPack } from "../schema/pack.ts";
import { EXIT, UsageError, type ExitCode, type Invocation } from "./command.ts";
import { Output } from "./io.ts";
import { PACKS_DIRECTORY } from "./schema-files.ts";

/** `config print` */
export async function printSettings(invocation: Invocation): Promise<ExitCode> {
  const loaded = load(invocation);
  if (loaded.kind !== "config") throw new UsageError(checkConfig(loaded).text.trimEnd());
  const text = printConfig(loaded, { json: invocation.options.has("json") });
  await new Output(invocation.io.stdout).write(text);
  return EXIT.good;
}

/** `config check` */
export async function checkSettings(invocation: Invocation): Promise<ExitCode> {
  const loaded = load(invocation);
  const packFault = loaded.kind === "config" ? await faultOfPack(loaded.config.pack) : null;
  const output = new Output(invocation.io.stdout);
  if (packFault !== null) {
    await output.write(`${packFault}\n`);
    return EXIT.usage;
  }
  const check = checkConfig(loaded);
  await output.write(check.text);
  return check.ok ? EXIT.good : EXIT.usage;
}

/** What is wrong with the pack, as a sentence; null if it can be used. */
async function faultOfPack(pack: string): Promise<string | null> {
  try {
    await loadPack(pack, PACKS_DIRECTORY);
    return null;
  } catch (error) {
    if (error instanceof PackError) return error.message;
    throw error;
  }
}

function load(invocation: Invocation): LoadResult {
  const file = invocation.options.get("config");
  return loadConfig({
    argv: file === undefined ? [] : [`--config=${file}`],
    env: invocation.env,
    readFile: (path) => readFileSync(path, "utf8"),
    isTty: invocation.io.colour.stdout,
  });
}
