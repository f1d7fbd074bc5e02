/** What becomes of the canary's records: counted, and logged where a promise is in doubt. */
import type { Logger } from "./logger.ts";
import type { MetricCells } from "./metric-registry.ts";

type Result =
  | { readonly kind: "seen"; readonly storedMs: number; readonly seenMs: number }
  | { readonly kind: "missing"; readonly storedMs: number }
  | { readonly kind: "not_stored" }
  | { readonly kind: "unread"; readonly reason: string };

export class CanaryTelemetry {
  readonly #cells: MetricCells;
  readonly #log: Logger;
  readonly #clockMs: () => number;
  /** By topic; the topics are the operator's. */
  readonly #seenAtMs = new Map<string, number>();

  constructor(parts: {
    readonly cells: MetricCells;
    readonly log: Logger;
    readonly clockMs: () => number;
  }) {
    this.#cells = parts.cells;
    this.#log = parts.log;
    this.#clockMs = parts.clockMs;
  }

  /** It begins: until a topic has been seen its age counts from now. */
  watch(topics: readonly string[]): void {
    for (const topic of topics) this.#seenAtMs.set(topic, this.#clockMs());
    this.#cells.canaryAge.readFrom(
      () => (this.#clockMs() - Math.min(...this.#seenAtMs.values())) / 1_000,
    );
  }

  visited(topic: string, result: Result): void {
    this.#cells.canaryVisits.add(1, result.kind);
    if (result.kind === "seen") {
      this.#cells.canaryFreshness.observe(result.seenMs / 1_000);
      this.#seenAtMs.set(topic, this.#clockMs());
    } else if (result.kind === "missing") {
      this.#log.error("Kafka confirmed a canary record that is not there", { topic, ...result });
    } else if (result.kind === "not_stored") {
      this.#log.warn("canary record not confirmed by Kafka", { topic });
    } else {
      this.#log.warn("canary cannot read a topic", { topic, reason: result.reason });
    }
  }
}
