/**
 * A response of uWebSockets that is written at most once, corked, and not after its client has
 * gone; and what is counted of it.
 */
import { STATUS_CODES } from "node:http";
import type { HttpResponse } from "uWebSockets.js";
import type { Dialect } from "../admission/policy.ts";
import { NATIVE_PATH } from "../dialect/native.ts";
import { TICKETS_PATH } from "../protocol/documents/facts.ts";
import type { Reply } from "../protocol/reply.ts";
import { corsHeaders } from "./cors.ts";
import type { RequestHead } from "./request.ts";
import { isSessionPath } from "./session-door.ts";
import { streamOfPath } from "./stream-door.ts";

export interface AnswerParts {
  /** Every answer, also to what never became a request of events. */
  readonly onAnswered: (route: AnswerRoute, status: number, durationMs: number) => void;
  /** Monotonic clock, ms. */
  readonly clockMs: () => number;
  /** The process drains: each answer is the last one of its connection. */
  readonly isLeaving: () => boolean;
}

/** What was asked for, for the metrics. */
export type AnswerRoute =
  | "events"
  | "stream_events"
  | "preflight"
  | "tickets"
  | "sessions"
  | "other"
  | Exclude<Dialect, "native">;

/**
 * A response that is written at most once, and not after its client has gone. It keeps of the
 * request what its answer needs: all else dies young, however long an answer takes.
 */
export class Answer {
  readonly #response: HttpResponse;
  readonly #parts: AnswerParts;
  readonly #begunMs: number;
  readonly #method: string;
  readonly #path: string;
  readonly #origin: string;
  readonly #endsConnection: boolean;
  /** The façade that takes it; null: its path says what it is. */
  facade: Dialect | null = null;
  #over = false;
  /** Its answer is about to be written, the last of its connection. */
  #isClosing = false;
  #onAbort: (() => void) | null = null;

  constructor(response: HttpResponse, head: RequestHead, parts: AnswerParts) {
    this.#response = response;
    this.#parts = parts;
    this.#begunMs = parts.clockMs();
    this.#method = head.method;
    this.#path = head.path;
    this.#origin = head.header.origin;
    this.#endsConnection = endsConnection(head);
    response.onAborted(() => {
      this.#over = true;
      this.#onAbort?.();
    });
  }

  #count(status: number): void {
    const { onAnswered, clockMs } = this.#parts;
    const route = routeOf({ method: this.#method, path: this.#path }, this.facade);
    onAnswered(route, status, clockMs() - this.#begunMs);
  }

  /** `onAbort` is called if the client goes away before it has its answer. */
  whenAborted(onAbort: () => void): void {
    this.#onAbort = onAbort;
  }

  readonly send = (reply: Reply): void => {
    if (this.#over || this.#isClosing) return;
    this.#count(reply.status);
    if (!(reply.close ?? false) && !this.#endsConnection && !this.#parts.isLeaving()) {
      this.#write(reply, false);
      return;
    }
    this.#isClosing = true;
    // In a turn of its own: uWebSockets would go on to answer what stands behind this request in
    // the same bytes. While an answer is due it ends the connection there instead.
    setImmediate(() => this.#write(reply, true));
  };

  /** The head of an answer without an end, whose body is the caller's; null: the client is gone. */
  begin(contentType: string): HttpResponse | null {
    if (this.#over || this.#isClosing) return null;
    this.#count(200);
    this.#over = true;
    const response = this.#response;
    response.cork(() => {
      response.writeStatus("200 OK");
      response.writeHeader("Content-Type", contentType);
      response.writeHeader("Cache-Control", "no-store");
      // Proxies that gather answers would hold events back.
      response.writeHeader("X-Accel-Buffering", "no");
      for (const [name, value] of corsHeaders(this.#origin)) {
        response.writeHeader(name, value);
      }
    });
    return response;
  }

  #write(reply: Reply, close: boolean): void {
    if (this.#over) return;
    this.#over = true;
    const method = this.#method;
    const origin = this.#origin;
    const response = this.#response;
    response.cork(() => {
      // uWebSockets says 200 by itself.
      if (reply.status !== 200) response.writeStatus(statusLine(reply.status));
      if (reply.contentType !== "") response.writeHeader("Content-Type", reply.contentType);
      if (reply.retryAfterSeconds > 0) {
        response.writeHeader("Retry-After", String(reply.retryAfterSeconds));
      }
      if (reply.headers !== undefined) {
        for (const [name, value] of Object.entries(reply.headers)) {
          response.writeHeader(name, value);
        }
      }
      if (origin !== "" && reply.status !== 204) {
        for (const [name, value] of corsHeaders(origin)) response.writeHeader(name, value);
      }
      const isBare = method === "HEAD" || reply.status === 304;
      if (isBare) response.endWithoutBody(undefined, close);
      else response.end(reply.body, close);
    });
  }
}

const BODILESS_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Whether nothing that follows a request on its connection can be trusted to be one. A chunked body
 * cannot be told from what follows it with certainty, because uWebSockets is lenient; a body whose
 * length it did not see, as behind a header without a name, would be the next request.
 */
function endsConnection({ method, header }: RequestHead): boolean {
  if (header["transfer-encoding"] !== "") return true;
  return header["content-length"] === "" && !BODILESS_METHODS.has(method);
}

function routeOf(
  { method, path }: Pick<RequestHead, "method" | "path">,
  facade: Dialect | null,
): AnswerRoute {
  if (method === "OPTIONS") return "preflight";
  if (facade !== null && facade !== "native") return facade;
  if (path === NATIVE_PATH) return "events";
  if (streamOfPath(path) !== null) return "stream_events";
  if (path === TICKETS_PATH) return "tickets";
  return isSessionPath(path) ? "sessions" : "other";
}

function statusLine(status: number): string {
  return `${status} ${STATUS_CODES[status] ?? ""}`;
}
