/**
 * The store that needs nothing: sessions of this process, held to the same rules as Redis. What it
 * knows dies with the process. It is the default, and the reference the Redis store is tested
 * against.
 */
import { SESSIONS_MAX } from "../limits.ts";
import { mergeSession } from "./rules.ts";
import type { SessionRules, StoredSession } from "./rules.ts";
import { storeKey, timeToLiveMs } from "./store.ts";
import type { KeyedUpdate, SessionStore, StoreAnswer } from "./store.ts";

export interface MemoryStoreOptions {
  readonly rules: SessionRules;
  readonly nowMs: () => number;
  /** Sessions held; the one written longest ago goes first. */
  readonly sessionsMax?: number;
}

interface Held {
  readonly session: StoredSession;
  readonly expiresAtMs: number;
}

export class MemoryStore implements SessionStore {
  readonly isShared = false;
  /** Oldest write first. */
  readonly #held = new Map<string, Held>();
  readonly #rules: SessionRules;
  readonly #nowMs: () => number;
  readonly #sessionsMax: number;

  constructor(options: MemoryStoreOptions) {
    this.#rules = options.rules;
    this.#nowMs = options.nowMs;
    this.#sessionsMax = options.sessionsMax ?? SESSIONS_MAX;
  }

  start(): void {}

  async apply(updates: readonly KeyedUpdate[]): Promise<readonly StoreAnswer[]> {
    return updates.map((update) => this.#applyOne(update));
  }

  async stop(): Promise<void> {
    this.#held.clear();
  }

  #applyOne(update: KeyedUpdate): StoreAnswer {
    const nowMs = this.#nowMs();
    const key = storeKey(update);
    const held = this.#held.get(key);
    const stored = held !== undefined && held.expiresAtMs > nowMs ? held.session : undefined;
    const by = { writer: "memory", rules: this.#rules };
    const { outcome, session } = mergeSession(stored, update, by);
    if (outcome !== "behind") {
      const isFresh = stored === undefined || session.id !== stored.id || update.isRefreshDue;
      const expiresAtMs =
        isFresh || held === undefined ? nowMs + timeToLiveMs(this.#rules) : held.expiresAtMs;
      this.#held.delete(key);
      this.#held.set(key, { session, expiresAtMs });
      this.#dropOldest(nowMs);
    }
    const { id, startMs, lastMs, count } = session;
    return { kind: outcome, id, startMs, lastMs, count };
  }

  /** At most two go for each that comes, so that the map shrinks without a sweep. */
  #dropOldest(nowMs: number): void {
    for (let turn = 0; turn < 2; turn += 1) {
      const oldest = this.#held.entries().next().value;
      if (oldest === undefined) {
        return;
      }
      const [key, { expiresAtMs }] = oldest;
      if (this.#held.size <= this.#sessionsMax && expiresAtMs > nowMs) {
        return;
      }
      this.#held.delete(key);
    }
  }
}
