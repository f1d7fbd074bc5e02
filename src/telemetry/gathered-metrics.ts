/**
 * The metrics of several workers, as their primary has them: what each said last, and what those
 * that are gone have counted, so that no count goes back when a worker dies or is replaced. It
 * knows workers by number only.
 */
import type { ExportedMetric } from "./cells.ts";
import { mergedSnapshot } from "./metric-registry.ts";
import { METRICS } from "./metrics.ts";

export type Snapshot = readonly ExportedMetric[];

export class GatheredMetrics {
  readonly #last = new Map<number, Snapshot>();
  #departed: Snapshot = [];

  /** A worker said what it counts. */
  heard(worker: number, snapshot: Snapshot): void {
    this.#last.set(worker, snapshot);
  }

  /**
   * A worker is gone: what it counted is kept. Answers how many events it had in flight when it
   * last spoke; nobody will ever answer those.
   */
  gone(worker: number): number {
    const last = this.#last.get(worker);
    if (last === undefined) return 0;
    this.#last.delete(worker);
    const { kept, inFlight } = departing(last);
    this.#departed = mergedSnapshot([this.#departed, kept]);
    return inFlight;
  }

  /** Open WebSockets of a worker; 0 if it has not spoken yet. */
  connections(worker: number): number {
    const metric = this.#last.get(worker)?.find(({ name }) => name === METRICS.wsConnections.name);
    return metric?.values[0]?.value ?? 0;
  }

  /**
   * One snapshot for each worker, and one for those that are gone. Of a worker that comes or goes,
   * which `isSteady` says, gauges that are the least of all are left out: it is not ready, rightly.
   */
  all(isSteady: (worker: number) => boolean): readonly Snapshot[] {
    const living = [...this.#last].map(([worker, snapshot]) =>
      isSteady(worker) ? snapshot : snapshot.filter(({ aggregator }) => aggregator !== "min"),
    );
    return [this.#departed, ...living];
  }
}

/**
 * Counts stay; of the gauges the ledger does, without what was in flight and never settled, and
 * what it could not account for.
 */
function departing(snapshot: Snapshot): { readonly kept: Snapshot; readonly inFlight: number } {
  let inFlight = 0;
  const kept = snapshot.flatMap((metric): ExportedMetric[] => {
    const { name } = metric;
    if (metric.type !== "gauge" || name === METRICS.ledgerDrift.name) return [metric];
    if (name !== METRICS.ledgerEvents.name) return [];
    inFlight = ledgerState(metric, "in_flight");
    const settled = ledgerState(metric, "received") - inFlight;
    const values = metric.values.map((line) => {
      const { state } = line.labels;
      if (state === "received") return { ...line, value: settled };
      return state === "in_flight" ? { ...line, value: 0 } : line;
    });
    return [{ ...metric, values }];
  });
  return { kept, inFlight };
}

function ledgerState(metric: ExportedMetric, state: string): number {
  return metric.values.find(({ labels }) => labels["state"] === state)?.value ?? 0;
}
