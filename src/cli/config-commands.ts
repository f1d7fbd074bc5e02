/** `sluice config print|check`: what sluice start would run with. The work is done by config/. */
import { readFileSync } from "node:fs";

import { loadConfig, type LoadResult } from "../config/load.ts";
import { checkConfig, printConfig } from "../config/print.ts";
import { EXIT, UsageError, type ExitCode, type Invocation } from "./command.ts";
import { Output } from "./io.ts";

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
  const check = checkConfig(load(invocation));
  await new Output(invocation.io.stdout).write(check.text);
  return check.ok ? EXIT.good : EXIT.usage;
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
