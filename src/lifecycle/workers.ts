/**
 * The primary's side of several workers: forks them, waits until all are ready, replaces those that
 * die, passes on the drain, and gathers their metrics. It serves no events itself.
 */
import assert from "node:assert/strict";

import { backoffMs } from "../lib/backoff.ts";
import type { CancelTimer, Clock } from "../lib/clock.ts";
import type { ExportedMetric } from "../telemetry/cells.ts";
import type { LifePhase, ProcessTelemetry } from "../telemetry/process.ts";
import { asWorkerMessage, type PrimaryMessage, type WorkerMessage } from "./worker-link.ts";

/** One forked process; `cluster.fork()` returns such a thing. */
export interface WorkerHandle {
  readonly id: number;
  send(message: PrimaryMessage): unknown;
  kill(signal: string): unknown;
  isConnected(): boolean;
  on(event: string, listener: (...values: unknown[]) => void): unknown;
}

export interface WorkerPoolOptions {
  readonly count: number;
  readonly fork: () => WorkerHandle;
  readonly clock: Clock;
  /** 0 ≤ n < 1. */
  readonly randomUnit: () => number;
  readonly telemetry: Pick<ProcessTelemetry, "workerExited">;
  /** How many workers want traffic now, and why the others do not. */
  readonly onReadiness: (ready: number, reasons: readonly string[]) => void;
}

interface Worker {
  readonly handle: WorkerHandle;
  phase: LifePhase;
  reasons: readonly string[];
  readyAtMs: number | null;
}

interface SnapshotRequest {
  readonly snapshots: (readonly ExportedMetric[])[];
  readonly waitingFor: Set<number>;
  readonly finish: () => void;
}

const RESTART_FIRST_MS = 200;
const RESTART_CEILING_MS = 30_000;
/** A worker that lived this long after becoming ready has nothing to do with the deaths before. */
const RESTART_FORGIVEN_MS = 60_000;
/** A scrape goes without a worker that does not answer. */
const SNAPSHOT_DEADLINE_MS = 2_000;
/** Scrapes under way at once; more wait for nobody and get what is there: nothing. */
const SNAPSHOTS_MAX = 16;

export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #workers = new Map<number, Worker>();
  readonly #restarts = new Set<CancelTimer>();
  readonly #requests = new Map<number, SnapshotRequest>();
  readonly #started = Promise.withResolvers<void>();
  readonly #emptied = Promise.withResolvers<void>();
  #deathsInRow = 0;
  #requestsMade = 0;
  #isStarted = false;
  #isDraining = false;
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
      this.#fork();
    }
    return this.#started.promise;
  }

  /** The metrics of every worker that answers in time. */
  async snapshots(): Promise<readonly (readonly ExportedMetric[])[]> {
    const connected = [...this.#workers.values()].filter((worker) => worker.handle.isConnected());
    if (this.#requests.size >= SNAPSHOTS_MAX || connected.length === 0) {
      return [];
    }
    this.#requestsMade += 1;
    const id = this.#requestsMade;
    const { promise, resolve } = Promise.withResolvers<void>();
    const waitingFor = new Set(connected.map((worker) => worker.handle.id));
    const request: SnapshotRequest = { snapshots: [], waitingFor, finish: resolve };
    this.#requests.set(id, request);
    const cancel = this.#options.clock.after(SNAPSHOT_DEADLINE_MS, resolve);
    for (const worker of connected) {
      worker.handle.send({ sluice: "snapshot", request: id });
    }
    await promise;
    cancel();
    this.#requests.delete(id);
    return request.snapshots;
  }

  /**
   * Tells every worker to drain and resolves when all have left; rejects when one of them left with
   * something undone. What is still there after `deadlineMs` is killed.
   */
  async drain(reason: string, deadlineMs: number): Promise<void> {
    this.#isDraining = true;
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
    for (const { handle } of this.#workers.values()) {
      if (handle.isConnected()) {
        handle.send(message);
      }
    }
  }

  #killAll(): void {
    for (const { handle } of this.#workers.values()) {
      handle.kill("SIGKILL");
    }
  }

  #fork(): void {
    const handle = this.#options.fork();
    const worker: Worker = { handle, phase: "starting", reasons: [], readyAtMs: null };
    this.#workers.set(handle.id, worker);
    handle.on("message", (value) => this.#onMessage(worker, asWorkerMessage(value)));
    handle.on("exit", (code, signal) =>
      this.#onExit(worker, {
        code: typeof code === "number" ? code : null,
        signal: typeof signal === "string" ? signal : null,
      }),
    );
  }

  #onMessage(worker: Worker, message: WorkerMessage | undefined): void {
    switch (message?.sluice) {
      case "phase":
        worker.phase = message.phase;
        worker.reasons = message.reasons;
        if (message.phase === "ready") {
          worker.readyAtMs ??= this.#options.clock.monotonicMs();
        }
        this.#review();
        break;
      case "snapshot":
        this.#onSnapshot(worker, message);
        break;
      default:
    }
  }

  #onSnapshot(worker: Worker, message: Extract<WorkerMessage, { sluice: "snapshot" }>): void {
    const request = this.#requests.get(message.request);
    if (request?.waitingFor.delete(worker.handle.id) === true) {
      request.snapshots.push(message.metrics);
      if (request.waitingFor.size === 0) {
        request.finish();
      }
    }
  }

  #onExit(
    worker: Worker,
    exit: { readonly code: number | null; readonly signal: string | null },
  ): void {
    const { id } = worker.handle;
    this.#workers.delete(id);
    for (const request of this.#requests.values()) {
      if (request.waitingFor.delete(id) && request.waitingFor.size === 0) {
        request.finish();
      }
    }
    const isLeaving = this.#isDraining || !this.#isStarted;
    const restartInMs = isLeaving ? undefined : this.#restartInMs(worker);
    this.#options.telemetry.workerExited({ id, ...exit, restartInMs });
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
        this.#fork();
      },
      { keepAlive: true },
    );
    this.#restarts.add(cancel);
  }

  #review(): void {
    const workers = [...this.#workers.values()];
    const ready = workers.filter((worker) => worker.phase === "ready").length;
    if (!this.#isStarted && ready === this.#options.count) {
      this.#isStarted = true;
      this.#started.resolve();
    }
    const reasons = workers.flatMap((worker) =>
      worker.reasons.map((reason) => `worker ${worker.handle.id}: ${reason}`),
    );
    this.#options.onReadiness(ready, reasons);
  }
}
