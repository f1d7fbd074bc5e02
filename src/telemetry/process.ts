/** The life of the process itself: starting, ready, draining, leaving; and what nobody expected. */
import type { LogFields } from "./log-fields.ts";
import type { Logger } from "./logger.ts";
import type { MetricCells } from "./metric-registry.ts";

export type LifePhase = "starting" | "ready" | "not-ready" | "draining" | "stopped";

export class ProcessTelemetry {
  readonly #cells: MetricCells;
  readonly #log: Logger;
  #phase: LifePhase = "starting";

  constructor(parts: { readonly cells: MetricCells; readonly log: Logger }) {
    this.#cells = parts.cells;
    this.#log = parts.log;
    parts.cells.ready.readFrom(() => (this.#phase === "ready" ? 1 : 0));
  }

  /** A deprecated setting, or another sentence the operator should read once. */
  notice(sentence: string): void {
    this.#log.warn("notice", { sentence });
  }

  phaseChanged(phase: LifePhase, reasons: readonly string[]): void {
    const from = this.#phase;
    this.#phase = phase;
    if (phase === "not-ready") {
      this.#log.warn("not ready", { reasons });
    } else if (from === "not-ready" && phase === "ready") {
      this.#log.info("ready again");
    } else {
      this.#log.debug("phase changed", { from, to: phase });
    }
  }

  /** The one ready line on standard output. */
  ready(url: string, fields: LogFields = {}): void {
    this.#log.ready(url, fields);
  }

  stepDone(step: {
    readonly of: "start" | "drain";
    readonly name: string;
    readonly durationMs: number;
  }): void {
    this.#log.debug(`${step.of} step done`, {
      step: step.name,
      durationMs: round(step.durationMs),
    });
  }

  startFailed(name: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#log.error("sluice could not start", { step: name, reason });
    this.#log.debug("where the start failed", { error });
  }

  drainStarted(reason: string): void {
    this.#log.info("draining", { reason });
  }

  drainStepFailed(name: string, error: unknown): void {
    this.#log.error("drain step failed, going on with the next", { step: name, error });
  }

  drainOverdue(name: string, deadlineMs: number): void {
    this.#log.error("drain deadline passed, leaving", { step: name, deadlineMs });
  }

  drained(durationMs: number): void {
    this.#log.info("drained", { durationMs: round(durationMs) });
  }

  /** Nothing can be said of it where it happened; whoever reads the metrics sees it. */
  linesLost(): void {
    this.#cells.logWriteErrors.add(1);
  }

  /** A second signal: leaving without waiting for anything. */
  leftAtOnce(reason: string): void {
    this.#log.error("leaving at once, events in flight get no answer", { reason });
  }

  /** A broken invariant or a rejection nobody handled. */
  unexpected(where: string, error: unknown): void {
    this.#cells.internalErrors.add(1);
    this.#log.error("unexpected error", { where, error });
  }
}

function round(durationMs: number): number {
  return Math.round(durationMs * 10) / 10;
}
