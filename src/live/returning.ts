/**
 * Those who were parked and read again. Sockets that can be written to come by the thousand, and
 * each wants to be told what it missed: they go on in turns of the feed's.
 */
import type { Clock } from "../lib/clock.ts";
import { LIVE_TURN_BYTES, LIVE_WRITE_BYTES } from "../limits/live.ts";
import type { Allowance } from "./allowance.ts";

interface Parked {
  /** How many frames it was told; none if it is not parked any more. */
  goOn(): number;
}

/** Some of them are told in half of a turn's writes: each is told by himself. */
const WRITES_MAX = LIVE_TURN_BYTES / LIVE_WRITE_BYTES / 2;
const TURN_MS_MAX = 2;

export class Returning<T extends Parked> {
  readonly #waiting = new Set<T>();
  readonly #allowance: Allowance;
  readonly #clock: Clock;
  #isRunning = false;

  constructor(allowance: Allowance, clock: Clock) {
    this.#allowance = allowance;
    this.#clock = clock;
  }

  add(one: T): void {
    this.#waiting.add(one);
    if (!this.#isRunning) void this.#run();
  }

  delete(one: T): void {
    this.#waiting.delete(one);
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.size > 0) {
      const slice = await this.#allowance.turn("present");
      const endMs = this.#clock.monotonicMs() + TURN_MS_MAX;
      let writes = 0;
      for (const one of this.#waiting) {
        this.#waiting.delete(one);
        writes += one.goOn();
        if (writes >= WRITES_MAX || this.#clock.monotonicMs() >= endMs) break;
      }
      slice.end(writes);
    }
    this.#isRunning = false;
  }
}
