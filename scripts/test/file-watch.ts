/**
 * Ends a test file that does not end. A test that ran out of time may leave a loop behind, and its
 * process would then live for ever: it is ended here with all it has started, each by its pid, and
 * the file is told by its name. It reads /proc and knows nothing of tests but their files' paths.
 */
import { readdirSync, readFileSync } from "node:fs";

const LOOK_MS = 2_000;

export interface KernelProcess {
  readonly pid: number;
  readonly parent: number;
  /** The words of its command line. */
  readonly words: readonly string[];
}

export interface FileWatchOptions {
  /** Absolute paths. */
  readonly files: readonly string[];
  readonly limitMs: number;
  /** The process whose children run the files, one each. */
  readonly runner: number;
  readonly processes?: () => readonly KernelProcess[];
  /** Monotonic, ms. */
  readonly clockMs?: () => number;
  readonly kill?: (pid: number) => void;
}

export class FileWatch {
  readonly #options: Required<FileWatchOptions>;
  readonly #seenMs = new Map<number, number>();
  readonly #overdue: string[] = [];

  constructor(options: FileWatchOptions) {
    const defaults = { processes: readProcesses, clockMs: () => performance.now(), kill };
    this.#options = { ...defaults, ...options };
  }

  /** Files whose processes had to be ended. */
  get overdue(): readonly string[] {
    return this.#overdue;
  }

  /** Looks again and again; what it gives ends that. */
  start(): () => void {
    const timer = setInterval(() => this.look(), LOOK_MS);
    return () => clearInterval(timer);
  }

  look(): void {
    const { files, limitMs, runner, processes, clockMs, kill: end } = this.#options;
    const all = processes();
    const nowMs = clockMs();
    for (const { pid, parent, words } of all) {
      const file = files.find((each) => words.includes(each));
      if (parent !== runner || file === undefined) continue;
      const sinceMs = this.#seenMs.get(pid) ?? nowMs;
      this.#seenMs.set(pid, sinceMs);
      if (nowMs - sinceMs < limitMs) continue;
      if (!this.#overdue.includes(file)) this.#overdue.push(file);
      for (const each of withDescendants(pid, all)) end(each);
    }
  }
}

/** A process and all that it and what it started have started. */
export function withDescendants(pid: number, all: readonly KernelProcess[]): readonly number[] {
  const children = all.filter(({ parent }) => parent === pid);
  return [pid, ...children.flatMap((child) => withDescendants(child.pid, all))];
}

function readProcesses(): readonly KernelProcess[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.flatMap((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const words = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0");
      // The second field is a name in brackets that may hold anything.
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      return [{ pid: Number(name), parent, words }];
    } catch {
      return []; // It has ended meanwhile.
    }
  });
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
