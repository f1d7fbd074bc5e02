/**
 * The event ledger of one process. Every event is received once and leaves with exactly one
 * verdict, so received = stored + duplicate + rejected + retry + in_flight at every moment. What is
 * in flight is counted by the pipeline, independently; a difference is an event that got lost or
 * answered twice.
 */

export interface LedgerNumbers {
  readonly received: number;
  readonly stored: number;
  readonly duplicate: number;
  readonly rejected: number;
  readonly retry: number;
  readonly inFlight: number;
  /** Received less all the others: 0, or something is broken. */
  readonly drift: number;
}

export class Ledger {
  #received = 0;
  #stored = 0;
  #duplicate = 0;
  #rejected = 0;
  #retry = 0;
  #readInFlight: (() => number) | null = null;

  /** Who counts the events in flight. Until then the ledger derives them and cannot drift. */
  countInFlightBy(read: () => number): void {
    this.#readInFlight = read;
  }

  receive(events: number): void {
    this.#received += events;
  }

  settle(verdict: "stored" | "duplicate" | "rejected" | "retry", events: number): void {
    switch (verdict) {
      case "stored":
        this.#stored += events;
        break;
      case "duplicate":
        this.#duplicate += events;
        break;
      case "rejected":
        this.#rejected += events;
        break;
      case "retry":
        this.#retry += events;
        break;
      default:
        verdict satisfies never;
    }
  }

  numbers(): LedgerNumbers {
    const settled = this.#stored + this.#duplicate + this.#rejected + this.#retry;
    const inFlight = this.#readInFlight?.() ?? this.#received - settled;
    return {
      received: this.#received,
      stored: this.#stored,
      duplicate: this.#duplicate,
      rejected: this.#rejected,
      retry: this.#retry,
      inFlight,
      drift: this.#received - settled - inFlight,
    };
  }
}
