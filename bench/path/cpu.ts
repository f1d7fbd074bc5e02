/**
 * CPU time and memory of a process, from /proc. A process's threads are told apart by their names,
 * so that its time can be divided into stages.
 */
import { readdirSync, readFileSync } from "node:fs";

/** USER_HZ, which Linux has had at 100 on every processor for decades. */
const TICKS_PER_SECOND = 100;

/** Who spends CPU time: the event loop, librdkafka, libuv's pool (flushes), the rest (V8's). */
export const THREAD_GROUPS = ["main", "kafka", "pool", "other"] as const;
export type ThreadGroup = (typeof THREAD_GROUPS)[number];

export interface CpuSeconds {
  readonly user: number;
  readonly system: number;
}

export type CpuByGroup = Readonly<Record<ThreadGroup, CpuSeconds>>;

/** CPU seconds so far. Threads that have ended are not in it: neither server ends any. */
export function cpuOf(pid: number): CpuByGroup {
  const sums = {
    main: { user: 0, system: 0 },
    kafka: { user: 0, system: 0 },
    pool: { user: 0, system: 0 },
    other: { user: 0, system: 0 },
  };
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8");
    const nameEnd = stat.lastIndexOf(")");
    const name = stat.slice(stat.indexOf("(") + 1, nameEnd);
    const [user = 0, system = 0] = stat
      .slice(nameEnd + 2)
      .split(" ")
      .slice(11, 13)
      .map(Number);
    const sum = sums[Number(thread) === pid ? "main" : groupOf(name)];
    sum.user += user / TICKS_PER_SECOND;
    sum.system += system / TICKS_PER_SECOND;
  }
  return sums;
}

function groupOf(name: string): ThreadGroup {
  if (name.startsWith("rdk:")) return "kafka";
  return name.startsWith("libuv-worker") ? "pool" : "other";
}

export function cpuBetween(from: CpuByGroup, to: CpuByGroup): CpuByGroup {
  const between = (group: ThreadGroup): CpuSeconds => ({
    user: to[group].user - from[group].user,
    system: to[group].system - from[group].system,
  });
  return {
    main: between("main"),
    kafka: between("kafka"),
    pool: between("pool"),
    other: between("other"),
  };
}

export function totalOf(cpu: CpuByGroup): number {
  return THREAD_GROUPS.reduce((sum, group) => sum + cpu[group].user + cpu[group].system, 0);
}

/** Bytes of memory that are the process's own. */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) * 1_024;
}
