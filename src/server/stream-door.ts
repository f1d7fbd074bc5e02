/**
 * The HTTP twin of a stream (docs/protocol.md §2.12), as a door: a request's head and body become
 * one use of the stream, its answer an HTTP answer. Credentials may stand in the body, because
 * beacons can set no headers. It knows nothing of uWebSockets.
 */
import type { Admission, Principal } from "../admission/admission.ts";
import { credentialsOf } from "../admission/credentials.ts";
import { bodyShape } from "../dialect/native.ts";
import type { ByteBudget } from "../lib/byte-budget.ts";
import { internalReply, jsonReply, problemReply } from "../protocol/reply.ts";
import type { Reply } from "../protocol/reply.ts";
import { STREAM_POST_PATH, parseStreamPost } from "../protocol/stream-post.ts";
import type { StreamPost } from "../protocol/stream-post.ts";
import { OneShot } from "../stream/one-shot.ts";
import type { OneShotAnswer, OneShotParts } from "../stream/one-shot.ts";
import { bodyCoding } from "./body.ts";
import { refusalOf } from "./ingest.ts";
import type { Closed } from "./ingest.ts";
import { applicantOf, senderOf } from "./request.ts";
import { quotaProblem } from "./http-batches.ts";
import type { Quotas } from "../quota/quotas.ts";
import type { RequestHead } from "./request.ts";

export interface StreamDoorParts {
  readonly streams: Omit<OneShotParts, "onFailure">;
  readonly admission: Admission;
  readonly quotas: Quotas;
  /** Bytes of bodies on their way, shared with the other door. */
  readonly bodies: ByteBudget;
  /** One body: as a frame. */
  readonly bodyBytesMax: number;
  readonly requestsMax: number;
  readonly loopback: boolean;
  readonly now: () => number;
  readonly clockMs: () => number;
  readonly nextRequestId: () => string;
  readonly closedBecause: () => Closed | null;
  readonly closedFor: (sender: Principal) => Closed | null;
  readonly onFailure: (error: unknown) => void;
  readonly onAnswered: (latencyMs: number) => void;
}

interface PostRequest {
  readonly head: RequestHead;
  readonly requestId: string;
  readonly reply: (reply: Reply) => void;
}

type Begun =
  | { readonly kind: "request"; readonly request: PostRequest }
  | { readonly kind: "reply"; readonly reply: Reply };

/** The stream's id as a path has it, null for any other path. */
export function streamOfPath(path: string): string | null {
  return STREAM_POST_PATH.exec(path)?.[1] ?? null;
}

export class StreamDoor {
  readonly bodies: ByteBudget;
  readonly bodyBytesMax: number;
  readonly #parts: StreamDoorParts;
  #pending = 0;

  constructor(parts: StreamDoorParts) {
    this.#parts = parts;
    this.bodies = parts.bodies;
    this.bodyBytesMax = parts.bodyBytesMax;
  }

  /** Requests that have no answer yet. */
  get pending(): number {
    return this.#pending;
  }

  /** Judges a request by its head, before its body is read. `reply` is called once, at any time. */
  begin(head: RequestHead, reply: (reply: Reply) => void): Begun {
    const requestId = this.#parts.nextRequestId();
    const refusal = this.#refusal(head, requestId);
    if (refusal !== null) return { kind: "reply", reply: refusal };
    this.#pending += 1;
    let isAnswered = false;
    const answer = (answered: Reply): void => {
      if (isAnswered) return;
      isAnswered = true;
      this.#pending -= 1;
      reply(answered);
    };
    return { kind: "request", request: { head, requestId, reply: answer } };
  }

  #refusal(head: RequestHead, requestId: string): Reply | null {
    const { closedBecause, requestsMax } = this.#parts;
    if (head.framingFault !== null) {
      return problemReply("bad_request", { requestId, detail: head.framingFault, close: true });
    }
    if (Number(head.header["content-length"]) > this.bodyBytesMax) return this.#tooLarge(requestId);
    const closed = closedBecause();
    if (closed !== null) return closedReply(closed, requestId);
    if (this.#pending >= requestsMax) {
      return problemReply("overloaded", { requestId, close: true });
    }
    if (bodyShape(head.header["content-type"]) !== "json") {
      const detail = "a body is one JSON object in UTF-8";
      return problemReply("unsupported_media_type", { requestId, detail, close: true });
    }
    return null;
  }

  #tooLarge(requestId: string): Reply {
    const limit = this.bodyBytesMax;
    const detail = `a body has at most ${limit} bytes`;
    return problemReply("too_large", { requestId, detail, members: { limit }, close: true });
  }

  /** A body of which too much came, or for which there is no room. */
  refuseBody({ requestId, reply }: PostRequest, code: "too_large" | "overloaded"): void {
    if (code === "too_large") reply(this.#tooLarge(requestId));
    else reply(problemReply("overloaded", { requestId, close: true }));
  }

  /** The client went away before its body was complete. */
  abandon({ requestId, reply }: PostRequest): void {
    reply(problemReply("bad_request", { requestId }));
  }

  /** Takes the whole body; it is valid during the call only. */
  take(request: PostRequest, body: Uint8Array): void {
    const { requestId, reply, head } = request;
    if (body.length === 0) {
      const detail = "the body is empty; it holds a stream's state and events";
      reply(problemReply("empty", { requestId, detail }));
      return;
    }
    if (bodyCoding(body, head.header["content-encoding"]) !== "identity") {
      const headers = { "Accept-Encoding": "identity" };
      const options = { requestId, detail: "this path takes no content coding", headers };
      reply(problemReply("unsupported_encoding", options));
      return;
    }
    const parsed = parseStreamPost(body, streamOfPath(head.path) ?? "");
    if (parsed.kind === "fault") {
      reply(problemReply(parsed.code, { requestId, detail: parsed.detail }));
      return;
    }
    this.#serve(request, parsed.post).catch((error: unknown) => {
      this.#parts.onFailure(error);
      reply(internalReply(requestId));
    });
  }

  async #serve(request: PostRequest, post: StreamPost): Promise<void> {
    const { streams, now, clockMs, onFailure, onAnswered } = this.#parts;
    const [arrivedMs, receivedAtMs] = [clockMs(), now()];
    const principal = await this.#admit(request, post);
    if (principal === null) return;
    const shot = new OneShot(
      { ...streams, onFailure },
      {
        principal,
        post,
        sender: senderOf(request.head),
        clientTrace: post.hello.traceparent ?? request.head.headers.get("traceparent"),
        receivedAtMs,
        arrivedMs,
      },
    );
    const answer = await shot.answer();
    onAnswered(clockMs() - arrivedMs);
    request.reply(this.#reply(answer, request.requestId));
  }

  /** Who sends; null: the request has been answered. */
  async #admit(
    { head, requestId, reply }: PostRequest,
    { hello }: StreamPost,
  ): Promise<Principal | null> {
    const { admission, loopback, closedFor, quotas } = this.#parts;
    const { authorization, "x-write-key": writeKey } = head.header;
    const credentials = credentialsOf({ authorization, writeKey, query: head.query }) ?? hello.auth;
    const applicant = { ...applicantOf(head, loopback), credentials, isConnection: true };
    const admitted = await admission.admit(applicant);
    if (admitted.kind === "refused") {
      const [code, options] = refusalOf(admitted);
      reply(problemReply(code, { ...options, requestId, close: true }));
      return null;
    }
    const { principal } = admitted;
    const closed = closedFor(principal);
    const held = quotas.heldBy(principal.policy);
    if (closed !== null) reply(closedReply(closed, requestId));
    else if (held !== null)
      reply(problemReply("rate_limited", { requestId, ...quotaProblem(held) }));
    else return principal;
    return null;
  }

  #reply(answer: OneShotAnswer, requestId: string): Reply {
    if (answer.kind === "problem") {
      const { code, detail } = answer;
      return problemReply(code, { requestId, detail });
    }
    const members = { ...answer.members, request_id: requestId, time: this.#parts.now() };
    return jsonReply(200, members, Math.ceil(answer.retryAfterMs / 1_000));
  }
}

function closedReply({ code, afterSeconds }: Closed, requestId: string): Reply {
  return problemReply(code, { requestId, retryAfterSeconds: afterSeconds, close: true });
}
