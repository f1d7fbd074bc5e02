/**
 * Keeps the cost of an event from growing unnoticed. Costs differ from machine to machine, so what
 * is kept is, for a few loads: each stage's cost against the baseline's whole cost in the same
 * round (the median of the rounds), and how far these were apart. A stage that goes beyond its
 * share by more than that, in two measurements, fails.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { machine } from "../codec/machine.ts";
import { THREAD_GROUPS, type ThreadGroup } from "./cpu.ts";
import { median } from "../compare/pairs.ts";
import type { PartOptions } from "./arms.ts";
import { measureRuns, type ArmRuns } from "./costs.ts";

const FILE = fileURLToPath(new URL("budget.json", import.meta.url));
const BUDGET_LOADS = ["WS 100", "WS 1", "HTTP 10"] as const;
const ARMS = ["sluice", "baseline"] as const;
const STAGES = [...THREAD_GROUPS, "whole"] as const;
type Stage = (typeof STAGES)[number];
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
  const all = await measureRuns(BUDGET_LOADS, { ...options, arms: ARMS });
  const loads = Object.fromEntries(
    BUDGET_LOADS.map((load) => {
      const noise = Math.max(NOISE_MIN, spread(sharesByRound(all, load, "whole")));
      const tolerance = Math.round((1 + 1.5 * noise) * 100) / 100;
      return [load, { shares: sharesOf(all, load), tolerance }];
    }),
  );
  writeFileSync(FILE, `${JSON.stringify({ machine: machine(), loads }, null, 2)}\n`);
  console.table(Object.entries(loads).map(([load, { shares }]) => ({ load, ...shares })));
}

/** True: within the budget. What seems to be over it is measured once more before that is said. */
export async function checkBudget(options: PartOptions): Promise<boolean> {
  // Written above.
  const { loads } = JSON.parse(readFileSync(FILE, "utf8")) as Budget;
  let all = await measureRuns(Object.keys(loads), { ...options, arms: ARMS });
  let findings = findingsOf(loads, all);
  const doubtful = Object.keys(loads).filter((load) =>
    findings.some((finding) => finding.load === load && !finding.isWithin),
  );
  if (doubtful.length > 0) {
    options.say(`${doubtful.join(", ")}: over the budget, measured once more`);
    all = joined(all, await measureRuns(doubtful, { ...options, arms: ARMS }));
    findings = findingsOf(loads, all);
  }
  console.table(findings);
  console.log(JSON.stringify({ bench: "path --check", findings }));
  return findings.every(({ isWithin }) => isWithin);
}

function findingsOf(loads: Budget["loads"], all: readonly ArmRuns[]) {
  return Object.entries(loads).flatMap(([load, { shares, tolerance }]) => {
    const found = sharesOf(all, load);
    return STAGES.map((stage) => {
      const allowed = Math.max(shares[stage], SHARE_MIN) * tolerance;
      return { load, stage, share: found[stage], allowed, isWithin: found[stage] <= allowed };
    });
  });
}

function joined(all: readonly ArmRuns[], further: readonly ArmRuns[]): ArmRuns[] {
  return all.map(({ load, arm, runs }) => {
    const more = further.find((each) => each.load === load && each.arm === arm);
    return { load, arm, runs: [...runs, ...(more?.runs ?? [])] };
  });
}

/** The median over the rounds, each of which holds the stage against the baseline beside it. */
function sharesOf(all: readonly ArmRuns[], load: string): LoadBudget["shares"] {
  const share = (stage: Stage): number =>
    Math.round(median(sharesByRound(all, load, stage)) * 1_000) / 1_000;
  return {
    whole: share("whole"),
    main: share("main"),
    kafka: share("kafka"),
    pool: share("pool"),
    other: share("other"),
  };
}

function sharesByRound(all: readonly ArmRuns[], load: string, stage: Stage): number[] {
  const [own, other] = ARMS.map(
    (arm) => all.find((each) => each.load === load && each.arm === arm)?.runs,
  );
  if (own === undefined || other === undefined) throw new Error(`${load} was not measured`);
  const shares = own.flatMap((run, round) => {
    const whole = other[round]?.cpuSecondsPerMillion ?? Number.NaN;
    // A server that carried nothing in its turn cost nobody knows what.
    if (!Number.isFinite(run.cpuSecondsPerMillion) || !Number.isFinite(whole)) return [];
    return [(stage === "whole" ? run.cpuSecondsPerMillion : run.stages[stage]) / whole];
  });
  if (shares.length === 0) throw new Error(`${load}: in no round both servers carried events`);
  return shares;
}

/** How far the rounds were apart, as a share of the least. */
function spread(shares: readonly number[]): number {
  const least = Math.min(...shares);
  return (Math.max(...shares) - least) / least;
}
