/**
 * Acks that would only say which part of a frame is stored wait for the rest of it, for a short
 * time: a frame's records lie in several lanes, and saying so after each lane's commit costs as
 * much as the frame. It counts the time in periods and knows neither frames nor acks.
 */
import { STREAM_ACK_HOLD_MS, STREAM_ACK_HOLD_STALLED_MS } from "../limits/streams.ts";

/** What waits is told in the period after the next: after half of the time at least. */
const PERIOD_MS = STREAM_ACK_HOLD_MS / 2;
const STALLED_PERIOD_MS = STREAM_ACK_HOLD_STALLED_MS / 2;

export interface AckHolder {
  /** Tells what began to wait before this period. True: something waits still. */
  tellHeld(period: number): boolean;
}

export interface AckHoldParts {
  readonly after: (delayMs: number, action: () => void) => void;
  /** Some partitions are not confirmed: what is complete with theirs waits for nothing. */
  readonly isHeldUp: () => boolean;
  readonly onFailure: (error: unknown) => void;
}

export class AckHold {
  readonly #parts: AckHoldParts;
  readonly #holders = new Set<AckHolder>();
  #period = 0;
  #isLooking = false;

  constructor(parts: AckHoldParts) {
    this.#parts = parts;
  }

  /** The period in which something of this holder begins to wait. */
  begin(holder: AckHolder): number {
    this.#holders.add(holder);
    this.#lookLater();
    return this.#period;
  }

  #lookLater(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const periodMs = this.#parts.isHeldUp() ? STALLED_PERIOD_MS : PERIOD_MS;
    this.#parts.after(periodMs, () => this.#look());
  }

  #look(): void {
    this.#isLooking = false;
    this.#period += 1;
    for (const holder of this.#holders) {
      if (!this.#stillHolds(holder)) this.#holders.delete(holder);
    }
    if (this.#holders.size > 0) this.#lookLater();
  }

  #stillHolds(holder: AckHolder): boolean {
    try {
      return holder.tellHeld(this.#period - 1);
    } catch (error) {
      // What the others hold must still be told.
      this.#parts.onFailure(error);
      return false;
    }
  }
}
