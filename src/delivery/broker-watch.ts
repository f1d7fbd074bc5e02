/**
 * Finds out that a producer or a consumer has forgotten its brokers. librdkafka drops brokers that
 * an answer to its question for metadata does not name. Where none is named (all are fenced: each
 * broker of a cluster that stood still as a whole, for a moment after it goes on) it drops all of
 * them, and as it knows nobody to ask, that is for ever: what a producer is given times out, a
 * consumer hears of nothing more, and no error is reported (confluentinc/librdkafka issue 5301).
 */
import type { KafkaConsumer } from "@confluentinc/kafka-javascript";

/** Longer than librdkafka takes to fall back to its bootstrap brokers, where it does. */
const FORGOTTEN_MS = 1_000;
/** Brokers stand near the beginning of the statistics, which grow with the topics. */
const HEAD_CHARACTERS = 2_000;
/** Stands in a consumer's list for whichever broker coordinates its group; it is none itself. */
const COORDINATOR = "GroupCoordinator";
/** For a consumer's `statistics.interval.ms`. */
export const CONSUMER_STATISTICS_MS = 1_000;

export class BrokerWatch {
  #sinceMs: number | null = null;

  /** `text`: one statistics event. Has it known no broker for longer than is possible for it? */
  hasForgotten(text: string): boolean {
    const head = text.slice(0, HEAD_CHARACTERS);
    const isAlone = /"brokers":\s*\{\s*\}/.test(head) || knowsCoordinatorOnly(text, head);
    if (!isAlone) {
      this.#sinceMs = null;
      return false;
    }
    // Its own clock, in microseconds: statistics may be handed on late, several at once.
    const atMs = Number(/"ts":\s*(\d+)/.exec(head)?.[1] ?? 0) / 1_000;
    this.#sinceMs ??= atMs;
    return atMs - this.#sinceMs >= FORGOTTEN_MS;
  }
}

function knowsCoordinatorOnly(text: string, head: string): boolean {
  if (!/"type":\s*"consumer"/.test(head)) return false;
  const brokers = text.slice(text.indexOf('"brokers":'), text.indexOf('"topics":'));
  const names = [...brokers.matchAll(/"name":\s*"([^"]*)"/g)];
  return names.every(([, name]) => name === COORDINATOR);
}

/** Calls once, when the consumer has forgotten them; its statistics have to be on. */
export function onForgotten(consumer: KafkaConsumer, forgotten: () => void): void {
  const watch = new BrokerWatch();
  let isKnown = false;
  consumer.on("event.stats", ({ message }: { readonly message: string }) => {
    if (isKnown || !watch.hasForgotten(message)) return;
    isKnown = true;
    forgotten();
  });
}
