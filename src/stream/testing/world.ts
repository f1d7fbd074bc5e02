/** A world in virtual time: what happens next is decided by a seed, and by nothing else. */

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Happening {
  readonly atMs: number;
  readonly order: number;
  readonly action: () => void;
}

export class World {
  readonly random: () => number;
  nowMs = 1_000_000;
  readonly #happenings: Happening[] = [];
  #order = 0;

  constructor(seed: number) {
    this.random = createRandom(seed);
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  /** An integer from `least` to `most`. */
  between(least: number, most: number): number {
    return least + Math.floor(this.random() * (most - least + 1));
  }

  after(delayMs: number, action: () => void): void {
    this.at(this.nowMs + delayMs, action);
  }

  at(atMs: number, action: () => void): void {
    this.#order += 1;
    const happening = { atMs: Math.max(atMs, this.nowMs), order: this.#order, action };
    let index = this.#happenings.length;
    // Latest first; of the same time, the one that was planned last.
    while (index > 0 && isLater(happening, this.#happenings[index - 1])) index -= 1;
    this.#happenings.splice(index, 0, happening);
  }

  /** Lets things happen until `isOver`; false: nothing happens any more, or time is up. */
  async run(isOver: () => boolean, untilMs: number): Promise<boolean> {
    while (!isOver()) {
      const next = this.#happenings.pop();
      if (next === undefined || next.atMs > untilMs) return false;
      this.nowMs = next.atMs;
      next.action();
      // Promises that wait for nothing but their turn: acks, claims.
      await new Promise((resolve) => setImmediate(resolve));
    }
    return true;
  }
}

function isLater(one: Happening, other: Happening | undefined): boolean {
  if (other === undefined) return false;
  return one.atMs > other.atMs || (one.atMs === other.atMs && one.order > other.order);
}
