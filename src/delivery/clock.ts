/**
 * Time, timers and chance as delivery uses them, so that a test can run it in virtual time.
 */

export interface DeliveryClock {
  /** Monotonic, milliseconds. */
  monotonicMs(): number;
  /** Milliseconds since 1970. */
  wallMs(): number;
  /** Runs after the I/O of the current loop turn. */
  endOfTurn(run: () => void): void;
  /** Returns a function that cancels; neither keeps the process alive. */
  after(delayMs: number, run: () => void): () => void;
  every(intervalMs: number, run: () => void): () => void;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
}

export const SYSTEM_CLOCK: DeliveryClock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  endOfTurn: (run) => {
    setImmediate(run);
  },
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
  every: (intervalMs, run) => {
    const timer = setInterval(run, intervalMs);
    timer.unref();
    return () => clearInterval(timer);
  },
  random: () => Math.random(),
};

/** A delay between half and all of `base · 2^attempt`, at most `max`. */
export function backoffMs(
  attempt: number,
  options: { readonly baseMs: number; readonly maxMs: number; readonly random: () => number },
): number {
  const full = Math.min(options.maxMs, options.baseMs * 2 ** Math.min(attempt, 16));
  return full / 2 + (full / 2) * options.random();
}
