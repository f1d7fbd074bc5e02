/**
 * A frame that was encoded, before its events are handed over. Its batch is made when it is asked
 * for: a frame that joins the batch of another needs none.
 */
import type { FrameContext, FrameResult } from "../codec/codec.ts";
import type { RecordTable } from "../records.ts";
import { Batch } from "./batch.ts";
import type { BatchWatch } from "./batch.ts";
import type { Refusals } from "./faults.ts";

export interface OpenFrameParts {
  readonly table: RecordTable;
  readonly context: FrameContext;
  readonly seq: number;
  readonly bytes: number;
  readonly startedMs: number;
  readonly encodedMs: number;
  readonly refusals: Refusals;
  readonly watch: BatchWatch;
}

export class OpenFrame {
  readonly kind = "open";
  /** To be handed over before the next frame is opened. */
  readonly table: RecordTable;
  readonly context: FrameContext;
  /** Sequence number of its first event on its stream; 0 outside streams. */
  readonly seq: number;
  /** Bytes of the frame. */
  readonly bytes: number;
  /** When encoding it began and ended, on the monotonic clock, ms. */
  readonly startedMs: number;
  readonly encodedMs: number;
  readonly refusals: Refusals;
  readonly #watch: BatchWatch;
  #batch: Batch | null = null;

  constructor(parts: OpenFrameParts) {
    this.table = parts.table;
    this.context = parts.context;
    this.seq = parts.seq;
    this.bytes = parts.bytes;
    this.startedMs = parts.startedMs;
    this.encodedMs = parts.encodedMs;
    this.refusals = parts.refusals;
    this.#watch = parts.watch;
  }

  /** Events of the frame. */
  get count(): number {
    return this.table.count;
  }

  get batch(): Batch {
    const { seq, context } = this;
    const { receivedAtMs } = context;
    return (this.#batch ??= new Batch(this.count, { seq, receivedAtMs, watch: this.#watch }));
  }
}

/** A frame that asks for schemas which are not loaded, or for ids that are not settled. */
export interface WaitingFrame {
  readonly kind: "waiting";
  readonly ready: Promise<Refusals>;
}

export type OpenResult =
  | OpenFrame
  | WaitingFrame
  | Exclude<FrameResult, { readonly kind: "table" }>;
