/** What the sink tells of itself, as metrics and log lines. */
import type { MetricRegistry } from "./metric-registry.ts";
import type { Logger } from "./logger.ts";
import type { sinkMetrics } from "./sink-metrics.ts";

type SinkCells = MetricRegistry<ReturnType<typeof sinkMetrics>>["cells"];

/** As src/sink says it; telemetry imports no room. */
type Told =
  | {
      readonly kind: "written";
      readonly tookMs: number;
      readonly written: {
        readonly events: number;
        readonly doubles: number;
        readonly erased: number;
        readonly refused: number;
        readonly letters: number;
        readonly sessions: number;
        readonly erasures: number;
      };
    }
  | { readonly kind: "skipped"; readonly why: "duplicate" | "expired" | "empty" | "canary" }
  | { readonly kind: "retry"; readonly cause: "database" | "registry"; readonly detail: string }
  | { readonly kind: "conflict" }
  | { readonly kind: "assigned"; readonly partitions: number }
  | {
      readonly kind: "missed";
      readonly place: { readonly topic: string; readonly partition: number };
      readonly records: number;
    }
  | { readonly kind: "notice"; readonly detail: string }
  | { readonly kind: "upkeep"; readonly report: { readonly days: number; readonly rows: number } };

export class SinkTelemetry {
  readonly #cells: SinkCells;
  readonly #log: Logger;

  constructor({ cells, log }: { readonly cells: SinkCells; readonly log: Logger }) {
    this.#cells = cells;
    this.#log = log;
  }

  heard(told: Told): void {
    const cells = this.#cells;
    switch (told.kind) {
      case "written":
        this.#count(told.written);
        cells.sinkBatches.add(1);
        cells.sinkBatchSeconds.observe(told.tookMs / 1_000);
        break;
      case "skipped":
        cells.sinkSkipped.add(1, told.why);
        break;
      case "retry":
        cells.sinkRetries.add(1, told.cause);
        this.#log.warn(`${told.cause} does not take part`, { detail: told.detail });
        break;
      case "conflict":
        cells.sinkConflicts.add(1);
        this.#log.warn("another process has written these partitions");
        break;
      case "assigned":
        this.#log.info("partitions assigned", { partitions: told.partitions });
        break;
      case "missed":
        cells.sinkMissed.add(told.records);
        this.#log.error("Kafka has dropped records before they were written", {
          ...told.place,
          records: told.records,
        });
        break;
      case "notice":
        this.#log.warn("trouble that may pass", { detail: told.detail });
        break;
      case "upkeep":
        this.#log.info("old days removed", { ...told.report });
        break;
      default:
        told satisfies never;
    }
  }

  /** For the last line of the log. */
  summary(): { readonly written: number; readonly batches: number } {
    const { sinkRecords, sinkBatches } = this.#cells;
    return { written: sinkRecords.value("written"), batches: sinkBatches.value() };
  }

  #count(written: Extract<Told, { kind: "written" }>["written"]): void {
    const { sinkRecords, sinkErasures } = this.#cells;
    sinkRecords.add(written.events, "written");
    sinkRecords.add(written.doubles, "double");
    sinkRecords.add(written.erased, "erased");
    sinkRecords.add(written.refused, "refused");
    sinkRecords.add(written.letters, "letter");
    sinkRecords.add(written.sessions, "session");
    sinkErasures.add(written.erasures);
  }
}
