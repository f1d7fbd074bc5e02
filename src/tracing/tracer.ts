/**
 * Traces of batches, as the rooms that a batch goes through see them: is this one traced, and when
 * did it reach which stage. This room knows no sockets, no events and no Kafka; of its files
 * open-telemetry.ts alone meets the library, and load.ts loads that only where traces are wanted.
 */

/** A batch that may be traced. Names of tenant and source are the operator's, not the client's. */
export interface TracedBatch {
  readonly transport: "http" | "ws";
  readonly tenant: string;
  readonly source: string;
  /** The client's `traceparent` as it was sent; undefined or "": none. */
  readonly clientTrace: string | undefined;
  /** When its bytes began to arrive, and were all there; on the monotonic clock, ms. */
  readonly startedMs: number;
  readonly arrivedMs: number;
}

/** What became of the events of a batch. */
export interface TracedOutcome {
  readonly stored: number;
  readonly duplicate: number;
  readonly rejected: number;
  readonly retry: number;
}

/** One batch that is traced. Times are of the monotonic clock, ms. */
export interface BatchTrace {
  /** What its records carry, so that who reads them goes on with the trace. */
  readonly traceparent: string;
  /** For exemplars. */
  readonly traceId: string;
  readonly spanId: string;
  encoded(stage: { readonly startedMs: number; readonly endedMs: number }): void;
  /** Its records are on their way to Kafka; `topic` is null where they go to several. */
  handedOver(batch: { readonly records: number; readonly topic: string | null }): void;
  /** Its last event has its outcome. Only the first call counts. */
  settled(atMs: number, outcome: TracedOutcome): void;
  /** Its sender was answered, or is gone. The trace ends; only the first call counts. */
  answered(atMs: number): void;
}

export interface BatchTracer {
  /** null: this batch is not traced. */
  begin(batch: TracedBatch): BatchTrace | null;
  /** Sends what is left, for at most so long. Never rejects. */
  stop(withinMs: number): Promise<void>;
}

/** What happens to spans, for the metrics and the log; the receiver must not throw. */
export type TracingEvent =
  | { readonly kind: "exported"; readonly spans: number }
  | { readonly kind: "failed"; readonly spans: number; readonly reason: string }
  /** Batches that were to be traced and were not, because too many spans wait. */
  | { readonly kind: "dropped"; readonly batches: number };
