/**
 * Events of a type as they are stored, for the console's page: it asks again and again for what
 * came after a number. With several workers the primary asks one of them, always the same while it
 * lives: each reads the topics whole. It does not know what an answer holds.
 */
import cluster from "node:cluster";
import type { Worker } from "node:cluster";
import { CONSOLE_LOOK_MS, CONSOLE_LOOKS_MAX } from "../limits/watching.ts";

/** Never rejects; the answer goes to the page as JSON. */
export type Look = (type: string, after: number) => Promise<unknown>;

type LookMessage =
  | {
      readonly console: "look-at";
      readonly ask: number;
      readonly type: string;
      readonly after: number;
    }
  | { readonly console: "seen"; readonly ask: number; readonly seen: unknown };

/** A worker's end of the line: its `process`. */
interface ParentLine {
  on(event: "message", listener: (message: unknown) => void): unknown;
  send?(message: LookMessage): unknown;
}

/** Answers the primary whenever it asks. */
export function answerLooks(line: ParentLine, look: Look): void {
  line.on("message", (message) => {
    const asked = asLookMessage(message);
    if (asked?.console !== "look-at") return;
    const { ask, type, after } = asked;
    void look(type, after).then((seen) => line.send?.({ console: "seen", ask, seen }));
  });
}

const off = (reason: string) => ({ from: "", state: "off", reason, events: [] });

let asks = 0;
let open = 0;

/** The primary's look, through a worker. */
export const lookByWorker: Look = async (type, after) => {
  const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
  const oldest = workers
    .filter((worker) => worker.isConnected())
    .reduce<Worker | undefined>(
      (best, next) => (best !== undefined && best.id < next.id ? best : next),
      undefined,
    );
  if (oldest === undefined) return off("no worker is there");
  if (open >= CONSOLE_LOOKS_MAX) return off("too many look at once");
  open += 1;
  try {
    return await askWorker(oldest, { type, after });
  } finally {
    open -= 1;
  }
};

function askWorker(
  worker: Worker,
  { type, after }: { readonly type: string; readonly after: number },
): Promise<unknown> {
  asks += 1;
  const ask = asks;
  return new Promise((resolve) => {
    const done = (seen: unknown): void => {
      clearTimeout(timer);
      worker.off("message", onMessage);
      resolve(seen);
    };
    const timer = setTimeout(() => done(off("the worker does not answer")), CONSOLE_LOOK_MS);
    const onMessage = (message: unknown): void => {
      const said = asLookMessage(message);
      if (said?.console === "seen" && said.ask === ask) done(said.seen);
    };
    worker.on("message", onMessage);
    worker.send({ console: "look-at", ask, type, after }, () => {});
  });
}

/** One of ours, if it is: only our own processes share the line. */
function asLookMessage(message: unknown): LookMessage | null {
  const isOurs = typeof message === "object" && message !== null && "console" in message;
  const isLook = isOurs && (message.console === "look-at" || message.console === "seen");
  return isLook ? (message as LookMessage) : null;
}
