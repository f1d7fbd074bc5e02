/**
 * The store that needs nothing: sessions of this process, held to the same rules as Redis. What it
 * knows dies with the process. It is the default, and the reference the Redis store is tested
 * against.
 */
import { SESSION_SETTLE_MS, SESSIONS_MAX } from "../limits/sessions.ts";
import type { SessionBook } from "./book.ts";
import { MemoryBook } from "./memory-book.ts";
import type { HeldSession } from "./memory-book.ts";
import { mergeSession } from "./rules.ts";
import type { Merged, StoredSession } from "./rules.ts";
import { ACTOR_KEYS, idleMs, storeKey, timeToLiveMs } from "./store.ts";
import type { KeyedUpdate, SessionStore, StoreAnswer } from "./store.ts";

export interface MemoryStoreOptions {
  readonly nowMs: () => number;
  /** Sessions held; the one written longest ago goes first. */
  readonly sessionsMax?: number;
  /** Sessions are kept until their end is announced, and put among the deadlines. */
  readonly announces?: boolean;
}

export class MemoryStore implements SessionStore {
  readonly isShared = false;
  readonly #book: MemoryBook;
  readonly #nowMs: () => number;
  readonly #sessionsMax: number;
  readonly #announces: boolean;

  constructor(options: MemoryStoreOptions) {
    this.#nowMs = options.nowMs;
    this.#sessionsMax = options.sessionsMax ?? SESSIONS_MAX;
    this.#announces = options.announces ?? false;
    this.#book = new MemoryBook(options.nowMs);
  }

  get book(): SessionBook {
    return this.#book;
  }

  start(): void {}

  async apply(updates: readonly KeyedUpdate[]): Promise<readonly StoreAnswer[]> {
    return updates.map((update) => this.#applyOne(update));
  }

  async stop(): Promise<void> {
    this.#book.clear();
  }

  #applyOne(update: KeyedUpdate): StoreAnswer {
    const nowMs = this.#nowMs();
    if (this.#book.erasedAtMs(update.actorKey) >= update.bornAtMs) return { kind: "erased" };
    const key = storeKey(update);
    const held = this.#book.get(key);
    const known = held !== undefined && held.expiresAtMs > nowMs ? held : undefined;
    const merged = merge(known?.session, update);
    const { outcome, session } = merged;
    if (outcome === "behind") this.#joinPast(update, nowMs);
    else {
      if (known !== undefined && known.session.id !== session.id) this.#replace(key, known);
      const before = known?.session.id === session.id ? known : undefined;
      this.#put(key, { held: before, merged, update, nowMs });
    }
    if (this.#announces && update.isRefreshDue) this.#book.makeDue(key, nowMs + SESSION_SETTLE_MS);
    this.#book.dropOldest(this.#sessionsMax);
    const { id, startMs, lastMs, count } = session;
    return { kind: outcome, id, startMs, lastMs, count };
  }

  /** A newer session takes its place: it is kept until its end is announced. */
  #replace(key: string, held: HeldSession): void {
    this.#book.delete(key);
    const past = ACTOR_KEYS.past(held.actorKey, held.session.id);
    this.#book.put(past, { ...held, isPast: true });
  }

  #joinPast(update: KeyedUpdate, nowMs: number): void {
    const key = ACTOR_KEYS.past(update.actorKey, update.id);
    const held = this.#book.get(key);
    const merged = merge(held?.session, update);
    this.#put(key, { held, merged, update, nowMs, isPast: true });
  }

  #put(
    key: string,
    change: {
      readonly held: HeldSession | undefined;
      readonly merged: Merged;
      readonly update: KeyedUpdate;
      readonly nowMs: number;
      readonly isPast?: boolean;
    },
  ): void {
    const { held, merged, update, nowMs, isPast = false } = change;
    const { session } = merged;
    const isEarlier = held === undefined || update.startMs < held.session.startMs;
    const isLater = held === undefined || update.lastMs >= held.session.lastMs;
    const isMore = held !== undefined && session.count > held.session.count;
    const ttlMs = timeToLiveMs(update.rules, { announces: this.#announces });
    const isFresh = held === undefined || update.isRefreshDue || (held.isSaid && isMore);
    this.#book.put(key, {
      session,
      actorKey: update.actorKey,
      entry: isEarlier ? update.entry : held.entry,
      exit: isLater ? update.exit : held.exit,
      user: update.user === "" ? (held?.user ?? "") : update.user,
      dueMs: Math.max(nowMs + idleMs(update.rules), held?.dueMs ?? 0),
      idleMs: idleMs(update.rules),
      isPast,
      isBegun: held?.isBegun ?? false,
      isSaid: (held?.isSaid ?? false) && !isMore,
      revision: held?.revision ?? 0,
      expiresAtMs: isFresh ? nowMs + ttlMs : held.expiresAtMs,
    });
  }
}

function merge(stored: StoredSession | undefined, update: KeyedUpdate): Merged {
  return mergeSession(stored, update, { writer: "memory", rules: update.rules });
}
