/** What a primary says of its workers: deaths, rolling restarts, connections moved. */
import type { Logger } from "./logger.ts";
import type { MetricCells } from "./metric-registry.ts";

/** What the primary knows of its workers now. */
export interface WorkersView {
  ready(): number;
  /** By number of the worker. */
  connections(): ReadonlyMap<number, number>;
}

export interface WorkerExit {
  readonly id: number;
  readonly pid: number | undefined;
  readonly code: number | null;
  readonly signal: string | null;
  /** Undefined: it was told to go, or everybody goes; it is not replaced. */
  readonly restartInMs: number | undefined;
}

export class WorkersTelemetry {
  readonly #cells: MetricCells;
  readonly #log: Logger;

  constructor(parts: { readonly cells: MetricCells; readonly log: Logger }) {
    this.#cells = parts.cells;
    this.#log = parts.log;
  }

  readFrom(view: WorkersView): void {
    this.#cells.workersReady.readFrom(() => view.ready());
    this.#cells.workerConnections.readValuesFrom(() =>
      [...view.connections()].map(([worker, value]) => ({ labels: { worker }, value })),
    );
  }

  exited(exit: WorkerExit): void {
    if (exit.restartInMs === undefined) {
      this.#log.info("worker left", { ...exit });
      return;
    }
    this.#cells.workersRestarted.add(1);
    this.#log.error("worker died, its events in flight got no answer", { ...exit });
  }

  /** As far as its last look at itself says. */
  diedWithEvents(inFlight: number): void {
    this.#cells.eventsUnanswered.add(inFlight);
  }

  renewalStarted(workers: number): void {
    this.#log.info("rolling restart begins", { workers });
  }

  renewed(worker: { readonly id: number; readonly by: number }): void {
    this.#cells.workersRenewed.add(1);
    this.#log.info("worker renewed", { ...worker });
  }

  renewalDone(): void {
    this.#log.info("rolling restart done");
  }

  /** The old workers that were not replaced yet go on as they are. */
  renewalFailed(reason: string): void {
    this.#log.error("rolling restart given up, the other workers stay", { reason });
  }

  rebalanced(worker: { readonly id: number; readonly connections: number }): void {
    this.#cells.connectionsRebalanced.add(worker.connections);
    this.#log.info("connections asked to move to other workers", { ...worker });
  }
}
