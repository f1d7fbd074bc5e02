/**
 * Who may send to this gateway: its admission, and where the table of tenants comes from: the
 * watched file, the list of keys in the settings, or the demo tenant.
 */
import { createAdmission } from "./admission/create.ts";
import type { Admission } from "./admission/admission.ts";
import { tableOfKeys } from "./admission/key-list.ts";
import { sourceName } from "./admission/tenants-file.ts";
import { readTenantsFile, TenantsSource, tenantNumbers } from "./admission/tenants-source.ts";
import { isLoopback } from "./config/cross-rules.ts";
import type { Config } from "./config/options.ts";
import { DEMO_ENTRY, writeKeys } from "./config/tenants.ts";
import { systemClock } from "./lib/clock.ts";
import { Quotas } from "./quota/quotas.ts";
import type { Pack } from "./schema/pack.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";

export interface Access {
  readonly admission: Admission;
  readonly quotas: Quotas;
  /** No longer watches the file. */
  stop(): void;
}

export interface AccessParts {
  readonly config: Config;
  readonly pack: Pack;
  readonly telemetry: Telemetry;
}

/** What is wrong with the tenants file, if one is set. */
export function tenantsFaults(config: Config, pack: Pack): readonly string[] {
  if (config.tenantsFile === "") return [];
  const options = { types: new Set(pack.types.keys()), numberOf: tenantNumbers() };
  const read = readTenantsFile(config.tenantsFile, options);
  return read.kind === "table" ? [] : read.faults.map((fault) => `${config.tenantsFile}: ${fault}`);
}

/** Throws where the tenants file is not sound. */
export function makeAccess(parts: AccessParts): Access {
  const { config } = parts;
  if (config.tenantsFile !== "") return accessByFile(parts);
  const keys = writeKeys(config).map((entry) => ({ ...entry, key: entry.writeKey }));
  const isKeyless = config.tenants.length === 0 && isLoopback(config.host);
  const keyless = isKeyless ? sourceName(DEMO_ENTRY.tenant, DEMO_ENTRY.source) : null;
  const admission = createAdmission({ table: tableOfKeys(keys), keyless });
  return { admission, quotas: makeQuotas(), stop: () => {} };
}

function accessByFile({ config, pack, telemetry }: AccessParts): Access {
  const { log, backends } = telemetry;
  const source = new TenantsSource({
    path: config.tenantsFile,
    types: new Set(pack.types.keys()),
    clock: systemClock,
    onTable: (table) => {
      admission.replace(table);
      backends.tenantsReloaded("ok");
      log.info("tenants file read again", { sources: table.sources.size, keys: table.keys.size });
    },
    onRefused: (faults) => {
      backends.tenantsReloaded("failed");
      log.warn("tenants file refused, the old one stays in use", { faults: faults.slice(0, 5) });
    },
  });
  const admission = createAdmission({
    table: source.start(),
    keyless: null,
    onFetch: (issuer, problem) => backends.issuerFetched(issuer, problem),
  });
  return { admission, quotas: makeQuotas(), stop: () => source.stop() };
}

/** One process gives everybody his whole quota. */
function makeQuotas(): Quotas {
  return new Quotas({ clockMs: systemClock.monotonicMs, share: () => 1 });
}
