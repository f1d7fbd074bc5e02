/** Configuration → the canary: its topics, how it reaches them, what telemetry hears of it. */
import { Canary, withinStoreTime } from "./canary/canary.ts";
import type { CanaryPerch } from "./canary/canary.ts";
import type { Delivery, DeliverySink } from "./delivery/delivery.ts";
import { murmur2 } from "./delivery/murmur2.ts";
import { CANARY_HEADER } from "./consumer/header.ts";
import { TopicReader } from "./delivery/topic-reader.ts";
import { systemClock } from "./lib/clock.ts";
import { CANARY_ASK_MS, CANARY_LOOK_MS, CANARY_QUEUE_KIB } from "./limits/watching.ts";
import { kafkaSecurity } from "./config/kafka-security.ts";
import { makeProcessId } from "./rooms.ts";
import type { RoomParts } from "./rooms.ts";

/** Always the same one: so it is known which partition to look at. */
const KEY = Buffer.from(CANARY_HEADER);
const RECORDS_AT_ONCE = 1_000;

/** null: it is off. */
export function makeCanary(parts: RoomParts, delivery: Delivery): Canary | null {
  const { config, pack, telemetry } = parts;
  const { canaryIntervalMs: intervalMs, canaryTopics } = config;
  if (intervalMs === 0) return null;
  const topics = canaryTopics.length === 0 ? [...pack.topics.keys()] : canaryTopics;
  telemetry.canary.watch(topics);
  return new Canary({
    topics,
    intervalMs,
    clock: systemClock,
    processId: makeProcessId(),
    open: (topic) => openPerch(topic, { parts, delivery }),
    onResult: (topic, result) => telemetry.canary.visited(topic, result),
  });
}

async function openPerch(
  topic: string,
  { parts, delivery }: { readonly parts: RoomParts; readonly delivery: Delivery },
): Promise<CanaryPerch> {
  const reader = await TopicReader.open({
    brokers: delivery.brokers(),
    security: kafkaSecurity(parts.config),
    topic,
    timeoutMs: CANARY_ASK_MS,
    queueKib: CANARY_QUEUE_KIB,
  });
  const partition = murmur2(KEY) % reader.ranges.length;
  const from = reader.ranges.find((range) => range.partition === partition)?.high ?? 0;
  return {
    store: (mark) => withinStoreTime(store(delivery, { topic, mark }), systemClock),
    find: (mark, withinMs) => {
      reader.assign(new Map([[partition, from]]));
      return find(reader, { mark, untilMs: systemClock.monotonicMs() + withinMs });
    },
    close: () => reader.close(),
  };
}

function store(
  delivery: Delivery,
  { topic, mark }: { readonly topic: string; readonly mark: string },
): Promise<boolean> {
  return new Promise((resolve) => {
    const sink: DeliverySink = {
      recordStored: () => resolve(true),
      recordFailed: () => resolve(false),
      commitSettled: () => {},
    };
    const headers = [[CANARY_HEADER, mark]] as const;
    const tenant = delivery.tenant(CANARY_HEADER);
    const record = { topic, index: 0, tenant, key: KEY, value: new Uint8Array(0), headers };
    if (!delivery.deadLetter(record, sink)) resolve(false);
  });
}

async function find(
  reader: TopicReader,
  { mark, untilMs }: { readonly mark: string; readonly untilMs: number },
): Promise<boolean> {
  for (;;) {
    const { records } = await reader.take(RECORDS_AT_ONCE);
    const isThere = records.some(({ headers }) =>
      headers.some(
        ([name, value]) => name === CANARY_HEADER && Buffer.from(value).toString() === mark,
      ),
    );
    if (isThere) return true;
    if (systemClock.monotonicMs() > untilMs) return false;
    if (records.length === 0) await new Promise((done) => setTimeout(done, CANARY_LOOK_MS));
  }
}
