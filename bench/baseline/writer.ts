/** Encoded events → Kafka: one record and one delivery report each, counted down per group. */
import kafka from "@confluentinc/kafka-javascript";

import type { EncodedEvent } from "./encoders.ts";

const CONNECT_MS = 10_000;

export interface Outcome {
  readonly stored: number;
  readonly rejected: ReadonlyArray<{ readonly index: number; readonly detail: string }>;
  /** Indexes of events that Kafka did not confirm. */
  readonly retry: readonly number[];
}

/** The events of one request or frame. */
class Group {
  readonly #rejected: { readonly index: number; readonly detail: string }[] = [];
  readonly #retry: number[] = [];
  readonly #done: (outcome: Outcome) => void;
  readonly #count: number;
  #open: number;

  constructor(count: number, done: (outcome: Outcome) => void) {
    this.#count = count;
    this.#open = count;
    this.#done = done;
  }

  reject(index: number, detail: string): void {
    this.#rejected.push({ index, detail });
    this.settle();
  }

  fail(index: number): void {
    this.#retry.push(index);
    this.settle();
  }

  settle(): void {
    this.#open -= 1;
    if (this.#open > 0) return;
    const stored = this.#count - this.#rejected.length - this.#retry.length;
    this.#done({ stored, rejected: this.#rejected, retry: this.#retry });
  }
}

/** What a delivery report brings back: the event's group, and its place in it. */
interface Receipt {
  readonly group: Group;
  readonly index: number;
}

export class Writer {
  readonly #producer: InstanceType<typeof kafka.Producer>;

  private constructor(producer: InstanceType<typeof kafka.Producer>) {
    this.#producer = producer;
    producer.on("delivery-report", (error, report) => {
      // What was passed to produce.
      const { group, index } = report.opaque as Receipt;
      const failure: unknown = error;
      if (failure === null || failure === undefined) group.settle();
      else group.fail(index);
    });
  }

  static async connect(brokers: string): Promise<Writer> {
    const producer = new kafka.Producer(
      {
        "bootstrap.servers": brokers,
        "client.id": "baseline",
        "enable.idempotence": true,
        "linger.ms": 5,
        "queue.buffering.max.messages": 1_000_000,
        dr_cb: true,
      },
      { "request.required.acks": -1, partitioner: "murmur2_random" },
    );
    await new Promise<void>((resolve, reject) => {
      producer.connect({ allTopics: false, timeout: CONNECT_MS }, (error) => {
        // The types promise an error always; null is what comes when all is well.
        const failure: { message: string } | null | undefined = error;
        if (failure === null || failure === undefined) resolve();
        else reject(new Error(failure.message));
      });
    });
    producer.setPollInBackground(true);
    return new Writer(producer);
  }

  /** For so many events. `done` is called when each of them has its outcome. */
  group(count: number, done: (outcome: Outcome) => void): Group {
    return new Group(count, done);
  }

  produce(group: Group, index: number, { topic, key, value }: EncodedEvent): void {
    try {
      const receipt: Receipt = { group, index };
      this.#producer.produce(topic, null, value, key, Date.now(), receipt);
    } catch {
      // Its queue is full.
      group.fail(index);
    }
  }
}
