/**
 * Subscribers in shards of a bounded size. What many are told is told to one shard in a turn of the
 * event loop, so that nobody else waits for the writes to all of them.
 */
export class Shards<T> {
  readonly #sizeMax: number;
  readonly #shards: Set<T>[] = [];

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
  }

  /** It never falls: a number that was given stays good. */
  get count(): number {
    return this.#shards.length;
  }

  /** Where there is room; the shard's number. */
  enter(item: T): number {
    const free = this.#shards.findIndex(({ size }) => size < this.#sizeMax);
    const number = free < 0 ? this.#shards.push(new Set()) - 1 : free;
    this.#shards[number]?.add(item);
    return number;
  }

  leave(item: T, number: number): void {
    this.#shards[number]?.delete(item);
  }

  of(number: number): ReadonlySet<T> {
    return this.#shards[number] ?? new Set();
  }
}
