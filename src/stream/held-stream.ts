/**
 * A stream that is held: its window, its lease, and what its client has not been told yet. It takes
 * opened frames, hears their outcomes, and outlives the socket until nothing is in flight, so that
 * the last record tells everything. It knows neither sockets nor frames' text.
 */
import { STREAM_JOINED_EVENTS_MAX } from "../limits/streams.ts";
import { HEADER_FLAG, VERDICT, setHeaderFlag } from "../records.ts";
import type { Batch } from "../pipeline/batch.ts";
import type { OpenFrame } from "../pipeline/open-frame.ts";
import type { AckHolder } from "./ack-hold.ts";
import { AckNews } from "./ack-news.ts";
import type { RetryLine } from "./ack-news.ts";
import { Publication } from "./publication.ts";
import type { PublicationOwner, RejectionLine } from "./publication.ts";
import type { StreamView } from "./reconcile.ts";
import type { StreamException, StreamLease, StreamRecord } from "./store.ts";
import { Window } from "./window.ts";

export interface HeldStreamListener {
  /** There is something to tell the client. */
  hasNews(): void;
  /**
   * May what is stored of a frame be told with the rest of it, or a little later? The period in
   * which it begins to wait; null: it may not.
   */
  mayWait(held: HeldStream): number | null;
  /** A frame has all its outcomes. */
  frameSettled(bytes: number, batch: Batch): void;
  /** Something that must not happen did. */
  failed(error: unknown): void;
}

export class HeldStream implements PublicationOwner, AckHolder {
  readonly lease: StreamLease;
  readonly window: Window;
  readonly news = new AckNews();
  readonly #listener: HeldStreamListener;
  /**
   * Frames that are stored in part, which is not told yet, with the period in which that began;
   * null: there was none so far.
   */
  #partial: Map<Publication, number> | null = null;
  /** Those who wait for the stream; null: nobody. */
  #waiting: ((record: StreamRecord) => void)[] | null = null;
  /** For the lease, which asks for it some time after a change. */
  #record: (() => StreamRecord) | null = null;
  /** The frame that came last, as long as others of its turn may join it. */
  #latest: Publication | null = null;
  /** Not a turn: none. */
  #latestTurn = -1;
  /** Nobody is there to be told anything. */
  #isLeft = false;
  #isHandedOver = false;
  #isOver = false;

  constructor(lease: StreamLease, view: StreamView, listener: HeldStreamListener) {
    this.lease = lease;
    this.window = new Window(view);
    this.#listener = listener;
  }

  get isIdle(): boolean {
    return this.window.inFlight.isEmpty;
  }

  /**
   * Decides the repeats of a frame, flags what may be stored already, counts the rest as in flight.
   * Null: it skips a number, and nothing of it is taken.
   */
  take(frame: OpenFrame, turn: number): Publication | null {
    const { batch } = frame;
    const { window } = this;
    if (batch.count > 0 && batch.seq > window.next) return null;
    const isNew = batch.seq === window.next;
    if (isNew) window.sendNew(batch.count);
    else this.#takeRepeats(frame);
    const publication = new Publication(this, batch, frame.bytes);
    this.#latest = isNew ? publication : null;
    this.#latestTurn = turn;
    return publication;
  }

  /** The batch of this turn that a frame goes on with, if there is one. */
  joinable({ seq, count }: OpenFrame, turn: number): Batch | null {
    if (this.#latest === null || turn !== this.#latestTurn || seq !== this.window.next) return null;
    const { batch } = this.#latest;
    return batch.count + count <= STREAM_JOINED_EVENTS_MAX ? batch : null;
  }

  /** The frame has joined that batch. */
  joined({ count, bytes }: OpenFrame): void {
    this.window.sendNew(count);
    this.#latest?.grow(bytes);
  }

  #takeRepeats({ batch, table }: OpenFrame): void {
    const { window } = this;
    for (let row = 0; row < batch.count; row += 1) {
      const seq = batch.seq + row;
      const standing = window.standing(seq);
      if (standing === "fresh") {
        const maybeStored = window.send(seq);
        if (maybeStored) setHeaderFlag(table, row, HEADER_FLAG.redelivery);
      } else if (standing === "in-flight") batch.decide(row, VERDICT.ignored);
      else {
        batch.decide(row, VERDICT.duplicate);
        this.news.addDuplicate(seq);
      }
    }
  }

  mayWait(publication: Publication): boolean {
    if (this.#partial?.has(publication) === true) return true;
    if (this.#isLeft) return false;
    const period = this.#listener.mayWait(this);
    if (period === null) return false;
    this.#partial ??= new Map();
    this.#partial.set(publication, period);
    return true;
  }

  tellHeld(period: number): boolean {
    const partial = this.#partial;
    if (partial === null) return false;
    for (const [publication, since] of partial) {
      if (since >= period) break;
      partial.delete(publication);
      publication.tell();
    }
    return partial.size > 0;
  }

  settleEvents(from: number, to: number): void {
    this.window.settleAll(from, to);
  }

  settleEvent(seq: number): void {
    this.window.settle(seq);
  }

  reopenEvent(seq: number, maybeStored: boolean): void {
    this.window.reopen(seq, maybeStored);
  }

  addRejection(line: RejectionLine): void {
    if (!this.#isLeft) this.news.addRejection(line);
    this.window.except(exceptionOf(line));
  }

  addRetry(line: RetryLine): void {
    if (!this.#isLeft) this.news.addRetry(line);
  }

  publicationProgressed(): void {
    this.#record ??= () => this.window.record();
    this.lease.changed(this.#record);
    if (!this.#isLeft) this.#listener.hasNews();
    else this.#finishWhenIdle();
  }

  publicationSettled(publication: Publication): void {
    this.#partial?.delete(publication);
    if (this.#latest === publication) this.#latest = null;
    this.#listener.frameSettled(publication.bytes, publication.batch);
  }

  /** The client is gone: gives the stream free as soon as nothing is in flight. */
  leave(): void {
    this.#isLeft = true;
    this.tellHeld(Infinity);
    this.#finishWhenIdle();
  }

  /** Another holder waits: the last record, as soon as nothing is in flight. */
  handOver(): Promise<StreamRecord> {
    this.#isLeft = true;
    this.#isHandedOver = true;
    this.tellHeld(Infinity);
    return new Promise((resolve) => {
      this.#waiting ??= [];
      this.#waiting.push(resolve);
      this.#finishWhenIdle();
    });
  }

  #finishWhenIdle(): void {
    if (!this.isIdle) return;
    const record = this.window.record();
    const waiting = this.#waiting;
    this.#waiting = null;
    for (const resolve of waiting ?? []) resolve(record);
    if (this.#isOver || this.#isHandedOver) return;
    this.#isOver = true;
    this.lease.release(record).catch((error: unknown) => this.#listener.failed(error));
  }
}

/** What is remembered of a rejection: a detail or path can quote at length what it is about. */
function exceptionOf({ seq, code, kind, path, detail }: RejectionLine): StreamException {
  return {
    seq,
    code,
    ...(kind === undefined ? {} : { kind }),
    ...(path === undefined ? {} : { path }),
    ...(detail === undefined ? {} : { detail }),
  };
}
