/**
 * Lets so many log lines of one kind through per window and counts the others, so that a fault that
 * repeats ten thousand times a second costs a few lines and nobody's disk.
 */
import type { Clock } from "../lib/clock.ts";

export interface LogLimitOptions {
  readonly clock: Clock;
  readonly linesMax?: number;
  readonly windowMs?: number;
}

/** Lines of one kind in one window; more are counted, not written. */
const LINES_MAX = 10;
const WINDOW_MS = 60_000;
/** Kinds are message texts, all of them in the source; what is over the bound shares one window. */
const KINDS_MAX = 256;
const SHARED_KIND = "";

interface Window {
  startMs: number;
  lines: number;
  suppressed: number;
}

export class LogLimit {
  readonly #clock: Clock;
  readonly #linesMax: number;
  readonly #windowMs: number;
  readonly #windows = new Map<string, Window>();

  constructor(options: LogLimitOptions) {
    this.#clock = options.clock;
    this.#linesMax = options.linesMax ?? LINES_MAX;
    this.#windowMs = options.windowMs ?? WINDOW_MS;
  }

  /**
   * Whether a line of this kind may be written now: the number of lines of its kind that were left
   * out since the last one written, or −1 when this one is to be left out too.
   */
  admit(kind: string): number {
    const nowMs = this.#clock.monotonicMs();
    const window = this.#window(kind, nowMs);
    if (nowMs - window.startMs >= this.#windowMs) {
      window.startMs = nowMs;
      window.lines = 0;
    }
    if (window.lines >= this.#linesMax) {
      window.suppressed += 1;
      return -1;
    }
    window.lines += 1;
    const { suppressed } = window;
    window.suppressed = 0;
    return suppressed;
  }

  #window(kind: string, nowMs: number): Window {
    const isNew = !this.#windows.has(kind);
    const key = isNew && this.#windows.size >= KINDS_MAX ? SHARED_KIND : kind;
    let window = this.#windows.get(key);
    if (window === undefined) {
      window = { startMs: nowMs, lines: 0, suppressed: 0 };
      this.#windows.set(key, window);
    }
    return window;
  }
}
