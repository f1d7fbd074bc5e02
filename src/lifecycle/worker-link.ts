/**
 * The few words a worker and its primary exchange, and the worker's end of the line. Messages that
 * are not of this kind are somebody else's and left alone.
 */
import type { ExportedMetric } from "../telemetry/cells.ts";
import type { LifePhase } from "../telemetry/process.ts";
import type { Lifecycle } from "./lifecycle.ts";

/** From a worker. */
export type WorkerMessage =
  | { readonly sluice: "phase"; readonly phase: LifePhase; readonly reasons: readonly string[] }
  | {
      readonly sluice: "snapshot";
      readonly request: number;
      readonly metrics: readonly ExportedMetric[];
    }
  /** The last word of one that drains. */
  | { readonly sluice: "farewell"; readonly metrics: readonly ExportedMetric[] };

/** From the primary. */
export type PrimaryMessage =
  | { readonly sluice: "drain"; readonly reason: string }
  | { readonly sluice: "snapshot"; readonly request: number }
  /** What a gateway does once, not in each worker, is this worker's from now on. */
  | { readonly sluice: "duty" }
  /** Others have fewer connections: so many should reconnect. */
  | { readonly sluice: "rebalance"; readonly connections: number };

/** The worker's `process`, as far as it is used here. */
export interface PrimaryChannel {
  /** Resolves when it was written, or cannot be. */
  send(message: WorkerMessage): Promise<void>;
  on(event: string, listener: (...values: unknown[]) => void): unknown;
}

export interface WorkerLinkOptions {
  readonly channel: PrimaryChannel;
  readonly lifecycle: Pick<Lifecycle, "drain" | "onPhase" | "onDrain">;
  /** Asks so many WebSockets to reconnect. */
  readonly sendAway: (connections: number) => void;
  readonly snapshot: () => Promise<readonly ExportedMetric[]>;
  /** What is done once for all workers is to be done here. */
  readonly onDuty: () => void;
  readonly unexpected: (where: string, error: unknown) => void;
}

/**
 * Reports every phase to the primary, answers its questions and drains when it says so or is gone.
 */
export function linkToPrimary(options: WorkerLinkOptions): void {
  const { channel, lifecycle } = options;
  lifecycle.onPhase((phase, reasons) => void channel.send({ sluice: "phase", phase, reasons }));
  lifecycle.onDrain("admin", async () => {
    await channel.send({ sluice: "farewell", metrics: await options.snapshot() });
  });
  channel.on("message", (value) => {
    const message = asPrimaryMessage(value);
    switch (message?.sluice) {
      case "drain":
        // May be said again, when the primary cannot tell whether it was heard.
        void lifecycle.drain(message.reason);
        break;
      case "duty":
        options.onDuty();
        break;
      case "rebalance":
        options.sendAway(message.connections);
        break;
      case "snapshot":
        void answerSnapshot(options, message.request);
        break;
      default:
    }
  });
  channel.on("disconnect", () => void lifecycle.drain("the primary is gone"));
}

async function answerSnapshot(options: WorkerLinkOptions, request: number): Promise<void> {
  try {
    const metrics = await options.snapshot();
    await options.channel.send({ sluice: "snapshot", request, metrics });
  } catch (error) {
    options.unexpected("metrics for the primary", error);
  }
}

/** What the primary said, if it is one of our messages: only our own processes share the line. */
function asPrimaryMessage(value: unknown): PrimaryMessage | undefined {
  return isOurs(value) ? (value as PrimaryMessage) : undefined;
}

/** What a worker said, likewise. */
export function asWorkerMessage(value: unknown): WorkerMessage | undefined {
  return isOurs(value) ? (value as WorkerMessage) : undefined;
}

function isOurs(value: unknown): boolean {
  return typeof value === "object" && value !== null && "sluice" in value;
}
