/**
 * A stream held by this process: what its holder sees of the memory, and how it is taken away from
 * it. It writes nothing itself.
 */
import type { Clock } from "../lib/clock.ts";
import { HAND_OVER_WAIT_MS } from "../limits/streams.ts";
import type { StreamHolder, StreamLease, StreamRecord } from "./store.ts";
import { mergedRecord, withDoubt } from "./stream-record.ts";

/** What a lease is of. */
export interface LeaseTerms {
  readonly key: string;
  readonly birth: string;
  readonly epoch: number;
  readonly holder: StreamHolder;
  /** What was known at the claim. */
  readonly record: StreamRecord;
}

/** What all leases of a keeper share. */
export interface LeaseWatch {
  readonly clock: Clock;
  readonly onChanged: (lease: Lease) => void;
  /** Given free: the promise resolves when that was tried to be written. */
  readonly onReleased: (lease: Lease, record: StreamRecord) => Promise<void>;
  /** Taken away: a newer claim is there. */
  readonly onSuperseded: () => void;
  /** The holder did not release in time. */
  readonly onAbandoned: (lease: Lease) => void;
}

export class Lease implements StreamLease {
  readonly key: string;
  readonly birth: string;
  readonly epoch: number;
  readonly #watch: LeaseWatch;
  readonly #holder: StreamHolder;
  isSuperseded = false;
  /** Not released within its time after it was superseded. */
  isAbandoned = false;
  /** What the memory knew before this lease; everything written contains it. */
  #base: StreamRecord;
  #current: (() => StreamRecord) | null = null;
  #released: Promise<void> | null = null;
  #fenced: Promise<boolean> | null = null;
  /** Somebody waits for the release. */
  #onReleased: (() => void) | null = null;

  constructor(watch: LeaseWatch, terms: LeaseTerms) {
    this.#watch = watch;
    this.#holder = terms.holder;
    this.key = terms.key;
    this.birth = terms.birth;
    this.epoch = terms.epoch;
    this.#base = terms.record;
  }

  /** Neither released nor taken away. */
  get isHeld(): boolean {
    return this.#released === null && !this.isAbandoned;
  }

  changed(record: () => StreamRecord): void {
    if (!this.isHeld) return;
    this.#current = record;
    this.#watch.onChanged(this);
  }

  release(record: StreamRecord): Promise<void> {
    this.#released ??= this.#release(record);
    return this.#released;
  }

  #release(record: StreamRecord): Promise<void> {
    const written = this.#watch.onReleased(this, this.#withBase(record));
    this.#current = null;
    this.#onReleased?.();
    return written;
  }

  /** What is to be written now. */
  record(): StreamRecord {
    return this.#current === null ? this.#base : this.#withBase(this.#current());
  }

  /** The memory knew more than it told at the claim. */
  learned(record: StreamRecord): void {
    this.#base = mergedRecord(this.#base, record);
  }

  #withBase(record: StreamRecord): StreamRecord {
    const { doubtBelow = 0 } = this.#base;
    return withDoubt(mergedRecord(this.#base, record), doubtBelow);
  }

  /**
   * Takes the stream away from its holder. False: it did not release in time, and what it had in
   * flight may still reach Kafka.
   */
  fence(): Promise<boolean> {
    this.#fenced ??= this.#fence();
    return this.#fenced;
  }

  async #fence(): Promise<boolean> {
    this.isSuperseded = true;
    if (this.#released !== null) return true;
    this.#watch.onSuperseded();
    const { clock } = this.#watch;
    const isReleased = await new Promise<boolean>((resolve) => {
      const cancel = clock.after(HAND_OVER_WAIT_MS, () => resolve(false));
      this.#onReleased = () => {
        cancel();
        resolve(true);
      };
      // A holder that fails has told nothing of what it had in flight: it counts as late.
      (async () => this.#holder.release())().then(
        (record) => this.release(record),
        () => {},
      );
    });
    if (isReleased) return true;
    this.isAbandoned = true;
    this.#watch.onAbandoned(this);
    return false;
  }
}
