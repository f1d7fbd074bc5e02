/**
 * A set of sequence numbers kept as ascending, disjoint, inclusive ranges. Streams use it for what
 * is final above `done`, what is open and what is in flight; the number of ranges is bounded by the
 * stream's credit.
 */

import assert from "node:assert/strict";
import type { Ranges } from "../protocol/frames.ts";

/** Of every set without numbers: most sets are of connections that do nothing. */
const NO_RANGES: [number, number][] = [];
Object.freeze(NO_RANGES);

export class RangeSet {
  #ranges: [number, number][];

  /** `ranges`: ascending, disjoint, not adjacent. */
  constructor(ranges: Ranges = NO_RANGES) {
    this.#ranges = ranges.length === 0 ? NO_RANGES : ranges.map(([from, to]) => [from, to]);
  }

  get size(): number {
    let numbers = 0;
    for (const [from, to] of this.#ranges) numbers += to - from + 1;
    return numbers;
  }

  get isEmpty(): boolean {
    return this.#ranges.length === 0;
  }

  /** The highest number, 0 if there is none. */
  get max(): number {
    return this.#ranges.at(-1)?.[1] ?? 0;
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
      this.append(number, number);
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
    if (last === undefined) this.#ranges = [[from, to]];
    else if (last[1] + 1 === from) last[1] = to;
    else this.#ranges.push([from, to]);
  }

  /** Adds from…to, none of which is in the set; joins neighbours. */
  insert(from: number, to: number): void {
    const index = this.#firstEndingAtOrAfter(from - 1);
    const range = this.#ranges[index];
    if (range === undefined) this.append(from, to);
    else if (range[0] > to + 1) this.#ranges.splice(index, 0, [from, to]);
    else if (range[0] > to) range[0] = from;
    else {
      range[1] = to;
      const next = this.#ranges[index + 1];
      if (next === undefined || next[0] !== to + 1) return;
      range[1] = next[1];
      this.#ranges.splice(index + 1, 1);
    }
  }

  delete(number: number): void {
    if (this.has(number)) this.cut(number, number);
  }

  /** Takes from…to out, all of which are in the set. */
  cut(from: number, to: number): void {
    const index = this.#firstEndingAtOrAfter(from);
    const range = this.#ranges[index];
    assert(range !== undefined && range[0] <= from && to <= range[1], "what is cut is there");
    const [first, last] = range;
    if (from === first && to === last) this.#remove(index);
    else if (from === first) range[0] = to + 1;
    else if (to === last) range[1] = from - 1;
    else this.#ranges.splice(index, 1, [first, from - 1], [to + 1, last]);
  }

  /**
   * Takes the range off that begins at `number` and gives its end; `number − 1` if there is none.
   */
  takeFrom(number: number): number {
    const first = this.#ranges[0];
    if (first === undefined || first[0] !== number) return number - 1;
    this.#remove(0);
    return first[1];
  }

  #remove(index: number): void {
    if (this.#ranges.length === 1) this.#ranges = NO_RANGES;
    else this.#ranges.splice(index, 1);
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

/** The numbers that are in one of two ascending lists of ranges. */
export function union(left: Ranges, right: Ranges): Ranges {
  const merged: [number, number][] = [];
  for (const [from, to] of [...left, ...right].sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

/** The numbers of `left` that are not in `right`; both ascending and disjoint. */
export function without(left: Ranges, right: Ranges): Ranges {
  const rest: (readonly [number, number])[] = [];
  let index = 0;
  for (const [from, to] of left) {
    let next = from;
    while ((right[index]?.[1] ?? Infinity) < next) index += 1;
    for (let at = index; next <= to; at += 1) {
      const [start, end] = right[at] ?? [Infinity, Infinity];
      if (start > next) rest.push([next, Math.min(start - 1, to)]);
      next = Math.max(next, end + 1);
    }
  }
  return rest;
}

/** The numbers that are in both lists of ranges. */
export function intersection(left: Ranges, right: Ranges): Ranges {
  return without(left, without(left, right));
}
