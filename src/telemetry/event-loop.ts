/**
 * How busy the event loop was over the last second. Node's counters run from the start of the
 * process; their difference over about a second is what an alert can use.
 */
import { performance } from "node:perf_hooks";

import type { CancelTimer, Clock } from "../lib/clock.ts";

const WINDOW_MS = 1_000;

export class EventLoopGauge {
  readonly #clock: Clock;
  #last = performance.eventLoopUtilization();
  #ratio = 0;
  #cancel: CancelTimer;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#cancel = this.#schedule();
  }

  /** 0 (idle) to 1 (saturated). */
  get ratio(): number {
    return this.#ratio;
  }

  stop(): void {
    this.#cancel();
  }

  #schedule(): CancelTimer {
    return this.#clock.after(WINDOW_MS, () => {
      const now = performance.eventLoopUtilization();
      this.#ratio = performance.eventLoopUtilization(now, this.#last).utilization;
      this.#last = now;
      this.#cancel = this.#schedule();
    });
  }
}
