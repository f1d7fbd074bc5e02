/**
 * Configuration → what sluice itself says of sessions: its built-in pack with schemas and topic,
 * the sweeper over the session store, and where its news goes. Knows no event from outside.
 */
import { join } from "node:path";
import type { Codec } from "./codec/codec.ts";
import { createCodec } from "./codec/create-codec.ts";
import type { Config } from "./config/options.ts";
import { dataDirectory } from "./config/data-directory.ts";
import type { Delivery } from "./delivery/delivery.ts";
import { systemClock } from "./lib/clock.ts";
import { RouteBook } from "./pipeline/routes.ts";
import { NEWS_FRAME_BYTES_MAX, SessionPress } from "./pipeline/session-news.ts";
import { schemaEvents } from "./room-events.ts";
import { makeRegistryClient } from "./rooms.ts";
import type { RoomParts } from "./rooms.ts";
import { loadPack } from "./schema/pack.ts";
import type { Pack } from "./schema/pack.ts";
import { SchemaStore } from "./schema/store.ts";
import type { SessionBook } from "./session/book.ts";
import { Sweeper } from "./session/sweeper.ts";
import type { SweeperEvent } from "./session/sweeper.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";

const PACK_DIRECTORY = join(import.meta.dirname, "session", "schemas");
const PACK_TOPIC = "sluice.sessions";

/** Numbers of the built-in schemas without a registry: above those of any pack. */
const FIRST_SCHEMA_ID = 100_001;

/** What has to be loaded before a gateway is put together. */
export interface NewsGround {
  readonly codec: Codec;
  readonly pack: Pack;
}

export interface SessionNewsRoom {
  readonly schemas: SchemaStore;
  readonly sweeper: Sweeper;
}

/** null: sessions are announced nowhere. */
export async function loadNewsGround(config: Config): Promise<NewsGround | null> {
  const topic = config.sessionTopic;
  if (topic === "") return null;
  const [codec, pack] = await Promise.all([
    createCodec({ inputBytesMax: NEWS_FRAME_BYTES_MAX }),
    loadPack(PACK_DIRECTORY, PACK_DIRECTORY),
  ]);
  return { codec, pack: packFor(pack, topic) };
}

function packFor(pack: Pack, topic: string): Pack {
  const named = (name: string): string => name.replace(PACK_TOPIC, topic);
  const types = [...pack.types].map(([type, rules]) => {
    return [type, { ...rules, topic, subject: named(rules.subject) }] as const;
  });
  const topics = [...pack.topics.values()].map(
    (each) => [topic, { ...each, name: topic }] as const,
  );
  return { ...pack, types: new Map(types), topics: new Map(topics) };
}

export function makeSessionNews(
  { config, telemetry }: RoomParts,
  rooms: NewsGround & { readonly delivery: Delivery; readonly book: SessionBook },
): SessionNewsRoom {
  const { codec, pack, delivery, book } = rooms;
  const routes = new RouteBook({ codec, delivery, pack });
  const schemas = new SchemaStore({
    pack,
    registry: makeRegistryClient(config),
    snapshotDirectory: join(dataDirectory(config), "session-schemas"),
    refreshMs: config.registryRefreshMs,
    register: config.registerSchemas,
    accept: (schema) => routes.refusal(schema),
    firstId: FIRST_SCHEMA_ID,
    onEvent: schemaEvents(telemetry),
  });
  schemas.onChange((schema) => routes.load(schema));
  const press = new SessionPress({
    codec,
    routes,
    delivery,
    nowMs: systemClock.nowMs,
    onUnfit: (detail) => telemetry.log.error("session news does not fit its schema", { detail }),
  });
  const sweeper = new Sweeper({
    book,
    say: (news) => press.say(news),
    nowMs: systemClock.nowMs,
    after: systemClock.after,
    randomUnit: Math.random,
    onEvent: sweeperEvents(telemetry),
  });
  return { schemas, sweeper };
}

function sweeperEvents({ backends }: Telemetry): (event: SweeperEvent) => void {
  return (event) => {
    switch (event.kind) {
      case "said":
        backends.sessionsAnnounced(event);
        break;
      case "unsaid":
        backends.sessionsUnannounced(event.news);
        break;
      case "failed":
        backends.sessionSweepFailed({
          reason: event.reason,
          detail: event.detail,
          during: event.during,
        });
        break;
      default:
        event satisfies never;
    }
  };
}
