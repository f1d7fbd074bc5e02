/**
 * Loaded into a gateway before anything else (`node --import`): tells of every turn of the event
 * loop that took long, in processor time of its thread. A machine that has no time for the process
 * makes its turns long by the clock; only what the process itself does makes them long by this one.
 */
import { isMainThread } from "node:worker_threads";

const BEAT_MS = 5;
/** Shorter turns are not told. */
const TOLD_FROM_MS = 10;

/** Of one turn, as a line on standard error. */
export interface LongTurn {
  readonly longTurnCpuMs: number;
  readonly wallMs: number;
}

function watch(): void {
  let cpu = process.threadCpuUsage();
  let wallMs = performance.now();
  setInterval(() => {
    const spent = process.threadCpuUsage(cpu);
    const nowMs = performance.now();
    const cpuMs = (spent.user + spent.system) / 1_000;
    if (cpuMs >= TOLD_FROM_MS) {
      const turn: LongTurn = { longTurnCpuMs: cpuMs, wallMs: nowMs - wallMs };
      process.stderr.write(`${JSON.stringify(turn)}\n`);
    }
    cpu = process.threadCpuUsage();
    wallMs = performance.now();
  }, BEAT_MS).unref();
}

if (isMainThread && process.argv[2] === "start") watch();
