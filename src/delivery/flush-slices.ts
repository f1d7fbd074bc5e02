/**
 * How a commit is waited for. A flush looks only every 10 ms whether all is done, and holds a
 * thread of the pool until it is or its time is over. Asked for in slices, the first ones short, it
 * notices sooner and frees the thread for others; each slice wakes a thread, so they grow with the
 * time that has passed. A commit that is not over by then is looked at from time to time: it needs
 * no thread of its own.
 */
import type { DeliveryClock } from "./clock.ts";
import type { ProducerPort } from "./producer-port.ts";

const FLUSH_SLICES_MS = [3, 3, 3, 3, 3, 3, 6, 12, 24, 48, 100] as const;
const LATE_LOOK_MS = 1;
const LATE_PAUSE_MS = 40;

export interface FlushSlice {
  /** How many there were of this commit. */
  readonly number: number;
  readonly clock: DeliveryClock;
  /** Asked before anything is done: has somebody let go of the producer? */
  readonly isWanted: () => boolean;
  readonly onFlushed: (kafkaCode: number) => void;
}

/** Looks once, now or a little later, whether the producer is empty. */
export function flushSlice(port: ProducerPort, slice: FlushSlice): void {
  const { clock, isWanted, onFlushed } = slice;
  const flush = (forMs: number): void => {
    if (!isWanted()) return;
    port.flush(forMs, (kafkaCode) => {
      if (isWanted()) onFlushed(kafkaCode);
    });
  };
  const sliceMs = FLUSH_SLICES_MS[slice.number];
  if (sliceMs !== undefined) flush(sliceMs);
  else clock.after(LATE_PAUSE_MS, () => flush(LATE_LOOK_MS));
}
