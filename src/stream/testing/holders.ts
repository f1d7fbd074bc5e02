/** Holders and keys of streams for tests. */
import { randomBytes } from "node:crypto";

import type { Claim, StreamHolder, StreamKey, StreamLease, StreamRecord } from "../store.ts";

export function streamKey(change: Partial<StreamKey> = {}): StreamKey {
  return { tenant: "demo", source: "web", stream: randomBytes(16), ...change };
}

/** Releases when the test says so; at once by default. */
export class FakeHolder implements StreamHolder {
  record: StreamRecord;
  isSlow = false;
  asked = 0;
  #letGo: (() => void)[] = [];

  constructor(record: StreamRecord = { done: 0, sack: [], exc: [] }) {
    this.record = record;
  }

  async release(): Promise<StreamRecord> {
    this.asked += 1;
    if (this.isSlow) await new Promise<void>((resolve) => this.#letGo.push(resolve));
    return this.record;
  }

  letGo(): void {
    this.isSlow = false;
    for (const resolve of this.#letGo.splice(0)) resolve();
  }
}

export type Claimed = Extract<Claim, { readonly kind: "claimed" }>;

export function claimed(claim: Claim): Claimed {
  if (claim.kind !== "claimed") throw new Error(`the claim was ${claim.kind}`);
  return claim;
}

export function leaseOf(claim: Claim): StreamLease {
  return claimed(claim).lease;
}
