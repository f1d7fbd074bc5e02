/**
 * Headers about quotas: RateLimit and RateLimit-Policy (a draft, whose names may still change) and
 * the one that some clients know instead. Nobody else writes their names.
 */

/** A quota of events, and where a sender stands in it. */
export interface QuotaStanding {
  readonly scope: string;
  readonly perSecond: number;
  /** Most events at once. */
  readonly burst: number;
  readonly remaining: number;
  /** Until something may be sent again, ms. */
  readonly waitMs: number;
}

/** Whole seconds, and never 0: some clients would come back at once. */
export function waitSeconds(waitMs: number): number {
  return Math.max(1, Math.ceil(waitMs / 1_000));
}

export function rateLimitHeaders(standing: QuotaStanding): Readonly<Record<string, string>> {
  const { scope, perSecond, burst, remaining, waitMs } = standing;
  const window = Math.max(1, Math.round(burst / perSecond));
  const reset = waitMs === 0 ? 1 : waitSeconds(waitMs);
  return {
    "RateLimit-Policy": `"${scope}";q=${Math.floor(burst)};w=${window}`,
    RateLimit: `"${scope}";r=${remaining};t=${reset}`,
    "X-RateLimit-Reset": String(reset),
  };
}
