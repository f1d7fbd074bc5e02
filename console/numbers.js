/**
 * Numbers of the console: from counters to rates and quantiles, and into words. It draws nothing.
 */

/** @typedef {readonly (string | number)[]} Series Label values, then the value. */

/**
 * The sum of the series that begin with these label values.
 * @param {readonly Series[] | undefined} series
 * @param {...string} labels
 */
export function total(series, ...labels) {
  let sum = 0;
  for (const each of series ?? []) {
    if (labels.every((label, index) => each[index] === label)) sum += Number(each.at(-1));
  }
  return sum;
}

/**
 * The only value of a gauge; undefined where there is none.
 * @param {readonly Series[] | undefined} series
 */
export function value(series) {
  const first = series?.[0];
  return first === undefined ? undefined : Number(first.at(-1));
}

/**
 * Cumulated counts of a histogram by upper bound, over all its other labels.
 * @param {readonly Series[] | undefined} series
 */
export function buckets(series) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (const each of series ?? []) {
    const [bound] = each;
    if (bound === "sum" || bound === "count") continue;
    const key = bound === "+Inf" ? Infinity : Number(bound);
    counts.set(key, (counts.get(key) ?? 0) + Number(each.at(-1)));
  }
  return counts;
}

/**
 * A quantile of what came between two looks at a histogram, in the histogram's unit.
 * @param {Map<number, number>} now
 * @param {Map<number, number>} before
 * @param {number} share
 */
export function quantile(now, before, share) {
  const bounds = [...now.keys()].sort((a, b) => a - b);
  const count = (bound) => (now.get(bound) ?? 0) - (before.get(bound) ?? 0);
  const all = bounds.length === 0 ? 0 : count(Infinity);
  if (all <= 0) return undefined;
  const wanted = share * all;
  let lower = 0;
  let below = 0;
  for (const bound of bounds) {
    const here = count(bound);
    if (here >= wanted) {
      if (bound === Infinity) return lower;
      const part = here === below ? 1 : (wanted - below) / (here - below);
      return lower + (bound - lower) * part;
    }
    lower = bound;
    below = here;
  }
  return lower;
}

/** @param {number | undefined} number */
export function short(number) {
  if (number === undefined || Number.isNaN(number)) return "–";
  if (number >= 999_500) return `${(number / 1e6).toFixed(number < 9.95e6 ? 1 : 0)}M`;
  if (number >= 9_995) return `${(number / 1e3).toFixed(number < 99_950 ? 1 : 0)}k`;
  if (number >= 1_000) return Math.round(number).toLocaleString("en").replace(",", "\u202f");
  if (number >= 10 || Number.isInteger(number)) return String(Math.round(number));
  return number.toFixed(1);
}

/** @param {number | undefined} bytes */
export function size(bytes) {
  if (bytes === undefined || Number.isNaN(bytes)) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let left = bytes;
  while (left >= 1_000 && unit < units.length - 1) {
    left /= 1_024;
    unit += 1;
  }
  return `${left >= 10 || unit === 0 ? Math.round(left) : left.toFixed(1)} ${units[unit]}`;
}

/** @param {number | undefined} seconds */
export function time(seconds) {
  if (seconds === undefined || Number.isNaN(seconds)) return "–";
  if (seconds === 0) return "0";
  if (seconds < 0.000_999_5) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 0.009_95) return `${(seconds * 1e3).toFixed(1)} ms`;
  if (seconds < 0.999_5) return `${Math.round(seconds * 1e3)} ms`;
  return `${seconds.toFixed(1)} s`;
}

/** How long something lasts or is ago, in one unit. @param {number} ms */
export function span(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} days`;
}
