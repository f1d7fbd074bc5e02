/**
 * The life of a process: starting → ready ⇄ not-ready → draining → stopped. Runs the start steps in
 * order, answers the health endpoints, and takes everything down in order within one deadline. It
 * knows steps and conditions by name only; what they do is main's and the rooms' business.
 */
import assert from "node:assert/strict";

import type { Clock } from "../lib/clock.ts";
import type { Health, HealthReport } from "../telemetry/admin.ts";
import type { LifePhase, ProcessTelemetry } from "../telemetry/process.ts";
import { Condition, type ConditionOptions } from "./condition.ts";

/**
 * What a drain does, in this order; each step begins when the one before it has ended. Readiness is
 * off before the first of them.
 */
export const DRAIN_STEPS = {
  listen: "no new connections are taken",
  streams: "streams are told to go and send nothing new",
  answers: "requests and frames in flight get their answers",
  delivery: "records at hand are flushed and the producers leave",
  sessions: "changed sessions are written",
  schemas: "the registry is not asked any more",
  admin: "health and metrics end last",
} as const;

export type DrainStep = keyof typeof DRAIN_STEPS;

/**
 * Ends the step early by itself when `remainingMs` has passed; the lifecycle does not wait longer.
 */
export type DrainAction = (remainingMs: number) => void | Promise<void>;

export type PhaseListener = (phase: LifePhase, reasons: readonly string[]) => void;

export interface StartStep {
  /** Completes "… failed", for people: "listening on 127.0.0.1:8080". */
  readonly name: string;
  readonly run: () => void | Promise<void>;
}

export interface LifecycleOptions {
  readonly clock: Clock;
  readonly telemetry: Pick<
    ProcessTelemetry,
    | "phaseChanged"
    | "stepDone"
    | "startFailed"
    | "drainStarted"
    | "drainStepFailed"
    | "drainOverdue"
    | "drained"
    | "leftAtOnce"
  >;
  readonly drainDeadlineMs: number;
  /** Ends the process; tests note the code instead. Called once. */
  readonly exit: (code: number) => void;
}

export class Lifecycle {
  readonly #options: LifecycleOptions;
  readonly #conditions: Condition[] = [];
  readonly #drainActions = new Map<DrainStep, DrainAction[]>();
  readonly #listeners: PhaseListener[] = [];
  readonly #firstReady = Promise.withResolvers<void>();
  #phase: LifePhase = "starting";
  #step = "start";
  #hasBeenReady = false;
  #exited = false;
  #draining: Promise<void> | null = null;

  constructor(options: LifecycleOptions) {
    this.#options = options;
  }

  get phase(): LifePhase {
    return this.#phase;
  }

  /** Resolves when the process wants traffic for the first time: the moment of the ready line. */
  get firstReady(): Promise<void> {
    return this.#firstReady.promise;
  }

  /** Told of every change of phase, with the reasons of `not-ready`. */
  onPhase(listener: PhaseListener): void {
    this.#listeners.push(listener);
  }

  /**
   * Runs the steps one after the other. True: all ran and the process is ready (or not-ready, where
   * a condition says so). False: a step failed and the process is on its way out with code 1, or a
   * drain began meanwhile.
   */
  async start(steps: readonly StartStep[]): Promise<boolean> {
    const { clock, telemetry } = this.#options;
    for (const step of steps) {
      if (this.#phase !== "starting") {
        return false;
      }
      this.#step = step.name;
      const startMs = clock.monotonicMs();
      try {
        await step.run();
      } catch (error) {
        telemetry.startFailed(step.name, error);
        this.#exit(1);
        return false;
      }
      const durationMs = clock.monotonicMs() - startMs;
      telemetry.stepDone({ of: "start", name: step.name, durationMs });
    }
    if (this.#phase !== "starting") {
      return false;
    }
    const reasons = this.#failures();
    this.#enter(reasons.length === 0 ? "ready" : "not-ready", reasons);
    return true;
  }

  /**
   * Something traffic depends on. It counts once it has lasted `failAfterMs`, and is forgiven once
   * it has been well for `recoverAfterMs`, so that a blip does not empty the load balancer.
   */
  condition(name: string, options: Omit<ConditionOptions, "clock" | "onChange">): Condition {
    const { clock } = this.#options;
    const condition = new Condition(name, { ...options, clock, onChange: () => this.#review() });
    this.#conditions.push(condition);
    return condition;
  }

  /** Adds an action to a step of the drain; actions of one step run side by side. */
  onDrain(step: DrainStep, action: DrainAction): void {
    this.#drainActions.set(step, [...(this.#drainActions.get(step) ?? []), action]);
  }

  /** Begins the drain, or returns the one under way. Resolves when the process was told to exit. */
  drain(reason: string): Promise<void> {
    this.#draining ??= this.#drain(reason);
    return this.#draining;
  }

  /** Ends the process now, without answers for what is in flight. */
  leaveAtOnce(reason: string): void {
    this.#options.telemetry.leftAtOnce(reason);
    this.#exit(1);
  }

  readonly health: Health = {
    live: () => ({ ok: this.#phase !== "stopped", state: this.#phase, reasons: [] }),
    ready: () => this.#readiness(),
    started: () => {
      const reasons = this.#hasBeenReady ? [] : this.#startReasons();
      return { ok: this.#hasBeenReady, state: this.#phase, reasons };
    },
  };

  #readiness(): HealthReport {
    const reasons = this.#phase === "starting" ? this.#startReasons() : this.#failures();
    if (this.#phase === "draining" || this.#phase === "stopped") {
      reasons.unshift("this process is shutting down");
    }
    return { ok: this.#phase === "ready", state: this.#phase, reasons };
  }

  #startReasons(): string[] {
    return [`starting: ${this.#step}`, ...this.#failures()];
  }

  #failures(): string[] {
    return this.#conditions.map((each) => each.failure).filter((reason) => reason !== null);
  }

  /** A condition changed, or the start ended. */
  #review(): void {
    if (this.#phase !== "ready" && this.#phase !== "not-ready") {
      return;
    }
    const reasons = this.#failures();
    const phase = reasons.length === 0 ? "ready" : "not-ready";
    if (phase !== this.#phase) {
      this.#enter(phase, reasons);
    }
  }

  async #drain(reason: string): Promise<void> {
    const { clock, telemetry, drainDeadlineMs } = this.#options;
    const startMs = clock.monotonicMs();
    telemetry.drainStarted(reason);
    this.#enter("draining");
    let isClean = true;
    for (const name of Object.keys(DRAIN_STEPS) as DrainStep[]) {
      const stepMs = clock.monotonicMs();
      const remainingMs = drainDeadlineMs - (stepMs - startMs);
      const result = await this.#drainStep(name, remainingMs);
      if (result === "overdue") {
        telemetry.drainOverdue(name, drainDeadlineMs);
        this.#exit(1);
        return;
      }
      isClean &&= result === "done";
      const durationMs = clock.monotonicMs() - stepMs;
      telemetry.stepDone({ of: "drain", name, durationMs });
    }
    telemetry.drained(clock.monotonicMs() - startMs);
    this.#exit(isClean ? 0 : 1);
  }

  async #drainStep(name: DrainStep, remainingMs: number): Promise<"done" | "failed" | "overdue"> {
    const { clock, telemetry } = this.#options;
    const actions = this.#drainActions.get(name) ?? [];
    if (remainingMs <= 0) {
      return "overdue";
    }
    const work = Promise.allSettled(actions.map(async (action) => action(remainingMs)));
    let cancelTimer: (() => void) | undefined;
    const deadline = new Promise<"overdue">((resolve) => {
      // Kept alive: a step that waits for nothing at all must not end the process with code 0.
      cancelTimer = clock.after(remainingMs, () => resolve("overdue"), { keepAlive: true });
    });
    const results = await Promise.race([work, deadline]);
    cancelTimer?.();
    if (results === "overdue") {
      return "overdue";
    }
    const failures = results.filter((result) => result.status === "rejected");
    for (const failure of failures) {
      telemetry.drainStepFailed(name, failure.reason);
    }
    return failures.length === 0 ? "done" : "failed";
  }

  #enter(phase: LifePhase, reasons: readonly string[] = []): void {
    assert(this.#phase !== "stopped", "nothing comes after stopped");
    this.#phase = phase;
    this.#options.telemetry.phaseChanged(phase, reasons);
    for (const listener of this.#listeners) {
      listener(phase, reasons);
    }
    if (phase === "ready") {
      this.#hasBeenReady = true;
      this.#firstReady.resolve();
    }
  }

  #exit(code: number): void {
    if (this.#exited) {
      return;
    }
    this.#exited = true;
    for (const condition of this.#conditions) {
      condition.stop();
    }
    this.#enter("stopped");
    this.#options.exit(code);
  }
}
