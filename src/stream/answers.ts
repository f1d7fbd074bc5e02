/**
 * What a connection answers to events: one ack per socket and commit with everything that is new,
 * and its credit, which rises with acks, or is said to be held back and why (docs/protocol.md §2.5
 * rules 3 to 5, §2.6).
 */
import type { Principal } from "../admission/admission.ts";
import { PUB_ENVELOPE_BYTES } from "../limits/streams.ts";
import type { Credit, PauseReason, ServerFrames } from "../protocol/frames.ts";
import { CreditAccount } from "./credit.ts";
import type { Allowance } from "./credit.ts";
import type { HeldStream } from "./held-stream.ts";

/** Ranges of `sack` in one ack; what is left out is told by a later one. */
const SACK_RANGES_MAX = 64;

/** How long a client is told that its credit will not rise. */
const PAUSE_AFTER_MS: Readonly<Record<PauseReason, number>> = {
  kafka: 2_000,
  memory: 1_000,
  rate: 1_000,
  drain: 0,
};

/** What answers need of the process. */
export interface CreditSource {
  /** How far ahead streams may be told to send. */
  readonly allowance: Allowance;
  /** Why a sender's credit may not rise, null if it may. */
  pressure(principal: Principal): PauseReason | null;
  /** A client was told that its credit does not rise. */
  paused(reason: PauseReason): void;
  /** More (or less) credit is out that was not used yet. */
  countCredit(events: number): void;
}

/** Who passes on to the client what is said. */
export interface Speaker {
  say<T extends "ack" | "credit">(t: T, members: ServerFrames[T]): void;
}

export class Answers {
  readonly #held: HeldStream;
  readonly #source: CreditSource;
  readonly #speaker: Speaker;
  readonly #credit: CreditAccount;
  #creditCounted = 0;
  #isLeaving = false;
  /** Why the client was told that its credit does not rise, null if it was told no such thing. */
  #pausedBy: PauseReason | null = null;

  constructor(
    held: HeldStream,
    parts: {
      readonly source: CreditSource;
      readonly speaker: Speaker;
      readonly eventBytesMax: number;
    },
  ) {
    this.#held = held;
    this.#source = parts.source;
    this.#speaker = parts.speaker;
    const { done, next } = held.window;
    const frameBytes = parts.eventBytesMax + PUB_ENVELOPE_BYTES;
    this.#credit = new CreditAccount({ done, next, frameBytes });
    this.#count();
  }

  get ceiling(): Credit {
    return this.#credit.ceiling;
  }

  /** Its ceilings wait for better times. */
  get isPaused(): boolean {
    return this.#pausedBy !== null;
  }

  /** A pub frame has come; a sentence if it goes over the credit. */
  received(bytes: number, last: number): string | null {
    this.#credit.received(bytes, last);
    return this.#credit.excess(last);
  }

  /** The client needs higher ceilings, and the next ack would bring them. */
  get isCreditDue(): boolean {
    if (this.isPaused || this.#isLeaving) return false;
    return this.#credit.isDue(this.#held.window.done, this.#source.allowance);
  }

  settled(bytes: number): void {
    this.#credit.settled(bytes);
  }

  /** The client was asked to leave: its ceilings stay. */
  hold(principal: Principal): void {
    this.#isLeaving = true;
    this.#raise(principal);
  }

  /** The socket is gone, and its credit with it. */
  close(): void {
    this.#source.countCredit(-this.#creditCounted);
    this.#creditCounted = 0;
  }

  /** Says what is new, with higher ceilings if the process has room. */
  flush(principal: Principal): void {
    const { window, news } = this.#held;
    const sack = window.final.isEmpty ? [] : window.final.ranges().slice(0, SACK_RANGES_MAX);
    const isRaised = this.#raise(principal);
    this.#speaker.say("ack", {
      upto: window.done,
      ...(sack.length > 0 ? { sack } : {}),
      ...news.take(),
      ...(isRaised ? { credit: this.#credit.ceiling } : {}),
    });
  }

  /** What held the ceilings back may be gone. */
  resume(principal: Principal): void {
    if (this.isPaused && this.#raise(principal)) this.#speaker.say("credit", this.#credit.ceiling);
  }

  /** True: the client is to be told its ceilings. While they are held back it is told so once. */
  #raise(principal: Principal): boolean {
    const reason = this.#isLeaving ? "drain" : this.#source.pressure(principal);
    const wasPausedBy = this.#pausedBy;
    this.#pausedBy = reason;
    if (reason === null) {
      const isRaised = this.#credit.raise(this.#held.window.done, this.#source.allowance) !== null;
      this.#count();
      return isRaised || wasPausedBy !== null;
    }
    if (reason !== wasPausedBy) {
      this.#source.paused(reason);
      this.#speaker.say("credit", {
        ...this.#credit.ceiling,
        reason,
        after_ms: PAUSE_AFTER_MS[reason],
      });
    }
    return false;
  }

  #count(): void {
    const { unused } = this.#credit;
    this.#source.countCredit(unused - this.#creditCounted);
    this.#creditCounted = unused;
  }
}
