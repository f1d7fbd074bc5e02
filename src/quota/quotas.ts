/**
 * How much a tenant and a source may send: events and bytes a second. One process by itself gives
 * each its whole quota; several share it by leases (leases.ts). It says how long to wait, never no.
 */
import type { Quota, SourcePolicy } from "../admission/policy.ts";
import { TokenBucket } from "../lib/token-bucket.ts";
import { QUOTA_BUCKETS_MAX, QUOTA_BURST_SECONDS } from "../limits/admission.ts";

/** What a batch costs. */
export interface Cost {
  readonly events: number;
  readonly bytes: number;
}

/** What holds a sender back. */
export interface Held {
  readonly scope: "tenant" | "source";
  readonly unit: "events" | "bytes";
  readonly waitMs: number;
}

/** Where a sender stands in its narrowest quota of events: for the RateLimit headers. */
export interface Standing {
  readonly scope: Held["scope"];
  readonly perSecond: number;
  readonly burst: number;
  readonly remaining: number;
  readonly waitMs: number;
}

export interface QuotasOptions {
  /** Monotonic, ms. */
  readonly clockMs: () => number;
  /**
   * This process's part of a quota, between 0 and 1: told by whoever knows the other processes.
   */
  readonly share: (key: string) => number;
  /** Something was taken under this key: whoever shares quotas between processes wants to know. */
  readonly onTaken?: (key: string, count: number) => void;
}

interface Limited {
  readonly scope: Held["scope"];
  readonly unit: Held["unit"];
  readonly key: string;
  readonly bucket: TokenBucket;
}

const NO_LIMITS: readonly Limited[] = [];

function isUnlimited({ eventsPerSecond, bytesPerSecond }: Quota): boolean {
  return eventsPerSecond === undefined && bytesPerSecond === undefined;
}

export class Quotas {
  readonly #options: QuotasOptions;
  /** By tenant or source and unit; only those that have a quota and were seen lately. */
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(options: QuotasOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Who holds this sender back, and for how long; null: nobody. Nothing is taken. */
  heldBy(policy: SourcePolicy): Held | null {
    let held: Held | null = null;
    for (const { scope, unit, bucket } of this.#limitsOf(policy)) {
      const { waitMs } = bucket;
      if (waitMs > (held?.waitMs ?? 0)) held = { scope, unit, waitMs };
    }
    return held;
  }

  /** Takes a batch that comes; null: it may, otherwise who holds it back, and nothing is taken. */
  take(policy: SourcePolicy, cost: Cost): Held | null {
    const held = this.heldBy(policy);
    if (held === null) this.charge(policy, cost);
    return held;
  }

  /** Takes what has come already: on a stream, credit was given for it before. */
  charge(policy: SourcePolicy, cost: Cost): void {
    for (const { unit, bucket, key } of this.#limitsOf(policy)) {
      bucket.take(cost[unit]);
      this.#options.onTaken?.(key, cost[unit]);
    }
  }

  /** Events that a stream of this sender may still send now; Infinity: as many as it likes. */
  roomOf(policy: SourcePolicy): number {
    let room = Infinity;
    for (const { unit, bucket } of this.#limitsOf(policy)) {
      if (unit === "events") room = Math.min(room, Math.max(0, Math.floor(bucket.tokens)));
      else if (bucket.tokens <= 0) room = 0;
    }
    return room;
  }

  /** null: no quota of events. */
  standing(policy: SourcePolicy): Standing | null {
    let least: Standing | null = null;
    for (const { scope, unit, bucket } of this.#limitsOf(policy)) {
      if (unit !== "events") continue;
      const remaining = Math.max(0, Math.floor(bucket.tokens));
      if (least !== null && least.remaining <= remaining) continue;
      const { perSecond, burst } = bucket.rate;
      least = { scope, perSecond, burst, remaining, waitMs: bucket.waitMs };
    }
    return least;
  }

  #limitsOf(policy: SourcePolicy): Iterable<Limited> {
    // Asked for every batch, and few have any.
    return isUnlimited(policy.quota) && isUnlimited(policy.tenant.quota)
      ? NO_LIMITS
      : this.#limitsFor(policy);
  }

  *#limitsFor(policy: SourcePolicy): Iterable<Limited> {
    const { tenant, source, quota } = policy;
    yield* this.#limits("tenant", tenant.tenant, tenant.quota);
    yield* this.#limits("source", `${tenant.tenant}/${source}`, quota);
  }

  *#limits(scope: Held["scope"], name: string, quota: Quota): Iterable<Limited> {
    const { eventsPerSecond, bytesPerSecond } = quota;
    if (eventsPerSecond !== undefined) {
      const key = `${name}:events`;
      yield { scope, unit: "events", key, bucket: this.#bucket(key, eventsPerSecond) };
    }
    if (bytesPerSecond !== undefined) {
      const key = `${name}:bytes`;
      yield { scope, unit: "bytes", key, bucket: this.#bucket(key, bytesPerSecond) };
    }
  }

  #bucket(key: string, whole: number): TokenBucket {
    const perSecond = Math.max(1, whole * this.#options.share(key));
    const rate = { perSecond, burst: perSecond * QUOTA_BURST_SECONDS };
    const known = this.#buckets.get(key);
    if (known !== undefined) {
      if (known.rate.perSecond !== perSecond) known.changeRate(rate);
      return known;
    }
    if (this.#buckets.size >= QUOTA_BUCKETS_MAX) this.#forget();
    const bucket = new TokenBucket(rate, this.#options.clockMs);
    this.#buckets.set(key, bucket);
    return bucket;
  }

  /**
   * Full buckets are as good as new ones; if none is full, the oldest goes, to its sender's good.
   */
  #forget(): void {
    for (const [key, bucket] of this.#buckets) if (bucket.isFull) this.#buckets.delete(key);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size >= QUOTA_BUCKETS_MAX && oldest !== undefined) {
      this.#buckets.delete(oldest);
    }
  }
}
