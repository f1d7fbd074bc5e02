/**
 * Gathers changed sessions and writes them, one pipeline in flight. What changes while a pipeline
 * is away waits for the next one; what a store refuses is kept, merged with what came since, and
 * sent again after a back-off. It knows sessions as things that change, not what they mean.
 */
import {
  SESSION_BACKOFF_MS_MAX,
  SESSION_PIPELINE_UPDATES_MAX,
  SESSIONS_LEAVING_MAX,
} from "../limits/sessions.ts";
import type { Session } from "./session-table.ts";
import { STORE_FAILURES } from "./store.ts";
import type { SessionStore, StoreAnswer, StoreFailure } from "./store.ts";

/** For log and metrics; a few per pipeline at most, never one per event. */
export type SessionsEvent =
  /** Updates the store has taken. */
  | { readonly kind: "flushed"; readonly updates: number; readonly durationMs: number }
  | {
      readonly kind: "failed";
      readonly reason: StoreFailure;
      readonly detail: string;
      readonly updates: number;
      readonly retryAfterMs: number;
    }
  /** The first failure after success. */
  | { readonly kind: "degraded"; readonly reason: StoreFailure; readonly detail: string }
  /** The first pipeline without a failure after one with. */
  | { readonly kind: "healed"; readonly afterMs: number };

export interface CoalescerOptions {
  readonly store: SessionStore;
  readonly flushIntervalMs: number;
  readonly pipelineUpdatesMax?: number;
  readonly leavingMax?: number;
  /** How long what was refreshed in the store is surely there (ms). */
  readonly refreshMs: (session: Session) => number;
  /** Somebody waits for answers: what is left is sent at once. */
  readonly isUrgent: () => boolean;
  readonly nowMs: () => number;
  /** 0 ≤ n < 1, for the jitter of the back-off. */
  readonly randomUnit: () => number;
  readonly onEvent: (event: SessionsEvent) => void;
  /** A session's answer, unless it failed. */
  readonly onAnswer: (session: Session, answer: Exclude<StoreAnswer, { kind: "failed" }>) => void;
  /** The session is out of the table and owes the store nothing any more. */
  readonly onSettled: (session: Session) => void;
  /** Runs a task in a later turn of the event loop. */
  readonly defer: (task: () => void) => void;
}

interface Failure {
  readonly reason: StoreFailure;
  readonly detail: string;
  updates: number;
}

export class Coalescer {
  readonly #options: CoalescerOptions;
  readonly #pipelineUpdatesMax: number;
  readonly #leavingMax: number;
  readonly #dirty = new Set<Session>();
  /** Sessions of a failed pipeline, before all others at the next attempt. */
  #retry: Session[] = [];
  /** Out of the table, still owing; oldest first. */
  readonly #leaving = new Set<Session>();
  #inFlight: Promise<void> | null = null;
  #attemptAtMs = 0;
  #failuresInRow = 0;
  #failingSinceMs = 0;
  readonly #counts = {
    flushes: 0,
    flushFailures: 0,
    updates: 0,
    pipelineUpdates: 0,
    updatesLost: 0,
  };
  readonly #failures: Record<StoreFailure, number>;

  constructor(options: CoalescerOptions) {
    this.#options = options;
    this.#pipelineUpdatesMax = options.pipelineUpdatesMax ?? SESSION_PIPELINE_UPDATES_MAX;
    this.#leavingMax = options.leavingMax ?? SESSIONS_LEAVING_MAX;
    this.#failures = Object.fromEntries(STORE_FAILURES.map((reason) => [reason, 0])) as Record<
      StoreFailure,
      number
    >;
  }

  mark(session: Session): void {
    if (!session.isDirty) {
      session.isDirty = true;
      this.#dirty.add(session);
    }
  }

  /** The session has left the table: settled at once, or after what it owes is written. */
  leave(session: Session): void {
    if (!session.isDirty && !session.isInFlight) {
      this.#options.onSettled(session);
      return;
    }
    this.#leaving.add(session);
    if (this.#leaving.size > this.#leavingMax) {
      const oldest = this.#leaving.values().next().value;
      if (oldest !== undefined) {
        this.#giveUp(oldest);
      }
    }
  }

  /** Sends one pipeline if something waits, none is in flight and the back-off is over. */
  tick(): void {
    if (this.#inFlight === null && this.waiting > 0 && this.#options.nowMs() >= this.#attemptAtMs) {
      void this.#flush();
    }
  }

  /** One attempt now, back-off or not; resolves when it has been answered. */
  async attempt(): Promise<void> {
    await this.#inFlight;
    if (this.waiting > 0) {
      await this.#flush();
    }
  }

  /** Nothing more will be sent: what still waits is counted as lost. */
  abandon(): void {
    this.#counts.updatesLost += this.waiting;
    this.#dirty.clear();
    this.#retry = [];
    this.#leaving.clear();
  }

  get waiting(): number {
    return this.#dirty.size + this.#retry.length;
  }

  get isFailing(): boolean {
    return this.#failuresInRow > 0;
  }

  stats() {
    return {
      ...this.#counts,
      dirty: this.waiting,
      leaving: this.#leaving.size,
      isInFlight: this.#inFlight !== null,
      isFailing: this.isFailing,
      failures: { ...this.#failures },
    };
  }

  #flush(): Promise<void> {
    const flush = this.#send().finally(() => {
      this.#inFlight = null;
      const isBehind = this.waiting >= this.#pipelineUpdatesMax;
      const isUrgent = this.waiting > 0 && this.#options.isUrgent();
      if ((isBehind || isUrgent) && !this.isFailing) {
        this.#options.defer(() => this.tick());
      }
    });
    this.#inFlight = flush;
    return flush;
  }

  async #send(): Promise<void> {
    const { store, nowMs } = this.#options;
    const batch = this.#take(nowMs());
    const startedAtMs = nowMs();
    const answers = await store.apply(batch);
    const endedAtMs = nowMs();
    const updatesBefore = this.#counts.updates;
    const failure = this.#settle(batch, answers, endedAtMs);
    this.#counts.flushes += 1;
    this.#counts.pipelineUpdates = batch.length;
    const updates = this.#counts.updates - updatesBefore;
    if (updates > 0) {
      this.#options.onEvent({ kind: "flushed", updates, durationMs: endedAtMs - startedAtMs });
    }
    if (failure === undefined) {
      this.#succeeded(endedAtMs);
    } else {
      this.#failed(failure, endedAtMs);
    }
  }

  #take(nowMs: number): Session[] {
    const batch = this.#retry;
    this.#retry = [];
    for (const session of this.#dirty) {
      if (batch.length >= this.#pipelineUpdatesMax) {
        break;
      }
      this.#dirty.delete(session);
      batch.push(session);
    }
    for (const session of batch) {
      session.isDirty = false;
      session.isInFlight = true;
      session.isRefreshDue = nowMs >= session.refreshAtMs;
    }
    return batch;
  }

  /** Returns the first failure, if any that calls for another attempt. */
  #settle(batch: readonly Session[], answers: readonly StoreAnswer[], nowMs: number) {
    const isTakenAtAll = answers.some((answer) => answer.kind !== "failed");
    let failure: Failure | undefined;
    batch.forEach((session, index) => {
      const answer = answers[index] ?? unanswered;
      session.isInFlight = false;
      if (answer.kind !== "failed") {
        this.#answered(session, answer, nowMs);
        return;
      }
      this.#failures[answer.reason] += 1;
      if (answer.reason === "refused" && isTakenAtAll) {
        // This key alone is unusable. The next change of the session sends everything anew.
        this.#lose(session);
        return;
      }
      failure ??= { reason: answer.reason, detail: answer.detail, updates: 0 };
      failure.updates += 1;
      this.#keep(session);
    });
    return failure;
  }

  #answered(
    session: Session,
    answer: Exclude<StoreAnswer, { kind: "failed" }>,
    nowMs: number,
  ): void {
    this.#counts.updates += 1;
    if (session.isRefreshDue) {
      session.refreshAtMs = nowMs + this.#options.refreshMs(session);
    }
    this.#options.onAnswer(session, answer);
    this.#settleIfGone(session);
  }

  #lose(session: Session): void {
    this.#counts.updatesLost += 1;
    this.#settleIfGone(session);
  }

  #settleIfGone(session: Session): void {
    if (!session.isKnown && !session.isDirty) {
      this.#leaving.delete(session);
      this.#options.onSettled(session);
    }
  }

  #keep(session: Session): void {
    if (!session.isKnown && !this.#leaving.has(session)) {
      this.#lose(session);
      return;
    }
    this.#dirty.delete(session);
    session.isDirty = true;
    this.#retry.push(session);
  }

  #giveUp(session: Session): void {
    this.#leaving.delete(session);
    this.#dirty.delete(session);
    session.isDirty = false;
    if (session.isInFlight) {
      return;
    }
    const index = this.#retry.indexOf(session);
    if (index >= 0) {
      this.#retry.splice(index, 1);
    }
    this.#lose(session);
  }

  #succeeded(nowMs: number): void {
    if (this.#failuresInRow > 0) {
      this.#options.onEvent({ kind: "healed", afterMs: nowMs - this.#failingSinceMs });
    }
    this.#failuresInRow = 0;
    this.#attemptAtMs = 0;
  }

  #failed(failure: Failure, nowMs: number): void {
    const { flushIntervalMs, randomUnit, onEvent } = this.#options;
    const { reason, detail, updates } = failure;
    this.#counts.flushFailures += 1;
    this.#failuresInRow += 1;
    const ceilingMs = Math.min(
      flushIntervalMs * 2 ** Math.min(this.#failuresInRow, 10),
      SESSION_BACKOFF_MS_MAX,
    );
    const retryAfterMs = Math.round(ceilingMs * (0.5 + randomUnit() / 2));
    this.#attemptAtMs = nowMs + retryAfterMs;
    if (this.#failuresInRow === 1) {
      this.#failingSinceMs = nowMs;
      onEvent({ kind: "degraded", reason, detail });
    }
    onEvent({ kind: "failed", reason, detail, updates, retryAfterMs });
  }
}

const unanswered: StoreAnswer = {
  kind: "failed",
  reason: "refused",
  detail: "the store gave fewer answers than it was given updates",
};
