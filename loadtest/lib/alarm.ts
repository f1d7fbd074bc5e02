/**
 * Timers that keep their time. k6 2.2 takes the first timer of its queue when one is due; where a
 * due one has gone meanwhile, because it was cleared or another one was set before it, the next is
 * called, however long before its time. Here such a call is not taken for the real one.
 */
import { clearTimeout, setTimeout } from "k6/timers";

/** Clocks are read in whole milliseconds. */
const EARLY_MS_MAX = 2;

export interface Alarm {
  clear(): void;
}

/** Calls `work` once, at `atMs` (ms since 1970) or as soon as possible after it. */
export function setAlarm(atMs: number, work: () => void): Alarm {
  const arm = (): ReturnType<typeof setTimeout> =>
    setTimeout(
      () => {
        if (Date.now() + EARLY_MS_MAX < atMs) timer = arm();
        else work();
      },
      Math.max(0, atMs - Date.now()),
    );
  let timer = arm();
  return { clear: () => clearTimeout(timer) };
}
