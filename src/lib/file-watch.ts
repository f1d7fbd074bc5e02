/**
 * Tells when files changed, by their time, size and inode: events of the file system miss what the
 * mounts of containers do (a ConfigMap or Secret is replaced by turning a link).
 */
import { statSync } from "node:fs";

import type { CancelTimer, Clock } from "./clock.ts";

export interface FileWatchOptions {
  readonly paths: readonly string[];
  readonly everyMs: number;
  readonly clock: Clock;
  /**
   * Some of them changed, came or went since the last look. `edit` names what they are now: the
   * same in every process that watches the same files.
   */
  readonly onChange: (edit: string) => void;
}

/** Watches from now on, until the returned function is called. */
export function watchFiles({ paths, everyMs, clock, onChange }: FileWatchOptions): CancelTimer {
  const stamps = (): string => paths.map((path) => stamp(path)).join(" ");
  let seen = stamps();
  let cancel: CancelTimer = () => {};
  const look = (): void => {
    cancel = clock.after(everyMs, () => {
      const now = stamps();
      if (now !== seen) {
        seen = now;
        onChange(now);
      }
      look();
    });
  };
  look();
  return () => cancel();
}

function stamp(path: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(path);
    return `${mtimeMs}/${size}/${ino}`;
  } catch {
    return "absent";
  }
}
