/**
 * Comparing two arms that take turns: each pair gives a ratio, and the median of the pairs is what
 * is said. How far it can be trusted is said as well: an interval that holds the true median 95
 * times of 100, whatever the noise is like (order statistics). Pure.
 */

/** Fewer pairs say nothing about how far they are apart. */
const PAIRS_MIN = 6;
const DOUBT = 0.025;

export interface Middle {
  readonly pairs: number;
  readonly median: number;
  /** Holds the true median in 95 of 100 runs; with few pairs all of them. */
  readonly interval: readonly [low: number, high: number];
}

export interface Compared extends Middle {
  /** `undecided`: the limit lies within the interval, so noise would decide. */
  readonly verdict: "met" | "missed" | "undecided";
}

/** `limit`: what the ratio may be. */
export function compare(ratios: readonly number[], limit: number): Compared {
  const middle = middleOf(ratios);
  const [low, high] = middle.interval;
  const isEnough = middle.pairs >= PAIRS_MIN;
  const verdict =
    isEnough && high <= limit ? "met" : isEnough && low > limit ? "missed" : "undecided";
  return { ...middle, verdict };
}

export function middleOf(ratios: readonly number[]): Middle {
  const sorted = ratios.toSorted((a, b) => a - b);
  const cut = tailOf(sorted.length);
  const low = sorted[cut] ?? Number.NaN;
  const high = sorted[sorted.length - 1 - cut] ?? Number.NaN;
  return { pairs: sorted.length, median: median(sorted), interval: [low, high] };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [(sorted.length - 1) >> 1, sorted.length >> 1];
  return ((sorted[low] ?? Number.NaN) + (sorted[high] ?? Number.NaN)) / 2;
}

/** How many of so many sorted values are left out at each end. */
function tailOf(count: number): number {
  let cut = 0;
  let chance = 0.5 ** count;
  let sum = chance;
  while (sum <= DOUBT && cut < count / 2) {
    cut += 1;
    chance *= (count - cut + 1) / cut;
    sum += chance;
  }
  return Math.max(0, cut - 1);
}

export interface Turns<Arm extends string> {
  readonly arms: readonly [first: Arm, other: Arm];
  /** What an event costs with the arm, now. */
  readonly turn: (arm: Arm) => Promise<number>;
  /** Of the other arm's cost over the first one's. */
  readonly limit: number;
  readonly pairsMin: number;
  /** While noise would decide, further pairs are measured for so long in all. */
  readonly secondsMax: number;
}

/** Pairs, each arm going first by turns, until it is clear on which side of the limit they lie. */
export async function compareInTurns<Arm extends string>(
  turns: Turns<Arm>,
): Promise<{ readonly compared: Compared; readonly costs: Readonly<Record<Arm, number[]>> }> {
  const { arms, turn, limit, pairsMin, secondsMax } = turns;
  const [first, other] = arms;
  const costs: Record<Arm, number[]> = { ...recordOf(first), ...recordOf(other) };
  const ratios: number[] = [];
  let rounds = 0;
  const untilMs = performance.now() + secondsMax * 1_000;
  for (;;) {
    const order = rounds % 2 === 0 ? arms : arms.toReversed();
    for (const arm of order) costs[arm].push(await turn(arm));
    rounds += 1;
    const ratio = (costs[other].at(-1) ?? Number.NaN) / (costs[first].at(-1) ?? Number.NaN);
    // An arm whose turn carried nothing cost nobody knows what.
    if (Number.isFinite(ratio) && ratio > 0) ratios.push(ratio);
    const compared = compare(ratios, limit);
    const isOver = performance.now() >= untilMs;
    const isEnough = ratios.length >= pairsMin || (isOver && rounds >= 2 * pairsMin);
    if (isEnough && (isOver || compared.verdict !== "undecided")) return { compared, costs };
  }
}

function recordOf<Arm extends string>(arm: Arm): Record<Arm, number[]> {
  // One key of the one name.
  return { [arm]: [] } as unknown as Record<Arm, number[]>;
}

/** One sentence; and whether it holds: where noise would decide, by the median. */
export function judged(
  what: string,
  { pairs, median: middle, interval, verdict }: Compared,
  limit: number,
): { readonly sentence: string; readonly isMet: boolean } {
  const [low, high] = interval.map(threeDigits);
  const isMet = verdict === "met" || (verdict === "undecided" && middle <= limit);
  const sure = pairs < PAIRS_MIN ? "too few to be sure; they lie" : "95 % sure to be";
  const noise = verdict === "undecided" ? ", which is within the noise" : "";
  return {
    sentence:
      `${what}: ${threeDigits(middle)} (median of ${pairs} pairs, ${sure} between ${low} and ` +
      `${high}); at most ${limit}: ${isMet ? "met" : "not met"}${noise}`,
    isMet,
  };
}

function threeDigits(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
