/** What happens to the live feed: counted, and logged where an operator has to know. */
import type { LiveGap, LiveRecord, LiveRefused, LiveStart } from "./label-sets.ts";
import type { LogFields } from "./log-fields.ts";
import type { Logger } from "./logger.ts";
import type { MetricCells } from "./metric-registry.ts";

interface LiveStats {
  readonly subscribers: number;
  readonly feeds: number;
  readonly catchUps: number;
  readonly behind: number;
  readonly busyMs: number;
}

export class LiveTelemetry {
  readonly #cells: MetricCells;
  readonly #log: Logger;

  constructor(parts: { readonly cells: MetricCells; readonly log: Logger }) {
    this.#cells = parts.cells;
    this.#log = parts.log;
  }

  readFrom(stats: () => LiveStats): void {
    this.#cells.liveSubscribers.readFrom(() => stats().subscribers);
    this.#cells.liveFeeds.readFrom(() => stats().feeds);
    this.#cells.liveCatchUps.readFrom(() => stats().catchUps);
    this.#cells.liveBehind.readFrom(() => stats().behind);
    this.#cells.liveBusy.readFrom(() => stats().busyMs / 1_000);
  }

  subscribed(how: LiveStart): void {
    this.#cells.liveSubscriptions.add(1, how);
  }

  refused(reason: LiveRefused): void {
    this.#cells.liveRefused.add(1, reason);
  }

  record(fate: LiveRecord): void {
    this.#cells.liveRecords.add(1, fate);
  }

  delivered(count: number): void {
    this.#cells.liveDeliveries.add(count);
  }

  gap(reason: LiveGap, subscribers: number): void {
    this.#cells.liveGaps.add(subscribers, reason);
  }

  failed(fields: LogFields): void {
    this.#cells.liveFailures.add(1);
    this.#log.warn("a topic cannot be read for the live feed", fields);
  }
}
