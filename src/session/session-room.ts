/**
 * The room of sessions with any store: which session each event belongs to, answered from memory;
 * what has changed goes to the store behind it. It knows the rules and the table, no Redis.
 */
import {
  SESSION_FLUSH_INTERVAL_MS,
  SESSION_ID_BYTES_MAX,
  SESSION_STOP_DEADLINE_MS,
  SESSION_SWEEP_MAX,
  SESSIONS_MAX,
} from "../limits/sessions.ts";
import { Agreements } from "./agreements.ts";
import { partsOfActorKey } from "./book.ts";
import { Coalescer } from "./coalescer.ts";
import { isSessionId, placeEvent, tenantRules } from "./rules.ts";
import type { SessionRules } from "./rules.ts";
import { Session, SessionTable } from "./session-table.ts";
import type { Scope } from "./session-table.ts";
import type {
  SessionRef,
  Sessions,
  SessionsOptions,
  SessionTimers,
  SessionTouch,
} from "./sessions.ts";
import { idleMs } from "./store.ts";
import type { SessionStore, StoreAnswer } from "./store.ts";
import { createUuid7 } from "./uuid7.ts";

const NO_SESSION: SessionRef = Object.freeze({
  id: "",
  slot: -1,
  provisional: false,
  user: "",
});

const NODE_TIMERS: SessionTimers = {
  setInterval: (task, delayMs) => setInterval(task, delayMs).unref(),
  clearInterval: (handle) => clearInterval(handle as NodeJS.Timeout),
  setTimeout: (task, delayMs) => setTimeout(task, delayMs),
};

export interface SessionRoomOptions extends Omit<SessionsOptions, "store" | "rules" | "announces"> {
  readonly store: SessionStore;
  readonly rules: SessionRules;
  readonly pipelineUpdatesMax?: number;
  readonly leavingMax?: number;
}

/** The room with any store; `createSessions` picks one of the two real ones. */
export class SessionRoom implements Sessions {
  readonly #table: SessionTable;
  readonly #coalescer: Coalescer;
  readonly #store: SessionStore;
  readonly #rules: SessionRules;
  readonly #rulesOf: NonNullable<SessionsOptions["rulesOf"]>;
  readonly #sessionsMax: number;
  readonly #flushIntervalMs: number;
  /** Of the tenant with the longest patience seen so far. */
  #idleTicksMax = 0;
  readonly #agreements: Agreements;
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
    erased: 0,
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
    this.#rulesOf = options.rulesOf ?? (() => ({}));
    this.#table = new SessionTable((tenant, source) => this.#rulesFor(tenant, source));
    this.#nowMs = options.nowMs ?? Date.now;
    this.#timers = options.timers ?? NODE_TIMERS;
    this.#newId = createUuid7({
      nowMs: this.#nowMs,
      ...(options.random === undefined ? {} : { random: options.random }),
    });
    this.#coalescer = new Coalescer({
      store: options.store,
      flushIntervalMs: this.#flushIntervalMs,
      refreshMs: (session) => idleMs(session.rules),
      isUrgent: () => this.#agreements.isWaiting,
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
    this.#agreements = new Agreements(this.#timers);
  }

  #rulesFor(tenant: string, source: string): SessionRules {
    const rules = tenantRules(this.#rules, this.#rulesOf(tenant, source));
    const idleTicks = Math.ceil(idleMs(rules) / this.#flushIntervalMs);
    this.#idleTicksMax = Math.max(this.#idleTicksMax, idleTicks);
    return rules;
  }

  renewRules(): void {
    this.#table.renewRules();
  }

  touch(event: SessionTouch): SessionRef {
    const { actor, clientSessionId } = event;
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
      return this.#begin(scope, event);
    }
    return this.#touchKnown(current, event);
  }

  link(slot: number, user: string): void {
    const session = this.#table.bySlot(slot);
    if (session === undefined || user === "" || session.user === user) return;
    session.user = user;
    session.refreshAtMs = 0;
    this.#coalescer.mark(session);
  }

  agree(slots: readonly number[]): Promise<void> | null {
    if (!this.#store.isShared || this.#coalescer.isFailing) return null;
    const open = slots
      .map((slot) => this.#table.bySlot(slot))
      .filter((session) => session !== undefined)
      .filter((session) => session.provisional);
    if (open.length === 0) return null;
    const agreed = this.#agreements.wait(open);
    if (agreed !== null) this.#coalescer.tick();
    return agreed;
  }

  forget(actorKey: string): void {
    const { tenant, source, actor } = partsOfActorKey(actorKey);
    for (const session of this.#table.sessionsOf(tenant, source, actor)) this.#drop(session);
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
    const { clientSessionId: id, timeMs, type = "" } = event;
    const session = this.#table.findClientSession(scope, event);
    if (session !== undefined) {
      session.join(timeMs, type);
      this.#table.use(session, this.#tickNumber);
      return session;
    }
    return isSessionId(id) ? this.#begin(scope, event, id) : undefined;
  }

  #touchKnown(current: Session, event: SessionTouch): SessionRef {
    const { timeMs, type = "" } = event;
    const place = placeEvent(current, timeMs, current.rules);
    switch (place) {
      case "current":
        current.join(timeMs, type);
        this.#table.use(current, this.#tickNumber);
        return current;
      case "previous":
        return current.previous ?? NO_SESSION;
      case "next":
        return this.#begin(current.scope, event);
      case "none":
        this.#counts.withoutSession += 1;
        return NO_SESSION;
      default:
        return place satisfies never;
    }
  }

  /** `clientId`: a well-formed one. */
  #begin(scope: Scope, event: SessionTouch, clientId?: string): Session {
    const { actor, timeMs, type = "" } = event;
    const isClientId = clientId !== undefined;
    this.#counts.started += 1;
    const session = new Session({
      id: clientId ?? this.#newId(timeMs),
      scope,
      actor,
      timeMs,
      type,
      isClientId,
      provisional: this.#store.isShared && !isClientId,
      life: this.#nextLife(),
      bornAtMs: this.#nowMs(),
    });
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
    this.#agreements.agreed(session);
    if (answer.kind === "erased") {
      this.#counts.erased += 1;
      if (session.isKnown && this.#table.isInPlace(session)) this.#drop(session);
      return;
    }
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
      type: session.exit,
      bornAtMs: this.#nowMs(),
    });
    next.lastMs = newer.lastMs;
    this.#insert(next);
  }
}
