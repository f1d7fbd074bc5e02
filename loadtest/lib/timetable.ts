/**
 * When k6's arrivals are due. An arrival that k6 starts late is late by that much from the first
 * moment on, and only its timetable tells. Pure.
 */
import type { Stage } from "../catalog.ts";

export interface Timetable {
  readonly perS: number;
  readonly durationS: number;
  /** Null: the full rate all the time. */
  readonly stages: readonly Stage[] | null;
}

/**
 * When the arrival of this index (from 0) is due, ms after the first could be. Past the end of the
 * timetable it is its end.
 */
export function arrivalMs(index: number, { perS, durationS, stages }: Timetable): number {
  if (stages === null) return (index * 1_000) / perS;
  // k6 starts one when the sum of the rate has reached it; with a steady rate, at the beginning.
  let left = index + 1;
  let fromS = 0;
  let rate = perS * (stages[0]?.[1] ?? 1);
  for (const [durationShare, rateShare] of stages) {
    const seconds = durationShare * durationS;
    const target = perS * rateShare;
    const arrivals = ((rate + target) / 2) * seconds;
    if (left <= arrivals) return (fromS + secondsUntil(left, { rate, target, seconds })) * 1_000;
    left -= arrivals;
    fromS += seconds;
    rate = target;
  }
  return fromS * 1_000;
}

/** Seconds until a rate that goes evenly to its target has made so many arrivals. */
function secondsUntil(
  arrivals: number,
  { rate, target, seconds }: { rate: number; target: number; seconds: number },
): number {
  const growth = (target - rate) / seconds;
  // Of the two solutions of growth/2·t² + rate·t = arrivals, in the form that stands growth 0.
  return (2 * arrivals) / (rate + Math.sqrt(Math.max(0, rate * rate + 2 * growth * arrivals)));
}
