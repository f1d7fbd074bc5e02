/** Time that passes only when a test lets it, and chance from a seed. */
import type { ClientClock } from "../types.ts";

/** Numbers from 0 up to 1; the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly action: () => void;
}

export class VirtualTime implements ClientClock {
  #now = 1_800_000_000_000;
  #order = 0;
  readonly #timers: Timer[] = [];

  now(): number {
    return Math.floor(this.#now);
  }

  readonly after = (delayMs: number, action: () => void): (() => void) => {
    this.#order += 1;
    const timer = { at: this.#now + Math.max(0, delayMs), order: this.#order, action };
    const index = this.#timers.findLastIndex(({ at }) => at <= timer.at) + 1;
    this.#timers.splice(index, 0, timer);
    return () => {
      const found = this.#timers.indexOf(timer);
      if (found >= 0) this.#timers.splice(found, 1);
    };
  };

  wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }

  /** Lets time pass until `done` says so or so much has passed; false: it has passed. */
  async run(lengthMs: number, done: () => boolean = () => false): Promise<boolean> {
    const end = this.#now + lengthMs;
    for (;;) {
      await settled();
      if (done()) return true;
      const timer = this.#timers[0];
      if (timer === undefined || timer.at > end) break;
      this.#timers.shift();
      this.#now = timer.at;
      timer.action();
    }
    this.#now = end;
    return false;
  }
}

/** Promises have done all that they can do without time. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
