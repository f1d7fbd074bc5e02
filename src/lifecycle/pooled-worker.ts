/** One forked worker, as its primary knows it. */
import type { LifePhase } from "../telemetry/process.ts";
import type { PrimaryMessage } from "./worker-link.ts";

/** One forked process; `cluster.fork()` returns such a thing. */
export interface WorkerHandle {
  readonly id: number;
  readonly pid: number | undefined;
  send(message: PrimaryMessage): unknown;
  kill(signal: string): unknown;
  isConnected(): boolean;
  on(event: string, listener: (...values: unknown[]) => void): unknown;
}

export interface Worker {
  readonly handle: WorkerHandle;
  /** True: it has been ready; false: it has left before. */
  readonly arrived: PromiseWithResolvers<boolean>;
  readonly left: PromiseWithResolvers<void>;
  /** It is to take the place of another one, once it is ready; if it dies before, so be it. */
  isOnTrial: boolean;
  /** It was told to go, or is of no use any more. */
  isLeaving: boolean;
  /** Told to drain before it had said a word: it may not have been able to hear. */
  mayBeDeaf: boolean;
  hasSpoken: boolean;
  /** It does what is done once, not in each worker. */
  isOnDuty: boolean;
  phase: LifePhase;
  reasons: readonly string[];
  readyAtMs: number | null;
}

export function newWorker(handle: WorkerHandle, isOnTrial: boolean): Worker {
  return {
    handle,
    arrived: Promise.withResolvers(),
    left: Promise.withResolvers(),
    isOnTrial,
    isLeaving: false,
    mayBeDeaf: false,
    hasSpoken: false,
    isOnDuty: false,
    phase: "starting",
    reasons: [],
    readyAtMs: null,
  };
}
