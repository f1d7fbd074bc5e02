/**
 * A batch: the events of one frame or request, or of several frames of a stream that came at once,
 * and exactly one verdict for each. It is the sink
 * that delivery reports to; it knows neither sockets nor Kafka. A verdict is final for the batch:
 * what happens to a record after its event was answered (a deadline passed) is counted, not told.
 */
import assert from "node:assert/strict";
import type { IdClaims } from "../dedupe/id-window.ts";
import { OUTCOME_CODES, OUTCOME_NUMBER } from "../errors.ts";
import type { Fault, OutcomeCode } from "../errors.ts";
import { VERDICT } from "../records.ts";
import type { FrameContext } from "../codec/codec.ts";
import type { TenantPolicy } from "../admission/policy.ts";
import type { BatchTrace } from "../tracing/tracer.ts";
import type { EventIds } from "./event-ids.ts";

/** Why an event was refused for good. `deadLettered`: its dead letter is in Kafka too. */
export interface Rejection {
  readonly id: string;
  readonly fault: Fault;
  /** All that is wrong with it, where the sender asked for that. */
  readonly faults?: readonly Fault[];
  deadLettered: boolean;
}

/** Who answers a batch. Called at the end of a commit or at a deadline, never per event. */
export interface BatchListener {
  /** Some verdicts of the batch are new; `batch.settled` says whether they all are there. */
  batchProgressed(batch: Batch): void;
}

/** The pipeline's own interest in its batches: sessions and the ledger. */
export interface BatchWatch {
  rowStored(batch: Batch, row: number): void;
  progressed(batch: Batch): void;
  /** Why an event is to be sent again, as a sentence. */
  retryDetail(batch: Batch, row: number, code: OutcomeCode): string;
}

/** Who keeps a batch for as long as it is not settled, and lets go of it then. */
export interface BatchKeeper {
  batchSettled(): void;
}

/** How many events got which verdict since the tally was last taken. */
export interface Tally {
  stored: number;
  duplicate: number;
  storedLate: number;
  deadLettersStored: number;
  deadLettersFailed: number;
  /** By outcome number (errors.ts); `rejected` and `retry` both carry a code. */
  rejected: Uint32Array;
  retry: Uint32Array;
}

/** Shared by all tallies in which nothing failed; never written. */
const NO_COUNTS = new Uint32Array(OUTCOME_CODES.length);

function emptyTally(): Tally {
  return {
    stored: 0,
    duplicate: 0,
    storedLate: 0,
    deadLettersStored: 0,
    deadLettersFailed: 0,
    rejected: NO_COUNTS,
    retry: NO_COUNTS,
  };
}

const NO_CODES = new Uint8Array(0);
const NO_ROWS: readonly number[] = [];
/** Never written. */
const NO_TOPICS: number[] = [];

export class Batch {
  /** Events. */
  count: number;
  /** Frames that they came in. */
  frames = 1;
  /** Sequence number of the first event on its stream; 0 outside streams. */
  readonly seq: number;
  readonly receivedAtMs: number;
  /**
   * By row. Plain arrays, here and below: for a batch of one event, making a typed one costs more
   * than all that is done with it.
   */
  readonly verdicts: number[];
  /** Kept where an answer may have to name events (HTTP); on streams their seq names them. */
  ids: EventIds | null = null;
  /** Slot of each event's session, −1 without one. */
  sessionSlots: number[] | null = null;
  /** Ids that are remembered once they are stored; null: the tenant does not want that. */
  claims: IdClaims | null = null;
  /** Destination of each row; −1: not handed over. */
  topics: number[] = NO_TOPICS;
  /** Whose events they are; null until they are handed over. */
  tenant: TenantPolicy | null = null;
  /** What its frame was read with; null as above. */
  context: FrameContext | null = null;
  /** When encoding began, on the monotonic clock; NaN: not known. */
  startedMs = NaN;
  /** Set where the batch is traced. */
  trace: BatchTrace | null = null;
  /** When its records went to delivery, and when its last event had its outcome; NaN: not yet. */
  handedOverMs = NaN;
  settledMs = NaN;
  /** The pipeline's note of `openCount`: what it has added to the events in flight. */
  openKnown = 0;
  readonly #watch: BatchWatch;
  #codes: Uint8Array = NO_CODES;
  #codedCount = 0;
  #rejections: Map<number, Rejection> | null = null;
  #details: Map<number, string> | null = null;
  #listener: BatchListener | null = null;
  #keeper: BatchKeeper | null = null;
  #open: number;
  #tally: Tally = emptyTally();

  constructor(
    count: number,
    options: { readonly seq: number; readonly receivedAtMs: number; readonly watch: BatchWatch },
  ) {
    this.count = count;
    this.seq = options.seq;
    this.receivedAtMs = options.receivedAtMs;
    this.verdicts = filled(count, VERDICT.open);
    this.#watch = options.watch;
    this.#open = count;
  }

  /** Takes in the events of one more frame, which go to these destinations. */
  grow(topics: readonly number[]): void {
    assert(this.#open === this.count, "a batch grows before its first verdict");
    assert(this.topics.length === this.count, "and when its own events are handed over");
    this.frames += 1;
    this.count += topics.length;
    this.#open += topics.length;
    for (const topic of topics) {
      this.topics.push(topic);
      this.verdicts.push(VERDICT.open);
      this.sessionSlots?.push(-1);
    }
  }

  /**
   * Outcome code by number (errors.ts, OUTCOME_NUMBER) where the verdict is `rejected` or `retry`;
   * empty as long as there is none.
   */
  get codes(): Uint8Array {
    return this.#codes;
  }

  /** How many verdicts are `rejected` or `retry` so far. */
  get codedCount(): number {
    return this.#codedCount;
  }

  /** By row. */
  get rejections(): Map<number, Rejection> {
    return (this.#rejections ??= new Map());
  }

  /** Why events that were not handed over are to be sent again, by row. */
  get details(): Map<number, string> {
    return (this.#details ??= new Map());
  }

  /** True once every event has its verdict. */
  get settled(): boolean {
    return this.#open === 0;
  }

  /** Events without a verdict. */
  get openCount(): number {
    return this.#open;
  }

  /** Why the event is to be sent again; for rows with the verdict `retry`. */
  retryDetail(row: number): string {
    const code = OUTCOME_CODES[this.#codes[row] ?? 0];
    const known = code !== undefined && code !== "none" ? code : "internal";
    return this.#details?.get(row) ?? this.#watch.retryDetail(this, row, known);
  }

  listen(listener: BatchListener): void {
    this.#listener = listener;
  }

  /** Tells `keeper` once every event has its verdict; at once, if they all have. */
  whenSettled(keeper: BatchKeeper): void {
    if (this.settled) keeper.batchSettled();
    else this.#keeper = keeper;
  }

  /** Gives an event its verdict; `code` goes with `rejected` and `retry`. */
  decide(row: number, verdict: number, code: OutcomeCode | null = null): void {
    assert(this.verdicts[row] === VERDICT.open, "an event gets one verdict");
    const number = code === null ? 0 : OUTCOME_NUMBER[code];
    this.verdicts[row] = verdict;
    if (number !== 0) {
      if (this.#codes === NO_CODES) this.#codes = new Uint8Array(this.count);
      this.#codes[row] = number;
      this.#codedCount += 1;
    }
    this.#open -= 1;
    if (this.#open === 0) this.#keeper?.batchSettled();
    if (verdict === VERDICT.stored) this.#tally.stored += 1;
    else if (verdict === VERDICT.duplicate) this.#tally.duplicate += 1;
    else if (verdict === VERDICT.rejected) {
      this.#tally.rejected = withOneMore(this.#tally.rejected, number);
    } else if (verdict === VERDICT.retry) {
      this.#tally.retry = withOneMore(this.#tally.retry, number);
    }
  }

  /** How many events have which verdict so far. */
  outcome(): Record<"stored" | "duplicate" | "rejected" | "retry", number> {
    const count = (verdict: number) => this.verdicts.filter((given) => given === verdict).length;
    return {
      stored: count(VERDICT.stored),
      duplicate: count(VERDICT.duplicate),
      rejected: count(VERDICT.rejected),
      retry: count(VERDICT.retry),
    };
  }

  /** The verdicts given since the last call. */
  takeTally(): Tally {
    const tally = this.#tally;
    this.#tally = emptyTally();
    return tally;
  }

  /** Delivery: the record of this row (the event's, or its dead letter) is in Kafka. */
  recordStored(row: number): void {
    this.claims?.stored(row);
    if (this.verdicts[row] !== VERDICT.open) {
      this.#tally.storedLate += 1;
      return;
    }
    const rejection = this.#rejections?.get(row);
    if (rejection === undefined) {
      this.decide(row, VERDICT.stored);
      this.#watch.rowStored(this, row);
      for (const twin of this.claims?.twinsOf(row) ?? NO_ROWS) this.decide(twin, VERDICT.duplicate);
    } else {
      rejection.deadLettered = true;
      this.#tally.deadLettersStored += 1;
      this.decide(row, VERDICT.rejected, rejection.fault.code);
    }
  }

  /**
   * Delivery: the record of this row is not known to be in Kafka; the event is to be sent again.
   */
  recordFailed(row: number, code: OutcomeCode): void {
    this.claims?.failed(row);
    if (this.verdicts[row] !== VERDICT.open) return;
    if (this.#rejections?.has(row) === true) this.#tally.deadLettersFailed += 1;
    this.decide(row, VERDICT.retry, code);
    for (const twin of this.claims?.twinsOf(row) ?? NO_ROWS) {
      this.decide(twin, VERDICT.retry, code);
    }
  }

  /** Delivery: all that a commit has to say of this batch has been said. */
  commitSettled(): void {
    this.progress();
  }

  /** The deadline has passed: whatever is open is `retry`, its outcome unknown. */
  expire(code: OutcomeCode): void {
    if (this.settled) return;
    for (let row = 0; row < this.count; row += 1) {
      if (this.verdicts[row] === VERDICT.open) this.decide(row, VERDICT.retry, code);
    }
    this.progress();
  }

  /** Tells those who wait that there are new verdicts. */
  progress(): void {
    this.#watch.progressed(this);
    this.#listener?.batchProgressed(this);
  }
}

/** An array without holes. */
export function filled(count: number, value: number): number[] {
  const array: number[] = [];
  for (let index = 0; index < count; index += 1) array.push(value);
  return array;
}

function withOneMore(counts: Uint32Array, index: number): Uint32Array {
  const own = counts === NO_COUNTS ? counts.slice() : counts;
  own[index] = (own[index] ?? 0) + 1;
  return own;
}
