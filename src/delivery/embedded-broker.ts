/**
 * The broker of the embedded default: librdkafka's mock cluster, hosted by a client of its own that
 * does nothing else. It listens on loopback for other clients too, makes topics of four partitions
 * when they are first asked for, keeps 5 MiB per partition, and is gone with the process.
 */
import kafka from "@confluentinc/kafka-javascript";

const START_TIMEOUT_MS = 5_000;
const LAST_FLUSH_MS = 1;

export class EmbeddedBroker {
  readonly #producer: InstanceType<typeof kafka.Producer>;
  #isRunning = false;

  constructor() {
    // The property is librdkafka's, hidden, and not in the binding's types; the address is
    // replaced.
    const settings: Record<string, unknown> = {
      "test.mock.num.brokers": 1,
      "bootstrap.servers": "127.0.0.1:1",
      log_level: 3,
    };
    this.#producer = new kafka.Producer(settings, {});
  }

  /** Answers host:port. */
  start(): Promise<string> {
    return new Promise((done, fail) => {
      const options = { allTopics: false, timeout: START_TIMEOUT_MS };
      this.#producer.connect(options, (error, metadata) => {
        // The types promise an error always; null is what comes when all is well.
        const failure: { message: string } | null | undefined = error;
        const broker = metadata?.brokers[0];
        if ((failure !== null && failure !== undefined) || broker === undefined) {
          fail(new Error(`The embedded broker did not start: ${failure?.message ?? "no address"}`));
          return;
        }
        this.#producer.setPollInBackground(true);
        this.#isRunning = true;
        done(`${broker.host}:${broker.port}`);
      });
    });
  }

  stop(): Promise<void> {
    if (!this.#isRunning) return Promise.resolve();
    this.#isRunning = false;
    return new Promise((done) => {
      this.#producer.disconnect(LAST_FLUSH_MS, () => done());
    });
  }
}
