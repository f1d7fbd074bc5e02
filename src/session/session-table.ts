/**
 * The sessions this process knows: found by actor, ordered by use, bounded; and the slots by which
 * the pipeline names a session when it confirms events. It knows neither the rules nor the store.
 *
 * A slot is a non-negative 31-bit integer (it fits an Int32Array): 11 bits of generation above 20
 * bits of index. A slot whose session is gone finds nothing, even when its index is in use again.
 */
import assert from "node:assert/strict";

import { SESSIONS_LEAVING_MAX, SESSIONS_MAX } from "../limits/sessions.ts";
import type { SessionRules } from "./rules.ts";
import type { KeyedUpdate } from "./store.ts";

const INDEX_BITS = 20;
const INDEX_MASK = 2 ** INDEX_BITS - 1;
const GENERATIONS = 2 ** 11;

assert(
  2 * (SESSIONS_MAX + SESSIONS_LEAVING_MAX) <= INDEX_MASK,
  "every session and the one before it have a slot",
);

/**
 * The sessions of one source of one tenant. Two actors rarely send the same id, so a client's id
 * alone finds its first session; sessions of further actors under that id are found by both.
 */
export interface Scope {
  readonly tenant: string;
  readonly source: string;
  /** Those of the tenant. */
  rules: SessionRules;
  readonly byActor: Map<string, Session>;
  readonly byClientId: Map<string, Session>;
  readonly byClientIdAndActor: Map<string, Map<string, Session>>;
}

/** One session as this process sees it: a SessionRef to the pipeline, an update to the store. */
export class Session implements KeyedUpdate {
  id: string;
  slot = -1;
  /** True until a store shared with other processes has agreed to the id. */
  provisional: boolean;
  startMs: number;
  lastMs: number;
  count = 0;
  /** Types of the first and the last event by event time. */
  entry: string;
  exit: string;
  user = "";
  readonly bornAtMs: number;
  isRefreshDue = true;
  /** Time to live in the store is surely there until then, by this process's clock. */
  refreshAtMs = 0;
  /** Number of the tick in which it was used last. */
  usedAtTick = -1;
  readonly scope: Scope;
  readonly actor: string;
  readonly isClientId: boolean;
  readonly life: number;
  /** The session of the same actor before this one; it has none itself. */
  previous: Session | null = null;
  /** In the table, or the previous one of a session in the table. */
  isKnown = false;
  /** Has changes that are not in the pipeline in flight. */
  isDirty = false;
  isInFlight = false;
  newer: Session | null = null;
  older: Session | null = null;

  constructor(from: {
    readonly id: string;
    readonly timeMs: number;
    readonly scope: Scope;
    readonly actor: string;
    readonly isClientId: boolean;
    readonly life: number;
    readonly provisional: boolean;
    readonly type: string;
    readonly bornAtMs: number;
  }) {
    this.id = from.id;
    this.startMs = from.timeMs;
    this.lastMs = from.timeMs;
    this.scope = from.scope;
    this.actor = from.actor;
    this.isClientId = from.isClientId;
    this.life = from.life;
    this.provisional = from.provisional;
    this.entry = from.type;
    this.exit = from.type;
    this.bornAtMs = from.bornAtMs;
  }

  get rules(): SessionRules {
    return this.scope.rules;
  }

  /** An event of this type and time is one of it. */
  join(timeMs: number, type: string): void {
    if (timeMs >= this.lastMs) {
      this.lastMs = timeMs;
      this.exit = type;
    } else if (timeMs < this.startMs) {
      this.startMs = timeMs;
      this.entry = type;
    }
  }

  get actorKey(): string {
    return `${this.scope.tenant}:${this.scope.source}:${this.actor}`;
  }
}

export class SessionTable {
  readonly #rulesOf: (tenant: string, source: string) => SessionRules;
  readonly #scopes = new Map<string, Scope>();
  /** Most events have the scope of the event before them. */
  #lastScope: Scope | undefined = undefined;
  #active = 0;
  readonly #slots: (Session | undefined)[] = [];
  readonly #generations: number[] = [];
  readonly #freeIndexes: number[] = [];
  #newest: Session | null = null;
  #oldest: Session | null = null;
  #slotsInUse = 0;

  constructor(rulesOf: (tenant: string, source: string) => SessionRules) {
    this.#rulesOf = rulesOf;
  }

  /** The rules of tenants may have changed. */
  renewRules(): void {
    for (const scope of this.#scopes.values()) {
      scope.rules = this.#rulesOf(scope.tenant, scope.source);
    }
  }

  scopeOf(tenant: string, source: string): Scope {
    const last = this.#lastScope;
    if (last !== undefined && last.tenant === tenant && last.source === source) {
      return last;
    }
    const key = `${tenant}:${source}`;
    let scope = this.#scopes.get(key);
    if (scope === undefined) {
      scope = {
        tenant,
        source,
        rules: this.#rulesOf(tenant, source),
        byActor: new Map(),
        byClientId: new Map(),
        byClientIdAndActor: new Map(),
      };
      this.#scopes.set(key, scope);
    }
    this.#lastScope = scope;
    return scope;
  }

  /** The session of an actor under the id its client sent. */
  findClientSession(
    scope: Scope,
    by: { actor: string; clientSessionId: string },
  ): Session | undefined {
    const first = scope.byClientId.get(by.clientSessionId);
    if (first !== undefined && first.actor === by.actor) {
      return first;
    }
    return scope.byClientIdAndActor.get(by.clientSessionId)?.get(by.actor);
  }

  /** All sessions of an actor; it walks through those of the whole scope. */
  sessionsOf(tenant: string, source: string, actor: string): readonly Session[] {
    const scope = this.#scopes.get(`${tenant}:${source}`);
    if (scope === undefined) return [];
    const { byActor, byClientId, byClientIdAndActor } = scope;
    const own = byActor.get(actor);
    const further = [...byClientIdAndActor.values()].flatMap((ofId) => [...ofId.values()]);
    const byClient = [...byClientId.values(), ...further];
    return [
      ...(own === undefined ? [] : [own]),
      ...byClient.filter((session) => session.actor === actor),
    ];
  }

  /** The session has a place of its own: it is not the previous one of another. */
  isInPlace(session: Session): boolean {
    const { scope, actor, id, isClientId } = session;
    if (!isClientId) return scope.byActor.get(actor) === session;
    return this.findClientSession(scope, { actor, clientSessionId: id }) === session;
  }

  /** Undefined when the slot's session is gone (or was never there). */
  bySlot(slot: number): Session | undefined {
    const session = this.#slots[slot & INDEX_MASK];
    return session !== undefined && session.slot === slot ? session : undefined;
  }

  get active(): number {
    return this.#active;
  }

  get slotsInUse(): number {
    return this.#slotsInUse;
  }

  /** The least recently used session. */
  get oldest(): Session | null {
    return this.#oldest;
  }

  /**
   * Puts a session in its place. The one an actor has becomes the new one's `previous`; returns the
   * session before that, which has no place any more.
   */
  insert(session: Session): Session | null {
    const current = session.isClientId ? undefined : session.scope.byActor.get(session.actor);
    let gone: Session | null = null;
    if (current === undefined) {
      this.#active += 1;
    } else {
      this.#unlink(current);
      gone = current.previous;
      current.previous = null;
      session.previous = current;
    }
    attach(session);
    session.isKnown = true;
    this.#assignSlot(session);
    this.#linkNewest(session);
    if (gone !== null) {
      gone.isKnown = false;
    }
    return gone;
  }

  /**
   * Marks a session of the table as used in this tick. The order of use is that of ticks: moving a
   * session costs several cache misses, so it is done once a tick, not once an event.
   */
  use(session: Session, tick: number): void {
    if (session.usedAtTick === tick) {
      return;
    }
    session.usedAtTick = tick;
    if (session !== this.#newest) {
      this.#unlink(session);
      this.#linkNewest(session);
    }
  }

  /** Takes a session out of the table; returns its previous one, which is out with it. */
  remove(session: Session): Session | null {
    detach(session);
    this.#active -= 1;
    this.#unlink(session);
    this.#dropIfEmpty(session.scope);
    session.isKnown = false;
    const { previous } = session;
    session.previous = null;
    if (previous !== null) {
      previous.isKnown = false;
    }
    return previous;
  }

  /** Gives the slot back. The session must be out of the table and owe the store nothing. */
  release(session: Session): void {
    assert(!session.isKnown, "a known session keeps its slot");
    const index = session.slot & INDEX_MASK;
    if (this.#slots[index] !== session) {
      return;
    }
    this.#slots[index] = undefined;
    this.#freeIndexes.push(index);
    this.#slotsInUse -= 1;
  }

  /** Scopes are as many as have sessions, not as many as ever had one. */
  #dropIfEmpty(scope: Scope): void {
    const { byActor, byClientId, byClientIdAndActor } = scope;
    if (byActor.size + byClientId.size + byClientIdAndActor.size > 0) {
      return;
    }
    this.#scopes.delete(`${scope.tenant}:${scope.source}`);
    if (this.#lastScope === scope) {
      this.#lastScope = undefined;
    }
  }

  #assignSlot(session: Session): void {
    const index = this.#freeIndexes.pop() ?? this.#slots.length;
    assert(index <= INDEX_MASK, "sessions are bounded far below the slots there are");
    const generation = ((this.#generations[index] ?? -1) + 1) % GENERATIONS;
    this.#generations[index] = generation;
    this.#slots[index] = session;
    session.slot = generation * (INDEX_MASK + 1) + index;
    this.#slotsInUse += 1;
  }

  #linkNewest(session: Session): void {
    session.older = this.#newest;
    session.newer = null;
    if (this.#newest !== null) {
      this.#newest.newer = session;
    }
    this.#newest = session;
    this.#oldest ??= session;
  }

  #unlink(session: Session): void {
    if (session.newer === null) {
      this.#newest = session.older;
    } else {
      session.newer.older = session.older;
    }
    if (session.older === null) {
      this.#oldest = session.newer;
    } else {
      session.older.newer = session.newer;
    }
    session.newer = null;
    session.older = null;
  }
}

function attach(session: Session): void {
  const { scope, actor, id } = session;
  if (!session.isClientId) {
    scope.byActor.set(actor, session);
  } else if (scope.byClientId.has(id)) {
    const ofId = scope.byClientIdAndActor.get(id) ?? new Map<string, Session>();
    scope.byClientIdAndActor.set(id, ofId.set(actor, session));
  } else {
    scope.byClientId.set(id, session);
  }
}

function detach(session: Session): void {
  const { scope, actor, id } = session;
  if (!session.isClientId) {
    scope.byActor.delete(actor);
  } else if (scope.byClientId.get(id) === session) {
    scope.byClientId.delete(id);
  } else {
    const ofId = scope.byClientIdAndActor.get(id);
    ofId?.delete(actor);
    if (ofId?.size === 0) scope.byClientIdAndActor.delete(id);
  }
}
