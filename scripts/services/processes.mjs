/**
 * Server processes: started in a session of their own so that they outlive the command, recognised
 * again later, and ended. A process is named by its pid together with its start time and the boot
 * it belongs to, so that a pid the kernel has given to somebody else is never signalled. Linux
 * only: everything is read from /proc. It knows no server.
 */
import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, renameSync } from "node:fs";
import { setTimeout as elapsed } from "node:timers/promises";

const POLL_INTERVAL_MS = 20;
const KIBIBYTE = 1024;

/**
 * @typedef {{ pid: number, startTicks: number, bootId: string }} ProcessIdentity
 * `startTicks`: clock ticks after boot, field 22 of /proc/PID/stat
 */

/**
 * Starts a server detached from this process, its output going to a file. The file of the run
 * before is kept beside it as `….previous`.
 * @returns {Promise<ProcessIdentity>}
 */
export async function startDetached({
  program,
  programArguments,
  directory,
  environment,
  logFile,
}) {
  if (existsSync(logFile)) renameSync(logFile, `${logFile}.previous`);
  const log = openSync(logFile, "a");
  try {
    const child = spawn(program, programArguments, {
      cwd: directory,
      env: { ...process.env, ...environment },
      detached: true,
      stdio: ["ignore", log, log],
    });
    await new Promise((spawned, failed) => {
      child.once("spawn", spawned);
      child.once("error", failed);
    });
    child.unref();
    return identify(child.pid);
  } finally {
    closeSync(log);
  }
}

/**
 * The identity of a process that runs now; a process that is gone gets one that nothing matches.
 */
export function identify(pid) {
  return { pid, startTicks: readStat(pid)?.startTicks ?? -1, bootId: readBootId() };
}

/**
 * @param {ProcessIdentity} identity
 * @returns {"running" | "suspended" | "gone"} an ended process nobody has waited for is gone
 */
export function processState(identity) {
  if (identity.bootId !== readBootId()) return "gone";
  const stat = readStat(identity.pid);
  if (stat === undefined || stat.startTicks !== identity.startTicks) return "gone";
  return stateOf(stat);
}

/**
 * What the kernel's letter means. The first thread of a killed process is over (Z) before the
 * others are, which hold its ports and files until then.
 */
export function stateOf({ state, threadCount }) {
  if (state === "X" || (state === "Z" && threadCount <= 1)) return "gone";
  return state === "T" || state === "t" ? "suspended" : "running";
}

/** Sends a signal to exactly this process. @returns {boolean} false if it is gone */
export function signalProcess(identity, signal) {
  if (processState(identity) === "gone") return false;
  try {
    process.kill(identity.pid, signal);
    return true;
  } catch (error) {
    if (error.code === "ESRCH") return false;
    throw error;
  }
}

/**
 * Asks a process to end, and makes it end when `patienceMs` have passed. Resolves when it is gone.
 * A suspended process cannot hear the request, so it is resumed.
 */
export async function terminateProcess(identity, patienceMs, signal = "SIGTERM") {
  if (!signalProcess(identity, signal)) return;
  resumeProcess(identity);
  if (await waitUntilGone(identity, patienceMs)) return;
  await killProcess(identity);
}

/** Stops a process in its tracks. Resolves when it stands still or is gone. */
export async function suspendProcess(identity) {
  signalProcess(identity, "SIGSTOP");
  while (processState(identity) === "running") await elapsed(POLL_INTERVAL_MS);
}

/** Lets a suspended process go on; does nothing to one that runs. */
export function resumeProcess(identity) {
  signalProcess(identity, "SIGCONT");
}

/** Ends a process at once, as a crash would. Resolves when it is gone. */
export async function killProcess(identity) {
  signalProcess(identity, "SIGKILL");
  await waitUntilGone(identity, Number.POSITIVE_INFINITY);
}

async function waitUntilGone(identity, patienceMs) {
  const deadline = Date.now() + patienceMs;
  while (processState(identity) !== "gone") {
    if (Date.now() >= deadline) return false;
    await elapsed(POLL_INTERVAL_MS);
  }
  return true;
}

/** Memory a process holds now, in bytes; 0 if it is gone. */
export function residentBytes(identity) {
  if (processState(identity) === "gone") return 0;
  try {
    const status = readFileSync(`/proc/${identity.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/mu.exec(status)?.[1] ?? 0) * KIBIBYTE;
  } catch {
    return 0;
  }
}

/**
 * State, number of threads and start time out of /proc/PID/stat. The second field is the program's
 * name in brackets and may itself hold spaces and brackets, so fields are counted from the last
 * closing one.
 */
export function parseStat(text) {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0], threadCount: Number(fields[17]), startTicks: Number(fields[19]) };
}

function readStat(pid) {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return undefined;
  }
}

function readBootId() {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}
