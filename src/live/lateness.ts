/**
 * Whether a feed is later than it may be: what had come long ago has not been told. It remembers
 * where the topic ended at one moment, and looks at another mark once that one is reached.
 */
export class Lateness {
  readonly #latestMs: number;
  #mark: { readonly atMs: number; readonly ends: ReadonlyMap<number, number> } | null = null;

  /** @param latestMs what came so long ago must have been told */
  constructor(latestMs: number) {
    this.#latestMs = latestMs;
  }

  /** `positions`: by partition, the next offset to be told; `ends`: the next one to be stored. */
  isTooLate(
    nowMs: number,
    positions: ReadonlyMap<number, number>,
    ends: ReadonlyMap<number, number>,
  ): boolean {
    const mark = this.#mark;
    if (mark === null || hasReached(positions, mark.ends)) {
      this.#mark = hasReached(positions, ends) ? null : { atMs: nowMs, ends };
      return false;
    }
    return nowMs - mark.atMs > this.#latestMs;
  }

  /** It begins anew where the topic ends. */
  forget(): void {
    this.#mark = null;
  }
}

function hasReached(
  positions: ReadonlyMap<number, number>,
  ends: ReadonlyMap<number, number>,
): boolean {
  for (const [partition, position] of positions) {
    if (position < (ends.get(partition) ?? 0)) return false;
  }
  return true;
}
