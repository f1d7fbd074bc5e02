/**
 * The doors of the live feed on uWebSockets: `GET /v1/live` (WebSocket) and `GET /v1/live/sse`. A
 * frame for many is handed to uWebSockets once for each channel; its own publish fans it out. What
 * a frame means is the subscriber's business.
 */
import { DISABLED } from "uWebSockets.js";
import type { HttpRequest, HttpResponse, TemplatedApp, WebSocket } from "uWebSockets.js";
import type { us_socket_context_t } from "uWebSockets.js";
import { CLOSE_RULES } from "../errors.ts";
import {
  LIVE_BUFFER_BYTES_MAX,
  LIVE_EVENT_BYTES_MAX,
  LIVE_FRAME_BYTES_MAX,
} from "../limits/live.ts";
import type { LivePeer, LiveSocket } from "../live/connection.ts";
import type { LiveFrame } from "../live/frames.ts";
import type { LiveHub } from "../live/hub.ts";
import type { Subscriber } from "../live/subscriber.ts";
import type { Doorman } from "../quota/doorman.ts";
import { closeReason, LIVE_SUBPROTOCOL } from "../protocol/frames.ts";
import type { Neighbours } from "./nearby.ts";
import { applicantOf } from "./request.ts";
import { readUpgrade } from "./upgrade.ts";

export const LIVE_PATH = "/v1/live";

/** uWebSockets' own idle timer, with its own pings: who does not even answer them is gone. */
const IDLE_TIMEOUT_SECONDS = 60;

/**
 * The feed looks at the buffers before each slice, so beyond the bound there can be one slice and
 * what a subscriber is told for himself; at this hard mark uWebSockets cuts.
 */
const BACKPRESSURE_BYTES_MAX = 2 * LIVE_BUFFER_BYTES_MAX + 4 * LIVE_EVENT_BYTES_MAX;

interface LiveData {
  readonly peer: LivePeer;
  subscriber: Subscriber | null;
  /** uWebSockets' object must not be touched after its close handler has run. */
  isOpen: boolean;
}

export interface LiveDoorParts {
  readonly hub: LiveHub;
  readonly doorman: Doorman;
  readonly neighbours: Neighbours;
  /** The server is bound to loopback only. */
  readonly loopback: boolean;
  readonly onFailure: (error: unknown) => void;
}

/** Adds `GET /v1/live`. What is published has to be given to each app: see Server. */
export function addLiveRoute(app: TemplatedApp, parts: LiveDoorParts): void {
  app.ws<LiveData>(LIVE_PATH, {
    compression: DISABLED,
    maxPayloadLength: 2 * LIVE_FRAME_BYTES_MAX,
    maxBackpressure: BACKPRESSURE_BYTES_MAX,
    closeOnBackpressureLimit: true,
    idleTimeout: IDLE_TIMEOUT_SECONDS,
    sendPingsAutomatically: true,
    maxLifetime: 0,
    upgrade: (response, request, context) => {
      guarded(parts, () => upgrade(response, request, { context, parts }));
    },
    open: (socket) => {
      parts.doorman.opened(socket.getUserData().peer.address);
      guarded(parts, () => open(socket, parts.hub));
    },
    message: (socket, message, isBinary) => {
      const { subscriber } = socket.getUserData();
      guarded(parts, () => hear(subscriber, message, isBinary), subscriber);
    },
    drain: (socket) => {
      const { subscriber } = socket.getUserData();
      guarded(parts, () => subscriber?.onDrain(), subscriber);
    },
    close: (socket) => {
      guarded(parts, () => {
        const data = socket.getUserData();
        data.isOpen = false;
        parts.doorman.closed(data.peer.address);
        data.subscriber?.onClose();
      });
    },
  });
}

/** An exception out of a uWebSockets callback would end the process. */
function guarded(
  parts: LiveDoorParts,
  run: () => void,
  subscriber: Subscriber | null = null,
): void {
  try {
    run();
  } catch (error) {
    parts.onFailure(error);
    subscriber?.fail("internal", "an error inside sluice");
  }
}

interface UpgradeParts {
  readonly context: us_socket_context_t;
  readonly parts: LiveDoorParts;
}

function upgrade(response: HttpResponse, request: HttpRequest, { context, parts }: UpgradeParts) {
  const sound = readUpgrade(response, request, { ...parts, subprotocol: LIVE_SUBPROTOCOL });
  if (sound === null) return;
  const { head, credentials, cookie } = sound;
  const peer = { ...applicantOf(head, parts.loopback), credentials, cookie };
  response.upgrade<LiveData>(
    { peer, subscriber: null, isOpen: true },
    head.header["sec-websocket-key"],
    LIVE_SUBPROTOCOL,
    head.header["sec-websocket-extensions"],
    context,
  );
}

function open(socket: WebSocket<LiveData>, hub: LiveHub): void {
  const data = socket.getUserData();
  const ends: LiveSocket = {
    send: ({ text }: LiveFrame) => {
      if (data.isOpen) socket.cork(() => void socket.send(text, false, false));
    },
    join: (channel) => {
      if (data.isOpen) socket.subscribe(channel);
    },
    leave: (channel) => {
      if (data.isOpen) socket.unsubscribe(channel);
    },
    buffered: () => (data.isOpen ? socket.getBufferedAmount() : 0),
    end: (name, detail) => {
      if (data.isOpen) socket.end(CLOSE_RULES[name].code, closeReason(detail));
    },
  };
  data.subscriber = hub.connect(ends, data.peer);
}

const UTF8 = new TextDecoder();

function hear(subscriber: Subscriber | null, message: ArrayBuffer, isBinary: boolean): void {
  if (isBinary) subscriber?.fail("unsupported_data", "frames are text");
  else if (message.byteLength > LIVE_FRAME_BYTES_MAX) {
    subscriber?.fail("too_large", `a frame has at most ${LIVE_FRAME_BYTES_MAX} bytes`);
  } else subscriber?.onMessage(UTF8.decode(message));
}
