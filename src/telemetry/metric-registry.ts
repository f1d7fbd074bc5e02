/**
 * All metrics of a process: the cells of the table, and what Node reports about itself. Turns them
 * into the Prometheus text format, of one process or summed over several. The one place that meets
 * prom-client.
 */
import prometheus from "prom-client";

import {
  CounterCells,
  GaugeCells,
  HistogramCells,
  type ExportedMetric,
  type MetricSource,
} from "./cells.ts";
import { isKeyed, type MetricDeclaration } from "./declaration.ts";
import { KeyedCounterCells, KeyedGaugeCells } from "./keyed-cells.ts";
import { METRICS } from "./metrics.ts";

type PlainCellsOf<Type> = Type extends "counter"
  ? CounterCells
  : Type extends "gauge"
    ? GaugeCells
    : HistogramCells;

type CellsOf<Declaration> = Declaration extends {
  readonly tenantsMax: number;
  readonly type: infer Type;
}
  ? Type extends "counter"
    ? KeyedCounterCells
    : KeyedGaugeCells
  : Declaration extends { readonly type: infer Type }
    ? PlainCellsOf<Type>
    : never;

type MetricTable = Readonly<Record<string, MetricDeclaration>>;

type TableCells<Table extends MetricTable> = {
  readonly [Name in keyof Table]: CellsOf<Table[Name]>;
};

export type MetricCells = TableCells<typeof METRICS>;

export const METRICS_CONTENT_TYPE = prometheus.Registry.PROMETHEUS_CONTENT_TYPE;
export const OPEN_METRICS_CONTENT_TYPE = prometheus.Registry.OPENMETRICS_CONTENT_TYPE;

export class MetricRegistry<Table extends MetricTable = typeof METRICS> {
  readonly cells: TableCells<Table>;
  readonly #registry = new prometheus.Registry();

  /**
   * `nodeMetrics: false` leaves out process_* and nodejs_*, whose collectors hold timers. `table`:
   * what is measured, if it is not what the gateway measures.
   */
  constructor(options: { readonly nodeMetrics: boolean; readonly table?: Table }) {
    const cells: Record<string, MetricSource> = {};
    for (const [key, declaration] of Object.entries<MetricDeclaration>(options.table ?? METRICS)) {
      const source = cellsOf(declaration);
      cells[key] = source;
      // prom-client reads nothing of a metric but its name and get(); its type asks for a class.
      this.#registry.registerMetric(source as unknown as prometheus.Metric);
    }
    // Built by the loop above from the same table the type is derived from.
    this.cells = cells as unknown as TableCells<Table>;
    if (options.nodeMetrics) {
      prometheus.collectDefaultMetrics({ register: this.#registry });
    }
  }

  /** The Prometheus text format of this process. */
  async text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** The same as OpenMetrics, which has exemplars: traces beside the buckets they fell into. */
  async openMetricsText(): Promise<string> {
    const registry = new prometheus.Registry<prometheus.OpenMetricsContentType>();
    registry.setContentType(OPEN_METRICS_CONTENT_TYPE);
    for (const metric of await this.snapshot()) {
      const name = metric.type === "counter" ? metric.name.replace(/_total$/, "") : metric.name;
      const source = { name, type: metric.type, get: () => ({ ...metric, name }) };
      // As above: a name and get() is all that is read.
      registry.registerMetric(source as unknown as prometheus.Metric);
    }
    return registry.metrics();
  }

  /** This process's metrics in the form that `mergedText` takes; plain data, fit for IPC. */
  async snapshot(): Promise<readonly ExportedMetric[]> {
    // Every metric of the registry has the shape of an ExportedMetric; prom-client types it looser.
    return (await this.#registry.getMetricsAsJSON()) as unknown as readonly ExportedMetric[];
  }
}

function cellsOf(declaration: MetricDeclaration): MetricSource {
  const { type } = declaration;
  if (isKeyed(declaration)) {
    return type === "counter"
      ? new KeyedCounterCells(declaration)
      : new KeyedGaugeCells(declaration);
  }
  if (type === "counter") return new CounterCells(declaration);
  return type === "gauge" ? new GaugeCells(declaration) : new HistogramCells(declaration);
}

/** The Prometheus text format of several processes, each metric merged as its declaration says. */
export async function mergedText(
  snapshots: readonly (readonly ExportedMetric[])[],
): Promise<string> {
  return prometheus.AggregatorRegistry.aggregate([...snapshots]).metrics();
}

/** Several snapshots as one, merged in the same way. */
export function mergedSnapshot(
  snapshots: readonly (readonly ExportedMetric[])[],
): readonly ExportedMetric[] {
  const merged = prometheus.AggregatorRegistry.aggregate([...snapshots]).getMetricsAsArray();
  // What went in are ExportedMetrics, and a merged metric gives one at once; prom-client types both
  // looser.
  return merged.map((metric) => (metric as unknown as MetricSource).get());
}
