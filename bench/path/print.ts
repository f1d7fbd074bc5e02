/** Tables for people, and one JSON line for machines. */
import type { CostRow } from "./costs.ts";
import type { PartName } from "./results.ts";
import type { LatencyRow, TaxRow } from "./tables.ts";

export function printPart(part: PartName, rows: unknown): void {
  // Each part's rows as tables.ts makes them.
  if (part === "costs") printCosts(rows as readonly CostRow[]);
  else if (part === "latency") printLatencies(rows as readonly LatencyRow[]);
  else if (part === "idle") console.table(rows);
  else printTax(rows as readonly TaxRow[]);
  console.log(JSON.stringify({ part, rows }));
}

/** 3.82 (3.6 to 4.1): how many times as many events a CPU second carries, and how sure it is. */
export function timesWords({ times }: CostRow): string {
  if (times === undefined) return "";
  const [middle, low, high] = [times.median, ...times.interval].map(
    (ratio) => Math.round(ratio * 100) / 100,
  );
  return `${middle} (${low} to ${high})`;
}

function printCosts(rows: readonly CostRow[]): void {
  console.table(
    rows.map((row) => ({
      load: row.load,
      arm: row.arm,
      "events/s": row.median.eventsPerSecond,
      "CPU-s per million": row.median.cpuSecondsPerMillion,
      times: timesWords(row),
      ...row.median.stages,
      "of it kernel": row.median.kernel,
      "p50 ms": row.median.ackMs.p50,
      "p99 ms": row.median.ackMs.p99,
      runs: row.costs.join(" "),
      "not stored": row.median.notStored,
    })),
  );
}

function printLatencies(rows: readonly LatencyRow[]): void {
  console.table(
    rows.map(({ arm, share, rate, measured }) => ({
      arm,
      load: `${share * 100} %`,
      rate,
      "events/s": measured.eventsPerSecond,
      "p50 ms": measured.ackMs.p50,
      "p99 ms": measured.ackMs.p99,
      "p99.9 ms": measured.ackMs.p999,
      "CPU-s per million": measured.cpuSecondsPerMillion,
      behind: measured.behind,
    })),
  );
}

function printTax(rows: readonly TaxRow[]): void {
  console.table(
    rows.map(({ level, inFlightEvents, truthful, early, ...tax }) => ({
      level,
      "in flight": inFlightEvents,
      "truthful events/s": truthful.eventsPerSecond,
      "early events/s": early.eventsPerSecond,
      "truthful CPU-s": truthful.cpuSecondsPerMillion,
      "early CPU-s": early.cpuSecondsPerMillion,
      "throughput tax %": tax.throughputMedian,
      "CPU tax %": tax.cpuMedian,
      pairs: tax.throughputPercent.join(" "),
    })),
  );
}
