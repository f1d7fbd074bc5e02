/** `sluice tenants check`: would the gateway take this file, and what would it allow? */
import { readFileSync } from "node:fs";

import type { KeyEntry, TenantTable } from "../admission/tenants-file.ts";
import { readTenantsFile, tenantNumbers } from "../admission/tenants-source.ts";
import { checkConfig } from "../config/print.ts";
import { loadConfig } from "../config/load.ts";
import type { Config } from "../config/options.ts";
import { PackError } from "../schema/pack-file.ts";
import { loadPack } from "../schema/pack.ts";
import { CommandError, EXIT, UsageError, type ExitCode, type Invocation } from "./command.ts";
import { Output } from "./io.ts";
import { PACKS_DIRECTORY } from "./schema-files.ts";

export async function checkTenants(invocation: Invocation): Promise<ExitCode> {
  const config = settings(invocation);
  const file = invocation.operands[0] ?? config.tenantsFile;
  if (file === "") {
    throw new UsageError(
      "sluice tenants check needs FILE, or SLUICE_TENANTS_FILE in the settings.",
    );
  }
  const types = await typesOf(invocation.options.get("pack") ?? config.pack);
  const read = readTenantsFile(file, { types, numberOf: tenantNumbers() });
  const output = new Output(invocation.io.stdout);
  if (read.kind === "faults") {
    await output.write(read.faults.map((fault) => `${file}: ${fault}\n`).join(""));
    return EXIT.failed;
  }
  await output.write(summary(read.table));
  return EXIT.good;
}

function settings(invocation: Invocation): Config {
  const file = invocation.options.get("config");
  const loaded = loadConfig({
    argv: file === undefined ? [] : [`--config=${file}`],
    env: invocation.env,
    readFile: (path) => readFileSync(path, "utf8"),
    isTty: false,
  });
  if (loaded.kind !== "config") throw new UsageError(checkConfig(loaded).text.trimEnd());
  return loaded.config;
}

async function typesOf(pack: string): Promise<ReadonlySet<string>> {
  try {
    return new Set((await loadPack(pack, PACKS_DIRECTORY)).types.keys());
  } catch (error) {
    if (error instanceof PackError) throw new CommandError(error.message);
    throw error;
  }
}

/** A line per source, and what may surprise. Ends with a newline. */
function summary({ sources, keys, issuers }: TenantTable): string {
  const bySource = Map.groupBy(keys.values(), (key) => key.source);
  const lines = [...sources].map(([name, source]) => {
    const { types, origins, dialects } = source;
    const own = bySource.get(source) ?? [];
    const facts = [
      counted(own, "write"),
      counted(own, "secret"),
      types === null ? "all types" : `${types.size} types`,
      origins === null ? "all origins" : `${origins.exact.size + origins.wildcards.length} origins`,
      dialects === null ? "all dialects" : [...dialects].join("+"),
    ];
    return `${name.padEnd(32)} ${facts.join(", ")}`;
  });
  const notes = [...sources]
    .filter(([, source]) => !bySource.has(source) && issuers.length === 0)
    .map(([name]) => `note: nobody can send as ${name}: it has no key, and no issuer is trusted`);
  const trusted = issuers.map(({ issuer }) => `tokens of ${issuer}`);
  return [...lines, ...trusted, ...notes, ""].join("\n");
}

function counted(keys: readonly KeyEntry[], kind: KeyEntry["kind"]): string {
  const count = keys.filter((key) => key.kind === kind).length;
  return `${count} ${kind} key${count === 1 ? "" : "s"}`;
}
