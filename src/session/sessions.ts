/**
 * Sessions: which session each event belongs to, answered from memory without waiting, and counted
 * in a store behind it. The pipeline calls `touch` for an event that is about to be produced and
 * `confirm` once Kafka has it. Nothing here is ever awaited on the way of an event, and no failure
 * of the store comes out of this room except through `stats` and `onEvent`.
 */
import type { RedisPlace } from "../redis/redis-client.ts";
import type { SessionBook } from "./book.ts";
import type { SessionsEvent } from "./coalescer.ts";
import { MemoryStore } from "./memory-store.ts";
import { RedisStore } from "./redis-store.ts";
import { checkSessionRules, DEFAULT_SESSION_RULES } from "./rules.ts";
import type { SessionRules } from "./rules.ts";
import { SessionRoom } from "./session-room.ts";
import type { RandomFill } from "./uuid7.ts";

export interface SessionTouch {
  /** Neither tenant nor source holds a colon: they are the operator's names. */
  readonly tenant: string;
  readonly source: string;
  /** Who the session belongs to; "" when the event does not say. */
  readonly actor: string;
  /** The id the client sent; "" when it sent none. */
  readonly clientSessionId: string;
  /** Corrected event time, ms since 1970. */
  readonly timeMs: number;
  /** The event's type: what the session says of its first and last event. */
  readonly type?: string;
}

/** To be read at once: it is the room's own record and changes with later events. */
export interface SessionRef {
  /** A UUIDv7, the client's own id, or "" when the event has no session. */
  readonly id: string;
  /** For `confirm`; a non-negative 31-bit integer, or −1 when the event has no session. */
  readonly slot: number;
  /** Another process may know this session under another id (header flag 8). */
  readonly provisional: boolean;
  /** Whom the actor is known as, "" if nobody knows. */
  readonly user: string;
}

type SessionsStats = ReturnType<SessionRoom["stats"]>;

/** Timers as Node has them; handles are opaque. */
export interface SessionTimers {
  readonly setInterval: (task: () => void, delayMs: number) => unknown;
  readonly clearInterval: (handle: unknown) => void;
  readonly setTimeout: (task: () => void, delayMs: number) => unknown;
}

export type SessionsStoreChoice =
  | { readonly kind: "memory" }
  | ({ readonly kind: "redis" } & RedisPlace);

export interface SessionsOptions {
  readonly store: SessionsStoreChoice;
  readonly rules?: Partial<SessionRules>;
  /** What a tenant has set for itself; asked when its first session is met, and by renewRules. */
  readonly rulesOf?: (
    tenant: string,
    source: string,
  ) => { readonly gapMs?: number; readonly lengthMs?: number };
  /** Sessions are kept until their end is announced: somebody sweeps the book. */
  readonly announces?: boolean;
  /** 100–250 is sensible: how long changes are gathered before they are written. */
  readonly flushIntervalMs?: number;
  readonly sessionsMax?: number;
  readonly nowMs?: () => number;
  readonly timers?: SessionTimers;
  readonly random?: RandomFill;
  /** 0 ≤ n < 1, for jitter. */
  readonly randomUnit?: () => number;
  /** A few calls per pipeline at most. It must not throw. */
  readonly onEvent?: (event: SessionsEvent) => void;
}

export interface Sessions {
  touch(event: SessionTouch): SessionRef;
  /** `count` events of that touch were stored for the first time. Unknown slots are counted. */
  confirm(slot: number, count: number): void;
  /** An event has said who the session's actor is; it never changes the session's key. */
  link(slot: number, user: string): void;
  /**
   * Resolves when the store has agreed to the ids of these sessions, or after SESSION_AGREE_MS.
   * null: there is nothing to wait for, or no use in waiting.
   */
  agree(slots: readonly number[]): Promise<void> | null;
  /** Drops an actor's sessions from the memory of this process (`tenant:source:actor`). */
  forget(actorKey: string): void;
  /** The rules of tenants may have changed. */
  renewRules(): void;
  /** Returns at once; an absent Redis is no error. */
  start(): Promise<void>;
  /** Writes what is owed within SESSION_STOP_DEADLINE_MS, then disconnects. Never rejects. */
  stop(): Promise<void>;
  stats(): SessionsStats;
}

/** Throws a sentence for rules or a Redis URL that cannot work: a start-up failure. */
export function createSessions(options: SessionsOptions): {
  readonly sessions: Sessions;
  readonly book: SessionBook;
} {
  const rules = { ...DEFAULT_SESSION_RULES, ...options.rules };
  checkSessionRules(rules);
  const nowMs = options.nowMs ?? Date.now;
  const { announces = false } = options;
  const store =
    options.store.kind === "memory"
      ? new MemoryStore({ nowMs, announces })
      : new RedisStore({ ...options.store, nowMs, announces });
  return { sessions: new SessionRoom({ ...options, store, rules }), book: store.book };
}
