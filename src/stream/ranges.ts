/**
 * A set of sequence numbers kept as ascending, disjoint, inclusive ranges. Streams use it for what
 * is final above `done`, what is open and what is in flight; the number of ranges is bounded by the
 * stream's credit.
 */

export class RangeSet {
  #ranges: [number, number][] = [];

  get size(): number {
    let numbers = 0;
    for (const [from, to] of this.#ranges) numbers += to - from + 1;
    return numbers;
  }

  get isEmpty(): boolean {
    return this.#ranges.length === 0;
  }

  /** Ascending, disjoint, not adjacent. */
  ranges(): readonly (readonly [number, number])[] {
    return this.#ranges.map(([from, to]) => [from, to] as const);
  }

  has(number: number): boolean {
    const index = this.#firstEndingAtOrAfter(number);
    const range = this.#ranges[index];
    return range !== undefined && range[0] <= number;
  }

  /** Adds one number; joins neighbours. Appending at the end is constant time. */
  add(number: number): void {
    const last = this.#ranges.at(-1);
    if (last === undefined || number > last[1] + 1) {
      this.#ranges.push([number, number]);
      return;
    }
    if (number === last[1] + 1) {
      last[1] = number;
      return;
    }
    const index = this.#firstEndingAtOrAfter(number - 1);
    const range = this.#ranges[index];
    if (range === undefined || range[0] > number + 1) {
      this.#ranges.splice(index, 0, [number, number]);
      return;
    }
    range[0] = Math.min(range[0], number);
    range[1] = Math.max(range[1], number);
    const next = this.#ranges[index + 1];
    if (next !== undefined && next[0] === range[1] + 1) {
      range[1] = next[1];
      this.#ranges.splice(index + 1, 1);
    }
  }

  /** Adds from…to, both inclusive, above everything that is in the set. */
  append(from: number, to: number): void {
    const last = this.#ranges.at(-1);
    if (last !== undefined && last[1] + 1 === from) last[1] = to;
    else this.#ranges.push([from, to]);
  }

  delete(number: number): void {
    const index = this.#firstEndingAtOrAfter(number);
    const range = this.#ranges[index];
    if (range === undefined || range[0] > number) return;
    const [from, to] = range;
    if (from === to) this.#ranges.splice(index, 1);
    else if (number === from) range[0] = number + 1;
    else if (number === to) range[1] = number - 1;
    else this.#ranges.splice(index, 1, [from, number - 1], [number + 1, to]);
  }

  /**
   * Takes the range off that begins at `number` and gives its end; `number − 1` if there is none.
   */
  takeFrom(number: number): number {
    const first = this.#ranges[0];
    if (first === undefined || first[0] !== number) return number - 1;
    this.#ranges.shift();
    return first[1];
  }

  #firstEndingAtOrAfter(number: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const range = this.#ranges[middle];
      if (range !== undefined && range[1] < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
