/** Waiting times for repeated attempts. Knows neither what is attempted nor how to wait. */

export interface BackoffOptions {
  /** Upper end of the first wait. */
  readonly firstMs: number;
  /** Upper end of every wait. */
  readonly ceilingMs: number;
  /** 0 ≤ n < 1. */
  readonly randomUnit: () => number;
}

/**
 * How long to wait before attempt `attempt` (1 is the first repeat): exponential with full jitter,
 * so that many who failed together do not come back together.
 */
export function backoffMs(attempt: number, options: BackoffOptions): number {
  const doublings = Math.min(Math.max(attempt, 1) - 1, 30);
  const ceilingMs = Math.min(options.ceilingMs, options.firstMs * 2 ** doublings);
  return Math.floor(options.randomUnit() * ceilingMs);
}
