/**
 * The one budget of unacknowledged events and bytes of the process, and the pressure that follows
 * from it. Two marks with hysteresis: from `high` on senders are slowed, from `hard` on refused,
 * until enough has been settled again. Of several tenants only those are slowed that hold more than
 * their fair share, and none may fill the whole: whoever floods leaves room for the others.
 */
import assert from "node:assert/strict";

import type { Pressure, PressureLevel } from "./delivery.ts";
import { Tenants } from "./tenants.ts";

/** Shares of the budget at which a level begins and ends. */
const HARD_BEGINS = 1;
const HARD_ENDS = 0.85;
const HIGH_BEGINS = 0.7;
const HIGH_ENDS = 0.5;
/** What one of several tenants may hold at most. */
const TENANT_SHARE_MAX = 0.8;

export class Budget {
  readonly #eventsMax: number;
  readonly #bytesMax: number;
  readonly #onLevel: (level: PressureLevel) => void;
  readonly tenants: Tenants;
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
    this.tenants = new Tenants(options);
  }

  get level(): PressureLevel {
    return this.#level;
  }

  get events(): number {
    return this.#events;
  }

  /** Follow a run of these with one `judge`. */
  take(tenant: number, events: number, bytes: number): void {
    this.tenants.take(tenant, events, bytes);
    this.#events += events;
    this.#bytes += bytes;
  }

  release(tenant: number, events: number, bytes: number): void {
    this.tenants.release(tenant, events, bytes);
    this.#events -= events;
    this.#bytes -= bytes;
    assert(this.#events >= 0 && this.#bytes >= 0, "nothing is released twice");
    if (this.#level !== "open") this.judge();
  }

  pressure(): Pressure {
    return { unackedEvents: this.#events, unackedBytes: this.#bytes, level: this.#level };
  }

  /** Should this tenant send less? */
  isHeldBack(tenant: number): boolean {
    if (this.#level !== "high") return this.#level === "hard";
    return this.tenants.filled(tenant) >= HIGH_BEGINS / this.tenants.sharers(tenant);
  }

  /** Is there no room for further records of this tenant? */
  isFullFor(tenant: number): boolean {
    if (this.#level === "hard") return true;
    if (!this.tenants.areMany) return false;
    const filled = this.tenants.filled(tenant);
    if (filled >= TENANT_SHARE_MAX) return true;
    return this.#level === "high" && filled >= HARD_BEGINS / this.tenants.sharers(tenant);
  }

  /** How many tenants are held back. */
  get heldBack(): number {
    if (this.#level === "open") return 0;
    if (this.#level === "hard") return this.tenants.active;
    return this.tenants.countAbove(HIGH_BEGINS / Math.max(1, this.tenants.active));
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
