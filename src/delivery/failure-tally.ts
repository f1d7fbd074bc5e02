/**
 * The failures of one commit, counted by their Kafka code, with the topics they happened on: they
 * are told once for all records that failed alike.
 */
export interface FailureCount {
  readonly kafkaCode: number;
  readonly count: number;
  readonly topics: ReadonlySet<string>;
}

const NOTHING: readonly FailureCount[] = [];

export class FailureTally {
  readonly #byCode: Map<number, { count: number; readonly topics: Set<string> }> = new Map();

  count(topic: string, kafkaCode: number): void {
    let failure = this.#byCode.get(kafkaCode);
    if (failure === undefined) {
      failure = { count: 0, topics: new Set() };
      this.#byCode.set(kafkaCode, failure);
    }
    failure.count += 1;
    failure.topics.add(topic);
  }

  /** What was counted since the last call. */
  take(): readonly FailureCount[] {
    if (this.#byCode.size === 0) return NOTHING;
    const counts = [...this.#byCode].map(([kafkaCode, failure]) => ({ kafkaCode, ...failure }));
    this.#byCode.clear();
    return counts;
  }
}
