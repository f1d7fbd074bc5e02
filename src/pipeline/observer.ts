/** What the pipeline tells telemetry. */
import type { Dialect, TenantPolicy } from "../admission/policy.ts";
import type { FaultKind } from "../errors.ts";
import type { Recent } from "../telemetry/recent.ts";
import type { Tally } from "./batch.ts";

/** At most once per batch and happening. */
export interface PipelineObserver {
  encoded(durationMs: number): void;
  /** A batch says when it was sent; it came so much later. Below 0: before that, by our clock. */
  sentBefore(differenceMs: number): void;
  /** The last event of a batch whose records went to Kafka has its outcome. */
  committed(durationMs: number): void;
  /** Events that now count as received; every one of them comes back in one tally. */
  received(batch: {
    readonly dialect: Dialect;
    readonly transport: "http" | "ws";
    readonly events: number;
    readonly bytes: number;
    readonly tenant: TenantPolicy;
  }): void;
  settled(tally: Tally, tenant: TenantPolicy): void;
  deadLettersWritten(result: "stored" | "failed", count: number): void;
  /** What the console is told. */
  readonly recent: Pick<Recent, "isWatched" | "refused" | "settled">;
  /** An event does not fit its schema. */
  invalid(kind: FaultKind): void;
}
