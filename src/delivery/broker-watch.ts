/**
 * Finds out that a producer has forgotten its brokers. librdkafka drops brokers that an answer to
 * its question for metadata does not name. Where none is named (all are fenced: each broker of a
 * cluster that stood still as a whole, for a moment after it goes on) it drops all of them, and as
 * it knows nobody to ask, that is for ever: what it is given times out, and no error is reported
 * (confluentinc/librdkafka issue 5301).
 */

/** Longer than librdkafka takes to fall back to its bootstrap brokers, where it does. */
const FORGOTTEN_MS = 1_000;
/** Brokers stand near the beginning of the statistics, which grow with the topics. */
const HEAD_CHARACTERS = 2_000;

export class BrokerWatch {
  #sinceMs: number | null = null;

  /** `text`: one statistics event. Has it known no broker for longer than is possible for it? */
  hasForgotten(text: string): boolean {
    const head = text.slice(0, HEAD_CHARACTERS);
    if (!/"brokers":\s*\{\s*\}/.test(head)) {
      this.#sinceMs = null;
      return false;
    }
    // Its own clock, in microseconds: statistics may be handed on late, several at once.
    const atMs = Number(/"ts":\s*(\d+)/.exec(head)?.[1] ?? 0) / 1_000;
    this.#sinceMs ??= atMs;
    return atMs - this.#sinceMs >= FORGOTTEN_MS;
  }
}
