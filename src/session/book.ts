/**
 * What is asked of a store besides taking updates: which sessions have to be announced, once among
 * all processes, what is known of one actor, and to forget him. It knows no Kafka; who announces
 * is somebody else.
 */
import type { StoreFailure } from "./store.ts";

/** What a store knows of one session. */
export interface SessionFacts {
  /** Under which the store has it. */
  readonly key: string;
  /** `tenant:source:actor`. */
  readonly actorKey: string;
  readonly id: string;
  /** Event times, ms since 1970. */
  readonly startMs: number;
  readonly lastMs: number;
  /** Events stored for the first time. */
  readonly count: number;
  /** Types of its first and its last event. */
  readonly entry: string;
  readonly exit: string;
  /** The known id its actor was linked to; "": none. */
  readonly user: string;
  /** It is over then, if nothing more comes (wall clock, ms since 1970). */
  readonly dueMs: number;
  /** A newer session has replaced it. */
  readonly isPast: boolean;
  /** Its start has been announced. */
  readonly isBegun: boolean;
  /** Its end has been announced, and no event has joined it since. */
  readonly isSaid: boolean;
  /** How often its end has been announced. */
  readonly revision: number;
}

/** Sessions that nobody else announces until `untilMs`. */
export interface Claim {
  /** The key that was due. */
  readonly member: string;
  readonly actorKey: string;
  readonly untilMs: number;
  readonly sessions: readonly SessionFacts[];
}

/** What has been announced of a claimed session. */
export interface Said {
  readonly session: SessionFacts;
  readonly started: boolean;
  readonly ended: boolean;
}

/** A claim that is given back: done, or to be claimed again after a while. */
export interface Settlement {
  readonly claim: Claim;
  readonly said: readonly Said[];
  /** null: all that was due is said; else it is due again then (ms since 1970). */
  readonly againAtMs: number | null;
}

export interface BookFailure {
  readonly kind: "failed";
  readonly reason: StoreFailure;
  readonly detail: string;
}

export type Found<T> = { readonly kind: "found"; readonly value: T } | BookFailure;

export interface SessionBook {
  /** Sessions that may be due, claimed for SESSION_CLAIM_MS. Never rejects. */
  claim(): Promise<Found<readonly Claim[]>>;
  /** Never rejects; a claim that could not be given back ends by itself. */
  settle(settlements: readonly Settlement[]): Promise<Found<null>>;
  /** All sessions that are known of an actor, the current one first. */
  find(actorKey: string): Promise<Found<readonly SessionFacts[]>>;
  /** Actors that events have linked to a known id (`tenant:source:id`), as they are called. */
  linkedTo(knownKey: string): Promise<Found<readonly string[]>>;
  /**
   * Deletes what is known of an actor, and says how many sessions that were. For `markMs` sessions
   * that processes met before are answered `erased`, so that they forget them, too.
   */
  erase(actorKey: string, markMs: number): Promise<Found<number>>;
}

/** What has to be said of a session now. */
export function dueNews(
  session: SessionFacts,
  nowMs: number,
): { readonly started: boolean; readonly ended: boolean } {
  const isOver = session.isPast || session.dueMs <= nowMs;
  // A session none of whose events was stored has never been.
  const isReal = session.count > 0;
  return {
    started: isReal && !session.isBegun,
    ended: isReal && isOver && !session.isSaid,
  };
}

/** `tenant:source:actor`, taken apart; tenant and source hold no colon. */
export function partsOfActorKey(actorKey: string): {
  readonly tenant: string;
  readonly source: string;
  readonly actor: string;
} {
  const first = actorKey.indexOf(":");
  const second = actorKey.indexOf(":", first + 1);
  return {
    tenant: actorKey.slice(0, first),
    source: actorKey.slice(first + 1, second),
    actor: actorKey.slice(second + 1),
  };
}
