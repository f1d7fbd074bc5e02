/**
 * How many records of events a Kafka holds, by its own offsets: the witness that neither the
 * gateway nor its clients can talk to.
 */
import { randomUUID } from "node:crypto";

import kafka from "@confluentinc/kafka-javascript";
import type { KafkaConsumer, Metadata } from "@confluentinc/kafka-javascript";

const TIMEOUT_MS = 10_000;

/** Kafka's own topics, what sluice has to say for itself (sessions, audit), dead letters. */
const NOT_EVENTS = /^(?:__|sluice\.)|\.dlq$/;

/** Sums over all partitions of the topics that events go to. */
export async function countRecords(brokers: string): Promise<number> {
  const consumer = new kafka.KafkaConsumer(
    { "bootstrap.servers": brokers, "group.id": `sluice-load-${randomUUID()}`, log_level: 0 },
    {},
  );
  try {
    const metadata = await connect(consumer);
    const places = metadata.topics
      .filter(({ name }) => !NOT_EVENTS.test(name))
      .flatMap(({ name, partitions }) => partitions.map(({ id }) => [name, id] as const));
    let records = 0;
    for (const [topic, partition] of places) {
      records += await recordsIn(consumer, { topic, partition });
    }
    return records;
  } finally {
    await new Promise<void>((resolve) => consumer.disconnect(() => resolve()));
  }
}

function connect(consumer: KafkaConsumer): Promise<Metadata> {
  const { promise, resolve, reject } = Promise.withResolvers<Metadata>();
  consumer.connect({ allTopics: true, timeout: TIMEOUT_MS }, (error, metadata) => {
    // The types promise an error always; null is what comes when all is well.
    const failure: { message: string } | null | undefined = error;
    if (failure === null || failure === undefined) resolve(metadata);
    else reject(new Error(`Kafka does not answer: ${failure.message}`));
  });
  return promise;
}

function recordsIn(
  consumer: KafkaConsumer,
  { topic, partition }: { readonly topic: string; readonly partition: number },
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  consumer.queryWatermarkOffsets(topic, partition, TIMEOUT_MS, (error, offsets) => {
    const failure: { message: string } | null | undefined = error;
    if (failure === null || failure === undefined) resolve(offsets.highOffset - offsets.lowOffset);
    else reject(new Error(`Kafka does not say where ${topic} ends: ${failure.message}`));
  });
  return promise;
}
