/** A plain idempotent producer for tests of the fault proxy: says when records are stored. */
import kafka from "@confluentinc/kafka-javascript";

const CONNECT_TIMEOUT_MS = 10_000;

export class TestProducer {
  /** Addresses the cluster names. */
  readonly brokers: readonly string[];
  readonly #producer: InstanceType<typeof kafka.HighLevelProducer>;

  private constructor(
    producer: InstanceType<typeof kafka.HighLevelProducer>,
    brokers: readonly string[],
  ) {
    this.#producer = producer;
    this.brokers = brokers;
  }

  static async connect(
    bootstrap: string,
    settings: Readonly<Record<string, string | number>>,
  ): Promise<TestProducer> {
    const producer = new kafka.HighLevelProducer({
      "bootstrap.servers": bootstrap,
      "enable.idempotence": true,
      "reconnect.backoff.max.ms": 200,
      "message.timeout.ms": 30_000,
      "linger.ms": 0,
      ...settings,
    });
    const brokers = await new Promise<string[]>((resolve, reject) => {
      const options = { allTopics: false, timeout: CONNECT_TIMEOUT_MS };
      producer.connect(options, (error, metadata) => {
        if (error) reject(new Error(error.message));
        else resolve(metadata.brokers.map(({ host, port }) => `${host}:${port}`));
      });
    });
    return new TestProducer(producer, brokers);
  }

  /** Resolves when all are stored; rejects with the first that is not. */
  async produce(topic: string, values: readonly string[], partition = 0): Promise<void> {
    await Promise.all(
      values.map(
        (value) =>
          new Promise<void>((resolve, reject) => {
            const done = (error: Error | null) => (error ? reject(error) : resolve());
            this.#producer.produce(topic, partition, Buffer.from(value), null, null, [], done);
          }),
      ),
    );
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#producer.disconnect(() => resolve());
    });
  }
}
