/**
 * `sluice doctor`: is the registry there with every subject of the pack, and can sluice encode with
 * what it holds?
 */
import type { Config } from "../../config/options.ts";
import { compilePlan } from "../../schema/plan/compile.ts";
import type { Pack, PackType } from "../../schema/pack.ts";
import { RegistryClient } from "../../schema/registry.ts";
import type { RegistryFailure, RegistryVersion } from "../../schema/registry.ts";
import { readTypeSchema } from "../../schema/type-schema.ts";
import { findRegistry } from "../places.ts";
import type { ClockReading } from "./clock-check.ts";
import type { Finding } from "./finding.ts";

const TRY_MS = 3_000;
const DEADLINE_MS = 5_000;

/** What is wrong, by the way the registry failed. */
const MENDS: Readonly<Record<RegistryFailure["kind"], string>> = {
  failed: "start the registry, or correct SLUICE_REGISTRY_URL",
  unsupported:
    "give SLUICE_REGISTRY_URL the path of the Confluent API (Apicurio: /apis/ccompat/v7)",
  refused: "correct SLUICE_REGISTRY_USERNAME and _PASSWORD, or SLUICE_REGISTRY_TOKEN",
  missing: "register the pack's schemas",
};

export async function checkRegistry(
  { config, pack }: { readonly config: Config; readonly pack: Pack },
  noteClock: (reading: ClockReading) => void,
): Promise<readonly Finding[]> {
  if (config.registryUrl.length === 0) {
    const text = "not set: the pack's schemas are served from inside the process";
    return [{ check: "registry", status: "ok", text }];
  }
  const { urls, auth } = findRegistry(config);
  const clock = new DateHeader();
  const registry = new RegistryClient({
    urls,
    timeoutMs: TRY_MS,
    deadlineMs: DEADLINE_MS,
    fetch: clock.fetch,
    ...(auth !== undefined && { auth }),
  });
  try {
    const findings = await checkSubjects(registry, { config, pack });
    if (clock.reading !== null) noteClock(clock.reading);
    return findings;
  } finally {
    registry.close();
  }
}

async function checkSubjects(
  registry: RegistryClient,
  { config, pack }: { readonly config: Config; readonly pack: Pack },
): Promise<readonly Finding[]> {
  const place = registry.addresses.join(", ");
  const findings: Finding[] = [];
  for (const type of subjectsOf(pack)) {
    const answer = await registry.latest(type.subject);
    if (answer.kind === "found") {
      findings.push(await foundFinding(registry, { config, type, version: answer.value }));
    } else if (answer.kind === "missing") {
      findings.push(missingFinding(type.subject, config));
    } else {
      // The next subject would get the same answer, after the same wait.
      const text = `${place} does not serve sluice: ${answer.detail}`;
      const command = `curl -sS ${registry.addresses[0]}/subjects`;
      const mend = MENDS[answer.kind];
      return [...findings, { check: "registry", status: "failed", text, mend, command }];
    }
  }
  return [{ check: "registry", status: "ok", text: `${place} answers` }, ...findings];
}

/** Types that share a schema and a subject are one. */
function subjectsOf(pack: Pack): Iterable<PackType> {
  const types = [...pack.types.values()];
  return new Map(
    types.map((type) => [JSON.stringify([type.subject, type.schemaFile]), type]),
  ).values();
}

function missingFinding(subject: string, config: Config): Finding {
  const check = `subject ${subject}`;
  if (config.registerSchemas) {
    return { check, status: "ok", text: "not there yet: registered when sluice starts" };
  }
  return {
    check,
    status: "failed",
    text: "the registry has no version of it: its events are answered retry",
    mend: `${MENDS.missing}, or set SLUICE_REGISTER_SCHEMAS=true`,
    command: `./sluice schema register --pack ${config.pack}`,
  };
}

interface FoundSubject {
  readonly config: Config;
  readonly type: PackType;
  readonly version: RegistryVersion;
}

async function foundFinding(registry: RegistryClient, found: FoundSubject): Promise<Finding> {
  const { config, type, version } = found;
  const check = `subject ${type.subject}`;
  const text = `version ${version.version}, id ${version.id}`;
  const read = readTypeSchema(type, { ...version, schemaId: version.id }, (schema) => {
    const { json, pointers } = type;
    compilePlan(schema.schema, { json, pointers, hasPrivacySalt: config.privacySalt !== "" });
    return undefined;
  });
  if (typeof read === "string") {
    const mend = "register a version that sluice can encode with";
    const command = `./sluice schema check --pack ${config.pack}`;
    return { check, status: "failed", text: `${text}: ${read}`, mend, command };
  }
  const answer = await registry.checkCompatibility(type.subject, type.schemaText);
  if (answer.kind !== "found") {
    const why = `${text}; the registry does not say whether the pack's schema may follow it`;
    return { check, status: "unchecked", text: `${why}: ${answer.detail}` };
  }
  if (answer.value.compatible) return { check, status: "ok", text: `${text}, fits the pack` };
  const messages = answer.value.messages.join("; ");
  return {
    check,
    status: "warning",
    text: `${text}; the pack's schema may not follow it${messages === "" ? "" : `: ${messages}`}`,
    mend: "sluice encodes with the registry's version; bring the pack up to date with it",
    command: `./sluice schema check --pack ${config.pack}`,
  };
}

/** A fetch that notes what the answers say of the server's clock. */
class DateHeader {
  reading: ClockReading | null = null;

  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const startMs = performance.now();
    const response = await globalThis.fetch(input, init);
    const tookMs = performance.now() - startMs;
    const dateMs = Date.parse(response.headers.get("date") ?? "");
    if (!Number.isNaN(dateMs)) {
      // The header has whole seconds, rounded down.
      const offsetMs = dateMs + 500 - (Date.now() - tookMs / 2);
      this.reading = { of: "the registry", offsetMs, errorMs: 500 + tookMs / 2 };
    }
    return response;
  };
}
