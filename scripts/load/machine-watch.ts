/**
 * How much of the machine others took while a load test ran: on a machine that is shared, a missed
 * latency may be theirs. Reads /proc of Linux; elsewhere nothing is known.
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** USER_HZ, which Linux has had at 100 on every processor for decades. */
const CLOCK_TICKS_PER_SECOND = 100;
const LOOK_MS = 1_000;

export interface MachineUse {
  readonly cores: number;
  /** Mean number of cores that belonged to other programs, or to other machines on the host. */
  readonly othersCores: number;
}

export class MachineWatch {
  readonly #pids: () => readonly number[];
  readonly #timer: NodeJS.Timeout;
  readonly #startMs = performance.now();
  readonly #startSeconds = busySeconds();
  readonly #known = new Map<number, number>();
  #ownSeconds = 0;

  /** `pids`: the processes that are no others, as they are now. */
  constructor(pids: () => readonly number[]) {
    this.#pids = pids;
    for (const pid of pids()) this.#known.set(pid, cpuSeconds(pid) ?? 0);
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** Null: it cannot be told here. */
  end(): MachineUse | null {
    clearInterval(this.#timer);
    this.#look();
    const busy = busySeconds();
    if (busy === null || this.#startSeconds === null) return null;
    const seconds = (performance.now() - this.#startMs) / 1_000;
    const othersCores = Math.max(0, busy - this.#startSeconds - this.#ownSeconds) / seconds;
    return { cores: availableParallelism(), othersCores };
  }

  #look(): void {
    for (const pid of this.#pids()) {
      const now = cpuSeconds(pid);
      if (now === null) continue;
      this.#ownSeconds += Math.max(0, now - (this.#known.get(pid) ?? 0));
      this.#known.set(pid, now);
    }
  }
}

/** CPU time of a process since its start; null: it is gone, or there is no /proc. */
export function cpuSeconds(pid: number | undefined): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
  } catch {
    return null;
  }
}

/** CPU time that this machine's cores were not idle since it was started. */
function busySeconds(): number | null {
  try {
    const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n");
    const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
      .split(/\s+/)
      .slice(1)
      .map(Number);
    return (user + nice + system + irq + softirq + steal) / CLOCK_TICKS_PER_SECOND;
  } catch {
    return null;
  }
}
