/**
 * Brings one server up in one directory, takes it down, and tells how it is. What was started is
 * recorded in `processes.json` of that directory; only recorded processes are ever signalled. It
 * knows no particular server, and nothing of who uses it.
 */
import { existsSync, readFileSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as elapsed } from "node:timers/promises";

import { withLock } from "./lock.mjs";
import { busyPorts } from "./ports.mjs";
import { ensurePrerequisites } from "./prerequisites.mjs";
import { ServiceProblem } from "./problem.mjs";
import {
  processState,
  residentBytes,
  resumeProcess,
  startDetached,
  terminateProcess,
} from "./processes.mjs";

const READY_POLL_INTERVAL_MS = 100;
const FAILURE_LOG_LINES = 15;

/** The log of one process of a server. */
export function logFile(directory, processName) {
  return join(directory, `${processName}.log`);
}

/**
 * Starts whatever of a server does not run and waits until all of it answers.
 * @param {import("./catalog.mjs").Definition} definition
 * @param {import("./catalog.mjs").Context} context
 * @param {{ isFresh?: boolean }} options `isFresh`: ends it and wipes its directory first
 * @returns {Promise<"started" | "already running">}
 * @throws {ServiceProblem} when it cannot be started; what this call started is ended again
 */
export async function bringUp(definition, context, { isFresh = false } = {}) {
  const onWait = () => context.progress("waiting for another command that works on it");
  return await withLock(context.directory, () => bringUpAlone(definition, context, isFresh), {
    onWait,
  });
}

async function bringUpAlone(definition, context, isFresh) {
  if (isFresh) {
    await endProcesses(definition, context.directory);
    await rm(context.directory, { recursive: true, force: true });
  }
  const plans = definition.processes(context);
  const recorded = readRecord(context.directory);
  for (const identity of Object.values(recorded)) resumeProcess(identity);
  const absent = plans.filter(({ name }) => !isAlive(recorded[name]));
  if (absent.length > 0) {
    await startAll(definition, context, absent);
    return "started";
  }
  await waitUntilReady(definition, context, plans);
  return "already running";
}

/**
 * Ends every process of a server. Resolves when they are gone.
 * @returns {Promise<number>} how many were running
 */
export async function takeDown(definition, directory) {
  return await withLock(directory, () => endProcesses(definition, directory));
}

/**
 * The processes of a server as they are now; those never started are missing.
 * @returns {readonly { name: string, pid: number, state: string, residentBytes: number }[]}
 */
export function inspect(directory) {
  return Object.entries(readRecord(directory)).map(([name, identity]) => ({
    name,
    pid: identity.pid,
    state: processState(identity),
    residentBytes: residentBytes(identity),
  }));
}

/**
 * The recorded processes of a server, or the one with this name.
 * @returns {readonly import("./processes.mjs").ProcessIdentity[]}
 * @throws {ServiceProblem} when there is no process of that name
 */
export function processesOf(directory, processName) {
  const record = readRecord(directory);
  if (processName === undefined) return Object.values(record);
  const identity = record[processName];
  if (identity !== undefined) return [identity];
  throw new ServiceProblem(`no process "${processName}" was started in ${directory}`);
}

async function startAll(definition, context, absent) {
  const { directory, progress } = context;
  await ensurePrerequisites(definition.prerequisites, progress);
  await definition.install?.(progress);
  await refuseBusyPorts(definition, context, absent);
  await mkdir(directory, { recursive: true });
  await definition.configure(context);
  const record = readRecord(directory);
  const plans = definition.processes(context);
  try {
    for (const plan of absent) {
      const earlier = plans.filter(({ name }) => plan.startAfter?.includes(name));
      await waitUntilReady(definition, context, earlier);
      progress(absent.length === 1 ? "starting" : `starting ${plan.name}`);
      record[plan.name] = await startDetached({
        program: plan.program,
        programArguments: plan.programArguments,
        directory,
        environment: plan.environment ?? {},
        logFile: logFile(directory, plan.name),
      });
      await writeRecord(directory, record);
    }
    await waitUntilReady(definition, context, plans);
    await definition.prime?.(context);
  } catch (error) {
    const started = absent.map(({ name }) => record[name]).filter((each) => each !== undefined);
    await endAll(definition, started);
    throw error;
  }
}

async function refuseBusyPorts(definition, { ports }, absent) {
  const purposes = absent.flatMap((plan) => plan.ports);
  const wanted = Object.fromEntries(purposes.map((purpose) => [purpose, ports[purpose]]));
  const busy = await busyPorts(wanted);
  if (busy.length === 0) return;
  const list = busy.map(({ purpose, port }) => `${port} (${purpose})`).join(", ");
  throw new ServiceProblem(
    `another program listens on port ${list} of 127.0.0.1: ` +
      `end it, or choose other ports with --port-offset 1000`,
  );
}

async function waitUntilReady(definition, { directory }, plans) {
  const deadline = Date.now() + definition.startTimeoutMs;
  await Promise.all(
    plans.map(async (plan) => {
      while (!(await plan.isReady())) {
        if (!isAlive(readRecord(directory)[plan.name])) {
          throw new ServiceProblem(describeFailure(directory, plan.name, "ended during its start"));
        }
        if (Date.now() >= deadline) {
          const seconds = definition.startTimeoutMs / 1000;
          const end = `did not answer within ${seconds} s`;
          throw new ServiceProblem(describeFailure(directory, plan.name, end));
        }
        await elapsed(READY_POLL_INTERVAL_MS);
      }
    }),
  );
}

function describeFailure(directory, processName, end) {
  const file = logFile(directory, processName);
  const log = existsSync(file) ? readFileSync(file, "utf8") : "";
  const shown = log.trimEnd().split("\n").slice(-FAILURE_LOG_LINES).join("\n  ");
  return `${processName} ${end}; the last lines of ${file}:\n  ${shown}`;
}

async function endProcesses(definition, directory) {
  const alive = Object.values(readRecord(directory)).filter(isAlive);
  await endAll(definition, alive);
  await rm(recordFile(directory), { force: true });
  return alive.length;
}

async function endAll({ stopPatienceMs, stopSignal }, identities) {
  await Promise.all(identities.map((each) => terminateProcess(each, stopPatienceMs, stopSignal)));
}

function isAlive(identity) {
  return identity !== undefined && processState(identity) !== "gone";
}

function recordFile(directory) {
  return join(directory, "processes.json");
}

/** @returns {Record<string, import("./processes.mjs").ProcessIdentity>} by process name */
function readRecord(directory) {
  try {
    return JSON.parse(readFileSync(recordFile(directory), "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return {};
    throw error;
  }
}

async function writeRecord(directory, record) {
  const temporary = `${recordFile(directory)}.part`;
  await writeFile(temporary, `${JSON.stringify(record, null, 2)}\n`);
  await rename(temporary, recordFile(directory));
}
