/** Where a result was measured, and of what. */
import { execFileSync } from "node:child_process";
import { availableParallelism, cpus, loadavg } from "node:os";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  /** The commit, with a + when files differ from it. */
  readonly commit: string;
  readonly measuredAt: string;
  /** Runnable processes of the last minute, ours included: more than `cores` is a noisy run. */
  readonly load: number;
}

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    node: process.version,
    commit: commit(),
    measuredAt: new Date().toISOString(),
    load: Number((loadavg()[0] ?? Number.NaN).toFixed(1)),
  };
}

function commit(): string {
  try {
    const git = (...words: string[]): string =>
      execFileSync("git", words, { cwd: import.meta.dirname, encoding: "utf8" }).trim();
    const isChanged = git("status", "--porcelain", "--", "../../assembly", "../../src") !== "";
    return `${git("rev-parse", "--short", "HEAD")}${isChanged ? "+" : ""}`;
  } catch {
    return "unknown";
  }
}
