/**
 * Configuration → the room of the live feed: which types a tenant can look at, where their schemas
 * and records come from, and what is told to telemetry. Knows no frame and no socket.
 */
import type { Admission } from "./admission/admission.ts";
import type { TenantPolicy } from "./admission/policy.ts";
import { kafkaSecurity } from "./config/kafka-security.ts";
import type { Delivery } from "./delivery/delivery.ts";
import { TopicReader } from "./delivery/topic-reader.ts";
import { systemClock } from "./lib/clock.ts";
import { LIVE_CONNECT_TIMEOUT_MS, LIVE_READER_QUEUE_KIB } from "./limits/live.ts";
import { GOAWAY_SPREAD_MS } from "./limits/streams.ts";
import { LiveHub } from "./live/hub.ts";
import type { LiveObserver } from "./live/hub-parts.ts";
import { Onlookers } from "./live/onlookers.ts";
import { makeProcessId, makeRegistryClient } from "./rooms.ts";
import type { RoomParts } from "./rooms.ts";
import type { Pack } from "./schema/pack.ts";
import type { RegistryResult, RegistrySchema } from "./schema/registry.ts";
import type { TypeSchema } from "./schema/type-schema.ts";
import { ValueDecoder } from "./schema/value-decoder.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";

export interface LiveRooms {
  readonly admission: Admission;
  /** Says where Kafka is. */
  readonly delivery: Pick<Delivery, "brokers">;
  /** Schemas that are in use here. */
  readonly heldSchemas: () => readonly TypeSchema[];
  /** Types that sluice itself writes. */
  readonly newsGround: { readonly pack: Pack } | null;
}

export interface LiveFeed {
  readonly hub: LiveHub;
  /** For the console. */
  readonly onlookers: Onlookers;
}

export function makeLiveFeed(parts: RoomParts, rooms: LiveRooms): LiveFeed {
  const decoder = new ValueDecoder({ schemaById: schemaSource(parts, rooms) });
  const hub = makeLiveHub(parts, rooms, decoder);
  const common = commonTopics(parts.pack, rooms.newsGround?.pack ?? null);
  const onlookers = new Onlookers({
    acquire: (topic) => hub.acquire(topic),
    release: (feed) => hub.release(feed),
    closedBecause: () => {
      const refusal = hub.closedBecause;
      return refusal === null || refusal === "full" ? null : hub.sentenceOf(refusal);
    },
    topicsOf: (type) => {
      const { sources } = rooms.admission.table;
      const own = [...sources.values()].map(({ tenant }) => tenant.topics.get(type));
      return [...new Set([common.get(type), ...own])].filter((topic) => topic !== undefined);
    },
    decoder,
    clock: systemClock,
    processId: makeProcessId(),
  });
  return { hub, onlookers };
}

function makeLiveHub(parts: RoomParts, rooms: LiveRooms, decoder: ValueDecoder): LiveHub {
  const { config, telemetry } = parts;
  const { admission, delivery, newsGround } = rooms;
  const common = commonTopics(parts.pack, newsGround?.pack ?? null);
  const hub = new LiveHub({
    admission,
    catalogue: ({ topics }: TenantPolicy): ReadonlyMap<string, string> =>
      topics.size === 0 ? common : new Map([...common, ...topics]),
    decoder,
    openSource: (topic) =>
      TopicReader.open({
        brokers: delivery.brokers(),
        security: kafkaSecurity(config),
        topic,
        timeoutMs: LIVE_CONNECT_TIMEOUT_MS,
        queueKib: LIVE_READER_QUEUE_KIB,
      }),
    // The embedded broker finds no offsets by time.
    canSeekByTime: config.kafkaBrokers.length > 0,
    subscribersMax: config.liveSubscribersMax,
    latestMs: config.liveLatestSeconds * 1_000,
    cpuShare: config.liveCpuPercent / 100,
    clock: systemClock,
    soon: (action) => void setImmediate(action),
    utilization: telemetry.eventLoopUtilization,
    processId: makeProcessId(),
    random: Math.random,
    goAwaySpreadMs: GOAWAY_SPREAD_MS,
    observer: liveObserver(telemetry),
  });
  admission.onChange(() => hub.recheck());
  telemetry.live.readFrom(() => hub.stats);
  return hub;
}

/** What the types of the packs are written to; a tenant may have topics of its own instead. */
function commonTopics(pack: Pack, ownPack: Pack | null): ReadonlyMap<string, string> {
  const common = new Map<string, string>();
  for (const { types } of ownPack === null ? [pack] : [pack, ownPack]) {
    for (const [type, { topic }] of types) common.set(type, topic);
  }
  return common;
}

/** Schemas in use need no registry; a writer may have used another one. */
function schemaSource({ config }: RoomParts, { heldSchemas }: LiveRooms) {
  const registry = makeRegistryClient(config);
  return async (id: number): Promise<RegistryResult<RegistrySchema>> => {
    const held = heldSchemas().find(({ schemaId }) => schemaId === id);
    if (held !== undefined) return { kind: "found", value: held };
    const missing = { kind: "missing", code: 0, detail: "there is no registry" } as const;
    return (await registry?.schemaById(id)) ?? missing;
  };
}

function liveObserver({ live }: Telemetry): LiveObserver {
  return {
    subscribed: (how) => live.subscribed(how),
    refused: (reason) => live.refused(reason),
    record: (fate) => live.record(fate),
    delivered: (count) => live.delivered(count),
    gap: (reason, subscribers) => live.gap(reason, subscribers),
    failed: (topic, reason) => live.failed({ topic, reason }),
  };
}
