/**
 * `sluice doctor`: looks at everything a gateway with these settings would need, changes nothing,
 * and says of each thing whether it is well and, if not, how to mend it.
 */
import type { TenantPolicy } from "../admission/policy.ts";
import { readTenantsFile, tenantNumbers } from "../admission/tenants-source.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { Config } from "../config/options.ts";
import { PackError } from "../schema/pack-file.ts";
import { loadPack } from "../schema/pack.ts";
import type { Pack } from "../schema/pack.ts";
import { tenantsOf } from "../topics.ts";
import { EXIT, type ExitCode, type Invocation } from "./command.ts";
import { checkClock, type ClockReading } from "./doctor/clock-check.ts";
import { countFindings, findingsJson, findingsText, type Finding } from "./doctor/finding.ts";
import { checkKafka } from "./doctor/kafka-check.ts";
import { checkLocal } from "./doctor/local-check.ts";
import { checkRedis } from "./doctor/redis-check.ts";
import { checkRegistry } from "./doctor/registry-check.ts";
import { Output } from "./io.ts";
import { loadSettings } from "./places.ts";
import { PACKS_DIRECTORY } from "./schema-files.ts";

export async function doctor(invocation: Invocation): Promise<ExitCode> {
  const { findings, code } = await diagnose(invocation);
  const text = invocation.options.has("json")
    ? findingsJson(findings)
    : findingsText(findings, invocation.io.colour.stdout);
  await new Output(invocation.io.stdout).write(text);
  return code;
}

interface Diagnosis {
  readonly findings: readonly Finding[];
  readonly code: ExitCode;
}

async function diagnose(invocation: Invocation): Promise<Diagnosis> {
  const loaded = loadSettings(invocation);
  if (loaded.kind !== "config") {
    const faults = loaded.kind === "fault" ? loaded.faults : [loaded.text];
    return { findings: faults.map(settingsFault), code: EXIT.usage };
  }
  const pack = await readPack(loaded.config);
  if (pack.kind === "fault") return { findings: [pack.finding], code: EXIT.usage };
  const findings = await examine(invocation, { loaded, pack: pack.pack });
  const { failed } = countFindings(findings);
  return { findings, code: failed === 0 ? EXIT.good : EXIT.failed };
}

function settingsFault(text: string): Finding {
  const mend = "docs/configuration.md has every setting";
  return { check: "settings", status: "failed", text, mend, command: "./sluice config print" };
}

async function readPack(
  config: Config,
): Promise<
  | { readonly kind: "pack"; readonly pack: Pack }
  | { readonly kind: "fault"; readonly finding: Finding }
> {
  try {
    return { kind: "pack", pack: await loadPack(config.pack, PACKS_DIRECTORY) };
  } catch (error) {
    if (!(error instanceof PackError)) throw error;
    const mend = "mend the pack, or name another in SLUICE_PACK (docs/packs.md)";
    return {
      kind: "fault",
      finding: { check: "pack", status: "failed", text: error.message, mend },
    };
  }
}

interface Subject {
  readonly loaded: LoadedConfig;
  readonly pack: Pack;
}

/** The checks run side by side; their findings come in a fixed order. */
async function examine(
  invocation: Invocation,
  { loaded, pack }: Subject,
): Promise<readonly Finding[]> {
  const { config } = loaded;
  const { env } = invocation;
  const clocks: ClockReading[] = [];
  const noteClock = (reading: ClockReading): void => {
    clocks.push(reading);
  };
  const { finding, tenants } = readTenants(config, pack);
  const probe = invocation.options.get("probe");
  const [local, kafka, registry, redis] = await Promise.all([
    checkLocal(config, { env, nowMs: Date.now() }),
    checkKafka({ config, pack, tenants, probe }),
    checkRegistry({ config, pack }, noteClock),
    checkRedis(config, noteClock),
  ]);
  return [
    ...settingsFindings(loaded),
    { check: "pack", status: "ok", text: `${pack.name}, ${pack.types.size} types` },
    finding,
    ...local,
    ...kafka,
    ...registry,
    ...redis,
    ...checkClock(clocks.toSorted((a, b) => (a.of < b.of ? -1 : 1))),
  ];
}

function settingsFindings({ sources, warnings }: LoadedConfig): readonly Finding[] {
  const given = Object.values(sources).filter((source) => source !== "default").length;
  return [
    { check: "settings", status: "ok", text: `sound, ${given} given` },
    ...warnings.map((text): Finding => ({
      check: "settings",
      status: "warning",
      text,
      mend: "use the new name",
    })),
  ];
}

function readTenants(
  config: Config,
  pack: Pack,
): { readonly finding: Finding; readonly tenants: ReadonlySet<TenantPolicy> } {
  const check = "tenants";
  const { tenantsFile: file } = config;
  if (file === "") {
    const { length } = config.tenants;
    const text = length === 0 ? "not set: the tenant demo" : `${length} keys in the settings`;
    return { finding: { check, status: "ok", text }, tenants: new Set() };
  }
  const types = new Set(pack.types.keys());
  const read = readTenantsFile(file, { types, numberOf: tenantNumbers() });
  if (read.kind === "faults") {
    const [first = "", ...others] = read.faults;
    const text = `${file}: ${first}${others.length === 0 ? "" : ` (and ${others.length} more)`}`;
    const command = `./sluice tenants check ${file}`;
    const mend = "mend the file: sluice does not start with it";
    return { finding: { check, status: "failed", text, mend, command }, tenants: new Set() };
  }
  const { sources, keys } = read.table;
  const tenants = tenantsOf(read.table);
  const text = `${file}: ${tenants.size} tenants, ${sources.size} sources, ${keys.size} keys`;
  return { finding: { check, status: "ok", text }, tenants };
}
