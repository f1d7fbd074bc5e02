/**
 * What one partition has seen of one stream: its highest number, and a bit for each of the numbers
 * just below it. Memory is the same however many numbers pass. It knows nothing of records.
 */

const WORD_BITS = 32;

/** What a number is to a window. */
export type Standing =
  /** Above all that was seen. */
  | "above"
  /** Within the window and not seen. */
  | "open"
  /** Within the window and seen. */
  | "seen"
  /** Under the window: nobody knows any more. */
  | "below";

export class SeqWindow {
  readonly #words: Uint32Array;
  readonly #size: number;
  #highest = 0;

  /** `size`: numbers remembered, a multiple of 32. */
  constructor(size: number) {
    this.#size = size;
    this.#words = new Uint32Array(size / WORD_BITS);
  }

  get highest(): number {
    return this.#highest;
  }

  standing(seq: number): Standing {
    if (seq > this.#highest) return "above";
    if (seq <= this.#highest - this.#size) return "below";
    return this.#has(seq) ? "seen" : "open";
  }

  /** Marks a number as seen; one under the window changes nothing. */
  add(seq: number): void {
    if (seq > this.#highest) this.#rise(seq);
    else if (seq <= this.#highest - this.#size) return;
    const bit = seq % this.#size;
    const word = Math.floor(bit / WORD_BITS);
    this.#words[word] = (this.#words[word] ?? 0) | (1 << (bit % WORD_BITS));
  }

  /** Forgets what falls out below. */
  #rise(seq: number): void {
    if (seq - this.#highest >= this.#size) this.#words.fill(0);
    else for (let passed = this.#highest + 1; passed <= seq; passed += 1) this.#clear(passed);
    this.#highest = seq;
  }

  #clear(seq: number): void {
    const bit = seq % this.#size;
    const word = Math.floor(bit / WORD_BITS);
    this.#words[word] = (this.#words[word] ?? 0) & ~(1 << (bit % WORD_BITS));
  }

  #has(seq: number): boolean {
    const bit = seq % this.#size;
    return ((this.#words[Math.floor(bit / WORD_BITS)] ?? 0) & (1 << (bit % WORD_BITS))) !== 0;
  }

  /** What is remembered as inclusive ranges, ascending. */
  ranges(): [number, number][] {
    const ranges: [number, number][] = [];
    for (let seq = Math.max(1, this.#highest - this.#size + 1); seq <= this.#highest; seq += 1) {
      if (!this.#has(seq)) continue;
      const last = ranges.at(-1);
      if (last !== undefined && last[1] === seq - 1) last[1] = seq;
      else ranges.push([seq, seq]);
    }
    return ranges;
  }
}
