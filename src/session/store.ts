/**
 * What the sessions room asks of a store: take updates, answer what is held afterwards, fail as a
 * value. Memory, Redis and the tests' fake are held to the same contract.
 */
import { SESSION_UNSAID_MS } from "../limits/sessions.ts";
import type { MergeOutcome, SessionRules, SessionUpdate } from "./rules.ts";

/** Why a store did not take an update. Label values of a metric: add, do not rename. */
export const STORE_FAILURES = [
  "down",
  "timeout",
  "oom",
  "readonly",
  "loading",
  "auth",
  "refused",
] as const;
export type StoreFailure = (typeof STORE_FAILURES)[number];

/** An update with its address: `tenant:source:actor`, and whether the client chose the id. */
export interface KeyedUpdate extends SessionUpdate {
  readonly actorKey: string;
  readonly isClientId: boolean;
  /** Those of the tenant. */
  readonly rules: SessionRules;
  /** Types of the first and the last event by event time. */
  readonly entry: string;
  readonly exit: string;
  /** The known id that an event has linked the actor to; "": none yet. */
  readonly user: string;
  /** When this process met the session (ms since 1970): what was erased later stays erased. */
  readonly bornAtMs: number;
  /** True when the key's time to live should be set anew. */
  readonly isRefreshDue: boolean;
}

export type StoreAnswer =
  | {
      readonly kind: MergeOutcome;
      readonly id: string;
      readonly startMs: number;
      readonly lastMs: number;
      /** Events of the session over all processes. */
      readonly count: number;
    }
  /** The actor's data was erased after the session was met: it is to be forgotten here too. */
  | { readonly kind: "erased" }
  | { readonly kind: "failed"; readonly reason: StoreFailure; readonly detail: string };

export interface SessionStore {
  /** Other processes write here too: an id is provisional until this store has answered. */
  readonly isShared: boolean;
  /** Begins to connect; returns at once and never throws for an absent server. */
  start(): void;
  /**
   * One answer per update, in their order; never rejects, and answers within
   * SESSION_STORE_DEADLINE_MS. The updates are read before it returns and applied in order.
   */
  apply(updates: readonly KeyedUpdate[]): Promise<readonly StoreAnswer[]>;
  stop(): Promise<void>;
}

/** The same failure for every update of a pipeline. */
export function failAll(
  updates: readonly KeyedUpdate[],
  reason: StoreFailure,
  detail: string,
): readonly StoreAnswer[] {
  const answer: StoreAnswer = { kind: "failed", reason, detail };
  return updates.map(() => answer);
}

/** The keys of one actor; the braces keep them in one slot of a Redis Cluster. */
export const ACTOR_KEYS = {
  current: (actorKey: string): string => `sluice:s:{${actorKey}}`,
  /** A client's id holds no space, so the last space of such a key is ours. */
  byClient: (actorKey: string, id: string): string => `sluice:c:{${actorKey}} ${id}`,
  /** Sessions that a newer one has replaced. */
  past: (actorKey: string, id: string): string => `sluice:e:{${actorKey}} ${id}`,
  /** What else there is of the actor: `c <id>`, `e <id>`, by the time when it expires. */
  index: (actorKey: string): string => `sluice:i:{${actorKey}}`,
  /** When the actor's data was erased; it goes by itself. */
  erased: (actorKey: string): string => `sluice:x:{${actorKey}}`,
  /** Actors that events have linked to this known id. */
  linked: (knownKey: string): string => `sluice:u:{${knownKey}}`,
} as const;

/** The key under which a store holds a session. */
export function storeKey(update: {
  readonly actorKey: string;
  readonly isClientId: boolean;
  readonly id: string;
}): string {
  return update.isClientId
    ? ACTOR_KEYS.byClient(update.actorKey, update.id)
    : ACTOR_KEYS.current(update.actorKey);
}

/** A session is over when nothing of it has come for so long, by the wall clock (ms). */
export function idleMs(rules: { readonly gapMs: number; readonly graceMs: number }): number {
  return rules.gapMs + rules.graceMs;
}

/**
 * How long a store keeps a session after it was written (ms). It has to outlive the gap and the
 * grace even if the last refresh was just not due, hence twice their sum; and its end has to be
 * announced before, where ends are, also when nobody could for a while.
 */
export function timeToLiveMs(
  rules: { readonly gapMs: number; readonly graceMs: number },
  { announces }: { readonly announces: boolean },
): number {
  return 2 * idleMs(rules) + (announces ? SESSION_UNSAID_MS : 0);
}
