/** What happens to the memory of streams: counted, and logged where an operator has to know. */
import type { StreamClaim } from "./label-sets.ts";
import type { LogFields } from "./log-fields.ts";
import type { Logger } from "./logger.ts";
import type { MetricCells } from "./metric-registry.ts";

export class StreamMemoryTelemetry {
  readonly #cells: MetricCells;
  readonly #log: Logger;
  #isUp = true;

  constructor(parts: { readonly cells: MetricCells; readonly log: Logger }) {
    this.#cells = parts.cells;
    this.#log = parts.log;
    parts.cells.streamMemoryUp.readFrom(() => (this.#isUp ? 1 : 0));
  }

  readHeldFrom(held: () => number): void {
    this.#cells.streamsHeld.readFrom(held);
  }

  claimed(how: StreamClaim): void {
    this.#cells.streamClaims.add(1, how);
  }

  superseded(): void {
    this.#cells.streamsSuperseded.add(1);
  }

  handedOver(wait: { readonly waitMs: number; readonly isClean: boolean }): void {
    this.#cells.streamHandOver.observe(wait.waitMs / 1_000);
    if (!wait.isClean) this.#log.debug("a stream was not released in time", { ...wait });
  }

  saved(): void {
    this.#cells.streamSaves.add(1, "ok");
  }

  saveFailed(fields: LogFields): void {
    this.#cells.streamSaves.add(1, "failed");
    this.#log.debug("stream records not written, they are kept and sent again", fields);
  }

  forgotten(records: number): void {
    this.#cells.streamsForgotten.add(records);
    this.#log.warn("stream records given up, their clients' view remains", { records });
  }

  /** The first failure after success. */
  down(fields: LogFields): void {
    this.#isUp = false;
    this.#log.warn("stream memory unavailable, streams go on and flag re-sent events", fields);
  }

  /** The first success after a failure. */
  up(fields: LogFields): void {
    this.#isUp = true;
    this.#log.info("stream memory available again", fields);
  }
}
