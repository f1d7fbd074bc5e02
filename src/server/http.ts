/**
 * HTTP on uWebSockets: from its request and response objects to plain data and back. Every response
 * has its abort handler before anything else happens, is written once, corked, and never after an
 * abort; a handler that throws answers 500 instead of ending the process.
 */
import type { HttpResponse, TemplatedApp } from "uWebSockets.js";
import type { FacadeEvents, FacadeReply, FacadeRequest } from "../dialect/facade.ts";
import { matchFacade } from "../dialect/facades.ts";
import { NATIVE_PATH } from "../dialect/native.ts";
import type { Doorman } from "../quota/doorman.ts";
import { TICKETS_PATH } from "../protocol/documents/facts.ts";
import { waitSeconds } from "../protocol/rate-limit.ts";
import type { ByteBudget } from "../lib/byte-budget.ts";
import { internalReply, problemReply } from "../protocol/reply.ts";
import type { Reply } from "../protocol/reply.ts";
import { Answer } from "./answer.ts";
import type { AnswerParts } from "./answer.ts";
import { LIVE_SUBPROTOCOL, SUBPROTOCOL } from "../protocol/frames.ts";
import { gatherBody } from "./body.ts";
import type { Gathered } from "./body.ts";
import { preflightHeaders } from "./cors.ts";
import { PublishedDocuments } from "./documents.ts";
import type { Page } from "./documents.ts";
import type { IngestRequest } from "./http-batches.ts";
import type { HttpIngest } from "./ingest.ts";
import type { Neighbours } from "./nearby.ts";
import { LIVE_PATH } from "./live-door.ts";
import { LIVE_EVENTS_PATH } from "./live-events.ts";
import type { LiveEvents } from "./live-events.ts";
import { readHead } from "./request.ts";
import type { RequestHead } from "./request.ts";
import { streamOfPath } from "./stream-door.ts";
import type { StreamDoor } from "./stream-door.ts";
import { ticketReply } from "./ticket-door.ts";
import { isSessionPath, sessionReply } from "./session-door.ts";
import type { SessionDoorParts } from "./session-door.ts";
import type { TicketDoorParts } from "./ticket-door.ts";
import { STREAM_PATH } from "./websocket.ts";

export interface HttpDoorParts extends AnswerParts {
  readonly tickets: TicketDoorParts;
  readonly sessions: SessionDoorParts;
  readonly ingest: HttpIngest;
  readonly streams: StreamDoor;
  readonly liveEvents: LiveEvents;
  readonly doorman: Doorman;
  readonly neighbours: Neighbours;
  /** Further pages to read, by path. */
  readonly pages: ReadonlyMap<string, Page>;
  /** The listener speaks TLS. */
  readonly isSecure: boolean;
  readonly onFailure: (error: unknown) => void;
}

/** Adds the HTTP routes. Everything that no other route of the app takes ends here. */
export function addHttpRoutes(app: TemplatedApp, parts: HttpDoorParts): void {
  const documents = new PublishedDocuments(parts.pages);
  app.any("/*", (response, request) => {
    const nearby = parts.neighbours.of(response);
    if (nearby === null) {
      response.close();
      return;
    }
    const head = readHead(request, nearby);
    const answer = new Answer(response, head, parts);
    const exchange = { response, head, answer, documents };
    try {
      handle(exchange, parts);
    } catch (error) {
      parts.onFailure(error);
      exchange.answer.send(internalReply(parts.ingest.nextRequestId()));
    }
  });
}

interface Exchange {
  readonly response: HttpResponse;
  readonly head: RequestHead;
  readonly answer: Answer;
  readonly documents: PublishedDocuments;
}

function handle(exchange: Exchange, parts: HttpDoorParts): void {
  const { head, answer } = exchange;
  const away = head.method === "OPTIONS" ? null : parts.doorman.request(head.address);
  if (away !== null) {
    const requestId = parts.ingest.nextRequestId();
    const retryAfterSeconds = waitSeconds(away.waitMs);
    const refusal = { requestId, detail: away.detail, retryAfterSeconds, close: true };
    answer.send(problemReply("rate_limited", refusal));
    return;
  }
  if (head.path !== NATIVE_PATH && streamOfPath(head.path) !== null) {
    handleStream(exchange, parts);
    return;
  }
  const match = matchFacade(facadeRequest(head, parts.isSecure));
  if (match?.kind === "events") {
    receive(exchange, match, parts);
    return;
  }
  const requestId = parts.ingest.nextRequestId();
  if (head.method === "OPTIONS" && match?.kind === "method") {
    const headers = Object.fromEntries(preflightHeaders(head.header.origin, match.allow));
    answer.send({ status: 204, contentType: "", body: "", retryAfterSeconds: 0, headers });
  } else if (match?.kind === "reply") {
    giveReply(exchange, match, parts);
  } else if (match?.kind === "method") {
    const { allow } = match;
    const detail = `${head.path} takes ${allow.split(",")[0] ?? ""}`;
    const refusal = { requestId, detail, headers: { Allow: allow }, close: true };
    answer.send(problemReply("method_not_allowed", refusal));
  } else if (head.path === TICKETS_PATH) {
    giveTicket(exchange, parts, requestId);
  } else if (isSessionPath(head.path)) {
    sendLater(exchange, parts, {
      requestId,
      reply: sessionReply(parts.sessions, { head, requestId }),
    });
  } else if (head.path === LIVE_EVENTS_PATH) {
    giveEvents(exchange, parts, requestId);
  } else if (head.path === STREAM_PATH || head.path === LIVE_PATH) {
    const subprotocol = head.path === LIVE_PATH ? LIVE_SUBPROTOCOL : SUBPROTOCOL;
    const detail = `${head.path} takes WebSockets of the subprotocol ${subprotocol}`;
    const headers = { Upgrade: "websocket" };
    answer.send(problemReply("upgrade_required", { requestId, detail, headers, close: true }));
  } else if (exchange.documents.has(head.path)) {
    giveDocument(exchange, requestId);
  } else {
    const detail = `events are sent to POST ${NATIVE_PATH} or over a WebSocket to /v1/stream`;
    answer.send(problemReply("not_found", { requestId, detail, close: true }));
  }
}

function facadeRequest(
  { method, path, query, headers }: RequestHead,
  isSecure: boolean,
): FacadeRequest {
  const header = (name: string): string => headers.get(name) ?? "";
  return { method, path, query, header, headerNames: () => headers.keys(), isSecure };
}

/** What a façade answers by itself, where the key it names is good. */
function giveReply({ head, answer }: Exchange, match: FacadeReply, parts: HttpDoorParts): void {
  answer.send(parts.ingest.keyFault(head, match) ?? match.reply);
}

function sendLater(
  { answer }: Exchange,
  { onFailure }: HttpDoorParts,
  { requestId, reply }: { readonly requestId: string; readonly reply: Promise<Reply> },
): void {
  reply.then(answer.send, (error: unknown) => {
    onFailure(error);
    answer.send(internalReply(requestId));
  });
}

function giveTicket(exchange: Exchange, parts: HttpDoorParts, requestId: string): void {
  const { head } = exchange;
  if (head.method === "POST") {
    const reply = ticketReply(parts.tickets, { head, requestId });
    sendLater(exchange, parts, { requestId, reply });
  } else refuseOtherMethods(exchange, { allow: "POST, OPTIONS", requestId });
}

/** The live feed as server-sent events. */
function giveEvents(exchange: Exchange, parts: HttpDoorParts, requestId: string): void {
  const { head, answer } = exchange;
  if (head.method === "GET") {
    parts.liveEvents.open(answer, { head, requestId }).catch((error: unknown) => {
      parts.onFailure(error);
      answer.send(internalReply(requestId));
    });
  } else refuseOtherMethods(exchange, { allow: "GET, OPTIONS", requestId });
}

/** A preflight is answered, every other method refused. */
function refuseOtherMethods(
  { head, answer }: Exchange,
  { allow, requestId }: { readonly allow: string; readonly requestId: string },
): void {
  if (head.method === "OPTIONS") {
    const headers = Object.fromEntries(preflightHeaders(head.header.origin, allow));
    answer.send({ status: 204, contentType: "", body: "", retryAfterSeconds: 0, headers });
    return;
  }
  const detail = `${head.path} takes ${allow.split(",")[0] ?? ""}`;
  const refusal = { requestId, detail, headers: { Allow: allow }, close: true };
  answer.send(problemReply("method_not_allowed", refusal));
}

function giveDocument({ head, answer, documents }: Exchange, requestId: string): void {
  const { path, method } = head;
  const isRead = method === "GET" || method === "HEAD";
  const reply = isRead ? documents.reply(path, head.header["if-none-match"]) : null;
  const detail = `${path} takes GET`;
  const headers = { Allow: "GET, HEAD" };
  const refusal = { requestId, detail, headers, close: true };
  answer.send(reply ?? problemReply("method_not_allowed", refusal));
}

/** The HTTP twin of a stream. */
function handleStream(exchange: Exchange, parts: HttpDoorParts): void {
  const { head, answer } = exchange;
  const allow = "POST, OPTIONS";
  if (head.method === "OPTIONS") {
    const headers = Object.fromEntries(preflightHeaders(head.header.origin, allow));
    answer.send({ status: 204, contentType: "", body: "", retryAfterSeconds: 0, headers });
  } else if (head.method === "POST") receiveStream(exchange, parts);
  else {
    const requestId = parts.ingest.nextRequestId();
    const detail = "this path takes POST";
    const refusal = { requestId, detail, headers: { Allow: allow }, close: true };
    answer.send(problemReply("method_not_allowed", refusal));
  }
}

function receiveStream(exchange: Exchange, parts: HttpDoorParts): void {
  const { head, answer } = exchange;
  const { streams: door } = parts;
  const opened = door.begin(head, answer.send);
  if (opened.kind === "reply") {
    answer.send(opened.reply);
    return;
  }
  const { request } = opened;
  gather(exchange, parts, {
    bytesMax: door.bodyBytesMax,
    budget: door.bodies,
    take: (body) => {
      if (typeof body === "string") door.refuseBody(request, body);
      else door.take(request, body);
    },
    fail: () => request.reply(internalReply(request.requestId)),
    abandon: () => door.abandon(request),
  });
}

function receive(exchange: Exchange, facade: FacadeEvents, parts: HttpDoorParts): void {
  const { head, answer } = exchange;
  const { ingest } = parts;
  answer.facade = facade.dialect;
  const opened = ingest.begin(head, facade, answer.send);
  if (opened.kind === "reply") {
    answer.send(opened.reply);
    return;
  }
  gather(exchange, parts, new EventsTaker(ingest, opened.request));
}

/** Who waits for a body. */
interface BodyTaker {
  readonly bytesMax: number;
  readonly budget: ByteBudget;
  take(body: Gathered): void;
  /** Taking it has failed: it is answered all the same. */
  fail(): void;
  /** The client went away before its body was complete. */
  abandon(): void;
}

/** The body of a request of events. A class: it is made for each of them. */
class EventsTaker implements BodyTaker {
  readonly bytesMax: number;
  readonly budget: ByteBudget;
  readonly #ingest: HttpIngest;
  readonly #request: IngestRequest;

  constructor(ingest: HttpIngest, request: IngestRequest) {
    this.bytesMax = ingest.bodyBytesMax(request.facade);
    this.budget = ingest.bodies;
    this.#ingest = ingest;
    this.#request = request;
  }

  take(body: Gathered): void {
    if (typeof body === "string") this.#ingest.refuseBody(this.#request, body);
    else this.#ingest.take(this.#request, body);
  }

  fail(): void {
    const { requestId, facade, reply } = this.#request;
    reply(facade.answers.problem("internal", { requestId, close: true }));
  }

  abandon(): void {
    this.#ingest.abandon(this.#request);
  }
}

const NOTHING_TO_ABANDON = (): void => {};

function gather(
  { response, answer }: Exchange,
  { onFailure }: HttpDoorParts,
  taker: BodyTaker,
): void {
  const done = (body: Gathered) => {
    // From here on the request is answered, whether its client still listens or not.
    answer.whenAborted(NOTHING_TO_ABANDON);
    try {
      taker.take(body);
    } catch (error) {
      onFailure(error);
      taker.fail();
    }
  };
  const { bytesMax, budget } = taker;
  const giveUp = gatherBody(response, { bytesMax, budget, done });
  answer.whenAborted(() => {
    giveUp();
    taker.abandon();
  });
}
