/**
 * WebSockets on uWebSockets: the upgrade, and the glue between its sockets and streams. What a
 * frame means is the stream's business. Soft limits of ours lie below uWebSockets' hard ones, which
 * cut connections without a word.
 */
import { DISABLED } from "uWebSockets.js";
import type { HttpRequest, HttpResponse, TemplatedApp, WebSocket } from "uWebSockets.js";
import type { us_socket_context_t } from "uWebSockets.js";
import type { Doorman } from "../quota/doorman.ts";
import { SUBPROTOCOL } from "../protocol/frames.ts";
import type { StreamConnection } from "../stream/connection.ts";
import type { StreamPeer, StreamSocket } from "../stream/socket.ts";
import type { StreamHub } from "../stream/hub.ts";
import type { Neighbours } from "./nearby.ts";
import { applicantOf, senderOf } from "./request.ts";
import { readUpgrade } from "./upgrade.ts";
import type { Upgrade } from "./upgrade.ts";

export const STREAM_PATH = "/v1/stream";

/** uWebSockets' own idle timer: above our pings, which keep it from firing for live clients. */
const IDLE_TIMEOUT_SECONDS = 120;

interface SocketData {
  readonly peer: Caller;
  connection: StreamConnection | null;
  ends: SocketEnds | null;
}

export interface WebSocketDoorParts {
  readonly hub: StreamHub;
  readonly doorman: Doorman;
  readonly neighbours: Neighbours;
  readonly frameBytesHardMax: number;
  readonly backlogBytesMax: number;
  /** The server is bound to loopback only. */
  readonly loopback: boolean;
  /** An upgrade request was not sound. */
  readonly onRefused: () => void;
  readonly onOpened: () => void;
  readonly onClosed: (code: number) => void;
  /** A client reads too slowly: what was written waits in memory, or is cut off with it. */
  readonly onBacklog: (what: "waited" | "cut") => void;
  readonly onFailure: (error: unknown) => void;
}

/** Adds `GET /v1/stream`. */
export function addWebSocketRoute(app: TemplatedApp, parts: WebSocketDoorParts): void {
  app.ws<SocketData>(STREAM_PATH, {
    compression: DISABLED,
    maxPayloadLength: parts.frameBytesHardMax,
    maxBackpressure: parts.backlogBytesMax,
    closeOnBackpressureLimit: true,
    idleTimeout: IDLE_TIMEOUT_SECONDS,
    sendPingsAutomatically: true,
    maxLifetime: 0,
    upgrade: (response, request, context) => {
      guarded(parts, () => upgrade(response, request, { context, parts }));
    },
    open: (socket) => {
      parts.onOpened();
      parts.doorman.opened(socket.getUserData().peer.address);
      guarded(parts, () => open(socket, parts));
    },
    message: (socket, message, isBinary) => {
      const { connection } = socket.getUserData();
      // Written out: this is called for every frame.
      try {
        connection?.onMessage(new Uint8Array(message), isBinary);
      } catch (error) {
        failed(parts, error, connection);
      }
    },
    close: (socket, code) => {
      guarded(parts, () => {
        const data = socket.getUserData();
        data.ends?.closed();
        parts.doorman.closed(data.peer.address);
        data.connection?.onClose();
        parts.onClosed(code);
      });
    },
  });
}

/** An exception out of a uWebSockets callback would end the process. */
function guarded(parts: WebSocketDoorParts, run: () => void): void {
  try {
    run();
  } catch (error) {
    failed(parts, error, null);
  }
}

/** A stream whose frame met an exception is closed: its client sends again what has no outcome. */
function failed(
  parts: WebSocketDoorParts,
  error: unknown,
  connection: StreamConnection | null,
): void {
  parts.onFailure(error);
  connection?.fail("internal", "an error inside sluice");
}

interface UpgradeParts {
  readonly context: us_socket_context_t;
  readonly parts: WebSocketDoorParts;
}

function upgrade(response: HttpResponse, request: HttpRequest, { context, parts }: UpgradeParts) {
  const sound = readUpgrade(response, request, { ...parts, subprotocol: SUBPROTOCOL });
  if (sound === null) return;
  const { head } = sound;
  response.upgrade<SocketData>(
    { peer: new Caller(sound, parts.loopback), connection: null, ends: null },
    head.header["sec-websocket-key"],
    SUBPROTOCOL,
    head.header["sec-websocket-extensions"],
    context,
  );
}

/** What is kept of an upgrade request: as little as there can be, for as long as its socket. */
class Caller implements StreamPeer {
  readonly address: string;
  readonly origin: string;
  readonly certificateSubject: string;
  readonly loopback: boolean;
  readonly clientTrace: string;
  readonly #userAgent: string;
  credentials: string | null;
  cookie: string | null;

  constructor({ head, credentials, cookie }: Upgrade, isLocal: boolean) {
    const { address, origin, certificateSubject, loopback } = applicantOf(head, isLocal);
    this.address = address;
    this.origin = origin;
    this.certificateSubject = certificateSubject;
    this.loopback = loopback;
    this.clientTrace = head.headers.get("traceparent") ?? "";
    this.#userAgent = senderOf(head).userAgent;
    this.credentials = credentials;
    this.cookie = cookie;
  }

  get sender(): { readonly ip: string; readonly userAgent: string } {
    return { ip: this.address, userAgent: this.#userAgent };
  }
}

/**
 * uWebSockets' words for a message that waits, or was dropped, because the client does not read.
 */
const WAITS = 0;
const DROPPED = 2;

class SocketEnds implements StreamSocket {
  /** null: uWebSockets' object must not be touched after its close handler has run. */
  #socket: WebSocket<SocketData> | null;
  readonly #parts: Pick<WebSocketDoorParts, "onBacklog">;

  constructor(socket: WebSocket<SocketData>, parts: Pick<WebSocketDoorParts, "onBacklog">) {
    this.#socket = socket;
    this.#parts = parts;
  }

  closed(): void {
    this.#socket = null;
  }

  send(text: string): boolean {
    const socket = this.#socket;
    if (socket === null) return false;
    let status = DROPPED;
    socket.cork(() => {
      status = socket.send(text, false, false);
    });
    if (status === WAITS) this.#parts.onBacklog("waited");
    else if (status === DROPPED) this.#parts.onBacklog("cut");
    return status !== DROPPED;
  }

  end(code: number, reason: string): void {
    this.#socket?.end(code, reason);
  }

  cut(): void {
    this.#socket?.close();
  }
}

function open(socket: WebSocket<SocketData>, parts: WebSocketDoorParts): void {
  const data = socket.getUserData();
  data.ends = new SocketEnds(socket, parts);
  data.connection = parts.hub.open(data.ends, data.peer);
}
