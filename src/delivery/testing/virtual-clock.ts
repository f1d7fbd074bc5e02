/**
 * A clock whose time passes only when told, with loop turns as in Node: first what I/O and timers
 * brought, then what was put off to the end of the turn.
 */
import type { DeliveryClock } from "../clock.ts";

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export class VirtualClock implements DeliveryClock {
  #nowMs = 0;
  #order = 0;
  #timers: Timer[] = [];
  #io: Array<() => void> = [];
  #endOfTurn: Array<() => void> = [];
  readonly random: () => number;

  constructor(random: () => number) {
    this.random = random;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  endOfTurn(run: () => void): void {
    this.#endOfTurn.push(run);
  }

  /** As if the operating system had brought it: in the next turn, before its end. */
  io(run: () => void): void {
    this.#io.push(run);
  }

  after(delayMs: number, run: () => void): () => void {
    const timer: Timer = { atMs: this.#nowMs + delayMs, order: this.#order, run };
    this.#order += 1;
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  every(intervalMs: number, run: () => void): () => void {
    let cancel = (): void => {};
    const again = (): void => {
      cancel = this.after(intervalMs, () => {
        again();
        run();
      });
    };
    again();
    return () => cancel();
  }

  /** Lets `ms` pass; promises get their turn in between. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    while (true) {
      this.#turn();
      await drainMicrotasks();
      if (this.#io.length > 0 || this.#endOfTurn.length > 0) continue;
      const next = this.#next();
      if (next === undefined || next.atMs > endMs) break;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
    }
    this.#nowMs = endMs;
  }

  #turn(): void {
    for (const run of this.#io.splice(0)) run();
    for (let timer = this.#next(); timer !== undefined; timer = this.#next()) {
      if (timer.atMs > this.#nowMs) break;
      const due = timer;
      this.#timers = this.#timers.filter((other) => other !== due);
      due.run();
    }
    for (const run of this.#endOfTurn.splice(0)) run();
  }

  #next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      const isEarlier =
        first === undefined ||
        timer.atMs < first.atMs ||
        (timer.atMs === first.atMs && timer.order < first.order);
      if (isEarlier) first = timer;
    }
    return first;
  }
}

async function drainMicrotasks(): Promise<void> {
  for (let i = 0; i < 4; i += 1) await Promise.resolve();
}

/** A small seeded generator (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
