/**
 * One run of k6: the scenario's script with its settings, measurements line by line, the fault at
 * its time, an end that comes for certain.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { scenarioOf } from "../../loadtest/catalog.ts";
import type { LoadScenario } from "../../loadtest/catalog.ts";
import { K6_ENVIRONMENT } from "../services/k6.mjs";
import type { LoadRequest } from "./arguments.ts";
import { cpuSeconds as readCpuSeconds } from "./machine-watch.ts";
import type { Scene } from "./scene.ts";
import type { Series } from "./series.ts";

const LOADTEST = fileURLToPath(new URL("../../loadtest", import.meta.url));
/** load-test.ts says it when its clock begins. */
const BEGIN_LINE = "sluice load test begins";
/** Starting, draining and saying goodbye take this much longer than the load. */
const SPARE_MS = 120_000;
/** For an end by itself, after a first signal. */
const END_PATIENCE_MS = 20_000;
/** Thresholds were crossed: k6's own code for it. */
const THRESHOLDS_CROSSED = 99;
const LOG_LINES_MAX = 40;
const LOOK_MS = 500;

export interface Fault {
  readonly fromMs: number;
  untilMs: number | null;
}

export interface K6Run {
  /** k6 ended as it should, whatever the thresholds say. */
  readonly isWhole: boolean;
  readonly exitCode: number;
  /** What k6 logged first, each sentence once. */
  readonly log: readonly string[];
  readonly fault: Fault | null;
  /** CPU time of k6 itself, seconds; null where there is no /proc. */
  readonly cpuSeconds: number | null;
}

export interface RunParts {
  readonly program: string;
  readonly request: LoadRequest;
  readonly scene: Scene;
  readonly series: Series;
  readonly summaryFile: string;
  readonly signal: AbortSignal;
  readonly progress: (sentence: string) => void;
  /** Its process, as soon as there is one. */
  readonly onStart: (pid: number | undefined) => void;
}

export async function runK6(parts: RunParts): Promise<K6Run> {
  const { program, request, series, signal } = parts;
  const scenario = scenarioOf(request.scenario, request.changes);
  const words = ["run", "--quiet", "--out", "json=-", "--log-format", "json", "--no-color"];
  const child = spawn(program, [...words, `${LOADTEST}/${request.scenario}.ts`], {
    env: { ...process.env, ...K6_ENVIRONMENT, ...variablesOf(parts) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  parts.onStart(child.pid);
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
  const end = (): void => void child.kill("SIGINT");
  signal.addEventListener("abort", end, { once: true });
  const limitMs = (scenario.durationS + scenario.drainS) * 1_000 + SPARE_MS;
  const limit = setTimeout(end, limitMs);
  const kill = setTimeout(() => child.kill("SIGKILL"), limitMs + END_PATIENCE_MS);
  let cpuSeconds: number | null = null;
  const looking = setInterval(
    () => (cpuSeconds = readCpuSeconds(child.pid) ?? cpuSeconds),
    LOOK_MS,
  );
  createInterface({ input: child.stdout }).on("line", (line) => series.line(line));
  const log = new Set<string>();
  const faulting = new AbortController();
  let fault: Promise<Fault | null> = Promise.resolve(null);
  createInterface({ input: child.stderr }).on("line", (line) => {
    const said = sentenceOf(line);
    if (said === BEGIN_LINE) fault = befall(parts, { scenario, signal: faulting.signal });
    else if (said !== null && log.size < LOG_LINES_MAX) log.add(said);
  });
  try {
    const exitCode = await ended;
    faulting.abort();
    const isWhole = exitCode === 0 || exitCode === THRESHOLDS_CROSSED;
    return { isWhole, exitCode, log: [...log], fault: await fault, cpuSeconds };
  } finally {
    clearInterval(looking);
    clearTimeout(limit);
    clearTimeout(kill);
    signal.removeEventListener("abort", end);
  }
}

/** What a line of k6's log says; null: what the thresholds and counts say as well. */
function sentenceOf(line: string): string | null {
  try {
    const { msg, level, error } = JSON.parse(line) as Readonly<Record<string, unknown>>;
    const isKnown = level === "warning" && msg === "Request Failed";
    if (typeof msg !== "string" || isKnown || msg.startsWith("thresholds on")) return null;
    // One of hundreds, which would leave no room for what else is said.
    if (/^setTimeout \d+ was stopped/.test(msg)) return "k6 stopped timers of its users";
    return typeof error === "string" ? `${msg}: ${error}` : msg;
  } catch {
    return line;
  }
}

/** Harms a server when its time has come, and heals it, also when the test ends before. */
async function befall(
  { scene, progress }: RunParts,
  { scenario, signal }: { readonly scenario: LoadScenario; readonly signal: AbortSignal },
): Promise<Fault | null> {
  const { fault, durationS } = scenario;
  if (fault === null || !scene.isOwn) return null;
  const pause = (ms: number) => delay(ms, undefined, { signal }).catch(() => undefined);
  await pause(fault.at * durationS * 1_000);
  if (signal.aborted) return null;
  progress(`${fault.kind}: begins`);
  const befallen: Fault = { fromMs: Date.now(), untilMs: null };
  await scene.harm(fault.kind);
  await pause(fault.lasts * durationS * 1_000);
  await scene.heal(fault.kind);
  befallen.untilMs = Date.now();
  progress(`${fault.kind}: is over`);
  return befallen;
}

function variablesOf({ request, scene, summaryFile }: RunParts): Record<string, string> {
  const { url, adminUrls, key, isShared } = scene.target;
  const { durationS, streams, batchesPerS, scale, ackP99Ms } = request.changes;
  const all = {
    LOAD_URL: url,
    LOAD_ADMIN_URL: adminUrls.join(","),
    LOAD_KEY: key ?? undefined,
    LOAD_SHARED: isShared ? "true" : undefined,
    LOAD_PACK: request.pack,
    LOAD_SUMMARY: summaryFile,
    LOAD_DURATION_S: durationS?.toString(),
    LOAD_STREAMS: streams?.toString(),
    LOAD_BATCHES_PER_S: batchesPerS?.toString(),
    LOAD_SCALE: scale?.toString(),
    LOAD_ACK_P99_MS: ackP99Ms?.toString(),
  };
  const given = Object.entries(all).filter(([, value]) => value !== undefined);
  // What was undefined has been left out.
  return Object.fromEntries(given) as Record<string, string>;
}
