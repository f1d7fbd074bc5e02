/**
 * The credit of one connection (docs/protocol.md §2.5 rule 3): absolute ceilings on sequence
 * numbers and on the bytes of pub frames. They only rise: by what has been settled, never under
 * pressure.
 */
import { STREAM_INFLIGHT_BYTES_MAX, STREAM_INFLIGHT_EVENTS_MAX } from "../limits.ts";
import type { Credit } from "../protocol/frames.ts";

/** Of a new connection; the first ack raises it (docs/protocol.md §2.13). */
const FIRST: Credit = { seq: 100, bytes: 128 * 1024 };

export class CreditAccount {
  #ceiling: Credit;
  #bytesReceived = 0;
  #bytesSettled = 0;

  /** `done`: everything up to it is final already. */
  constructor(done: number) {
    this.#ceiling = { seq: done + FIRST.seq, bytes: FIRST.bytes };
  }

  get ceiling(): Credit {
    return this.#ceiling;
  }

  received(bytes: number): void {
    this.#bytesReceived += bytes;
  }

  settled(bytes: number): void {
    this.#bytesSettled += bytes;
  }

  /** What a frame whose last number is `last` goes over, as a sentence; null if it may be sent. */
  excess(last: number): string | null {
    const { seq, bytes } = this.#ceiling;
    if (last > seq) return `seq ${last} is above the credit of ${seq}`;
    if (this.#bytesReceived <= bytes) return null;
    return `${this.#bytesReceived} bytes are above the credit of ${bytes}`;
  }

  /** Raises the ceilings as far as they may go; null if they stay. */
  raise(done: number): Credit | null {
    const seq = Math.max(this.#ceiling.seq, done + STREAM_INFLIGHT_EVENTS_MAX);
    const bytes = Math.max(this.#ceiling.bytes, this.#bytesSettled + STREAM_INFLIGHT_BYTES_MAX);
    if (seq === this.#ceiling.seq && bytes === this.#ceiling.bytes) return null;
    this.#ceiling = { seq, bytes };
    return this.#ceiling;
  }
}
