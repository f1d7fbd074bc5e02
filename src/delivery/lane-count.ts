/**
 * How many lanes a process has: as many as were asked for, and as its threads allow.
 */
import assert from "node:assert/strict";

import { LANES_MAX } from "../limits/delivery.ts";
import type { DeliveryEvent } from "./delivery.ts";

const LANES_DEFAULT = 4;
const THREAD_POOL_DEFAULT = 4;
/** Threads left for DNS, files and metadata. */
const THREADS_SPARED = 2;

export interface LaneWish {
  readonly lanes?: number;
  /** Threads of libuv's pool. */
  readonly threadPoolSize?: number;
  readonly onEvent: (event: DeliveryEvent) => void;
}

/** A flush holds a thread of libuv's pool, so there are fewer lanes than threads. */
export function laneCount(options: LaneWish): number {
  const wanted = options.lanes ?? LANES_DEFAULT;
  assert(Number.isInteger(wanted) && wanted >= 1 && wanted <= LANES_MAX, "lanes: 1 to LANES_MAX");
  const threads = options.threadPoolSize ?? THREAD_POOL_DEFAULT;
  const lanes = Math.max(1, Math.min(wanted, threads - THREADS_SPARED));
  if (lanes < wanted) {
    options.onEvent({
      kind: "lanes_reduced",
      lanes,
      reason:
        `${wanted} lanes need UV_THREADPOOL_SIZE to be at least ${wanted + THREADS_SPARED} ` +
        `when the process starts; it is ${threads}, so ${lanes} are used`,
    });
  }
  return lanes;
}
