/**
 * Configuration → the public doors: HTTP, WebSockets, and the listener with its certificate. Knows
 * no frame and no event.
 */
import type { Admission } from "./admission/admission.ts";
import { isLoopback } from "./config/cross-rules.ts";
import type { Config } from "./config/options.ts";
import type { Repeats } from "./dedupe/repeats.ts";
import { demoPages } from "./demo.ts";
import { systemClock } from "./lib/clock.ts";
import type { CancelTimer } from "./lib/clock.ts";
import { FRAME_BYTES_HARD_MAX } from "./limits/events.ts";
import { SOCKET_BACKLOG_BYTES_MAX } from "./limits/streams.ts";
import type { LiveHub } from "./live/hub.ts";
import type { Deadlines } from "./pipeline/deadlines.ts";
import type { Pipeline } from "./pipeline/pipeline.ts";
import type { Doorman } from "./quota/doorman.ts";
import type { Quotas } from "./quota/quotas.ts";
import type { Shedding } from "./quota/shedding.ts";
import { ingestLimits, makeProcessId, nativeForm } from "./rooms.ts";
import type { Gate, RoomParts } from "./rooms.ts";
import { checkCertificate, watchCertificate } from "./server/certificate.ts";
import type { CertificateFiles } from "./server/certificate.ts";
import { HttpIngest } from "./server/ingest.ts";
import { LiveEvents } from "./server/live-events.ts";
import { Neighbours } from "./server/nearby.ts";
import { Server } from "./server/server.ts";
import type { StreamDoor } from "./server/stream-door.ts";
import type { SessionDesk } from "./session/desk.ts";
import type { StreamHub } from "./stream/hub.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";
import type { BatchTracer } from "./tracing/tracer.ts";

export interface IngestRooms {
  readonly repeats: Repeats;
  readonly admission: Admission;
  readonly pipeline: Pipeline;
  readonly deadlines: Deadlines;
  readonly gate: Gate;
  readonly quotas: Quotas;
  readonly shedding: Shedding;
  readonly tracer: BatchTracer | null;
}

export function makeIngest(
  parts: RoomParts,
  { gate, shedding, ...others }: IngestRooms,
): HttpIngest {
  const { config, pack, telemetry } = parts;
  return new HttpIngest({
    ...others,
    limits: ingestLimits(config),
    payload: pack.payload,
    typeMember: pack.typeMember,
    nativeForm: nativeForm(pack),
    loopback: isLoopback(config.host),
    now: systemClock.nowMs,
    clockMs: systemClock.monotonicMs,
    closedBecause: gate.closedBecause,
    closedFor: gate.closedFor,
    observer: {
      failed: (error) => telemetry.process.unexpected("a request", error),
      answered: (latencyMs, trace) => {
        shedding.answered(latencyMs);
        telemetry.traffic.answered("http", latencyMs, { trace });
      },
      received: (durationMs) => telemetry.traffic.bodyReceived(durationMs),
      quotaReached: (scope) => telemetry.traffic.quotaReached(scope),
      told: (durationMs) => telemetry.traffic.told(durationMs),
    },
    onInflated: (compressed, bytes) => telemetry.traffic.inflated(compressed, bytes),
    recordHeaders: config.cloudEventsHeaders,
    processId: makeProcessId(),
  });
}

export interface ServerRooms {
  readonly admission: Admission;
  readonly desk: SessionDesk;
  readonly doorman: Doorman;
  readonly ingest: HttpIngest;
  readonly streams: StreamDoor;
  readonly hub: StreamHub;
  readonly live: LiveHub;
  readonly gate: Gate;
  /** Other processes share the port. */
  readonly isWorker: boolean;
}

export function makeServer(parts: RoomParts, rooms: ServerRooms): Server {
  const { admission, desk, doorman, ingest, streams, hub, live, isWorker, gate } = rooms;
  const loopback = isLoopback(parts.config.host);
  const { config, pack, telemetry } = parts;
  const { traffic } = telemetry;
  const onFailure = (error: unknown) => telemetry.process.unexpected("a request", error);
  const tls = certificateFiles(config);
  const neighbours = new Neighbours({
    trustedProxies: config.trustedProxies,
    needsCertificate: config.tlsClientCaFile !== "",
  });
  return new Server({
    host: config.host,
    port: config.port,
    portShared: isWorker,
    ...(tls === null ? {} : { tls }),
    http: {
      tickets: { admission, loopback },
      sessions: { admission, desk, loopback, nowMs: systemClock.nowMs },
      ingest,
      streams,
      liveEvents: new LiveEvents({ hub: live, admission, doorman, loopback }),
      doorman,
      neighbours,
      pages: demoPages(config, pack),
      clockMs: systemClock.monotonicMs,
      isLeaving: () => gate.isDraining,
      isSecure: tls !== null,
      onAnswered: (route, status, ms) => traffic.httpAnswered(route, status, ms),
      onFailure,
    },
    websocket: {
      hub,
      doorman,
      neighbours,
      frameBytesHardMax: FRAME_BYTES_HARD_MAX,
      backlogBytesMax: SOCKET_BACKLOG_BYTES_MAX,
      loopback,
      onRefused: () => traffic.socketRefused("bad_request"),
      onOpened: () => traffic.socketOpened(),
      onClosed: (closeCode) => traffic.socketClosed(closeCode),
      onBacklog: (what) => traffic.backlogged(what),
      onFailure,
    },
    live: { hub: live, doorman, neighbours, loopback, onFailure },
  });
}

/** null: no TLS. */
function certificateFiles(config: Config): CertificateFiles | null {
  const { tlsCertFile: certFile, tlsKeyFile: keyFile, tlsClientCaFile: clientCaFile } = config;
  if (certFile === "") return null;
  return { certFile, keyFile, ...(clientCaFile === "" ? {} : { clientCaFile }) };
}

/** What is wrong with the certificate, as a sentence; null: nothing, or there is none. */
export function certificateFault(config: Config): string | null {
  const files = certificateFiles(config);
  if (files === null) return null;
  const checked = checkCertificate(files);
  return checked.kind === "fault" ? `the certificate cannot be used: ${checked.detail}` : null;
}

/** Lets the server take renewed certificates, until the returned function is called. */
export function followCertificate(
  { config, telemetry }: { readonly config: Config; readonly telemetry: Telemetry },
  server: Server,
): CancelTimer {
  const files = certificateFiles(config);
  if (files === null) return () => {};
  const { backends, log, process } = telemetry;
  const checked = checkCertificate(files);
  let expiresAtMs = checked.kind === "sound" ? checked.expiresAtMs : 0;
  backends.watch({ certificateExpiryMs: () => expiresAtMs });
  return watchCertificate({
    files,
    clock: systemClock,
    onSound: (nextExpiryMs) => {
      expiresAtMs = nextExpiryMs;
      server.renewCertificate().then(
        () => log.info("certificate renewed", { expires: new Date(nextExpiryMs).toISOString() }),
        (error: unknown) => process.unexpected("renewing the certificate", error),
      );
    },
    onFault: (detail) => log.warn("certificate refused, the old one stays in use", { detail }),
  });
}
