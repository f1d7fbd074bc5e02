/**
 * Configuration → rooms: which settings each room gets. Rooms take plain options and never see the
 * configuration; telemetry hears of them through room-events.ts.
 */
import { randomBytes } from "node:crypto";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Admission } from "./admission/admission.ts";
import { sourceName } from "./admission/tenants-file.ts";
import type { Principal } from "./admission/admission.ts";
import type { TenantTable } from "./admission/tenants-file.ts";
import { contextDialect } from "./codec/dialect.ts";
import type { Dialect } from "./codec/dialect.ts";
import { deadlines } from "./config/cross-rules.ts";
import { laneCount, workerCount } from "./config/worker-count.ts";
import { dataDirectory } from "./config/data-directory.ts";
import { kafkaSecurity } from "./config/kafka-security.ts";
import type { Config } from "./config/options.ts";
import { redisPlace } from "./config/redis-place.ts";
import { createDelivery } from "./delivery/create.ts";
import type { Delivery, DeliveryState } from "./delivery/delivery.ts";
import type { ProblemCode } from "./errors.ts";
import { systemClock } from "./lib/clock.ts";
import { HTTP_REQUESTS_MAX } from "./limits/delivery.ts";
import {
  BODIES_BYTES_MAX,
  INFLATED_BYTES_MAX,
  INFLATE_RATIO_MAX,
  INFLATIONS_MAX,
  RECORD_BYTES_MAX,
  RECORD_OVERHEAD_BYTES,
} from "./limits/events.ts";
import { Deadlines } from "./pipeline/deadlines.ts";
import { Shedding } from "./quota/shedding.ts";
import { deliveryEvents, schemaEvents, sessionEvents } from "./room-events.ts";
import type { Pack } from "./schema/pack.ts";
import type { RegistryAuth } from "./schema/registry-http.ts";
import { RegistryClient } from "./schema/registry.ts";
import { SchemaStore } from "./schema/store.ts";
import type { AcceptSchema } from "./schema/type-schema.ts";
import type { IngestLimits } from "./server/ingest.ts";
import type { SessionBook } from "./session/book.ts";
import { DEFAULT_SESSION_RULES } from "./session/rules.ts";
import { createSessions } from "./session/sessions.ts";
import type { Sessions } from "./session/sessions.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";
import { neededTopics, tenantsOf } from "./topics.ts";

/** One try of the registry, in milliseconds. */
const REGISTRY_TRY_MS = 3_000;

/** An outage that lasts longer gets a long Retry-After: some clients give up after ten waits. */
const LONG_OUTAGE_MS = 10_000;

export interface RoomParts {
  readonly config: Config;
  readonly pack: Pack;
  readonly telemetry: Telemetry;
}

export interface DeliveryExtras {
  /** Tenants may have topics of their own. */
  readonly table: TenantTable;
  /** Threads of libuv's pool. */
  readonly threadPoolSize: number;
  /** Hears of a topic that is there, whether it was or has just been made. */
  readonly onTopic: (name: string) => void;
  readonly onState: (state: DeliveryState) => void;
}

export function makeDelivery(parts: RoomParts, extras: DeliveryExtras): Delivery {
  const { config, telemetry } = parts;
  const { messageTimeoutMs } = deadlines(config);
  const report = deliveryEvents(telemetry);
  return createDelivery({
    brokers: config.kafkaBrokers.length === 0 ? null : config.kafkaBrokers,
    onEvent: (event) => {
      report(event);
      if (event.kind === "topic" && event.status === "known") extras.onTopic(event.topic);
      if (event.kind === "state") extras.onState(event.state);
    },
    security: kafkaSecurity(config),
    clientId: "sluice",
    lanes: laneCount(config, workerCount(config, availableParallelism())),
    threadPoolSize: extras.threadPoolSize,
    lingerMs: config.kafkaLingerMs,
    compression: config.kafkaCompression,
    messageTimeoutMs,
    messageBytesMax: config.kafkaMessageBytesMax,
    unackedEventsMax: config.unackedEventsMax,
    unackedBytesMax: config.unackedBytesMax,
    ...(config.createTopics ? { createTopics: neededTopics(parts, tenantsOf(extras.table)) } : {}),
  });
}

/** When what is not confirmed becomes `retry`: for HTTP, and for streams. */
export function makeDeadlines(config: Config) {
  const clockMs = systemClock.monotonicMs;
  const code = "kafka_timeout";
  const { streamMs } = deadlines(config);
  return {
    http: new Deadlines({ ttlMs: config.httpDeadlineMs, code, clockMs }),
    stream: new Deadlines({ ttlMs: streamMs, code, clockMs }),
  };
}

export function makeSchemaStore(parts: RoomParts, accept: AcceptSchema): SchemaStore {
  const { config, pack, telemetry } = parts;
  return new SchemaStore({
    pack,
    registry: makeRegistryClient(config),
    snapshotDirectory: join(dataDirectory(config), "schemas"),
    refreshMs: config.registryRefreshMs,
    register: config.registerSchemas,
    accept,
    onEvent: schemaEvents(telemetry),
  });
}

export function makeRegistryClient(config: Config): RegistryClient | null {
  if (config.registryUrl.length === 0) return null;
  const auth = registryAuth(config);
  return new RegistryClient({
    urls: config.registryUrl,
    timeoutMs: REGISTRY_TRY_MS,
    ...(auth === null ? {} : { auth }),
  });
}

function registryAuth(config: Config): RegistryAuth | null {
  if (config.registryToken !== "") return { bearer: config.registryToken };
  if (config.registryUsername === "") return null;
  return { basic: { user: config.registryUsername, password: config.registryPassword } };
}

export function makeSessions(
  { config, telemetry }: RoomParts,
  admission: Admission,
): { readonly sessions: Sessions; readonly book: SessionBook } {
  const made = createSessions({
    store: config.redisUrl === "" ? { kind: "memory" } : { kind: "redis", ...redisPlace(config) },
    rules: {
      gapMs: config.sessionGapMs,
      lengthMsMax: config.sessionLengthMs,
      graceMs: Math.min(DEFAULT_SESSION_RULES.graceMs, config.sessionGapMs),
    },
    rulesOf: (tenant, source) =>
      admission.table.sources.get(sourceName(tenant, source))?.tenant.sessions ?? {},
    announces: config.sessionTopic !== "",
    onEvent: sessionEvents(telemetry),
  });
  admission.onChange(() => made.sessions.renewRules());
  return made;
}

const nativeForms = new WeakMap<Pack, Dialect>();

/** How natively written events are read where `ctx` reaches records; null: it does not. */
export function nativeForm(pack: Pack): Dialect | null {
  if (pack.context === "") return null;
  const form = nativeForms.get(pack) ?? contextDialect(pack.context, pack.payload);
  nativeForms.set(pack, form);
  return form;
}

export function ingestLimits(config: Config): IngestLimits {
  return {
    bodyBytesMax: config.bodyBytesMax,
    inflatedBytesMax: INFLATED_BYTES_MAX,
    inflateRatioMax: INFLATE_RATIO_MAX,
    eventBytesMax: config.eventBytesMax,
    eventsMax: config.frameEventsMax,
    requestsMax: HTTP_REQUESTS_MAX,
    bodiesBytesMax: BODIES_BYTES_MAX,
    inflationsMax: INFLATIONS_MAX,
  };
}

/** The codec refuses for good what Kafka would refuse each time it came again. */
export function recordLimit({ kafkaMessageBytesMax }: Config) {
  const bytes = kafkaMessageBytesMax - RECORD_OVERHEAD_BYTES;
  return { recordBytesMax: Math.min(RECORD_BYTES_MAX, bytes) };
}

/**
 * Prefix of request and connection ids: unique enough among all processes, says nothing of them.
 */
export function makeProcessId(): string {
  return randomBytes(6).toString("base64url");
}

export function makeShedding({ config, telemetry }: RoomParts): Shedding {
  const shedding = new Shedding({
    busyFrom: config.shedUtilizationPercent / 100,
    utilization: telemetry.eventLoopUtilization,
    clockMs: systemClock.monotonicMs,
    onChange: (shed) => telemetry.traffic.shedChanged(shed),
  });
  telemetry.traffic.readShedLevelFrom(() => shedding.level);
  return shedding;
}

export interface Closed {
  readonly code: ProblemCode;
  readonly afterSeconds: number;
}

const OVERLOADED: Closed = { code: "overloaded", afterSeconds: 1 };

/**
 * Watches whether HTTP may take events at all: not while draining, without Kafka, or over the mark.
 */
export class Gate {
  readonly #delivery: Delivery;
  readonly #shedding: Shedding;
  readonly #clockMs: () => number;
  #downSinceMs: number;
  isDraining = false;

  constructor(delivery: Delivery, shedding: Shedding, clockMs: () => number) {
    this.#delivery = delivery;
    this.#shedding = shedding;
    this.#clockMs = clockMs;
    this.#downSinceMs = clockMs();
  }

  /** Delivery: Kafka came or went. */
  stateChanged(state: DeliveryState): void {
    if (state === "unavailable") this.#downSinceMs = this.#clockMs();
  }

  /** No further sockets are taken. */
  get isOverHardMark(): boolean {
    return this.#delivery.pressure().level === "hard";
  }

  /** Some partitions are not confirmed and wait by themselves. */
  get isHeldUp(): boolean {
    return this.#delivery.isHeldUp();
  }

  get isKafkaAway(): boolean {
    return this.#delivery.state() !== "ready";
  }

  /** Why the credit of a tenant's streams stops rising, null if it does not. */
  readonly pressureOn = (sender: Principal): "kafka" | "memory" | null => {
    if (this.isKafkaAway) return "kafka";
    return this.#isHeldBack(sender) ? "memory" : null;
  };

  /** Why nobody may send events now; null: they may. */
  readonly closedBecause = (): Closed | null => {
    if (this.isDraining) return { code: "draining", afterSeconds: 1 };
    if (this.#delivery.state() !== "ready") {
      const isLong = this.#clockMs() - this.#downSinceMs > LONG_OUTAGE_MS;
      return { code: "unavailable", afterSeconds: isLong ? 30 : 2 };
    }
    return this.isOverHardMark ? OVERLOADED : null;
  };

  /** Why this tenant may not, when others may. */
  readonly closedFor = (sender: Principal): Closed | null =>
    this.#isHeldBack(sender) ? OVERLOADED : null;

  #isHeldBack({ tenant, policy }: Principal): boolean {
    if (this.#shedding.sheds(policy.tenant.priority)) return true;
    // Without pressure nobody is looked up.
    if (this.#delivery.pressure().level === "open") return false;
    return this.#delivery.isHeldBack(this.#delivery.tenant(tenant));
  }
}
