/**
 * Sessions: which session each event belongs to, answered from memory without waiting, and counted
 * in a store behind it. The pipeline calls `touch` for an event that is about to be produced and
 * `confirm` once Kafka has it. Nothing here is ever awaited on the way of an event, and no failure
 * of the store comes out of this room except through `stats` and `onEvent`.
 */
import {
  SESSION_FLUSH_INTERVAL_MS,
  SESSION_ID_BYTES_MAX,
  SESSION_STOP_DEADLINE_MS,
  SESSION_SWEEP_MAX,
  SESSIONS_MAX,
} from "../limits.ts";
import { Coalescer } from "./coalescer.ts";
import type { SessionsEvent } from "./coalescer.ts";
import { MemoryStore } from "./memory-store.ts";
import { RedisStore } from "./redis-store.ts";
import type { RedisTls } from "../redis/redis-client.ts";
import { checkSessionRules, DEFAULT_SESSION_RULES, isSessionId, placeEvent } from "./rules.ts";
import type { SessionRules } from "./rules.ts";
import { Session, SessionTable } from "./session-table.ts";
import type { Scope } from "./session-table.ts";
import { timeToLiveMs } from "./store.ts";
import type { SessionStore, StoreAnswer } from "./store.ts";
import { createUuid7 } from "./uuid7.ts";
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
}

/** To be read at once: it is the room's own record and changes with later events. */
export interface SessionRef {
  /** A UUIDv7, the client's own id, or "" when the event has no session. */
  readonly id: string;
  /** For `confirm`; a non-negative 31-bit integer, or −1 when the event has no session. */
  readonly slot: number;
  /** Another process may know this session under another id (header flag 8). */
  readonly provisional: boolean;
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
  | { readonly kind: "redis"; readonly url: string; readonly tls?: RedisTls };

export interface SessionsOptions {
  readonly store: SessionsStoreChoice;
  readonly rules?: Partial<SessionRules>;
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
  /** Returns at once; an absent Redis is no error. */
  start(): Promise<void>;
  /** Writes what is owed within SESSION_STOP_DEADLINE_MS, then disconnects. Never rejects. */
  stop(): Promise<void>;
  stats(): SessionsStats;
}

const NO_SESSION: SessionRef = Object.freeze({ id: "", slot: -1, provisional: false });

const NODE_TIMERS: SessionTimers = {
  setInterval: (task, delayMs) => setInterval(task, delayMs).unref(),
  clearInterval: (handle) => clearInterval(handle as NodeJS.Timeout),
  setTimeout: (task, delayMs) => setTimeout(task, delayMs),
};

/** Throws a sentence for rules or a Redis URL that cannot work: a start-up failure. */
export function createSessions(options: SessionsOptions): Sessions {
  const rules = { ...DEFAULT_SESSION_RULES, ...options.rules };
  checkSessionRules(rules);
  const nowMs = options.nowMs ?? Date.now;
  const store =
    options.store.kind === "memory"
      ? new MemoryStore({ rules, nowMs })
      : new RedisStore({ ...options.store, rules });
  return new SessionRoom({ ...options, store, rules });
}

export interface SessionRoomOptions extends Omit<SessionsOptions, "store" | "rules"> {
  readonly store: SessionStore;
  readonly rules: SessionRules;
  readonly pipelineUpdatesMax?: number;
  readonly leavingMax?: number;
}

/** The room with any store; `createSessions` picks one of the two real ones. */
export class SessionRoom implements Sessions {
  readonly #table = new SessionTable();
  readonly #coalescer: Coalescer;
  readonly #store: SessionStore;
  readonly #rules: SessionRules;
  readonly #sessionsMax: number;
  readonly #flushIntervalMs: number;
  readonly #idleTicksMax: number;
  readonly #nowMs: () => number;
  readonly #timers: SessionTimers;
  readonly #newId: (timeMs: number) => string;
  #interval: unknown = undefined;
  /** Ticks so far: the clock of this room, because events do not read one. */
  #tickNumber = 0;
  #life = 0;
  readonly #counts = {
    started: 0,
    adopted: 0,
    behind: 0,
    evicted: 0,
    expired: 0,
    withoutSession: 0,
    lateConfirms: 0,
  };

  constructor(options: SessionRoomOptions) {
    this.#store = options.store;
    this.#rules = options.rules;
    this.#sessionsMax = options.sessionsMax ?? SESSIONS_MAX;
    this.#flushIntervalMs = options.flushIntervalMs ?? SESSION_FLUSH_INTERVAL_MS;
    const idleMsMax = options.rules.gapMs + options.rules.graceMs;
    this.#idleTicksMax = Math.ceil(idleMsMax / this.#flushIntervalMs);
    this.#nowMs = options.nowMs ?? Date.now;
    this.#timers = options.timers ?? NODE_TIMERS;
    this.#newId = createUuid7({
      nowMs: this.#nowMs,
      ...(options.random === undefined ? {} : { random: options.random }),
    });
    this.#coalescer = new Coalescer({
      store: options.store,
      flushIntervalMs: this.#flushIntervalMs,
      timeToLiveMs: timeToLiveMs(options.rules),
      nowMs: this.#nowMs,
      randomUnit: options.randomUnit ?? Math.random,
      onEvent: options.onEvent ?? (() => {}),
      onAnswer: (session, answer) => this.#answered(session, answer),
      onSettled: (session) => this.#table.release(session),
      defer: (task) => void this.#timers.setTimeout(task, 0),
      ...(options.pipelineUpdatesMax === undefined
        ? {}
        : { pipelineUpdatesMax: options.pipelineUpdatesMax }),
      ...(options.leavingMax === undefined ? {} : { leavingMax: options.leavingMax }),
    });
  }

  touch(event: SessionTouch): SessionRef {
    const { actor, clientSessionId, timeMs } = event;
    const scope = this.#table.scopeOf(event.tenant, event.source);
    if (clientSessionId !== "" && clientSessionId.length <= SESSION_ID_BYTES_MAX) {
      const session = this.#touchClientSession(scope, event);
      if (session !== undefined) {
        return session;
      }
    }
    if (actor === "") {
      this.#counts.withoutSession += 1;
      return NO_SESSION;
    }
    const current = scope.byActor.get(actor);
    if (current === undefined) {
      return this.#begin({ id: this.#newId(timeMs), scope, actor, timeMs, isClientId: false });
    }
    return this.#touchKnown(current, timeMs);
  }

  confirm(slot: number, count: number): void {
    if (slot < 0 || count === 0) {
      return;
    }
    const session = this.#table.bySlot(slot);
    if (session === undefined) {
      this.#counts.lateConfirms += count;
      return;
    }
    session.count += count;
    this.#coalescer.mark(session);
  }

  async start(): Promise<void> {
    this.#store.start();
    this.#interval = this.#timers.setInterval(() => this.#tick(), this.#flushIntervalMs);
  }

  async stop(): Promise<void> {
    this.#timers.clearInterval(this.#interval);
    const deadlineMs = this.#nowMs() + SESSION_STOP_DEADLINE_MS;
    await this.#coalescer.attempt();
    while (this.#coalescer.waiting > 0 && this.#nowMs() < deadlineMs) {
      if (this.#coalescer.isFailing) {
        await new Promise<void>((resolve) => {
          this.#timers.setTimeout(resolve, this.#flushIntervalMs);
        });
      }
      await this.#coalescer.attempt();
    }
    this.#coalescer.abandon();
    await this.#store.stop();
  }

  stats() {
    return {
      active: this.#table.active,
      slots: this.#table.slotsInUse,
      ...this.#counts,
      ...this.#coalescer.stats(),
    };
  }

  #touchClientSession(scope: Scope, event: SessionTouch): Session | undefined {
    const { actor, clientSessionId: id, timeMs } = event;
    const session = this.#table.findClientSession(scope, event);
    if (session !== undefined) {
      session.startMs = Math.min(session.startMs, timeMs);
      session.lastMs = Math.max(session.lastMs, timeMs);
      this.#table.use(session, this.#tickNumber);
      return session;
    }
    return isSessionId(id)
      ? this.#begin({ id, scope, actor, timeMs, isClientId: true })
      : undefined;
  }

  #touchKnown(current: Session, timeMs: number): SessionRef {
    const place = placeEvent(current, timeMs, this.#rules);
    switch (place) {
      case "current":
        if (timeMs > current.lastMs) {
          current.lastMs = timeMs;
        } else if (timeMs < current.startMs) {
          current.startMs = timeMs;
        }
        this.#table.use(current, this.#tickNumber);
        return current;
      case "previous":
        return current.previous ?? NO_SESSION;
      case "next": {
        const { scope, actor } = current;
        return this.#begin({ id: this.#newId(timeMs), scope, actor, timeMs, isClientId: false });
      }
      case "none":
        this.#counts.withoutSession += 1;
        return NO_SESSION;
      default:
        return place satisfies never;
    }
  }

  #begin(from: {
    readonly id: string;
    readonly scope: Scope;
    readonly actor: string;
    readonly timeMs: number;
    readonly isClientId: boolean;
  }): Session {
    const provisional = this.#store.isShared && !from.isClientId;
    this.#counts.started += 1;
    const session = new Session({ ...from, provisional, life: this.#nextLife() });
    this.#insert(session);
    // Marked before anything is counted, so that the store settles the id early.
    this.#coalescer.mark(session);
    return session;
  }

  #nextLife(): number {
    this.#life += 1;
    return this.#life;
  }

  #insert(session: Session): void {
    const gone = this.#table.insert(session);
    this.#table.use(session, this.#tickNumber);
    if (gone !== null) {
      this.#coalescer.leave(gone);
    }
    const { oldest } = this.#table;
    if (this.#table.active > this.#sessionsMax && oldest !== null) {
      this.#counts.evicted += 1;
      this.#drop(oldest);
    }
  }

  #drop(session: Session): void {
    const previous = this.#table.remove(session);
    if (previous !== null) {
      this.#coalescer.leave(previous);
    }
    this.#coalescer.leave(session);
  }

  #tick(): void {
    this.#tickNumber += 1;
    for (let turn = 0; turn < SESSION_SWEEP_MAX; turn += 1) {
      const { oldest } = this.#table;
      if (oldest === null || this.#tickNumber - oldest.usedAtTick <= this.#idleTicksMax) {
        break;
      }
      this.#counts.expired += 1;
      this.#drop(oldest);
    }
    this.#coalescer.tick();
  }

  #answered(session: Session, answer: Exclude<StoreAnswer, { kind: "failed" }>): void {
    session.provisional = false;
    if (answer.kind === "behind") {
      this.#counts.behind += 1;
      this.#followStore(session, answer);
      return;
    }
    if (answer.kind === "adopted") {
      this.#counts.adopted += 1;
      session.id = answer.id;
    }
    session.startMs = Math.min(session.startMs, answer.startMs);
    session.lastMs = Math.max(session.lastMs, answer.lastMs);
  }

  /** Another process has moved on to a newer session of this actor: later events belong there. */
  #followStore(
    session: Session,
    newer: { readonly id: string; readonly startMs: number; readonly lastMs: number },
  ): void {
    const { scope, actor, isClientId } = session;
    if (scope.byActor.get(actor) !== session) {
      return;
    }
    const next = new Session({
      id: newer.id,
      timeMs: newer.startMs,
      scope,
      actor,
      isClientId,
      provisional: false,
      life: this.#nextLife(),
    });
    next.lastMs = newer.lastMs;
    this.#insert(next);
  }
}
