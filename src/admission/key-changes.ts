/**
 * What an edit of the tenants file did to its keys, for the audit topic. A key is named by the
 * beginning of its digest, which leads nobody to it.
 */
import type { KeyEntry, TenantTable } from "./tenants-file.ts";

export interface KeyChange {
  readonly tenant: string;
  readonly source: string;
  readonly kind: KeyEntry["kind"];
  /** The first 12 digits of the key's digest. */
  readonly key: string;
  /** `changed`: other scopes, another end, or another source. */
  readonly change: "added" | "removed" | "changed";
}

const DIGITS = 12;

/** In the order of the digests; none: the keys are as they were. */
export function keyChanges(before: TenantTable, after: TenantTable): readonly KeyChange[] {
  const digests = [...new Set([...before.keys.keys(), ...after.keys.keys()])].toSorted();
  return digests.flatMap((digest) => {
    const was = before.keys.get(digest);
    const is = after.keys.get(digest);
    const entry = is ?? was;
    if (entry === undefined) return [];
    if (was !== undefined && is !== undefined && rightsOf(was) === rightsOf(is)) return [];
    const change = was === undefined ? "added" : is === undefined ? "removed" : "changed";
    const { tenant, source } = { tenant: entry.source.tenant.tenant, source: entry.source.source };
    return [{ tenant, source, kind: entry.kind, key: entry.sha256.slice(0, DIGITS), change }];
  });
}

function rightsOf({ kind, scopes, untilMs, source }: KeyEntry): string {
  const place = [source.tenant.tenant, source.source];
  return JSON.stringify([kind, scopes, String(untilMs), place]);
}
