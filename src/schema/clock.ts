/** Time and chance as this room uses them; tests bring their own. */
export interface Clock {
  /** Milliseconds from any fixed moment; never goes back. */
  monotonicMs(): number;
  /** At least 0, less than 1. */
  random(): number;
  /** Calls back once after the delay; the returned function calls it off. */
  after(delayMs: number, callback: () => void): () => void;
}

export const SYSTEM_CLOCK: Clock = {
  monotonicMs: () => performance.now(),
  random: () => Math.random(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
