/**
 * The credit of one connection (docs/protocol.md §2.5 rule 3, §2.6): absolute ceilings on sequence
 * numbers and on the bytes of pub frames. They only rise: with what is settled, as far as what is
 * in flight allows, and never further ahead of the client than its allowance.
 *
 *   seq   = min(done    + eventsMax, highest received + allowance.events)
 *   bytes = min(settled + bytesMax,  received         + allowance.bytes)
 */
import {
  STREAM_ALLOWANCE_BYTES_MIN,
  STREAM_ALLOWANCE_EVENTS_MIN,
  STREAM_FIRST_BYTES,
  STREAM_FIRST_EVENTS,
  STREAM_INFLIGHT_BYTES_MAX,
  STREAM_INFLIGHT_EVENTS_MAX,
} from "../limits/streams.ts";
import type { Credit } from "../protocol/frames.ts";

/** How far ahead of what it has sent a client may be told to send. */
export interface Allowance {
  readonly events: number;
  readonly bytes: number;
}

export class CreditAccount {
  #seq: number;
  #bytes: number;
  #highest: number;
  #bytesReceived = 0;
  #bytesSettled = 0;
  /** Doubles whenever the client has used up its ceiling: what it could send is not measured. */
  #own = 1;

  /**
   * `done`: everything up to it is final already; `next`: the first number never assigned;
   * `frameBytes`: a frame with the longest event must always come to be allowed.
   */
  constructor(options: {
    readonly done: number;
    readonly next: number;
    readonly frameBytes: number;
  }) {
    this.#highest = options.next - 1;
    const mostAhead = options.done + STREAM_INFLIGHT_EVENTS_MAX;
    this.#seq = Math.min(mostAhead, this.#highest + STREAM_FIRST_EVENTS);
    this.#bytes = Math.max(STREAM_FIRST_BYTES, options.frameBytes);
  }

  get ceiling(): Credit {
    return { seq: this.#seq, bytes: this.#bytes };
  }

  /** Events the client may send and has not sent. */
  get unused(): number {
    return Math.max(0, this.#seq - this.#highest);
  }

  /** A frame has come whose last number is `last`. */
  received(bytes: number, last: number): void {
    this.#bytesReceived += bytes;
    if (last > this.#highest) this.#highest = last;
  }

  settled(bytes: number): void {
    this.#bytesSettled += bytes;
  }

  /** What a frame whose last number is `last` goes over, as a sentence; null: nothing. */
  excess(last: number): string | null {
    if (last > this.#seq) return `seq ${last} is above the credit of ${this.#seq}`;
    if (this.#bytesReceived <= this.#bytes) return null;
    return `${this.#bytesReceived} bytes are above the credit of ${this.#bytes}`;
  }

  /** The client will soon wait for higher ceilings, and there are some for it. */
  isDue(done: number, allowance: Allowance): boolean {
    const isShort =
      this.#seq - this.#highest < STREAM_ALLOWANCE_EVENTS_MIN ||
      this.#bytes - this.#bytesReceived < STREAM_ALLOWANCE_BYTES_MIN;
    if (!isShort) return false;
    const next = this.#next(done, allowance);
    return next.seq > this.#seq || next.bytes > this.#bytes;
  }

  /** Raises the ceilings as far as they may go; null if they stay. */
  raise(done: number, allowance: Allowance): Credit | null {
    const isUsedUp =
      this.#highest >= this.#seq || this.#bytesReceived > this.#bytes - allowance.bytes / 2;
    if (isUsedUp && this.#own < STREAM_INFLIGHT_EVENTS_MAX) this.#own *= 2;
    const next = this.#next(done, allowance);
    if (next.seq === this.#seq && next.bytes === this.#bytes) return null;
    this.#seq = next.seq;
    this.#bytes = next.bytes;
    return next;
  }

  #next(done: number, allowance: Allowance): Credit {
    const events = Math.min(allowance.events * this.#own, STREAM_INFLIGHT_EVENTS_MAX);
    const ahead = Math.min(allowance.bytes * this.#own, STREAM_INFLIGHT_BYTES_MAX);
    return {
      seq: Math.max(this.#seq, Math.min(done + STREAM_INFLIGHT_EVENTS_MAX, this.#highest + events)),
      bytes: Math.max(
        this.#bytes,
        Math.min(this.#bytesSettled + STREAM_INFLIGHT_BYTES_MAX, this.#bytesReceived + ahead),
      ),
    };
  }
}
