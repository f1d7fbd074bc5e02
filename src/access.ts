/**
 * Who may send to this gateway: its admission, and where the table of tenants comes from: the
 * watched file, the list of keys in the settings, or the demo tenant.
 */
import { randomBytes } from "node:crypto";
import { createAdmission } from "./admission/create.ts";
import type { Admission } from "./admission/admission.ts";
import { keyChanges } from "./admission/key-changes.ts";
import type { KeyChange } from "./admission/key-changes.ts";
import { tableOfKeys } from "./admission/key-list.ts";
import { sourceName } from "./admission/tenants-file.ts";
import type { TenantTable } from "./admission/tenants-file.ts";
import { readTenantsFile, TenantsSource, tenantNumbers } from "./admission/tenants-source.ts";
import { isLoopback } from "./config/cross-rules.ts";
import type { Config } from "./config/options.ts";
import { DEMO_ENTRY, writeKeys } from "./config/tenants.ts";
import { systemClock } from "./lib/clock.ts";
import { AUDIT_CLAIM_MS } from "./limits/admission.ts";
import { Doorman } from "./quota/doorman.ts";
import { Quotas } from "./quota/quotas.ts";
import { RedisLeases } from "./quota/redis-leases.ts";
import { Shares } from "./quota/shares.ts";
import { redisPlace } from "./config/redis-place.ts";
import { makeProcessId } from "./rooms.ts";
import type { Pack } from "./schema/pack.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";

export interface Access {
  readonly admission: Admission;
  readonly quotas: Quotas;
  readonly doorman: Doorman;
  /** Calls this for each tenant whose keys an edit of the file has changed. */
  onKeysChanged(listener: KeysListener): void;
  /**
   * Is this process the first to ask for it, of all that share Redis? Where nobody can tell: yes.
   */
  isFirst(what: string): Promise<boolean>;
  /** No longer watches the file. */
  stop(): void;
}

/** `edit`: the same in all processes that watch the same file. */
export type KeysListener = (tenant: string, changes: readonly KeyChange[], edit: string) => void;

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
  const shared = makeShared(parts);
  const watched = parts.config.tenantsFile === "" ? null : watchFile(parts);
  const doorman = makeDoorman(parts);
  const admission = createAdmission({
    table: watched?.table ?? tableOfSettings(parts.config),
    keyless: keylessSender(parts.config),
    onBadCredentials: (address) => {
      parts.telemetry.traffic.badCredentials();
      doorman.authFailed(address);
    },
    onFetch: (issuer, problem) => parts.telemetry.backends.issuerFetched(issuer, problem),
    ...(shared === null ? {} : { once: shared.leases, ticketSecret: () => shared.leases.secret }),
  });
  let onKeys: KeysListener = () => {};
  watched?.onTable((table, edit) => {
    const changes = Map.groupBy(keyChanges(admission.table, table), ({ tenant }) => tenant);
    admission.replace(table);
    for (const [tenant, own] of changes) onKeys(tenant, own, edit);
  });
  const quotas = new Quotas({
    clockMs: systemClock.monotonicMs,
    share: (key) => shared?.shares.share(key) ?? 1,
    onTaken: (key, count) => shared?.shares.took(key, count),
  });
  const stop = (): void => {
    watched?.source.stop();
    shared?.shares.stop();
    shared?.leases.stop();
  };
  const onKeysChanged = (listener: KeysListener): void => {
    onKeys = listener;
  };
  const isFirst = async (what: string): Promise<boolean> =>
    (await shared?.leases.claim(what, AUDIT_CLAIM_MS).catch(() => true)) ?? true;
  return { admission, quotas, doorman, onKeysChanged, isFirst, stop };
}

function makeDoorman({ config, telemetry }: AccessParts): Doorman {
  return new Doorman({
    limits: {
      connections: config.addressConnectionsMax,
      handshakesPerSecond: config.addressHandshakesPerSecond,
      authFailuresPerMinute: config.addressAuthFailuresPerMinute,
    },
    clockMs: systemClock.monotonicMs,
    onTurnedAway: (by) => telemetry.traffic.turnedAway(by),
  });
}

function tableOfSettings(config: Config): TenantTable {
  return tableOfKeys(writeKeys(config).map((entry) => ({ ...entry, key: entry.writeKey })));
}

/** Who a local sender without a key is taken for; null: nobody. */
function keylessSender(config: Config): string | null {
  const isOpen = config.tenantsFile === "" && config.tenants.length === 0;
  const { tenant, source } = DEMO_ENTRY;
  return isOpen && isLoopback(config.host) ? sourceName(tenant, source) : null;
}

/** What the processes of a gateway share: quotas and used tickets. null: there is no Redis. */
function makeShared({ config, telemetry }: AccessParts) {
  if (config.redisUrl === "") return null;
  const { log, process } = telemetry;
  let wasUp = true;
  const leases = new RedisLeases({
    ...redisPlace(config),
    processId: makeProcessId(),
    clock: systemClock,
    secretOffered: randomBytes(32).toString("base64url"),
    onState: (isUp, reason) => {
      if (isUp === wasUp) return;
      wasUp = isUp;
      if (isUp) log.info("quotas are shared again");
      else log.warn("quotas are not shared now, each process keeps its even part", { reason });
    },
  });
  const onFailure = (error: unknown) => process.unexpected("sharing quotas", error);
  const shares = new Shares(leases, { clock: systemClock, onFailure });
  leases.start();
  shares.start();
  return { leases, shares };
}

function watchFile({ config, pack, telemetry }: AccessParts) {
  const { log, backends } = telemetry;
  let listener: (table: TenantTable, edit: string) => void = () => {};
  const source = new TenantsSource({
    path: config.tenantsFile,
    types: new Set(pack.types.keys()),
    clock: systemClock,
    onTable: (table, edit) => {
      listener(table, edit);
      backends.tenantsReloaded("ok");
      log.info("tenants file read again", { sources: table.sources.size, keys: table.keys.size });
    },
    onRefused: (faults) => {
      backends.tenantsReloaded("failed");
      log.warn("tenants file refused, the old one stays in use", { faults: faults.slice(0, 5) });
    },
  });
  const table = source.start();
  const onTable = (next: typeof listener): void => {
    listener = next;
  };
  return { source, table, onTable };
}
