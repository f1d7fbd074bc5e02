/**
 * What the outside and the unexpected do to the process: SIGTERM and SIGINT begin the drain, a
 * second one ends it at once; what nobody caught ends the process too. SIGHUP renews the workers of
 * a primary; anywhere else it is a SIGTERM. Knows no rooms.
 */
import type { Clock } from "../lib/clock.ts";
import type { Lifecycle } from "./lifecycle.ts";

/** The part of `process` that is used; a test passes an EventEmitter. */
export interface ProcessEvents {
  on(event: string, listener: (...values: unknown[]) => void): unknown;
  off(event: string, listener: (...values: unknown[]) => void): unknown;
}

/**
 * One signal reaches a process twice where npm or a shell passes on what a terminal or a service
 * manager has already sent to the whole group; the same one this soon is no second word.
 */
const SAME_SIGNAL_MS = 300;

export interface SignalOptions {
  readonly events: ProcessEvents;
  readonly clock: Clock;
  readonly lifecycle: Pick<Lifecycle, "drain" | "leaveAtOnce">;
  /** Logs and counts what nobody expected. */
  readonly unexpected: (where: string, error: unknown) => void;
  /**
   * A worker leaves SIGINT and SIGHUP to its primary: a terminal sends them to both, and the
   * primary's word would count as the second signal.
   */
  readonly isWorker?: boolean;
  /** What SIGHUP does. Absent: it drains. */
  readonly renew?: () => void;
}

/** Installs the handlers; the function returned takes them away again. */
export function handleSignals(options: SignalOptions): () => void {
  const { events, lifecycle } = options;
  let first: { readonly name: string; readonly atMs: number } | null = null;
  const onSignal = (name: string) => () => {
    const atMs = options.clock.monotonicMs();
    if (first === null) {
      first = { name, atMs };
      void lifecycle.drain(name);
      return;
    }
    if (name !== first.name || atMs - first.atMs > SAME_SIGNAL_MS) {
      lifecycle.leaveAtOnce(`${name} while draining`);
    }
  };
  const ignore = () => undefined;
  // A broken invariant may have left anything behind; going on could report what is not true.
  const onUnexpected = (where: string) => (error: unknown) => {
    options.unexpected(where, error);
    lifecycle.leaveAtOnce(where);
  };
  const handlers: readonly (readonly [string, (...values: unknown[]) => void])[] = [
    ["SIGTERM", onSignal("SIGTERM")],
    ["SIGINT", options.isWorker === true ? ignore : onSignal("SIGINT")],
    ["SIGHUP", options.isWorker === true ? ignore : (options.renew ?? onSignal("SIGHUP"))],
    ["uncaughtException", onUnexpected("uncaught exception")],
    ["unhandledRejection", onUnexpected("unhandled rejection")],
  ];
  for (const [event, handler] of handlers) {
    events.on(event, handler);
  }
  return () => {
    for (const [event, handler] of handlers) {
      events.off(event, handler);
    }
  };
}
