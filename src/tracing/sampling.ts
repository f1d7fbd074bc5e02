/**
 * Which batches are traced: a random share of all, and, where the operator allows it, so many a
 * second whose clients trace them. A client's flag alone decides nothing: anybody can set it.
 */
import { TokenBucket } from "../lib/token-bucket.ts";
import type { TraceContext } from "./trace-context.ts";

const MILLION = 1_000_000;

export interface SamplingOptions {
  /** Of a million batches so many are traced. */
  readonly perMillion: number;
  /** Batches a second that are traced because their clients trace them; 0: none. */
  readonly followedPerSecond: number;
  /** Between 0 and 1, below 1. */
  readonly random: () => number;
  readonly clockMs: () => number;
}

export class Sampling {
  readonly #share: number;
  readonly #random: () => number;
  readonly #followed: TokenBucket | null;

  constructor({ perMillion, followedPerSecond, random, clockMs }: SamplingOptions) {
    this.#share = perMillion / MILLION;
    this.#random = random;
    const rate = { perSecond: followedPerSecond, burst: followedPerSecond };
    this.#followed = followedPerSecond === 0 ? null : new TokenBucket(rate, clockMs);
  }

  /** Is a client's own wish looked at? Else its context is read for traced batches only. */
  get followsClients(): boolean {
    return this.#followed !== null;
  }

  /** By chance alone: asked first, for every batch. */
  picks(): boolean {
    return this.#random() < this.#share;
  }

  /** Because its client traces it. */
  follows(client: TraceContext | null): boolean {
    if (this.#followed === null || client === null || !client.isSampled) return false;
    if (this.#followed.waitMs > 0) return false;
    this.#followed.take(1);
    return true;
  }
}
