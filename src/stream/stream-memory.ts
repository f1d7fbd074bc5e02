/**
 * The port to where streams are remembered: this process (local-memory.ts), Redis
 * (redis-memory.ts), or a test's. All do as memory-rules.ts says. Failures are values.
 */
import type {
  ClaimAnswer,
  MemoryClaim,
  MemorySave,
  MemoryTake,
  SaveAnswer,
  TakeAnswer,
} from "./memory-rules.ts";

/** No answer, or a refusal; what was asked for may have been done all the same. */
export interface Away {
  readonly kind: "away";
  readonly reason: string;
  readonly detail: string;
}

/** One process asks another to give a stream free. */
export interface ReleaseAsk {
  readonly key: string;
  /** Who is asked, and the epoch it held the stream under. */
  readonly owner: string;
  readonly previousEpoch: number;
  /** Who asks, and its own epoch. */
  readonly claimant: string;
  readonly epoch: number;
}

/** Given free: the process that waits may go on. */
export interface HandedOver {
  readonly key: string;
  readonly owner: string;
  readonly epoch: number;
}

export interface MemoryListener {
  releaseAsked(ask: ReleaseAsk): void;
  handedOver(news: HandedOver): void;
  /** After a silence: what was written or asked meanwhile may be lost. */
  reconnected(): void;
  /** The secret that all processes share. */
  secretFound(secret: string): void;
}

export interface StreamMemory {
  /** Names this process; no two processes ever have the same. */
  readonly owner: string;
  /** Begins to connect; resolves when it has, or soon in any case. */
  start(listener: MemoryListener): Promise<void>;
  stop(): Promise<void>;
  claim(claim: MemoryClaim): Promise<ClaimAnswer | Away>;
  take(take: MemoryTake): Promise<TakeAnswer | Away>;
  /** In their order, one answer for each. */
  save(saves: readonly MemorySave[]): Promise<readonly (SaveAnswer | Away)[]>;
  /** Does that process still show itself? False too when it cannot be told. */
  isAlive(owner: string): Promise<boolean>;
  /** May be lost on the way, as may the news of a hand-over. */
  askRelease(ask: ReleaseAsk): void;
  tellHandedOver(to: string, news: HandedOver): void;
}
