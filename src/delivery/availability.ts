/**
 * Is Kafka there? A small state machine over facts that others bring: producers that connected,
 * brokers that answered or did not, commits that make no progress. Pure: time comes as an argument.
 *
 * Trouble makes it `unavailable`; the end of the trouble is not enough to make it `ready` again (a
 * commit just begun looks healthy): that takes a stored record, a new connection, or a broker's
 * answer while nothing is out.
 */
import type { DeliveryState } from "./delivery.ts";

/** Answers missing in a row before Kafka counts as gone: one lost packet is not an outage. */
const UNANSWERED_MAX = 2;

export interface Facts {
  readonly nowMs: number;
  /** Since when the commit of each lane that has one out has been out. */
  readonly outSinceMs: readonly number[];
  readonly lanes: number;
  /** Lanes without a producer. */
  readonly lanesDown: number;
  /** A lane has given up making producers for a while. */
  readonly circuitOpen: boolean;
}

export class Availability {
  readonly #stallMs: number;
  readonly #onState: (state: DeliveryState, reason: string) => void;
  #state: DeliveryState = "starting";
  #hasConnected = false;
  #isStopped = false;
  #unanswered = 0;
  #storedAtMs = Number.NEGATIVE_INFINITY;
  /** Since the last trouble something has shown that Kafka works. */
  #hasProof = false;
  #hasAnswer = false;

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

  /** When records were last stored, on the delivery clock. */
  get storedAtMs(): number {
    return this.#storedAtMs;
  }

  connected(): void {
    this.#hasConnected = true;
    this.#unanswered = 0;
    this.#hasProof = true;
  }

  answered(isReachable: boolean): void {
    this.#unanswered = isReachable ? 0 : this.#unanswered + 1;
    this.#hasAnswer = isReachable;
  }

  stored(nowMs: number): void {
    this.#storedAtMs = nowMs;
    this.#unanswered = 0;
    this.#hasProof = true;
  }

  stopped(): void {
    this.#isStopped = true;
    this.#change("stopped", "drained");
  }

  /** To be called at every tick. */
  judge(facts: Facts): void {
    if (this.#isStopped || !this.#hasConnected) return;
    const trouble = this.#trouble(facts);
    if (trouble !== null) {
      this.#hasProof = false;
      this.#hasAnswer = false;
      this.#change("unavailable", trouble);
      return;
    }
    const works = this.#hasProof || (this.#hasAnswer && facts.outSinceMs.length === 0);
    if (works) this.#change("ready", "Kafka answers");
  }

  #trouble(facts: Facts): string | null {
    if (facts.circuitOpen) return "producers fail again and again";
    if (facts.lanesDown === facts.lanes) return "no producer is connected";
    if (this.#unanswered >= UNANSWERED_MAX) return "no broker answers";
    if (this.#isStalled(facts.nowMs, facts.outSinceMs)) return "Kafka confirms nothing";
    return null;
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
