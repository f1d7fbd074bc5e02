/**
 * What the sessions room asks of a store: take updates, answer what is held afterwards, fail as a
 * value. Memory, Redis and the tests' fake are held to the same contract.
 */
import type { MergeOutcome, SessionUpdate } from "./rules.ts";

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

/**
 * The key under which a store holds a session. The braces keep an actor's keys in one slot of a
 * Redis Cluster. A client's id holds no space, so the last space of a `sluice:c:` key is ours.
 */
export function storeKey(update: KeyedUpdate): string {
  return update.isClientId
    ? `sluice:c:{${update.actorKey}} ${update.id}`
    : `sluice:s:{${update.actorKey}}`;
}

/**
 * How long a store keeps a session after it was written (ms). It has to outlive the gap and the
 * grace even if the last refresh was just not due, hence twice their sum.
 */
export function timeToLiveMs(rules: { readonly gapMs: number; readonly graceMs: number }): number {
  return 2 * (rules.gapMs + rules.graceMs);
}
