/** Numbers from a seed, so that a run can be had again. */

/** mulberry32: 0 to below 1. */
export function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Another one each second: ids that are made out of it are those of this run. */
export function seedOfNow(): number {
  return Math.floor(Date.now() / 1_000) % 1_000_000;
}
