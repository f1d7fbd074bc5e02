/**
 * Whether a gateway grows for as long as it is loaded. Memory goes up and down with every
 * collection of garbage; what counts is its floor, and where the floor is going: the median of all
 * slopes between two floors, which a few odd ones do not move. Pure: it looks at numbers.
 */
import type { Look } from "./gateway-watch.ts";

const MEBIBYTE = 1024 * 1024;
/** Longer than garbage is left lying (collect-garbage.ts), so that each window has a floor. */
const WINDOW_MS = 20_000;
/** Code is compiled, pools fill, sessions begin: this share of the time is not judged. */
const WARM_UP_SHARE = 0.4;
/** Fewer floors say nothing about a direction. */
const WINDOWS_MIN = 5;

interface Measure {
  readonly words: string;
  readonly of: (look: Look) => number;
  readonly unit: "MiB" | "";
  /** What it may rise by over the time that is judged: so much, or this share of where it was. */
  readonly riseMax: number;
  readonly shareMax: number;
}

/** New people all the time begin sessions, which are kept: some rise of the heap is right. */
const MEASURES: readonly Measure[] = [
  {
    words: "live objects (V8's heap and what hangs on it)",
    of: (look) => look.heapBytes + look.externalBytes,
    unit: "MiB",
    riseMax: 16 * MEBIBYTE,
    shareMax: 0.1,
  },
  {
    words: "resident memory",
    of: (look) => look.residentBytes,
    unit: "MiB",
    riseMax: 48 * MEBIBYTE,
    shareMax: 0.2,
  },
  {
    words: "the codec's memory",
    of: (look) => look.codecBytes,
    unit: "MiB",
    riseMax: MEBIBYTE,
    shareMax: 0,
  },
  {
    words: "open descriptors",
    of: (look) => look.descriptors,
    unit: "",
    riseMax: 16,
    shareMax: 0.1,
  },
];

export interface Growth {
  readonly words: string;
  readonly unit: Measure["unit"];
  /** The first floor that is judged. */
  readonly from: number;
  /** By how much the floors rise over that time; below 0 they fall. */
  readonly rise: number;
  readonly riseMax: number;
  readonly isSteady: boolean;
}

/** Null: the looks are too few, or over too short a time. */
export function growthOf(looks: readonly Look[]): readonly Growth[] | null {
  const [first] = looks;
  const last = looks.at(-1);
  if (first === undefined || last === undefined) return null;
  const beginMs = first.atMs + (last.atMs - first.atMs) * WARM_UP_SHARE;
  const windows = new Map<number, Look[]>();
  for (const look of looks) {
    const number = Math.floor((look.atMs - beginMs) / WINDOW_MS);
    const isWhole = beginMs + (number + 1) * WINDOW_MS <= last.atMs;
    if (number >= 0 && isWhole) windows.set(number, [...(windows.get(number) ?? []), look]);
  }
  if (windows.size < WINDOWS_MIN) return null;
  return MEASURES.map((measure) => {
    const floors = [...windows].map(
      ([number, seen]) => [number, Math.min(...seen.map(measure.of))] as const,
    );
    const from = floors[0]?.[1] ?? 0;
    const rise = slopeOf(floors) * (floors.length - 1);
    const riseMax = Math.max(measure.riseMax, measure.shareMax * from);
    const { words, unit } = measure;
    return { words, unit, from, rise, riseMax, isSteady: rise <= riseMax };
  });
}

/** Of a line through points, by the median of all slopes between two of them (Theil and Sen). */
function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const slopes = points.flatMap(([x, y], index) =>
    points.slice(index + 1).map(([laterX, laterY]) => (laterY - y) / (laterX - x)),
  );
  return slopes.toSorted((a, b) => a - b)[slopes.length >> 1] ?? 0;
}

/** What grew, a sentence each. */
export function growthComplaints(growth: readonly Growth[] | null): string[] {
  if (growth === null) {
    return ["Whether anything grows cannot be said of so short a time: three minutes at least."];
  }
  return growth
    .filter(({ isSteady }) => !isSteady)
    .map(({ words, unit, from, rise, riseMax }) => {
      const [was, grew, may] = [from, rise, riseMax].map((value) => shown(value, unit));
      return `A leak? From ${was} on ${words} rose by ${grew} and went on; ${may} may be.`;
    });
}

export function growthLine({ words, unit, from, rise }: Growth): readonly [string, string] {
  const sign = rise < 0 ? "−" : "+";
  return [words, `${shown(from, unit)}, ${sign}${shown(Math.abs(rise), unit)}`];
}

function shown(value: number, unit: Growth["unit"]): string {
  return unit === "MiB" ? `${(value / MEBIBYTE).toFixed(1)} MiB` : `${Math.round(value)}`;
}
