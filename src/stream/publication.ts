/**
 * One `pub` frame on its way: translates the verdicts of its batch, by row, into outcomes of the
 * stream, by sequence number, each told once. A frame's records lie in several lanes, whose commits
 * end one after the other: what is stored of it before all is may be told with the rest. It knows
 * neither frames nor sockets.
 */
import { OUTCOME_RULES } from "../errors.ts";
import type { Fault, OutcomeCode } from "../errors.ts";
import { VERDICT } from "../records.ts";
import { filled } from "../pipeline/batch.ts";
import type { Batch, BatchListener } from "../pipeline/batch.ts";
import { outcomeCode } from "../protocol/results.ts";
import type { RetryLine } from "./ack-news.ts";

/** Reasons for `retry` of events that Kafka has never seen. */
const NEVER_HANDED_OVER: ReadonlySet<OutcomeCode> = new Set(["overloaded", "registry_unavailable"]);

/** An event that was refused for good, as its client is told. */
export interface RejectionLine extends Fault {
  readonly seq: number;
  readonly id?: string;
  /** It is in the dead-letter topic. */
  readonly dlq: boolean;
}

/** The stream a publication belongs to. */
export interface PublicationOwner {
  /**
   * Some events of a frame are stored, others have no outcome yet. True: `tell` will be called
   * before long, or the frame is complete by then.
   */
  mayWait(publication: Publication): boolean;
  /** This event has its final outcome. */
  settleEvent(seq: number): void;
  /** All events from the one to the other have, and they are stored. */
  settleEvents(from: number, to: number): void;
  /** This event is to be sent again; it may be stored already. */
  reopenEvent(seq: number, maybeStored: boolean): void;
  addRejection(line: RejectionLine): void;
  addRetry(line: RetryLine): void;
  publicationProgressed(): void;
  publicationSettled(publication: Publication): void;
}

export class Publication implements BatchListener {
  readonly batch: Batch;
  /** Of its frame, or of all frames that share its batch. */
  #bytes: number;
  readonly #owner: PublicationOwner;
  /** Rows whose verdict has been passed on, null while none has; repeats were never open. */
  #told: number[] | null;
  /** Verdicts among them that are neither stored nor duplicate. */
  #codedTold = 0;
  #isSettled = false;

  constructor(owner: PublicationOwner, batch: Batch, bytes: number) {
    this.#owner = owner;
    this.batch = batch;
    this.#bytes = bytes;
    this.#told = batch.openCount === batch.count ? null : batch.verdicts.slice();
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** One more frame, of so many bytes, has joined the batch. */
  grow(bytes: number): void {
    this.#bytes += bytes;
  }

  batchProgressed(batch: Batch): void {
    const isPlain = batch.codedCount === this.#codedTold;
    if (!batch.settled && isPlain && this.#owner.mayWait(this)) return;
    this.tell();
  }

  /** Passes on what is new. */
  tell(): void {
    const { batch } = this;
    if (this.#isSettled) return;
    const isWhole = batch.settled && batch.codedCount === 0 && this.#told === null;
    let news = false;
    if (!isWhole) news = this.#tellRows(batch);
    else if (batch.count > 0) this.#owner.settleEvents(batch.seq, batch.seq + batch.count - 1);
    if (batch.settled) {
      this.#isSettled = true;
      this.#owner.publicationSettled(this);
      news = true;
    }
    if (news) this.#owner.publicationProgressed();
  }

  #tellRows(batch: Batch): boolean {
    this.#told ??= filled(batch.count, VERDICT.open);
    this.#codedTold = batch.codedCount;
    let news = false;
    for (let row = 0; row < batch.count; row += 1) {
      const verdict = batch.verdicts[row];
      if (this.#told[row] !== VERDICT.open || verdict === VERDICT.open) continue;
      this.#told[row] = VERDICT.stored;
      this.#tell(batch, row);
      news = true;
    }
    return news;
  }

  #tell(batch: Batch, row: number): void {
    const seq = batch.seq + row;
    const verdict = batch.verdicts[row];
    if (verdict === VERDICT.retry) {
      const code = outcomeCode(batch.codes[row] ?? 0);
      this.#owner.reopenEvent(seq, !NEVER_HANDED_OVER.has(code));
      const detail = batch.retryDetail(row);
      this.#owner.addRetry({ seq, code, after_ms: OUTCOME_RULES[code].afterMs, detail });
      return;
    }
    this.#owner.settleEvent(seq);
    if (verdict === VERDICT.rejected) {
      const rejection = batch.rejections.get(row);
      const id = rejection === undefined || rejection.id === "" ? {} : { id: rejection.id };
      const dlq = rejection?.deadLettered ?? false;
      const fault = rejection?.fault ?? { code: outcomeCode(batch.codes[row] ?? 0), detail: "" };
      this.#owner.addRejection({ seq, ...id, ...fault, dlq });
    }
  }
}
