/**
 * How much of the process's time the live feed may take, so that it never slows what comes in. All
 * of its work is done in slices, one per turn of the event loop. A slice costs its own time and
 * that of the writes it leaves to uWebSockets. The busier the process is, the more it is also
 * charged for what else the loop had to do until it came round again: then the feed steps back, and
 * those who send do not.
 */
import type { Clock } from "../lib/clock.ts";

export interface AllowanceOptions {
  /** Share of the time, above 0 up to 1. */
  readonly share: number;
  readonly clock: Clock;
  /** Calls in the next turn of the event loop. */
  readonly soon: (action: () => void) => void;
  /** How busy the event loop is: 0 to 1. */
  readonly utilization: () => number;
}

/**
 * What one write to a socket costs at most, about: most of it is the kernel's. A turn with writes
 * is charged as a whole, up to that.
 */
const WRITE_MS = 0.03;

/** Between these utilizations the charge for the rest of the turn goes from nothing to all. */
const CALM = 0.6;
const BUSY = 0.9;

/**
 * What is owed may be so much: a few events for many are told at once, in turns that let others in
 * between. In the long run the share is kept all the same.
 */
const DEBT_MS_MAX = 100;

/** Shorter waits are too short for a timer. */
const WAIT_MS_MIN = 2;

/** Work on the past gets one turn of so many while there is work on the present. */
const TURNS_PER_PAST = 4;

export type SliceKind = "present" | "past";

/** Work that may be done now, at once and without a wait. */
export interface Slice {
  /** It is done, and leaves so many writes to uWebSockets. */
  end(writes: number): void;
}

export class Allowance {
  readonly #options: AllowanceOptions;
  readonly #waiting: Readonly<Record<SliceKind, ((slice: Slice) => void)[]>> = {
    present: [],
    past: [],
  };
  #presentInARow = 0;
  #isRunning = false;
  /** The share is kept if nothing is done before then. */
  #paidAtMs = 0;
  /** Milliseconds that were charged, for the metrics. */
  busyMs = 0;

  constructor(options: AllowanceOptions) {
    this.#options = options;
  }

  /** Resolves when a slice may be done. */
  turn(kind: SliceKind): Promise<Slice> {
    return new Promise((resolve) => {
      this.#waiting[kind].push(resolve);
      this.#next();
    });
  }

  /** Who is behind waits for the present, but not for ever. */
  #first(): ((slice: Slice) => void) | undefined {
    const { present, past } = this.#waiting;
    const isPast = present.length === 0 || this.#presentInARow >= TURNS_PER_PAST - 1;
    this.#presentInARow = isPast ? 0 : this.#presentInARow + 1;
    return (isPast ? past.shift() : undefined) ?? present.shift();
  }

  #next(): void {
    const { present, past } = this.#waiting;
    if (this.#isRunning || present.length + past.length === 0) return;
    this.#isRunning = true;
    const { clock, soon } = this.#options;
    const waitMs = this.#paidAtMs - clock.monotonicMs() - DEBT_MS_MAX;
    if (waitMs < WAIT_MS_MIN) soon(() => this.#run());
    else clock.after(waitMs, () => this.#run(), { keepAlive: true });
  }

  #run(): void {
    const { clock, soon, share, utilization } = this.#options;
    const startMs = clock.monotonicMs();
    // One that is not ended within its turn has had all of it.
    let sliceMs = Infinity;
    const end = (writes: number): void => {
      sliceMs = clock.monotonicMs() - startMs + writes * WRITE_MS;
    };
    this.#first()?.({ end });
    soon(() => {
      const turnMs = clock.monotonicMs() - startMs;
      const ownMs = Math.min(turnMs, sliceMs);
      const pressure = Math.min(1, Math.max(0, (utilization() - CALM) / (BUSY - CALM)));
      const costMs = ownMs + (turnMs - ownMs) * pressure;
      this.busyMs += costMs;
      this.#paidAtMs = Math.max(this.#paidAtMs, startMs) + costMs / share;
      this.#isRunning = false;
      this.#next();
    });
  }
}
