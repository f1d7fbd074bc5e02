/**
 * What a subscriber may have of what he asks for: topics and types of his tenant, for which he has
 * the scope `read:TYPE`. Nobody learns here whether another tenant's topic is there.
 */
import type { Principal } from "../admission/admission.ts";
import { hasScope } from "../admission/policy.ts";
import type { TenantPolicy } from "../admission/policy.ts";
import { LIVE_CHANNELS_MAX, LIVE_TOPICS_MAX } from "../limits/live.ts";
import type { Filter } from "./filter.ts";
import type { LiveRequest, Start } from "./request.ts";
import { readToken } from "./token.ts";
import type { Positions } from "./token.ts";

export interface Subscription {
  readonly tenant: string;
  /** Types by topic. */
  readonly topics: ReadonlyMap<string, ReadonlySet<string>>;
  readonly keys: ReadonlySet<string> | null;
  readonly filter: Filter | null;
  readonly start: Exclude<Start, { readonly kind: "token" }> | FromToken;
}

interface FromToken {
  readonly kind: "token";
  readonly positions: Positions;
}

export type Planned =
  | { readonly kind: "subscription"; readonly subscription: Subscription }
  | {
      readonly kind: "refused";
      readonly code: "bad_frame" | "forbidden";
      readonly detail: string;
    };

/** Topic of each type that a tenant can read, by the settings; scopes apart. */
export type Catalogue = (tenant: TenantPolicy) => ReadonlyMap<string, string>;

export function plan(request: LiveRequest, principal: Principal, catalogue: Catalogue): Planned {
  const { tenant, scopes, policy } = principal;
  const known = catalogue(policy.tenant);
  for (const type of request.types ?? []) {
    if (!known.has(type)) return bad(`there is no type ${shown(type)}`);
    if (!hasScope(scopes, `read:${type}`)) return forbidden(`no scope read:${shown(type)}`);
  }
  const names = new Set(known.values());
  for (const topic of request.topics ?? []) {
    if (!names.has(topic)) return bad(`there is no topic ${shown(topic)}`);
  }
  const wanted = request.types === null ? null : new Set(request.types);
  const topics = new Map<string, Set<string>>();
  let types = 0;
  for (const [type, topic] of known) {
    if (wanted !== null && !wanted.has(type)) continue;
    if (request.topics !== null && !request.topics.includes(topic)) continue;
    if (!hasScope(scopes, `read:${type}`)) continue;
    types += 1;
    topics.set(topic, (topics.get(topic) ?? new Set()).add(type));
  }
  const idle = request.topics?.find((topic) => !topics.has(topic));
  if (idle !== undefined) return forbidden(`no scope to read a type of the topic ${shown(idle)}`);
  if (topics.size === 0) return forbidden("no scope read:TYPE for any type");
  if (topics.size > LIVE_TOPICS_MAX) {
    return bad(`this would be ${topics.size} topics; ask for at most ${LIVE_TOPICS_MAX}`);
  }
  if (types * (request.keys?.size ?? 1) > LIVE_CHANNELS_MAX) {
    return bad(`types times keys are at most ${LIVE_CHANNELS_MAX}`);
  }
  const start = startOf(request.start, tenant);
  if (start === null) return bad("the token is damaged, or another tenant's");
  const { keys, filter } = request;
  return { kind: "subscription", subscription: { tenant, topics, keys, filter, start } };
}

function startOf(start: Start, tenant: string): Subscription["start"] | null {
  if (start.kind !== "token") return start;
  const positions = readToken(tenant, start.token);
  return positions === null ? null : { kind: "token", positions };
}

function bad(detail: string): Planned {
  return { kind: "refused", code: "bad_frame", detail };
}

function forbidden(missing: string): Planned {
  return { kind: "refused", code: "forbidden", detail: `these credentials have ${missing}` };
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 100));
}
