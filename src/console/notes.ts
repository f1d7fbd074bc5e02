/** What the console shows besides metrics: schemas in use, and what has just happened. */
import { RECENT_BATCHES_MAX, RECENT_REFUSALS_MAX } from "../limits/watching.ts";
import type { RecentBatch, RecentRefusal } from "../telemetry/recent.ts";

export interface ShownSchema {
  readonly type: string;
  readonly subject: string;
  readonly version: number;
  readonly id: number;
}

export interface Notes {
  /** The latest first. */
  readonly refusals: readonly RecentRefusal[];
  readonly batches: readonly RecentBatch[];
  readonly schemas: readonly ShownSchema[];
}

/** What all workers know together. */
export function mergedNotes(all: readonly Notes[]): Notes {
  const latest = <T extends { readonly atMs: number }>(lists: readonly T[], most: number) =>
    lists.toSorted((left, right) => right.atMs - left.atMs).slice(0, most);
  return {
    refusals: latest(
      all.flatMap(({ refusals }) => refusals),
      RECENT_REFUSALS_MAX,
    ),
    batches: latest(
      all.flatMap(({ batches }) => batches),
      RECENT_BATCHES_MAX,
    ),
    // All workers follow the same registry.
    schemas: all[0]?.schemas ?? [],
  };
}
