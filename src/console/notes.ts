/**
 * What the console shows besides metrics: schemas in use, and what has just happened. With several
 * workers the primary asks each of them, over the line that a process and its parent have; what
 * else is said there is left alone.
 */
import cluster from "node:cluster";
import type { Worker } from "node:cluster";
import { CONSOLE_ASK_MS, RECENT_BATCHES_MAX, RECENT_REFUSALS_MAX } from "../limits.ts";
import type { RecentBatch, RecentRefusal } from "../telemetry/recent.ts";

export interface ShownSchema {
  readonly type: string;
  readonly subject: string;
  readonly version: number;
  readonly id: number;
}

export interface Notes {
  /** The latest first. */
  readonly refusals: readonly RecentRefusal[];
  readonly batches: readonly RecentBatch[];
  readonly schemas: readonly ShownSchema[];
}

type ConsoleMessage =
  | { readonly console: "look" }
  | { readonly console: "notes"; readonly notes: Notes };

/** A worker's end of the line: its `process`. */
interface ParentLine {
  on(event: "message", listener: (message: unknown) => void): unknown;
  send?(message: ConsoleMessage): unknown;
}

/** Answers the primary whenever it asks. */
export function answerPrimary(line: ParentLine, look: () => Notes): void {
  line.on("message", (message) => {
    if (asConsoleMessage(message)?.console === "look") {
      line.send?.({ console: "notes", notes: look() });
    }
  });
}

/** What all workers know together; one that does not answer in time is left out. */
export async function askWorkers(): Promise<Notes> {
  const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
  const answers = await Promise.all(workers.map(ask));
  return mergedNotes(answers.filter((notes) => notes !== null));
}

function ask(worker: Worker): Promise<Notes | null> {
  return new Promise((resolve) => {
    const done = (notes: Notes | null): void => {
      clearTimeout(timer);
      worker.off("message", onMessage);
      resolve(notes);
    };
    const timer = setTimeout(() => done(null), CONSOLE_ASK_MS);
    const onMessage = (message: unknown): void => {
      const said = asConsoleMessage(message);
      if (said?.console === "notes") done(said.notes);
    };
    worker.on("message", onMessage);
    // A worker that is gone has no line any more.
    if (worker.isConnected()) worker.send({ console: "look" }, () => {});
    else done(null);
  });
}

export function mergedNotes(all: readonly Notes[]): Notes {
  const latest = <T extends { readonly atMs: number }>(lists: readonly T[], most: number) =>
    lists.toSorted((left, right) => right.atMs - left.atMs).slice(0, most);
  return {
    refusals: latest(
      all.flatMap(({ refusals }) => refusals),
      RECENT_REFUSALS_MAX,
    ),
    batches: latest(
      all.flatMap(({ batches }) => batches),
      RECENT_BATCHES_MAX,
    ),
    // All workers follow the same registry.
    schemas: all[0]?.schemas ?? [],
  };
}

/** One of ours, if it is: only our own processes share the line. */
function asConsoleMessage(message: unknown): ConsoleMessage | null {
  const isOurs = typeof message === "object" && message !== null && "console" in message;
  return isOurs ? (message as ConsoleMessage) : null;
}
