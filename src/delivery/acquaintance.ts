/**
 * Which partitions know a producer's number. A broker takes what comes first of a producer that it
 * does not know for its first records, whatever their sequence. If those before it were refused and
 * are to be sent again (replicas were missing for a moment), librdkafka takes the success of the
 * later ones for theirs, and reports as stored what nobody has (`rd_kafka_dr_implicit_ack`). So a
 * partition that may not know the producer gets one record, and no more until that is stored. It
 * acts on nothing itself.
 */

/**
 * Brokers forget producers that have been silent for `producer.id.expiration.ms`, by default a day.
 */
const KNOWN_MS = 3_600_000;

const STRANGE = 0;
/** Its first record is out. */
const MEETING = 1;
const KNOWN = 2;

export class Acquaintance {
  /** By topic number and partition. */
  #states: number[][] = [];
  readonly #meeting: { readonly topic: number; readonly partition: number }[] = [];
  #sinceMs = 0;

  /** A commit begins. `nowMs` on the delivery clock. */
  begin(nowMs: number): void {
    if (nowMs - this.#sinceMs < KNOWN_MS) return;
    this.forget();
    this.#sinceMs = nowMs;
  }

  /** May the partition be given one more record in this commit? */
  admits(topic: number, partition: number): boolean {
    return this.#states[topic]?.[partition] !== MEETING;
  }

  /** It was given one. */
  handedOver(topic: number, partition: number): void {
    const states = (this.#states[topic] ??= []);
    if (states[partition] === KNOWN) return;
    states[partition] = MEETING;
    this.#meeting.push({ topic, partition });
  }

  /** A record of the commit was not stored. `topic`: its number, −1 if there is none. */
  failed(topic: number, partition: number): void {
    const states = this.#states[topic];
    if (states === undefined) this.forget();
    else states[partition] = STRANGE;
  }

  /** The commit is over: what was not reported is stored. */
  end(): void {
    for (const { topic, partition } of this.#meeting) {
      const states = this.#states[topic];
      if (states?.[partition] === MEETING) states[partition] = KNOWN;
    }
    this.#meeting.length = 0;
  }

  /** Another producer, or the same under another number: after records timed out, too. */
  forget(): void {
    this.#states = [];
    this.#meeting.length = 0;
  }
}
