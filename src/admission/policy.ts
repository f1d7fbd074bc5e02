/**
 * Who a sender is and what he may do, as the rest of sluice sees it. A policy is plain data; it
 * changes only by being replaced when the tenants file was edited, so everyone asks the sender for
 * it anew and nobody keeps a copy.
 */

/** Most events and bytes a second, most connections at once; absent: no such limit. */
export interface Quota {
  readonly eventsPerSecond?: number;
  readonly bytesPerSecond?: number;
  readonly connections?: number;
}

export type Dialect = "native" | "segment" | "rudder" | "cloudevents" | "webhook";
export type DeadLetterMode = "off" | "none" | "redacted" | "raw";
export type Priority = "low" | "normal" | "high";

/** What belongs to a tenant, shared by its sources. */
export interface TenantPolicy {
  readonly tenant: string;
  /** Small number, stable while the process lives: for arrays and fair shares. */
  readonly number: number;
  /** Topic per type where it is another than the pack's. */
  readonly topics: ReadonlyMap<string, string>;
  readonly quota: Quota;
  readonly priority: Priority;
  /** null: as the configuration says. */
  readonly deadLetters: DeadLetterMode | null;
  /** Keys the hashes of private fields; null: as the configuration says. */
  readonly privacySalt: string | null;
  /** How long ids of stored events are remembered, so that none is stored twice; 0: not. */
  readonly dedupeMs: number;
  readonly sessions: { readonly gapMs?: number; readonly lengthMs?: number };
}

/** What belongs to one source of a tenant. */
export interface SourcePolicy {
  readonly tenant: TenantPolicy;
  readonly source: string;
  /** null: all types of the pack. */
  readonly types: ReadonlySet<string> | null;
  /** null: all. */
  readonly dialects: ReadonlySet<Dialect> | null;
  /** null: pages of every origin. */
  readonly origins: OriginRules | null;
  readonly quota: Quota;
}

/** Origins of pages: exact ones, and suffixes for `https://*.shop.example`. */
export interface OriginRules {
  readonly any: boolean;
  readonly exact: ReadonlySet<string>;
  readonly wildcards: readonly { readonly scheme: string; readonly suffix: string }[];
}

/** May a page of this origin (RFC 6454 serialisation, lower case) send? */
export function allowsOrigin(rules: OriginRules | null, origin: string): boolean {
  if (rules === null || rules.any || rules.exact.has(origin)) return true;
  return rules.wildcards.some(
    ({ scheme, suffix }) =>
      origin.startsWith(scheme) &&
      origin.endsWith(suffix) &&
      // At least one label stands for the star, and nothing but a host does.
      /^[a-z0-9.-]+$/.test(origin.slice(scheme.length, origin.length - suffix.length)),
  );
}

/** Reads the `origins` of a tenants file. */
export function originRules(origins: readonly string[]): OriginRules {
  const exact = new Set<string>();
  const wildcards: { scheme: string; suffix: string }[] = [];
  for (const origin of origins) {
    const star = origin.indexOf("://*.");
    if (star < 0) exact.add(origin);
    else wildcards.push({ scheme: origin.slice(0, star + 3), suffix: origin.slice(star + 4) });
  }
  return { any: exact.delete("*"), exact, wildcards };
}

/**
 * May it do this? Scopes are `verb:object`; `*` as object allows all objects of the verb, `*` as
 * the end of an object all that begin so.
 */
export function hasScope(scopes: readonly string[], wanted: string): boolean {
  return scopes.some(
    (scope) => scope === wanted || (scope.endsWith("*") && wanted.startsWith(scope.slice(0, -1))),
  );
}
