/**
 * The last minutes of the few numbers that the console draws, so that whoever opens it when
 * something has happened sees how it came. Counters as they stood; the page makes rates of them.
 */
import type { Clock } from "../lib/clock.ts";
import { CONSOLE_HISTORY_EVERY_MS, CONSOLE_HISTORY_MAX } from "../limits/watching.ts";
import type { ExportedMetric } from "../telemetry/cells.ts";
import { shownSeries } from "./shown-series.ts";
import type { ShownSeries } from "./shown-series.ts";

export interface HistorySample {
  readonly atMs: number;
  readonly metrics: Readonly<Record<string, readonly ShownSeries[]>>;
}

/** What is remembered, by the page's names. */
export type HistorySources = Readonly<Record<string, { get(): ExportedMetric }>>;

export class History {
  readonly #sources: HistorySources;
  readonly #clock: Clock;
  readonly #samples: HistorySample[] = [];
  #cancel: () => void;

  constructor(sources: HistorySources, clock: Clock) {
    this.#sources = sources;
    this.#clock = clock;
    this.#cancel = this.#schedule();
  }

  /** The oldest first. */
  get samples(): readonly HistorySample[] {
    return this.#samples;
  }

  stop(): void {
    this.#cancel();
  }

  #schedule(): () => void {
    return this.#clock.after(CONSOLE_HISTORY_EVERY_MS, () => {
      const metrics: Record<string, readonly ShownSeries[]> = {};
      for (const [name, source] of Object.entries(this.#sources)) {
        metrics[name] = shownSeries(source.get());
      }
      this.#samples.push({ atMs: this.#clock.nowMs(), metrics });
      if (this.#samples.length > CONSOLE_HISTORY_MAX) this.#samples.shift();
      this.#cancel = this.#schedule();
    });
  }
}
