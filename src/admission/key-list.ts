/** A table of tenants out of a plain list of write keys: the `tenants` setting, without a file. */
import { keyDigest } from "./keys.ts";
import type { SourcePolicy, TenantPolicy } from "./policy.ts";
import { sourceName } from "./tenants-file.ts";
import type { KeyEntry, TenantTable } from "./tenants-file.ts";

export interface WriteKey {
  readonly key: string;
  readonly tenant: string;
  readonly source: string;
}

/** The table of these keys. Everything is open to them that the configuration allows. */
export function tableOfKeys(writeKeys: readonly WriteKey[]): TenantTable {
  const tenants = new Map<string, TenantPolicy>();
  const sources = new Map<string, SourcePolicy>();
  const keys = new Map<string, KeyEntry>();
  for (const { key, tenant: name, source } of writeKeys) {
    const tenant = tenants.get(name) ?? plainTenant(name, tenants.size);
    tenants.set(name, tenant);
    const policy = sources.get(sourceName(name, source)) ?? plainSource(tenant, source);
    sources.set(sourceName(name, source), policy);
    const sha256 = keyDigest(key);
    const scopes = ["write:*"];
    keys.set(sha256, { sha256, kind: "write", scopes, untilMs: Infinity, source: policy });
  }
  return { keys, sources, issuers: [] };
}

function plainTenant(tenant: string, number: number): TenantPolicy {
  return {
    tenant,
    number,
    topics: new Map(),
    quota: {},
    priority: "normal",
    deadLetters: null,
    privacySalt: null,
    dedupeMs: 0,
    sessions: {},
  };
}

function plainSource(tenant: TenantPolicy, source: string): SourcePolicy {
  return { tenant, source, types: null, dialects: null, origins: null, quota: {} };
}
