/**
 * What the streams room asks of the place where streams are remembered (docs/protocol.md §2.7):
 * claim a stream, keep it, give it free. Every claim gets a higher epoch than the one before it;
 * who holds an older one is superseded. What is remembered is a hint: it makes up for acks that
 * were lost, and events stay safe without it. Types only; create-store.ts makes one.
 */
import type { OutcomeCode } from "../errors.ts";
import type { Ranges } from "../protocol/frames.ts";

export interface StreamKey {
  readonly tenant: string;
  readonly source: string;
  /** The 16 bytes of its UUID. */
  readonly stream: Uint8Array;
}

/** A remembered final outcome other than stored, in the shape of a `rej` line. */
export interface StreamException {
  readonly seq: number;
  readonly code: OutcomeCode;
  readonly kind?: string;
  readonly path?: string;
  readonly detail?: string;
}

/** What is remembered of a stream; immutable. */
export interface StreamRecord {
  /** Highest number such that it and all before have final outcomes. */
  readonly done: number;
  /** Final above `done`: ascending, disjoint. At most STREAM_SACK_RANGES_MAX are kept. */
  readonly sack: Ranges;
  /** Ascending by `seq`; the newest STREAM_EXCEPTIONS_MAX are kept. */
  readonly exc: readonly StreamException[];
  /**
   * Numbers below it that are not final may be in Kafka all the same: a holder vanished, or an
   * outcome was unknown. Absent: none. The store keeps it until `done` has passed it.
   */
  readonly doubtBelow?: number;
}

/** Who holds a stream in this process: a connection, or a request of the HTTP twin. */
export interface StreamHolder {
  /**
   * Somebody else claimed the stream: take nothing more, tell the client (close 4409). Resolves
   * with the last record when nothing is in flight any more; the store waits HAND_OVER_WAIT_MS.
   */
  release(): Promise<StreamRecord>;
}

export interface ClaimRequest {
  readonly key: StreamKey;
  /** A good resume token came with it. A stream that is remembered is not claimed without one. */
  readonly hasProof: boolean;
  /**
   * Of the memory in which the stream was held when its client was welcomed last. Where it is not
   * the one that is found, that memory was lost, with all that was stored since.
   */
  readonly birth?: string;
  readonly holder: StreamHolder;
  /** First number the client never assigned: where doubt ends if the claim is not clean. */
  readonly next?: number;
  /**
   * The client has used the stream before: if nothing is remembered of it, that was lost, and so is
   * what a later hello than this one, which may have been faster, has had stored.
   */
  readonly hasPast?: boolean;
}

export type Claim =
  | {
      readonly kind: "claimed";
      /** May be superseded already: then a newer claim came while this one was under way. */
      readonly lease: StreamLease;
      /** Null: the stream is unknown. */
      readonly record: StreamRecord | null;
      /**
       * False: a holder did not release in time, or its process died, or the memory is away. What
       * the client held back may then be in Kafka already.
       */
      readonly isClean: boolean;
    }
  /** A known stream, and no proof. */
  | { readonly kind: "denied" };

export interface StreamLease {
  /** Of the memory in which it is held: to be told to the client, within its token. */
  readonly birth: string;
  /** Fits u32. Higher than any before it as far as the memory and the clocks can tell. */
  readonly epoch: number;
  /**
   * Somebody holds a newer epoch: nothing more may be produced for this one. To be asked before
   * every batch; costs nothing.
   */
  readonly isSuperseded: boolean;
  /**
   * Something changed: written STREAM_SAVE_MS later at most, together with others; `record` is
   * asked then.
   */
  changed(record: () => StreamRecord): void;
  /**
   * The holder is gone: writes its last record and gives the stream free. Idempotent. Resolves
   * when that was tried; what could not be written is tried again in the background.
   */
  release(record: StreamRecord): Promise<void>;
}

export interface StreamStoreStats {
  /** Streams held by this process. */
  readonly held: number;
  /** Records that wait to be written. */
  readonly pendingSaves: number;
}

export interface StreamStore {
  /** Begins to connect; never throws for an absent server. */
  start(): Promise<void>;
  /** Writes what is still owed, within STREAM_STOP_DEADLINE_MS. */
  stop(): Promise<void>;
  /** Never rejects. */
  claim(request: ClaimRequest): Promise<Claim>;
  /** Seconds for which a stream is remembered after its last change. */
  readonly ttlSeconds: number;
  /**
   * Proves the ownership of a stream; the client brings it as `resume`. `birth`: of its lease.
   */
  token(key: StreamKey, birth: string): string;
  /**
   * The birth in a token, in constant time; null unless it is unexpired, and for this tenant,
   * source and stream.
   */
  birthIn(key: StreamKey, token: string): string | null;
  stats(): StreamStoreStats;
}

/** What happens to the memory, for metrics and the log. */
export type StreamStoreEvent =
  /** A claim was decided. `away`: without the memory. */
  | { readonly kind: "claimed"; readonly how: "new" | "resumed" | "unclean" | "away" }
  | { readonly kind: "denied" }
  /** A lease of this process was superseded by a newer claim. */
  | { readonly kind: "superseded" }
  | { readonly kind: "handed_over"; readonly waitMs: number; readonly isClean: boolean }
  | { readonly kind: "saved"; readonly records: number; readonly durationMs: number }
  | { readonly kind: "save_failed"; readonly reason: string; readonly detail: string }
  /** A record was given up: too many wait, or the process stops. The client's view remains. */
  | { readonly kind: "forgotten"; readonly records: number }
  | { readonly kind: "degraded"; readonly reason: string; readonly detail: string }
  | { readonly kind: "healed"; readonly afterMs: number };
