/**
 * Configuration → the room of WebSocket streams: the settings of its hub, and what it reports to
 * telemetry. Knows no frame and no socket.
 */
import type { Admission } from "./admission/admission.ts";
import { isLoopback } from "./config/cross-rules.ts";
import { systemClock } from "./lib/clock.ts";
import { HTTP_REQUESTS_MAX } from "./limits/delivery.ts";
import { FRAME_BYTES_MAX } from "./limits/events.ts";
import { GOAWAY_SPREAD_MS, HELLO_TIMEOUT_MS, PING_MS } from "./limits/streams.ts";
import type { Deadlines } from "./pipeline/deadlines.ts";
import type { Pipeline } from "./pipeline/pipeline.ts";
import type { Quotas } from "./quota/quotas.ts";
import type { Shedding } from "./quota/shedding.ts";
import { redisPlace } from "./config/redis-place.ts";
import { makeProcessId, nativeForm } from "./rooms.ts";
import type { Gate, RoomParts } from "./rooms.ts";
import type { HttpIngest } from "./server/ingest.ts";
import { StreamDoor } from "./server/stream-door.ts";
import { createStreamStore } from "./stream/create-store.ts";
import { StreamHub } from "./stream/hub.ts";
import type { Charge, StreamLimits } from "./stream/hub.ts";
import type { StreamStore, StreamStoreEvent } from "./stream/store.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";
import type { BatchTracer } from "./tracing/tracer.ts";

export interface StreamHubRooms {
  readonly admission: Admission;
  readonly pipeline: Pipeline;
  readonly store: StreamStore;
  readonly deadlines: Deadlines;
  readonly gate: Gate;
  readonly quotas: Quotas;
  readonly shedding: Shedding;
  readonly tracer: BatchTracer | null;
}

/** Where streams are remembered between connections: this process, or Redis for all of them. */
export function makeStreamStore({ config, telemetry }: RoomParts): StreamStore {
  const { redisUrl, streamSecret: secret } = config;
  const store = createStreamStore({
    memory: redisUrl === "" ? { kind: "memory" } : { kind: "redis", ...redisPlace(config) },
    ttlSeconds: Math.floor(config.streamTtlMs / 1_000),
    ...(secret === "" ? {} : { secret }),
    onEvent: streamStoreEvents(telemetry),
  });
  telemetry.streams.readHeldFrom(() => store.stats().held);
  return store;
}

function streamStoreEvents({ streams }: Telemetry): (event: StreamStoreEvent) => void {
  return (event) => {
    switch (event.kind) {
      case "claimed":
        streams.claimed(event.how);
        break;
      case "denied":
        streams.claimed("denied");
        break;
      case "superseded":
        streams.superseded();
        break;
      case "handed_over":
        streams.handedOver({ waitMs: event.waitMs, isClean: event.isClean });
        break;
      case "saved":
        streams.saved();
        break;
      case "save_failed":
        streams.saveFailed({ reason: event.reason, detail: event.detail });
        break;
      case "forgotten":
        streams.forgotten(event.records);
        break;
      case "degraded":
        streams.down({ reason: event.reason, detail: event.detail });
        break;
      case "healed":
        streams.up({ afterMs: event.afterMs });
        break;
      default:
        event satisfies never;
    }
  };
}

export function makeStreamHub(parts: RoomParts, rooms: StreamHubRooms): StreamHub {
  const { config, telemetry } = parts;
  const { gate, quotas, shedding, ...others } = rooms;
  const hub = new StreamHub({
    ...others,
    limits: streamLimits(parts),
    pingMs: PING_MS,
    helloTimeoutMs: HELLO_TIMEOUT_MS,
    streamsMax: config.connectionsMax,
    creditEventsMax: config.unackedEventsMax * config.streamOvercommit,
    goAwaySpreadMs: GOAWAY_SPREAD_MS,
    now: systemClock.nowMs,
    clockMs: systemClock.monotonicMs,
    pressure: (sender) =>
      gate.pressureOn(sender) ?? (quotas.heldBy(sender.policy) === null ? null : "rate"),
    charge: (sender, cost) => quotas.charge(sender.policy, cost),
    isKafkaAway: () => gate.isKafkaAway,
    isHeldUp: () => gate.isHeldUp,
    after: (delayMs, action) => void setTimeout(action, delayMs),
    endOfTurn: (action) => void setImmediate(action),
    overHardMark: () => gate.isOverHardMark,
    random: Math.random,
    processId: makeProcessId(),
    observer: {
      refused: (reason) => telemetry.traffic.socketRefused(reason),
      welcomed: (how) => telemetry.traffic.streamWelcomed(how),
      answered: (ms, { frames, trace }) => {
        shedding.answered(ms);
        telemetry.traffic.answered("ws", ms, { batches: frames, trace });
      },
      told: (ms, acks) => telemetry.traffic.told(ms, acks),
      paused: (reason) => telemetry.traffic.creditPaused(reason),
      failed: (error) => telemetry.process.unexpected("a stream", error),
    },
  });
  rooms.admission.onChange(() => hub.recheck());
  telemetry.traffic.readTenantConnectionsFrom(() => hub.tenants);
  telemetry.traffic.readCreditFrom(() => {
    const events = hub.creditEvents;
    return { events, overcommit: events / config.unackedEventsMax };
  });
  return hub;
}

/** The door of requests that use a stream once: the HTTP twin. */
export function makeStreamDoor(
  parts: RoomParts,
  rooms: StreamHubRooms & { readonly ingest: HttpIngest },
): StreamDoor {
  const { config, telemetry } = parts;
  const { gate, ingest, admission, quotas, shedding, ...streams } = rooms;
  const charge: Charge = (sender, cost) => quotas.charge(sender.policy, cost);
  return new StreamDoor({
    streams: { ...streams, charge, limits: streamLimits(parts) },
    admission,
    quotas,
    bodies: ingest.bodies,
    bodyBytesMax: FRAME_BYTES_MAX,
    requestsMax: HTTP_REQUESTS_MAX,
    loopback: isLoopback(config.host),
    now: systemClock.nowMs,
    clockMs: systemClock.monotonicMs,
    nextRequestId: () => ingest.nextRequestId(),
    closedBecause: gate.closedBecause,
    closedFor: gate.closedFor,
    onFailure: (error) => telemetry.process.unexpected("a request", error),
    onAnswered: (latencyMs) => {
      shedding.answered(latencyMs);
      telemetry.traffic.answered("http", latencyMs);
    },
  });
}

function streamLimits({ config, pack }: RoomParts): StreamLimits {
  return {
    frameBytesMax: FRAME_BYTES_MAX,
    frameEventsMax: config.frameEventsMax,
    eventBytesMax: config.eventBytesMax,
    payload: pack.payload,
    typeMember: pack.typeMember,
    nativeForm: nativeForm(pack),
  };
}
