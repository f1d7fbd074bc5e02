/**
 * `npm run load -- SCENARIO [OPTIONS]`: a load test from beginning to end. It gets k6, starts what
 * is needed, runs the scenario with its fault, holds what the clients counted against the gateway's
 * ledger and Kafka's own count, and leaves a report.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { scenarioOf } from "../loadtest/catalog.ts";
import { parseLoadArguments, usage, UsageError } from "./load/arguments.ts";
import type { LoadRequest } from "./load/arguments.ts";
import { GatewayWatch } from "./load/gateway-watch.ts";
import { growthComplaints, growthLine, growthOf } from "./load/growth.ts";
import { runK6 } from "./load/k6-run.ts";
import type { K6Run } from "./load/k6-run.ts";
import { renderReport } from "./load/report.ts";
import { MachineWatch } from "./load/machine-watch.ts";
import { judgeRecords, milliseconds, objectivesOf, renderResult } from "./load/result.ts";
import type { LoadSummary } from "./load/result.ts";
import { Scene } from "./load/scene.ts";
import { Series } from "./load/series.ts";
import { provideK6 } from "./services/k6.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const PROGRESS_MS = 5_000;
/** Lines of k6 that are told: the rest of hundreds says the same. */
const LOG_LINES_MAX = 12;

async function main(): Promise<number> {
  const request = parseLoadArguments(process.argv.slice(2), process.env);
  if (request === null) {
    process.stdout.write(usage());
    return 0;
  }
  const abort = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => abort.abort());
  const program = await provideK6({ progress: say });
  const scene = await Scene.start(request, say);
  let isStopped = false;
  try {
    const outcome = await load(request, { program, scene, signal: abort.signal });
    isStopped = true;
    const complaints = [...outcome.complaints, ...(await scene.stop())];
    return report(request, { ...outcome, complaints });
  } finally {
    if (!isStopped) await scene.stop();
  }
}

interface Outcome {
  readonly summary: LoadSummary | null;
  readonly run: K6Run;
  readonly complaints: readonly string[];
  readonly series: Series;
  readonly watch: GatewayWatch;
}

interface LoadParts {
  readonly program: string;
  readonly scene: Scene;
  readonly signal: AbortSignal;
}

async function load(request: LoadRequest, parts: LoadParts): Promise<Outcome> {
  const { scene } = parts;
  const summaryFile = fileNames(request).json;
  mkdirSync(dirname(summaryFile), { recursive: true });
  rmSync(summaryFile, { force: true });
  const series = new Series();
  const watch = new GatewayWatch(scene.target.adminUrls);
  const own = [process.pid];
  const machineWatch = new MachineWatch(() => [...own, ...scene.pids]);
  const stopTelling = tellProgress(series, request);
  try {
    const onStart = (pid: number | undefined): void => void own.push(pid ?? 0);
    const run = await runK6({ ...parts, request, series, summaryFile, progress: say, onStart });
    // Of a gateway that somebody else runs nobody knows what is the others'.
    const machine = scene.isOwn ? machineWatch.end() : null;
    const read = readSummary(summaryFile);
    const summary = read === null ? null : { ...read, machine };
    const complaints = [...(summary?.complaints ?? [])];
    if (!run.isWhole || summary === null) {
      complaints.push(`k6 did not run to its end: it ended with ${run.exitCode}.`);
    } else {
      const records = await scene.records();
      if (records !== null) complaints.push(...judgeRecords(records, summary));
      complaints.push(...growthComplaintsOf(request, watch));
    }
    return { summary, run, complaints, series, watch };
  } finally {
    stopTelling();
    machineWatch.end();
    watch.end();
  }
}

/** Garbage is collected in a gateway of one's own only: of others nothing can be said. */
function isJudged({ scenario, target }: LoadRequest): boolean {
  return scenarioOf(scenario).mayNotGrow && target === null;
}

function growthComplaintsOf(request: LoadRequest, { looks }: GatewayWatch): string[] {
  return isJudged(request) ? growthComplaints(growthOf(looks)) : [];
}

function report(request: LoadRequest, outcome: Outcome): number {
  const { summary, run, complaints, series, watch } = outcome;
  for (const line of run.log.slice(0, LOG_LINES_MAX)) console.error(`  k6: ${line}`);
  const left = run.log.length - LOG_LINES_MAX;
  if (left > 0) console.error(`  k6: and ${left} more like these`);
  if (summary === null) {
    for (const complaint of complaints) console.error(`✗ ${complaint}`);
    return 1;
  }
  const { html } = fileNames(request);
  const growth = isJudged(request) ? (growthOf(watch.looks) ?? []) : [];
  const further = [...figuresOf(run, summary), ...growth.map(growthLine)];
  const page = renderReport({
    summary,
    further,
    complaints,
    scenario: scenarioOf(request.scenario, request.changes),
    seconds: series.seconds(),
    looks: watch.looks,
    fault: run.fault,
  });
  writeFileSync(html, page);
  console.log(renderResult(summary, complaints, further));
  console.log(`report: ${relative(process.cwd(), html)}`);
  const isMet = objectivesOf(summary).every(({ ok }) => ok);
  return isMet && complaints.length === 0 ? 0 : 1;
}

/** What the load itself took of the machine. */
function figuresOf(
  { cpuSeconds }: K6Run,
  { clients, durationMs, machine }: LoadSummary,
): ReadonlyArray<readonly [string, string]> {
  const figures: Array<readonly [string, string]> = [];
  if (cpuSeconds !== null) {
    const cores = (cpuSeconds * 1_000) / durationMs;
    const each = `${Math.round((cpuSeconds * 1e6) / Math.max(1, clients.offered))} µs`;
    figures.push(["k6 itself: cores, CPU time per event", `${cores.toFixed(2)} · ${each}`]);
  }
  if (machine !== undefined && machine !== null) {
    const others = `${machine.othersCores.toFixed(2)} of ${machine.cores} cores`;
    figures.push(["other programs meanwhile", others]);
  }
  return figures;
}

/** A line about the latest second, every few seconds. */
function tellProgress(series: Series, { scenario, changes }: LoadRequest): () => void {
  const { durationS } = scenarioOf(scenario, changes);
  const timer = setInterval(() => {
    const second = series.latest();
    if (second === undefined) return;
    // Since the first event was due: k6 takes its time to begin.
    const elapsedS = series.seconds().length;
    const p99 = second.latencies.quantile(0.99);
    const latency = p99 === null ? "" : `, ack p99 ${milliseconds(p99)}`;
    const { offered = 0, stored = 0 } = second.counts;
    say(`${elapsedS} s of about ${durationS}: ${offered} events/s due, ${stored} stored${latency}`);
  }, PROGRESS_MS);
  return () => clearInterval(timer);
}

/** The same for one process: the name is made once. */
let names: { readonly html: string; readonly json: string } | undefined;

function fileNames({ reportFile, scenario }: LoadRequest) {
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, "-");
  const html = resolve(reportFile ?? join(ROOT, ".cache", "load", `${scenario}-${stamp}.html`));
  names ??= { html, json: html.replace(/(?:\.html)?$/, ".json") };
  return names;
}

function readSummary(file: string): LoadSummary | null {
  try {
    // What the load test's own summary wrote a moment ago.
    return JSON.parse(readFileSync(file, "utf8")) as LoadSummary;
  } catch {
    return null;
  }
}

function say(sentence: string): void {
  console.error(`… ${sentence}`);
}

try {
  process.exitCode = await main();
} catch (error) {
  const isUsage = error instanceof UsageError;
  const isPlain = isUsage || (error instanceof Error && error.name === "ServiceProblem");
  if (!isPlain) throw error;
  console.error(error.message);
  if (isUsage) console.error("npm run load -- --help says what there is.");
  process.exitCode = isUsage ? 2 : 1;
}
