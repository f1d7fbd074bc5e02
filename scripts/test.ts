/**
 * `npm test`: the checks, then every test against real servers. It fails on anything that was left
 * out. What it started it stops, also after a failure and on Ctrl-C.
 */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { runChecks } from "./check.ts";
import { parseTestArguments, USAGE, type TestRequest } from "./test/arguments.ts";
import { FileWatch } from "./test/file-watch.ts";
import type { LedgerLine } from "./test/ledger.ts";
import { startServices } from "./test/services.ts";
import { findTestFiles, isLong, SERVICES, servicesOf } from "./test/suites.ts";
import { leaveOutMissing } from "./test/tools.ts";
import { judge, type Verdict } from "./test/verdict.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
const LEDGER = join(ROOT, ".cache", "test-ledger.ndjson");

/** As many test files at once as a small machine has cores. */
const FILES_AT_ONCE = 2;

/**
 * A test that takes longer hangs; those with real servers stay well below, on a slow machine too.
 */
const TEST_TIMEOUT_MS = 300_000;
const LONG_TEST_TIMEOUT_MS = 1_200_000;
/** A file that takes longer does not end by itself: what a test waits for may never come. */
const FILE_TIMEOUT_MS = 900_000;
const LONG_FILE_TIMEOUT_MS = 3_600_000;
/** Fuzzing for a night takes that much longer. */
const FUZZ_MS = Number(process.env["SLUICE_TEST_FUZZ_MINUTES"] ?? 0) * 60_000;

/** The whole run has a limit as well: some ten minutes on two cores, more on a slow machine. */
const RUN_TIMEOUT_MS = 4_800_000;
const LONG_RUN_TIMEOUT_MS = 4_800_000;

/** Test processes that were asked to end are not waited for any longer. */
const END_DEADLINE_MS = 5_000;

/** Ends the test processes; set while they run. */
let interrupt: NodeJS.Signals | undefined;
const endHandlers = new Set<(signal: NodeJS.Signals) => void>();

async function main(): Promise<number> {
  const request = parseTestArguments(process.argv.slice(2));
  if (request.isHelp) {
    process.stdout.write(USAGE);
    return 0;
  }
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      interrupt ??= signal;
      for (const end of endHandlers) end(signal);
    });
  }
  if (request.withCheck && !(await runChecks(ROOT))) return 1;
  const { verdict, notRun } = await runTests(request);
  if (interrupt !== undefined) return interrupt === "SIGINT" ? 130 : 143;
  for (const complaint of verdict.complaints) console.log(`✗ ${complaint}`);
  for (const sentence of notRun) console.log(`○ ${sentence}`);
  const suites = notRun.length === 1 ? "suite" : "suites";
  const left = notRun.length === 0 ? "" : `, ${notRun.length} ${suites} not run`;
  const { passed, failed, skipped } = verdict;
  console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped${left}`);
  return verdict.complaints.length === 0 ? 0 : 1;
}

async function runTests(
  request: TestRequest,
): Promise<{ verdict: Verdict; notRun: readonly string[] }> {
  const { files: selected, notRun } = await leaveOutMissing(
    selectFiles(findTestFiles(ROOT), request),
  );
  const needed = SERVICES.filter((name) => selected.some((f) => servicesOf(f).includes(name)));
  if (!request.withServices) console.log("Without servers: suites that need one are left out.");
  const services = needed.length > 0 ? await startServices(ROOT, needed) : undefined;
  try {
    const files = selected.map((file) => join(ROOT, file));
    const { exitCode, overdue } =
      files.length === 0 || interrupt !== undefined
        ? { exitCode: 0, overdue: [] }
        : await runNodeTest(files, request, services?.env ?? {});
    const isWhole = request.withServices && request.only === undefined && !request.isLong;
    const lines = readLedger();
    const verdict = judge({ files, lines, overdue, required: isWhole ? SERVICES : needed });
    if (exitCode === 0 || verdict.complaints.length > 0) return { verdict, notRun };
    const complaints = [`The test runner ended with code ${exitCode}.`];
    return { verdict: { ...verdict, complaints }, notRun };
  } finally {
    await services?.stop();
  }
}

function selectFiles(files: readonly string[], request: TestRequest): string[] {
  return files
    .filter((file) => isLong(file) === request.isLong)
    .filter((file) => request.only === undefined || file.includes(request.only))
    .filter((file) => request.withServices || servicesOf(file).length === 0);
}

interface Ran {
  /** Of `node --test`. */
  readonly exitCode: number;
  /** Files whose processes had to be ended. */
  readonly overdue: readonly string[];
}

function runNodeTest(
  files: readonly string[],
  request: TestRequest,
  serviceEnv: Readonly<Record<string, string>>,
): Promise<Ran> {
  mkdirSync(join(ROOT, ".cache"), { recursive: true });
  rmSync(LEDGER, { force: true });
  const options = [
    "--test",
    `--import=${pathToFileURL(join(ROOT, "scripts", "test", "leave.mjs")).href}`,
    `--test-concurrency=${FILES_AT_ONCE}`,
    `--test-timeout=${request.isLong ? LONG_TEST_TIMEOUT_MS + FUZZ_MS : TEST_TIMEOUT_MS}`,
    "--test-reporter=spec",
    "--test-reporter-destination=stdout",
    `--test-reporter=${join(ROOT, "scripts", "test", "ledger.ts")}`,
    `--test-reporter-destination=${LEDGER}`,
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...options, ...files], {
      cwd: ROOT,
      env: { ...testEnvironment(), ...serviceEnv },
      stdio: ["ignore", "inherit", "inherit"],
      // A group of its own, to end the processes of all test files together.
      detached: true,
    });
    const fuzzMs = request.isLong ? FUZZ_MS : 0;
    const limitMs = (request.isLong ? LONG_FILE_TIMEOUT_MS : FILE_TIMEOUT_MS) + fuzzMs;
    const watch = new FileWatch({ files, limitMs, runner: child.pid ?? 0 });
    const endWatch = watch.start();
    const timers: NodeJS.Timeout[] = [];
    const end = (signal: NodeJS.Signals): void => {
      signalGroup(child.pid, signal);
      timers.push(setTimeout(() => signalGroup(child.pid, "SIGKILL"), END_DEADLINE_MS));
    };
    const limit = request.isLong ? LONG_RUN_TIMEOUT_MS + FUZZ_MS : RUN_TIMEOUT_MS;
    timers.push(
      setTimeout(() => {
        console.log(`The tests did not end within ${limit / 60_000} minutes.`);
        end("SIGINT");
      }, limit),
    );
    endHandlers.add(end);
    child.once("error", reject);
    child.once("exit", (code) => {
      endWatch();
      endHandlers.delete(end);
      for (const timer of timers) clearTimeout(timer);
      signalGroup(child.pid, "SIGKILL");
      resolve({ exitCode: code ?? 1, overdue: watch.overdue });
    });
  });
}

function signalGroup(group: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (group !== undefined) process.kill(-group, signal);
  } catch {
    // All of it has ended.
  }
}

/** Ours without the settings of a gateway: the tests bring their own. */
function testEnvironment(): NodeJS.ProcessEnv {
  const isSetting = (name: string) =>
    name.startsWith("SLUICE_") && !name.startsWith("SLUICE_TEST_");
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isSetting(name)));
}

function readLedger(): LedgerLine[] {
  const text = readFileSync(LEDGER, { encoding: "utf8", flag: "a+" });
  const lines = text.split("\n").filter((line) => line !== "");
  // The file was written by our own reporter a moment ago.
  return lines.map((line) => JSON.parse(line) as LedgerLine);
}

process.exitCode = await main();
