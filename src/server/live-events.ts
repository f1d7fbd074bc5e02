/**
 * `GET /v1/live/sse`: the live feed as server-sent events (HTML Standard §9.2), for clients without
 * WebSockets and for `curl`. Each frame is an event named by its `t`; its id, where it has one, is
 * the token that a browser sends back as Last-Event-ID. uWebSockets publishes to WebSockets only,
 * so who listens on which channel is kept here.
 */
import type { HttpResponse } from "uWebSockets.js";
import type { Admission } from "../admission/admission.ts";
import { credentialsOf } from "../admission/credentials.ts";
import type { LiveFrame } from "../live/frames.ts";
import type { LiveHub } from "../live/hub.ts";
import { readQuery } from "../live/request.ts";
import type { LiveSocket } from "../live/connection.ts";
import type { Subscriber } from "../live/subscriber.ts";
import { plan } from "../live/subscription.ts";
import { waitSeconds } from "../protocol/rate-limit.ts";
import { problemReply } from "../protocol/reply.ts";
import type { Reply } from "../protocol/reply.ts";
import type { Doorman } from "../quota/doorman.ts";
import { refusalOf } from "./ingest.ts";
import { applicantOf } from "./request.ts";
import type { RequestHead } from "./request.ts";

export const LIVE_EVENTS_PATH = "/v1/live/sse";

/** uWebSockets ends an HTTP connection on which nothing was said for 10 s. */
const COMMENT_MS = 4_000;
const COMMENT = ":\n\n";

/** How long a browser waits before it comes back. */
const RETRY_MS = 2_000;

export interface LiveEventsParts {
  readonly hub: LiveHub;
  readonly admission: Admission;
  readonly doorman: Doorman;
  /** The server is bound to loopback only. */
  readonly loopback: boolean;
}

/** The response to one request, which may be begun once. */
export interface EventAnswer {
  readonly send: (reply: Reply) => void;
  /** Writes the head of an answer without an end; null: the client is gone. */
  begin(contentType: string): HttpResponse | null;
  whenAborted(onAbort: () => void): void;
}

export class LiveEvents {
  readonly #parts: LiveEventsParts;
  readonly #channels = new Map<string, Set<EventSocket>>();

  constructor(parts: LiveEventsParts) {
    this.#parts = parts;
  }

  /** To everybody who listens on the channel. */
  publish(channel: string, frame: LiveFrame): void {
    const listeners = this.#channels.get(channel);
    if (listeners === undefined) return;
    const text = eventText(frame);
    for (const listener of listeners) listener.write(text);
  }

  join(channel: string, socket: EventSocket): void {
    const listeners = this.#channels.get(channel) ?? new Set();
    this.#channels.set(channel, listeners.add(socket));
  }

  leave(channel: string, socket: EventSocket): void {
    const listeners = this.#channels.get(channel);
    listeners?.delete(socket);
    if (listeners?.size === 0) this.#channels.delete(channel);
  }

  /** Answers a GET: with events, or with why not. */
  async open(
    answer: EventAnswer,
    { head, requestId }: { readonly head: RequestHead; readonly requestId: string },
  ): Promise<void> {
    const { admission, hub, loopback, doorman } = this.#parts;
    const peer = applicantOf(head, loopback);
    const away = doorman.handshake(peer.address);
    if (away !== null) {
      const { detail, waitMs } = away;
      const refusal = { requestId, detail, retryAfterSeconds: waitSeconds(waitMs), close: true };
      answer.send(problemReply("rate_limited", refusal));
      return;
    }
    const request = readQuery(head.query, head.headers.get("last-event-id") ?? "");
    if (typeof request === "string") {
      answer.send(problemReply("bad_request", { requestId, detail: request }));
      return;
    }
    const applicant = { ...peer, credentials: credentialsIn(head), isConnection: true };
    const admitted = await admission.admit(applicant);
    if (admitted.kind === "refused") {
      const [code, options] = refusalOf(admitted);
      answer.send(problemReply(code, { ...options, requestId, close: true }));
      return;
    }
    const planned = plan(request, admitted.principal, hub.catalogue);
    if (planned.kind === "refused") {
      const code = planned.code === "forbidden" ? "forbidden" : "bad_request";
      answer.send(problemReply(code, { requestId, detail: planned.detail }));
      return;
    }
    const closed = hub.closedBecause;
    if (closed !== null) {
      const code = closed === "draining" ? "draining" : "overloaded";
      answer.send(problemReply(code, { requestId, detail: hub.refuse(closed) }));
      return;
    }
    const response = answer.begin("text/event-stream");
    if (response === null) return;
    doorman.opened(peer.address);
    const socket = new EventSocket(response, this);
    const subscriber = hub.connect(socket, { ...peer, credentials: null });
    socket.begin(subscriber);
    answer.whenAborted(() => socket.gone());
    socket.onGone = () => doorman.closed(peer.address);
    await subscriber.subscribe(admitted.principal, planned.subscription);
  }
}

/** A ticket may stand in the URL, because it is used up at once. */
function credentialsIn(head: RequestHead): string | null {
  const { authorization, "x-write-key": writeKey } = head.header;
  const named = credentialsOf({ authorization, writeKey, query: "" });
  return named ?? new URLSearchParams(head.query).get("ticket");
}

function eventText({ t, text, token }: LiveFrame): string {
  return `${token === undefined ? "" : `id: ${token}\n`}event: ${t}\ndata: ${text}\n\n`;
}

class EventSocket implements LiveSocket {
  readonly #response: HttpResponse;
  readonly #events: LiveEvents;
  readonly #joined = new Set<string>();
  #subscriber: Subscriber | null = null;
  #timer: NodeJS.Timeout | undefined;
  #isOpen = true;
  /** Characters written since the client stopped reading. */
  #waiting = 0;
  onGone: () => void = () => {};

  constructor(response: HttpResponse, events: LiveEvents) {
    this.#response = response;
    this.#events = events;
  }

  begin(subscriber: Subscriber): void {
    this.#subscriber = subscriber;
    this.#response.onWritable(() => {
      this.#waiting = 0;
      this.#subscriber?.onDrain();
      return true;
    });
    this.#timer = setInterval(() => {
      if (this.#waiting === 0) this.write(COMMENT);
    }, COMMENT_MS);
    this.#timer.unref();
    this.write(`retry: ${RETRY_MS}\n\n`);
  }

  send(frame: LiveFrame): void {
    this.write(eventText(frame));
  }

  write(text: string): void {
    if (!this.#isOpen) return;
    this.#response.cork(() => {
      const isRead = this.#response.write(text);
      if (!isRead || this.#waiting > 0) this.#waiting += text.length;
    });
  }

  join(channel: string): void {
    this.#joined.add(channel);
    this.#events.join(channel, this);
  }

  leave(channel: string): void {
    this.#joined.delete(channel);
    this.#events.leave(channel, this);
  }

  buffered(): number {
    return this.#waiting;
  }

  end(): void {
    if (!this.#isOpen) return;
    const response = this.#response;
    this.gone();
    response.cork(() => response.end());
  }

  /** The connection is gone, or is about to be. */
  gone(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    clearInterval(this.#timer);
    for (const channel of this.#joined) this.#events.leave(channel, this);
    this.#subscriber?.onClose();
    this.onGone();
  }
}
