/**
 * Keeps the cost of an event from growing unnoticed. Costs differ from machine to machine, so what
 * is kept is, for a few loads: each stage's cost against the baseline's whole cost in the same run,
 * and how far single runs were apart. A stage that goes beyond its share by more than that fails.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { machine } from "../codec/machine.ts";
import { THREAD_GROUPS, type ThreadGroup } from "./cpu.ts";
import { measureCosts, type CostRow, type PartOptions } from "./tables.ts";

const FILE = fileURLToPath(new URL("budget.json", import.meta.url));
const BUDGET_LOADS = ["WS 100", "WS 1", "HTTP 10"] as const;
const ARMS = ["sluice", "baseline"] as const;
/** Runs of the same code differ by so much at least, whatever was seen. */
const NOISE_MIN = 0.2;
/** Of the baseline's cost: stages below it are too small to be judged by their ratio. */
const SHARE_MIN = 0.02;

interface Budget {
  readonly loads: Readonly<Record<string, LoadBudget>>;
}

interface LoadBudget {
  /** Of the baseline's CPU time per event, in the same run. */
  readonly shares: Readonly<Record<ThreadGroup | "whole", number>>;
  /** A stage may be so many times its share. */
  readonly tolerance: number;
}

export async function writeBudget(options: PartOptions): Promise<void> {
  keepBudget(await measureCosts(BUDGET_LOADS, { ...options, arms: ARMS }));
}

/** The budget that a run's costs make. */
export function keepBudget(rows: readonly CostRow[]): void {
  const loads = Object.fromEntries(
    BUDGET_LOADS.map((load) => {
      const noise = Math.max(NOISE_MIN, ...armsOf(rows, load).map(({ costs }) => spread(costs)));
      const tolerance = Math.round((1 + 1.5 * noise) * 100) / 100;
      return [load, { shares: sharesOf(rows, load), tolerance }];
    }),
  );
  writeFileSync(FILE, `${JSON.stringify({ machine: machine(), loads }, null, 2)}\n`);
  console.table(Object.entries(loads).map(([load, { shares }]) => ({ load, ...shares })));
}

/** True: within the budget. */
export async function checkBudget(options: PartOptions): Promise<boolean> {
  // Written above.
  const { loads } = JSON.parse(readFileSync(FILE, "utf8")) as Budget;
  const rows = await measureCosts(Object.keys(loads), { ...options, arms: ARMS });
  const findings = Object.entries(loads).flatMap(([load, { shares, tolerance }]) => {
    const found = sharesOf(rows, load);
    return [...THREAD_GROUPS, "whole" as const].map((stage) => {
      const allowed = Math.max(shares[stage], SHARE_MIN) * tolerance;
      return { load, stage, share: found[stage], allowed, isWithin: found[stage] <= allowed };
    });
  });
  console.table(findings);
  console.log(JSON.stringify({ bench: "path --check", findings }));
  return findings.every(({ isWithin }) => isWithin);
}

function armsOf(rows: readonly CostRow[], load: string): CostRow[] {
  return rows.filter((row) => row.load === load);
}

function sharesOf(rows: readonly CostRow[], load: string): LoadBudget["shares"] {
  const own = rows.find((row) => row.load === load && row.arm === "sluice")?.median;
  const other = rows.find((row) => row.load === load && row.arm === "baseline")?.median;
  if (own === undefined || other === undefined) throw new Error(`${load} was not measured`);
  const share = (cost: number): number =>
    Math.round((cost / other.cpuSecondsPerMillion) * 1_000) / 1_000;
  const { main, kafka, pool, other: rest } = own.stages;
  return {
    whole: share(own.cpuSecondsPerMillion),
    main: share(main),
    kafka: share(kafka),
    pool: share(pool),
    other: share(rest),
  };
}

/** How far the runs of one arm were apart, as a share of the least. */
function spread(costs: readonly number[]): number {
  const least = Math.min(...costs);
  return (Math.max(...costs) - least) / least;
}
