/**
 * A memory of streams for tests, with a switch for each way in which a real one fails: it is away,
 * it forgets, it answers late, holders of other processes vanish. Records are saved lazily, as the
 * real one does. Time is the test's.
 */
import { assert } from "../../lib/assert.ts";
import type {
  Claim,
  ClaimRequest,
  StreamHolder,
  StreamKey,
  StreamLease,
  StreamRecord,
  StreamStore,
} from "../store.ts";
import { hasDoubt, withDoubt } from "../stream-record.ts";

const HAND_OVER_MS = 3_000;
const SAVE_MS = 1_000;

export interface ModelClock {
  /** Runs something later, in virtual time. */
  after(delayMs: number, action: () => void): void;
}

interface Remembered {
  readonly birth: string;
  epoch: number;
  record: StreamRecord | null;
  doubtBelow: number;
  /** Who holds it. */
  lease: ModelLease | null;
}

export class ModelStore implements StreamStore {
  readonly ttlSeconds = 86_400;
  readonly #clock: ModelClock;
  readonly #streams = new Map<string, Remembered>();
  /** How long a claim takes before anything else happens; asked for each. */
  claimMs: () => number = () => 0;
  isAway = false;
  /** Streams that were claimed while it was away: what became of them then it does not know. */
  readonly #missed = new Set<string>();
  /** Higher than any epoch there was: what a memory that is away goes on with. */
  #epoch = 0;

  constructor(clock: ModelClock) {
    this.#clock = clock;
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  stats() {
    return { held: 0, pendingSaves: 0 };
  }

  token(key: StreamKey, birth: string): string {
    return `token-${nameOf(key)}.${birth}`;
  }

  birthIn(key: StreamKey, token: string): string | null {
    const [proof, birth = ""] = token.split(".");
    return proof === `token-${nameOf(key)}` ? birth : null;
  }

  /** What is remembered of a stream; null: nothing. */
  recordOf(key: StreamKey): StreamRecord | null {
    return this.#streams.get(nameOf(key))?.record ?? null;
  }

  /** Forgets all streams, as a store that lost its data. Their holders go on. */
  forget(): void {
    this.#streams.clear();
  }

  /** The processes of these holders die. */
  kill(isDead: (holder: StreamHolder) => boolean): void {
    for (const { lease } of this.#streams.values()) {
      if (lease !== null && isDead(lease.holder)) lease.isDead = true;
    }
  }

  async claim({ key, hasProof, birth, holder, next = Infinity }: ClaimRequest): Promise<Claim> {
    await this.#wait(this.claimMs());
    this.#epoch += 1;
    const name = nameOf(key);
    if (this.isAway) {
      this.#missed.add(name);
      const lease = new ModelLease({
        birth: `away-${this.#epoch}`,
        epoch: this.#epoch,
        holder,
        clock: this.#clock,
        stream: null,
      });
      return { kind: "claimed", lease, record: null, isClean: false };
    }
    const known = this.#streams.get(name);
    if (known !== undefined && !hasProof) return { kind: "denied" };
    const stream = known ?? this.#newStream();
    this.#streams.set(name, stream);
    const before = stream.lease;
    stream.epoch = this.#epoch;
    const lease = new ModelLease({ ...stream, holder, clock: this.#clock, stream });
    stream.lease = lease;
    const isMissed = this.#missed.delete(name);
    const isHandedOver = before === null || (await this.#handedOver(before, stream));
    const isOther = birth !== undefined && birth !== "" && birth !== stream.birth;
    const isClean = isHandedOver && !isMissed && !isOther;
    const { record } = stream;
    stream.record ??= { done: 0, sack: [], exc: [] };
    // Doubt stays until everything below has an outcome, whoever writes meanwhile.
    if (!isClean) stream.doubtBelow = Math.max(stream.doubtBelow, next);
    if (record === null) return { kind: "claimed", lease, record, isClean };
    const doubted = withDoubt(record, stream.doubtBelow);
    return { kind: "claimed", lease, record: doubted, isClean: isClean && !hasDoubt(doubted) };
  }

  #newStream(): Remembered {
    const birth = `memory-${this.#epoch}`;
    return { birth, epoch: 0, record: null, doubtBelow: 0, lease: null };
  }

  /** Asks the former holder for its last record; false: it did not give it in time. */
  async #handedOver(before: ModelLease, stream: Remembered): Promise<boolean> {
    before.isSuperseded = true;
    if (before.isDead) return false;
    const late = Promise.withResolvers<null>();
    this.#clock.after(HAND_OVER_MS, () => late.resolve(null));
    const record = await Promise.race([before.holder.release(), late.promise]);
    if (record === null || before.isDead) return false;
    stream.record = record;
    return true;
  }

  #wait(delayMs: number): Promise<void> {
    if (delayMs === 0) return Promise.resolve();
    return new Promise((resolve) => this.#clock.after(delayMs, resolve));
  }
}

class ModelLease implements StreamLease {
  readonly birth: string;
  readonly epoch: number;
  readonly holder: StreamHolder;
  isSuperseded = false;
  isDead = false;
  readonly #clock: ModelClock;
  /** null: the memory was away when it was claimed. */
  readonly #stream: Remembered | null;
  #isSaving = false;

  constructor(parts: {
    readonly birth: string;
    readonly epoch: number;
    readonly holder: StreamHolder;
    readonly clock: ModelClock;
    readonly stream: Remembered | null;
  }) {
    this.birth = parts.birth;
    this.epoch = parts.epoch;
    this.holder = parts.holder;
    this.#clock = parts.clock;
    this.#stream = parts.stream;
  }

  changed(record: () => StreamRecord): void {
    if (this.#isSaving) return;
    this.#isSaving = true;
    this.#clock.after(SAVE_MS, () => {
      this.#isSaving = false;
      if (this.#mayWrite) this.#write(record());
    });
  }

  release(record: StreamRecord): Promise<void> {
    if (this.#mayWrite && this.#stream !== null) {
      this.#write(record);
      this.#stream.lease = null;
    }
    return Promise.resolve();
  }

  get #mayWrite(): boolean {
    return !this.isDead && !this.isSuperseded && this.#stream?.lease === this;
  }

  #write(record: StreamRecord): void {
    assert(this.#stream !== null, "a lease without a memory writes nothing");
    this.#stream.record = record;
  }
}

function nameOf({ tenant, source, stream }: StreamKey): string {
  return `${tenant}:${source}:${Buffer.from(stream).toString("hex")}`;
}
