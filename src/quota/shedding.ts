/**
 * Which traffic waits when the process itself has too much to do: the lowest priority first. It
 * looks at how busy the event loop is and at how long answers take. Traffic of high priority is
 * never shed here; the bounds of memory hold for everybody.
 */
import type { Priority } from "../admission/policy.ts";
import {
  SHED_CALM_MS,
  SHED_DELAY_MS,
  SHED_LOOK_MS,
  SHED_NORMAL_PART,
} from "../limits/admission.ts";

export interface SheddingOptions {
  /** Share of the event loop's time that is used from which on it counts as busy: 0 to 1. */
  readonly busyFrom: number;
  /** How busy it is now: 0 to 1. */
  readonly utilization: () => number;
  /** Monotonic, ms. */
  readonly clockMs: () => number;
  /** What is shed has changed. */
  readonly onChange: (shed: readonly Priority[]) => void;
}

/** What is shed at each level. */
const LEVELS: readonly (readonly Priority[])[] = [[], ["low"], ["low", "normal"]];

export class Shedding {
  readonly #options: SheddingOptions;
  #level = 0;
  #lookedAtMs: number;
  /** Since then a lower level would do; NaN: it would not. */
  #calmSinceMs = NaN;
  #delaySumMs = 0;
  #delays = 0;

  constructor(options: SheddingOptions) {
    this.#options = options;
    this.#lookedAtMs = options.clockMs();
  }

  /** 0: nothing is shed, 1: low priority, 2: all but high priority. */
  get level(): number {
    return this.#level;
  }

  /** Something was answered, so long after it came. */
  answered(latencyMs: number): void {
    this.#delaySumMs += latencyMs;
    this.#delays += 1;
  }

  sheds(priority: Priority): boolean {
    this.#look();
    return LEVELS[this.#level]?.includes(priority) ?? false;
  }

  /** A level rises at once, and falls by one where a lower one would have done for a while. */
  #look(): void {
    const nowMs = this.#options.clockMs();
    if (nowMs - this.#lookedAtMs < SHED_LOOK_MS) return;
    this.#lookedAtMs = nowMs;
    const wanted = this.#wanted();
    if (wanted >= this.#level) this.#calmSinceMs = NaN;
    else if (Number.isNaN(this.#calmSinceMs)) this.#calmSinceMs = nowMs;
    if (wanted > this.#level) this.#change(wanted);
    else if (nowMs - this.#calmSinceMs >= SHED_CALM_MS) {
      this.#calmSinceMs = nowMs;
      this.#change(this.#level - 1);
    }
  }

  #wanted(): number {
    const { busyFrom, utilization } = this.#options;
    const delayMs = this.#delays === 0 ? 0 : this.#delaySumMs / this.#delays;
    this.#delaySumMs = 0;
    this.#delays = 0;
    const used = utilization();
    // A loop that is always busy may still answer everybody in time.
    const isSaturated = used >= busyFrom + (1 - busyFrom) * SHED_NORMAL_PART;
    const isLate = delayMs >= SHED_DELAY_MS;
    if (isSaturated && isLate) return 2;
    return used >= busyFrom || isLate ? 1 : 0;
  }

  #change(level: number): void {
    this.#level = level;
    this.#options.onChange(LEVELS[level] ?? []);
  }
}
