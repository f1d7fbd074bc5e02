/**
 * One `pub` frame on its way: translates the verdicts of its batch, by row, into outcomes of the
 * stream, by sequence number, each told once. It knows neither frames nor sockets.
 */
import { OUTCOME_RULES } from "../errors.ts";
import type { Fault, OutcomeCode } from "../errors.ts";
import { VERDICT } from "../records.ts";
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
  /** This event has its final outcome. */
  settleEvent(seq: number): void;
  /** This event is to be sent again; it may be stored already. */
  reopenEvent(seq: number, maybeStored: boolean): void;
  addRejection(line: RejectionLine): void;
  addRetry(line: RetryLine): void;
  publicationProgressed(): void;
  publicationSettled(bytes: number, batch: Batch): void;
}

export class Publication implements BatchListener {
  readonly #owner: PublicationOwner;
  readonly #bytes: number;
  /** Rows whose verdict has been passed on; repeats were never open. */
  readonly #told: Uint8Array;
  #isSettled = false;

  constructor(owner: PublicationOwner, batch: Batch, bytes: number) {
    this.#owner = owner;
    this.#bytes = bytes;
    this.#told = batch.verdicts.slice();
  }

  batchProgressed(batch: Batch): void {
    let news = false;
    for (let row = 0; row < batch.count; row += 1) {
      const verdict = batch.verdicts[row];
      if (this.#told[row] !== VERDICT.open || verdict === VERDICT.open) continue;
      this.#told[row] = VERDICT.stored;
      this.#tell(batch, row);
      news = true;
    }
    if (batch.settled && !this.#isSettled) {
      this.#isSettled = true;
      this.#owner.publicationSettled(this.#bytes, batch);
      news = true;
    }
    if (news) this.#owner.publicationProgressed();
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
