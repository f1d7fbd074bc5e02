/**
 * The memory that needs nothing: streams of this process, gone with it. It is the default, and
 * held to the same rules as Redis.
 */
import type { Clock } from "../lib/clock.ts";
import { STREAMS_REMEMBERED_MAX } from "../limits/streams.ts";
import { claimStored, saveStored, takeStored } from "./memory-rules.ts";
import type {
  Changed,
  ClaimAnswer,
  MemoryClaim,
  MemorySave,
  MemoryTake,
  SaveAnswer,
  StoredStream,
  TakeAnswer,
} from "./memory-rules.ts";
import type { StreamMemory } from "./stream-memory.ts";

export interface LocalMemoryOptions {
  readonly ttlSeconds: number;
  readonly clock: Clock;
  /** Streams remembered; the one changed longest ago goes first. */
  readonly streamsMax?: number;
  readonly onForgotten: () => void;
}

interface Held {
  readonly stream: StoredStream;
  readonly expiresAtMs: number;
}

export class LocalMemory implements StreamMemory {
  readonly owner = "local";
  readonly #options: LocalMemoryOptions;
  readonly #streamsMax: number;
  /** The one changed longest ago first. */
  readonly #held = new Map<string, Held>();

  constructor(options: LocalMemoryOptions) {
    this.#options = options;
    this.#streamsMax = options.streamsMax ?? STREAMS_REMEMBERED_MAX;
  }

  /** Streams remembered. */
  get size(): number {
    return this.#held.size;
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    this.#held.clear();
  }

  async claim(claim: MemoryClaim): Promise<ClaimAnswer> {
    return this.#change(claim.key, (held) => claimStored(held, claim));
  }

  async take(take: MemoryTake): Promise<TakeAnswer> {
    return this.#change(take.key, (held) => takeStored(held, take));
  }

  async save(saves: readonly MemorySave[]): Promise<readonly SaveAnswer[]> {
    return saves.map((save) => this.#change(save.key, (held) => saveStored(held, save)));
  }

  /** There is no other process. */
  async isAlive(): Promise<boolean> {
    return false;
  }

  askRelease(): void {}

  tellHandedOver(): void {}

  #change<T>(key: string, change: (held: StoredStream | null) => Changed<T>): T {
    const nowMs = this.#options.clock.monotonicMs();
    const held = this.#held.get(key);
    const before = held !== undefined && held.expiresAtMs > nowMs ? held.stream : null;
    const { stream, answer } = change(before);
    if (stream !== before && stream !== null) {
      this.#held.delete(key);
      const expiresAtMs = nowMs + this.#options.ttlSeconds * 1_000;
      this.#held.set(key, { stream, expiresAtMs });
      this.#forgetOldest(nowMs);
    }
    return answer;
  }

  /** At most two go for each that comes, so that the map shrinks without a sweep. */
  #forgetOldest(nowMs: number): void {
    for (let turn = 0; turn < 2; turn += 1) {
      const oldest = this.#held.entries().next().value;
      if (oldest === undefined) return;
      const [key, { expiresAtMs }] = oldest;
      const isExpired = expiresAtMs <= nowMs;
      if (this.#held.size <= this.#streamsMax && !isExpired) return;
      this.#held.delete(key);
      if (!isExpired) this.#options.onForgotten();
    }
  }
}
