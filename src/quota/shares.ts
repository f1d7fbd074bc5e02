/**
 * Which part of each quota this process may give out, when several share them: a lease that every
 * process renews each second by telling how much it needed. Those who need more get more, and a
 * tenth is split evenly, so that a sender who comes to a new process is not turned away. Without an
 * answer each process keeps its even part. Pure; the memory is an interface.
 */
import type { CancelTimer, Clock } from "../lib/clock.ts";
import { QUOTA_LEASE_KEYS_MAX, QUOTA_LEASE_MS } from "../limits/admission.ts";

/** What this process took of a quota since the last renewal. */
export interface Demand {
  readonly key: string;
  readonly taken: number;
}

/** What all processes took of a quota lately, and how many they are. */
export interface Total {
  readonly taken: number;
  readonly processes: number;
}

export interface LeaseMemory {
  /** Tells demands and gives the totals in the same order; null: it does not answer. */
  renew(demands: readonly Demand[]): Promise<readonly Total[] | null>;
  /** Processes that showed themselves lately; at least 1. */
  readonly processes: number;
}

/** Split evenly, whatever was needed. */
const EVEN_PART = 0.1;

export class Shares {
  readonly #memory: LeaseMemory;
  readonly #clock: Clock;
  readonly #onFailure: (error: unknown) => void;
  readonly #taken = new Map<string, number>();
  readonly #shares = new Map<string, number>();
  #cancel: CancelTimer = () => {};

  constructor(
    memory: LeaseMemory,
    options: { readonly clock: Clock; readonly onFailure: (error: unknown) => void },
  ) {
    this.#memory = memory;
    this.#clock = options.clock;
    this.#onFailure = options.onFailure;
  }

  /** This process's part of a quota, between 0 and 1. */
  share(key: string): number {
    return this.#shares.get(key) ?? 1 / this.#memory.processes;
  }

  /** Something of a quota was given out. Beyond the bound a quota counts as not needed here. */
  took(key: string, count: number): void {
    const known = this.#taken.get(key);
    if (known === undefined && this.#taken.size >= QUOTA_LEASE_KEYS_MAX) return;
    this.#taken.set(key, (known ?? 0) + count);
  }

  start(): void {
    this.#cancel = this.#clock.after(QUOTA_LEASE_MS, () => {
      this.renew()
        .catch(this.#onFailure)
        .finally(() => this.start());
    });
  }

  stop(): void {
    this.#cancel();
  }

  /** One renewal. */
  async renew(): Promise<void> {
    const demands = [...this.#taken].map(([key, taken]) => ({ key, taken }));
    this.#taken.clear();
    if (demands.length === 0) return;
    const totals = await this.#memory.renew(demands);
    this.#shares.clear();
    if (totals === null) return;
    for (const [index, { key, taken }] of demands.entries()) {
      const total = totals[index];
      if (total !== undefined) this.#shares.set(key, shareOf(taken, total));
    }
  }
}

/** Sums to 1 over the processes that needed something, if all of them told the truth. */
export function shareOf(taken: number, { taken: all, processes }: Total): number {
  const even = EVEN_PART / Math.max(1, processes);
  if (all <= 0) return 1 / Math.max(1, processes);
  return Math.min(1, even + (1 - EVEN_PART) * (taken / Math.max(taken, all)));
}
