/**
 * Free space of the module's memory behind its fixed regions: where plans and route texts lie.
 * First fit, neighbours joined, so that a long life of loads and frees does not grow it.
 */
import { assert } from "../lib/assert.ts";

const ALIGN = 16;

export class Space {
  readonly #start: number;
  /** End of the highest allocation. */
  #top: number;
  /** Holes below the top, by address. */
  readonly #holes: { start: number; size: number }[] = [];
  readonly #sizes = new Map<number, number>();
  #used = 0;

  constructor(start: number) {
    this.#start = start;
    this.#top = start;
  }

  /** Address of `bytes` fresh bytes, aligned to 16. The memory may have to grow to `end`. */
  allocate(bytes: number): number {
    const size = Math.max(ALIGN, Math.ceil(bytes / ALIGN) * ALIGN);
    const address = this.#fromHole(size) ?? this.#fromTop(size);
    this.#sizes.set(address, size);
    this.#used += size;
    return address;
  }

  free(address: number): void {
    const size = this.#sizes.get(address);
    assert(size !== undefined, "only what was allocated is freed");
    this.#sizes.delete(address);
    this.#used -= size;
    const next = this.#holes.findIndex(({ start }) => start > address);
    this.#holes.splice(next < 0 ? this.#holes.length : next, 0, { start: address, size });
    this.#join();
  }

  /** Address behind everything allocated. */
  get end(): number {
    return this.#top;
  }

  get usedBytes(): number {
    return this.#used;
  }

  #fromHole(size: number): number | undefined {
    const index = this.#holes.findIndex((hole) => hole.size >= size);
    const hole = this.#holes[index];
    if (hole === undefined) return undefined;
    const address = hole.start;
    hole.start += size;
    hole.size -= size;
    if (hole.size === 0) this.#holes.splice(index, 1);
    return address;
  }

  #fromTop(size: number): number {
    const address = this.#top;
    this.#top += size;
    return address;
  }

  #join(): void {
    for (let index = this.#holes.length - 1; index > 0; index -= 1) {
      const left = this.#holes[index - 1];
      const right = this.#holes[index];
      if (left === undefined || right === undefined) break;
      if (left.start + left.size !== right.start) continue;
      left.size += right.size;
      this.#holes.splice(index, 1);
    }
    const last = this.#holes.at(-1);
    if (last === undefined || last.start + last.size !== this.#top) return;
    this.#top = Math.max(last.start, this.#start);
    this.#holes.pop();
  }
}
