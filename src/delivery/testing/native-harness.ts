/**
 * Delivery over the native client, for a broker at an address or the embedded one. Waits for
 * conditions, not for times; reads back with a consumer.
 */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

import { createDelivery, type DeliveryOptions } from "../create.ts";
import type { DeliveryEvent } from "../delivery.ts";
import { readTopic } from "../reader.ts";
import type { Harness, LogRecord } from "./contract.ts";
import { scratchName } from "./scratch-topic.ts";

const PATIENCE_MS = 200_000;
const LOOK_MS = 5;

export interface NativeHarnessOptions {
  /** host:port; null: embedded. */
  readonly brokers: string | null;
  /** Makes a topic of four partitions; the embedded broker makes it by itself. */
  readonly makeTopic: () => Promise<string>;
  readonly missingTopic: string | null;
}

export async function nativeHarness(
  broker: NativeHarnessOptions,
  options: Partial<DeliveryOptions> = {},
): Promise<Harness> {
  const events: DeliveryEvent[] = [];
  const delivery = createDelivery({
    brokers: broker.brokers === null ? null : broker.brokers.split(","),
    onEvent: (event) => events.push(event),
    ...options,
  });
  const topic = await broker.makeTopic();
  await delivery.start();
  return {
    delivery,
    events,
    topic,
    missingTopic: broker.missingTopic,
    until,
    read: (topics, count) => read(delivery.brokers(), topics, count),
    stop: () => delivery.drain(5_000),
  };
}

export async function until(condition: () => boolean): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!condition()) {
    assert.ok(performance.now() < endMs, "the condition did not come true");
    await sleep(LOOK_MS);
  }
}

/** The embedded broker makes every topic it hears of. */
export const EMBEDDED: NativeHarnessOptions = {
  brokers: null,
  makeTopic: () => Promise.resolve(scratchName("delivery")),
  missingTopic: null,
};

export async function read(
  brokers: string,
  topics: readonly string[],
  count: number,
): Promise<LogRecord[]> {
  const text = new TextDecoder();
  const records: LogRecord[] = [];
  for (const topic of topics) {
    const reading = readTopic({
      brokers,
      topic,
      from: "beginning",
      security: null,
      stopAtEnd: true,
      connectTimeoutMs: 60_000,
      signal: new AbortController().signal,
    });
    for await (const record of reading) {
      records.push({
        topic,
        partition: record.partition,
        key: record.key === null ? null : text.decode(record.key),
        value: text.decode(record.value ?? new Uint8Array(0)),
        headers: record.headers.map(([name]) => name),
      });
    }
  }
  assert.ok(records.length >= count, `${records.length} of ${count} records were read back`);
  return records;
}
