/** Starts a gateway whose event loop is watched (loop-watch.ts), and reads what the watch says. */
import { fileURLToPath } from "node:url";
import { Gateway } from "./gateway.ts";
import type { LongTurn } from "./loop-watch.ts";

const WATCH = fileURLToPath(new URL("loop-watch.ts", import.meta.url));

/** No input may hold the event loop for longer. */
export const TURN_CPU_MS_MAX = 50;

export function startWatched(): Promise<Gateway> {
  return Gateway.start({ nodeFlags: ["--import", WATCH] });
}

/** The longest turn told since the output had this length; null: none was long. */
export function longestTurn(gateway: Gateway, since: number): LongTurn | null {
  const lines = gateway.output.slice(since).split("\n");
  const turns = lines.filter((line) => line.startsWith('{"longTurnCpuMs"'));
  // Written by the watch.
  const read = turns.map((line) => JSON.parse(line) as LongTurn);
  return read.toSorted((left, right) => right.longTurnCpuMs - left.longTurnCpuMs)[0] ?? null;
}
