/**
 * Is Kafka there? A small state machine over facts that others bring: producers that connected,
 * brokers that answered or did not, commits that make no progress. Pure: time comes as an argument.
 */
import type { DeliveryState } from "./delivery.ts";

/** Answers missing in a row before Kafka counts as gone: one lost packet is not an outage. */
const UNANSWERED_MAX = 2;

export class Availability {
  readonly #stallMs: number;
  readonly #onState: (state: DeliveryState, reason: string) => void;
  #state: DeliveryState = "starting";
  #hasConnected = false;
  #isStopped = false;
  #unanswered = 0;
  #storedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: {
    readonly stallMs: number;
    readonly onState: (state: DeliveryState, reason: string) => void;
  }) {
    this.#stallMs = options.stallMs;
    this.#onState = options.onState;
  }

  get state(): DeliveryState {
    return this.#state;
  }

  connected(): void {
    this.#hasConnected = true;
    this.#unanswered = 0;
  }

  answered(isReachable: boolean): void {
    this.#unanswered = isReachable ? 0 : this.#unanswered + 1;
  }

  stored(nowMs: number): void {
    this.#storedAtMs = nowMs;
    this.#unanswered = 0;
  }

  stopped(): void {
    this.#isStopped = true;
    this.#change("stopped", "drained");
  }

  /**
   * `outSinceMs`: since when the oldest commit of each lane with one out has been out.
   * `lanesDown`: lanes without a producer; `circuitOpen`: one of them has given up for a while.
   */
  judge(facts: {
    readonly nowMs: number;
    readonly outSinceMs: readonly number[];
    readonly lanesDown: number;
    readonly lanes: number;
    readonly circuitOpen: boolean;
  }): void {
    if (this.#isStopped) return;
    if (!this.#hasConnected) return;
    const { nowMs } = facts;
    if (facts.circuitOpen) {
      this.#change("unavailable", "producers fail again and again");
    } else if (facts.lanesDown === facts.lanes) {
      this.#change("unavailable", "no producer is connected");
    } else if (this.#unanswered >= UNANSWERED_MAX) {
      this.#change("unavailable", "no broker answers");
    } else if (this.#isStalled(nowMs, facts.outSinceMs)) {
      this.#change("unavailable", "Kafka confirms nothing");
    } else {
      this.#change("ready", "brokers answer");
    }
  }

  #isStalled(nowMs: number, outSinceMs: readonly number[]): boolean {
    if (outSinceMs.length === 0) return false;
    if (nowMs - this.#storedAtMs < this.#stallMs) return false;
    return outSinceMs.every((since) => nowMs - since >= this.#stallMs);
  }

  #change(state: DeliveryState, reason: string): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#onState(state, reason);
  }
}
