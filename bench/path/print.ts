/** Tables for people, and one JSON line for machines. */
import type { PartName } from "./results.ts";
import type { CostRow, LatencyRow, TaxRow } from "./tables.ts";

export function printPart(part: PartName, rows: unknown): void {
  // Each part's rows as tables.ts makes them.
  if (part === "costs") printCosts(rows as readonly CostRow[]);
  else if (part === "latency") printLatencies(rows as readonly LatencyRow[]);
  else if (part === "idle") console.table(rows);
  else printTax(rows as readonly TaxRow[]);
  console.log(JSON.stringify({ part, rows }));
}

/** How many times as many events a CPU second carries as with what it is compared with. */
export function timesOf(rows: readonly CostRow[], { load, arm }: Pick<CostRow, "load" | "arm">) {
  const own = rows.find((row) => row.load === load && row.arm === arm);
  const other = rows.find(
    (row) => row.load === load && (row.arm === "baseline" || row.arm === "against"),
  );
  if (own === undefined || other === undefined) return Number.NaN;
  const ratio = other.median.cpuSecondsPerMillion / own.median.cpuSecondsPerMillion;
  return Math.round(ratio * 100) / 100;
}

function printCosts(rows: readonly CostRow[]): void {
  console.table(
    rows.map(({ load, arm, median, costs }) => ({
      load,
      arm,
      "events/s": median.eventsPerSecond,
      "CPU-s per million": median.cpuSecondsPerMillion,
      ...median.stages,
      "of it kernel": median.kernel,
      "p50 ms": median.ackMs.p50,
      "p99 ms": median.ackMs.p99,
      runs: costs.join(" "),
      times: arm === "sluice" || arm === "bare" ? timesOf(rows, { load, arm }) : "",
      "not stored": median.notStored,
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
