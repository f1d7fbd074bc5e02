/**
 * The primary's side of several workers: forks them, waits until all are ready, replaces those that
 * die, one after the other at a rolling restart, passes on the drain, gathers their metrics and
 * evens out their connections. It serves no events itself.
 */
import assert from "node:assert/strict";

import { backoffMs } from "../lib/backoff.ts";
import type { CancelTimer, Clock } from "../lib/clock.ts";
import type { ExportedMetric } from "../telemetry/cells.ts";
import { GatheredMetrics } from "../telemetry/gathered-metrics.ts";
import type { LifePhase } from "../telemetry/process.ts";
import type { WorkersTelemetry } from "../telemetry/workers.ts";
import { surplusConnections } from "./balance.ts";
import { newWorker, type Worker, type WorkerHandle } from "./pooled-worker.ts";
import { asWorkerMessage, type PrimaryMessage, type WorkerMessage } from "./worker-link.ts";

export interface WorkerPoolOptions {
  readonly count: number;
  readonly fork: () => WorkerHandle;
  readonly clock: Clock;
  /** 0 ≤ n < 1. */
  readonly randomUnit: () => number;
  readonly telemetry: Pick<
    WorkersTelemetry,
    "exited" | "diedWithEvents" | "renewed" | "rebalanced"
  >;
  /** How many workers want traffic now, and why the others do not. */
  readonly onReadiness: (ready: number, reasons: readonly string[]) => void;
}

/** How a rolling restart ended: `failed` says why. */
export type Renewal =
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly reason: string }
  /** Everybody goes. */
  | { readonly kind: "interrupted" };

interface SnapshotRequest {
  readonly waitingFor: Set<number>;
  readonly finish: () => void;
}

const DEPARTING: ReadonlySet<LifePhase> = new Set(["draining", "stopped"]);
const RESTART_FIRST_MS = 200;
const RESTART_CEILING_MS = 30_000;
/** A worker that lived this long after becoming ready has nothing to do with the deaths before. */
const RESTART_FORGIVEN_MS = 60_000;
/** Between two times that clients are asked to move: they have come again long before. */
const BALANCE_PAUSE_MS = 15_000;
/** A scrape goes without a worker that does not answer. */
const SNAPSHOT_DEADLINE_MS = 2_000;
/** Scrapes under way at once; more wait for nobody and get what the workers said last. */
const SNAPSHOTS_MAX = 16;

export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #workers = new Map<number, Worker>();
  readonly #restarts = new Set<CancelTimer>();
  readonly #requests = new Map<number, SnapshotRequest>();
  readonly #gathered = new GatheredMetrics();
  #balancedAtMs = -Infinity;
  readonly #started = Promise.withResolvers<void>();
  readonly #emptied = Promise.withResolvers<void>();
  #deathsInRow = 0;
  #requestsMade = 0;
  #isStarted = false;
  #isDraining = false;
  #drainReason = "";
  #dirtyExits = 0;

  constructor(options: WorkerPoolOptions) {
    assert(options.count > 0, "a pool has workers");
    this.#options = options;
    // A failed start that nobody awaited is the exit code's business, not an unhandled rejection.
    this.#started.promise.catch(() => undefined);
  }

  /** Resolves when all workers are ready; rejects when one leaves before that. */
  start(): Promise<void> {
    for (let index = 0; index < this.#options.count; index += 1) {
      this.#fork({ isOnTrial: false });
    }
    return this.#started.promise;
  }

  /** Workers that want traffic. */
  get ready(): number {
    return this.#living.filter(({ phase }) => phase === "ready").length;
  }

  /** Open WebSockets by worker, as they said last. */
  get connections(): ReadonlyMap<number, number> {
    const ids = this.#living.map(({ handle }) => handle.id);
    return new Map(ids.map((id) => [id, this.#gathered.connections(id)]));
  }

  get #living(): readonly Worker[] {
    return [...this.#workers.values()];
  }

  /**
   * The metrics of all workers, those that are gone included. One that does not answer in time is
   * there with what it said last.
   */
  async snapshots(): Promise<readonly (readonly ExportedMetric[])[]> {
    await this.#askAll();
    return this.#gathered.all((id) => {
      const worker = this.#workers.get(id);
      return worker !== undefined && worker.readyAtMs !== null && !worker.isLeaving;
    });
  }

  async #askAll(): Promise<void> {
    const connected = this.#living.filter((worker) => worker.handle.isConnected());
    if (this.#requests.size >= SNAPSHOTS_MAX || connected.length === 0) return;
    this.#requestsMade += 1;
    const id = this.#requestsMade;
    const { promise, resolve } = Promise.withResolvers<void>();
    const waitingFor = new Set(connected.map((worker) => worker.handle.id));
    this.#requests.set(id, { waitingFor, finish: resolve });
    const cancel = this.#options.clock.after(SNAPSHOT_DEADLINE_MS, resolve);
    for (const worker of connected) {
      worker.handle.send({ sluice: "snapshot", request: id });
    }
    await promise;
    cancel();
    this.#requests.delete(id);
  }

  /**
   * Asks workers with many more connections than the others to send some of them there; while one
   * is missing, on trial or leaving, and for a while after the last time, nobody.
   */
  balance(): void {
    const { clock, count, telemetry } = this.#options;
    const nowMs = clock.monotonicMs();
    const isSteady = this.#living.every(
      ({ phase, isLeaving, isOnTrial }) => phase === "ready" && !isLeaving && !isOnTrial,
    );
    const isEarly = nowMs - this.#balancedAtMs < BALANCE_PAUSE_MS;
    if (this.#isDraining || !isSteady || this.#workers.size !== count || isEarly) return;
    for (const [id, connections] of surplusConnections(this.connections)) {
      this.#workers.get(id)?.handle.send({ sluice: "rebalance", connections });
      telemetry.rebalanced({ id, connections });
      this.#balancedAtMs = nowMs;
    }
  }

  /**
   * Replaces every worker that is there now, one after the other: the new one is ready before the
   * old one is told to drain. Ends at the first that does not become ready; the others stay.
   */
  async renew(within: { readonly readyMs: number; readonly drainMs: number }): Promise<Renewal> {
    for (const old of this.#living.filter(({ isLeaving }) => !isLeaving)) {
      if (this.#isDraining) return { kind: "interrupted" };
      // One that died meanwhile has been replaced by a new one.
      if (!this.#workers.has(old.handle.id)) continue;
      const next = this.#fork({ isOnTrial: true });
      const isReady = await this.#inTime(next.arrived.promise, within.readyMs);
      if (this.#isDraining) return { kind: "interrupted" };
      if (isReady !== true) {
        this.#giveUp(next);
        const { id } = next.handle;
        const why = isReady === false ? "left before it was ready" : "did not become ready in time";
        return { kind: "failed", reason: [`worker ${id} ${why}`, ...next.reasons].join("; ") };
      }
      next.isOnTrial = false;
      await this.#sendAway(old, within.drainMs);
      this.#options.telemetry.renewed({ id: old.handle.id, by: next.handle.id });
    }
    return { kind: "done" };
  }

  #giveUp(worker: Worker): void {
    worker.isLeaving = true;
    if (this.#workers.has(worker.handle.id)) worker.handle.kill("SIGKILL");
  }

  async #sendAway(worker: Worker, drainMs: number): Promise<void> {
    if (!this.#workers.has(worker.handle.id)) return;
    worker.isLeaving = true;
    if (worker.handle.isConnected()) {
      worker.handle.send({ sluice: "drain", reason: "another worker takes its place" });
    }
    this.#findDuty();
    const hasLeft = await this.#inTime(
      worker.left.promise.then(() => true),
      drainMs,
    );
    if (hasLeft === null) this.#giveUp(worker);
  }

  /** What it resolves with, null if that takes too long. */
  async #inTime<T>(what: Promise<T>, ms: number): Promise<T | null> {
    const { promise: late, resolve } = Promise.withResolvers<null>();
    const cancel = this.#options.clock.after(ms, () => resolve(null), { keepAlive: true });
    try {
      return await Promise.race([what, late]);
    } finally {
      cancel();
    }
  }

  /**
   * Tells every worker to drain and resolves when all have left; rejects when one of them left with
   * something undone. What is still there after `deadlineMs` is killed.
   */
  async drain(reason: string, deadlineMs: number): Promise<void> {
    this.#isDraining = true;
    this.#drainReason = reason;
    for (const cancel of this.#restarts) {
      cancel();
    }
    this.#restarts.clear();
    if (this.#workers.size > 0) {
      this.#tellAll({ sluice: "drain", reason });
      const cancel = this.#options.clock.after(deadlineMs, () => this.#killAll());
      await this.#emptied.promise;
      cancel();
    }
    if (this.#dirtyExits > 0) {
      throw new Error(`${this.#dirtyExits} workers left with something undone`);
    }
  }

  #tellAll(message: PrimaryMessage): void {
    for (const worker of this.#living) {
      if (!worker.handle.isConnected() || worker.isLeaving) continue;
      worker.mayBeDeaf = !worker.hasSpoken;
      worker.handle.send(message);
    }
  }

  /** One that goes on as if nobody had told it to drain is told again. */
  #tellAgain(worker: Worker): void {
    if (!worker.mayBeDeaf || DEPARTING.has(worker.phase)) return;
    worker.mayBeDeaf = false;
    worker.handle.send({ sluice: "drain", reason: this.#drainReason });
  }

  #killAll(): void {
    for (const { handle } of this.#workers.values()) {
      handle.kill("SIGKILL");
    }
  }

  #fork({ isOnTrial }: { readonly isOnTrial: boolean }): Worker {
    const handle = this.#options.fork();
    const worker = newWorker(handle, isOnTrial);
    this.#workers.set(handle.id, worker);
    handle.on("message", (value) => this.#onMessage(worker, asWorkerMessage(value)));
    handle.on("exit", (code, signal) =>
      this.#onExit(worker, {
        code: typeof code === "number" ? code : null,
        signal: typeof signal === "string" ? signal : null,
      }),
    );
    return worker;
  }

  #onMessage(worker: Worker, message: WorkerMessage | undefined): void {
    switch (message?.sluice) {
      case "phase":
        worker.phase = message.phase;
        worker.reasons = message.reasons;
        worker.hasSpoken = true;
        this.#tellAgain(worker);
        if (message.phase === "ready") {
          worker.readyAtMs ??= this.#options.clock.monotonicMs();
          worker.arrived.resolve(true);
        }
        this.#review();
        break;
      case "snapshot":
        this.#onSnapshot(worker, message);
        break;
      case "farewell":
        this.#gathered.heard(worker.handle.id, message.metrics);
        break;
      default:
    }
  }

  #onSnapshot(worker: Worker, message: Extract<WorkerMessage, { sluice: "snapshot" }>): void {
    const { id } = worker.handle;
    this.#gathered.heard(id, message.metrics);
    const request = this.#requests.get(message.request);
    if (request?.waitingFor.delete(id) === true && request.waitingFor.size === 0) request.finish();
  }

  #onExit(
    worker: Worker,
    exit: { readonly code: number | null; readonly signal: string | null },
  ): void {
    const { id, pid } = worker.handle;
    this.#workers.delete(id);
    this.#options.telemetry.diedWithEvents(this.#gathered.gone(id));
    worker.arrived.resolve(false);
    worker.left.resolve();
    for (const request of this.#requests.values()) {
      if (request.waitingFor.delete(id) && request.waitingFor.size === 0) {
        request.finish();
      }
    }
    const { isLeaving, isOnTrial } = worker;
    const stays = this.#isStarted && !this.#isDraining && !isLeaving && !isOnTrial;
    const restartInMs = stays ? this.#restartInMs(worker) : undefined;
    this.#options.telemetry.exited({ id, pid, ...exit, restartInMs });
    if (exit.code !== 0) {
      this.#dirtyExits += this.#isDraining ? 1 : 0;
    }
    if (restartInMs !== undefined) {
      this.#restartAfter(restartInMs);
    } else if (!this.#isStarted && !this.#isDraining) {
      this.#started.reject(new Error(`worker ${id} left before all workers were ready`));
    }
    if (this.#isDraining && this.#workers.size === 0) {
      this.#emptied.resolve();
    }
    this.#review();
  }

  #restartInMs(worker: Worker): number {
    const livedMs =
      worker.readyAtMs === null ? 0 : this.#options.clock.monotonicMs() - worker.readyAtMs;
    this.#deathsInRow = livedMs >= RESTART_FORGIVEN_MS ? 1 : this.#deathsInRow + 1;
    return backoffMs(this.#deathsInRow, {
      firstMs: RESTART_FIRST_MS,
      ceilingMs: RESTART_CEILING_MS,
      randomUnit: this.#options.randomUnit,
    });
  }

  #restartAfter(delayMs: number): void {
    const cancel = this.#options.clock.after(
      delayMs,
      () => {
        this.#restarts.delete(cancel);
        // A rolling restart may have filled the place meanwhile.
        const staying = this.#living.filter((worker) => !worker.isLeaving);
        if (staying.length < this.#options.count) this.#fork({ isOnTrial: false });
      },
      { keepAlive: true },
    );
    this.#restarts.add(cancel);
  }

  #review(): void {
    const { ready } = this;
    if (!this.#isStarted && ready >= this.#options.count) {
      this.#isStarted = true;
      this.#started.resolve();
    }
    const reasons = this.#living.flatMap((worker) =>
      worker.reasons.map((reason) => `worker ${worker.handle.id}: ${reason}`),
    );
    this.#options.onReadiness(ready, reasons);
    this.#findDuty();
  }

  /** One worker is on duty, from when it is ready until it leaves. */
  #findDuty(): void {
    if (this.#isDraining || this.#living.some((each) => each.isOnDuty && !each.isLeaving)) return;
    const next = this.#living.find(({ phase, isLeaving }) => phase === "ready" && !isLeaving);
    if (next === undefined || !next.handle.isConnected()) return;
    next.isOnDuty = true;
    next.handle.send({ sluice: "duty" });
  }
}
