/**
 * The one budget of unacknowledged events and bytes of the process, and the pressure that follows
 * from it. Two marks with hysteresis: from `high` on senders are slowed, from `hard` on refused,
 * until enough has been settled again.
 */
import assert from "node:assert/strict";

import type { Pressure, PressureLevel } from "./delivery.ts";

/** Shares of the budget at which a level begins and ends. */
const HARD_BEGINS = 1;
const HARD_ENDS = 0.85;
const HIGH_BEGINS = 0.7;
const HIGH_ENDS = 0.5;

export class Budget {
  readonly #eventsMax: number;
  readonly #bytesMax: number;
  readonly #onLevel: (level: PressureLevel) => void;
  #events = 0;
  #bytes = 0;
  #level: PressureLevel = "open";

  constructor(options: {
    readonly eventsMax: number;
    readonly bytesMax: number;
    readonly onLevel: (level: PressureLevel) => void;
  }) {
    assert(options.eventsMax > 0 && options.bytesMax > 0, "a budget is more than nothing");
    this.#eventsMax = options.eventsMax;
    this.#bytesMax = options.bytesMax;
    this.#onLevel = options.onLevel;
  }

  get level(): PressureLevel {
    return this.#level;
  }

  get events(): number {
    return this.#events;
  }

  /** Follow a run of these with one `judge`. */
  take(events: number, bytes: number): void {
    this.#events += events;
    this.#bytes += bytes;
  }

  release(events: number, bytes: number): void {
    this.#events -= events;
    this.#bytes -= bytes;
    assert(this.#events >= 0 && this.#bytes >= 0, "nothing is released twice");
    if (this.#level !== "open") this.judge();
  }

  pressure(): Pressure {
    return { unackedEvents: this.#events, unackedBytes: this.#bytes, level: this.#level };
  }

  /** Brings the level up to date. */
  judge(): void {
    const filled = Math.max(this.#events / this.#eventsMax, this.#bytes / this.#bytesMax);
    const level = nextLevel(this.#level, filled);
    if (level === this.#level) return;
    this.#level = level;
    this.#onLevel(level);
  }
}

/** The level after `level` when the budget is filled to this share. */
export function nextLevel(level: PressureLevel, filled: number): PressureLevel {
  if (filled >= HARD_BEGINS || (level === "hard" && filled >= HARD_ENDS)) return "hard";
  if (filled >= HIGH_BEGINS || (level !== "open" && filled >= HIGH_ENDS)) return "high";
  return "open";
}
