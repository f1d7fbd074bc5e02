/**
 * The native HTTP door: a request with its body becomes a batch, the batch an answer. It knows the
 * pipeline and the dialect, but nothing of uWebSockets: requests and replies are plain data.
 */
import type { Admission, Principal } from "../admission/admission.ts";
import { credentialsOf } from "../admission/credentials.ts";
import type { FrameContext } from "../codec/codec.ts";
import { bodyShape, nativeAnswer } from "../dialect/native.ts";
import type { BodyShape } from "../dialect/native.ts";
import { ROW_STATUS } from "../records.ts";
import type { Batch } from "../pipeline/batch.ts";
import type { Deadlines } from "../pipeline/deadlines.ts";
import { EventIds } from "../pipeline/event-ids.ts";
import type { OpenFrame, OpenResult, Pipeline, Refusals } from "../pipeline/pipeline.ts";
import { internalReply, jsonReply, problemReply } from "../protocol/reply.ts";
import type { ProblemOptions, Reply } from "../protocol/reply.ts";
import type { ProblemCode } from "../errors.ts";
import { ACCEPTED_CODINGS, bodyCoding, inflate } from "./body.ts";
import type { BodyFault } from "./body.ts";
import type { RequestHead } from "./request.ts";

export interface IngestLimits {
  readonly bodyBytesMax: number;
  readonly inflatedBytesMax: number;
  readonly inflateRatioMax: number;
  readonly eventBytesMax: number;
  readonly eventsMax: number;
  readonly requestsMax: number;
}

export interface IngestParts {
  readonly pipeline: Pipeline;
  readonly admission: Admission;
  readonly deadlines: Deadlines;
  readonly limits: IngestLimits;
  readonly payload: "data" | "whole";
  readonly typeMember: string;
  /** The server is bound to loopback only. */
  readonly loopback: boolean;
  readonly now: () => number;
  /** Why no event can be taken at the moment, with the seconds to wait; null if they can. */
  readonly closedBecause: () => {
    readonly code: ProblemCode;
    readonly afterSeconds: number;
  } | null;
  readonly observer: IngestObserver;
  readonly processId: string;
}

export interface IngestObserver {
  /** Something that must not happen did. */
  failed(error: unknown): void;
  answered(result: { readonly status: number; readonly ms: number }): void;
}

/** One request on its way. */
export interface IngestRequest {
  readonly head: RequestHead;
  readonly requestId: string;
  readonly principal: Principal;
  readonly shape: BodyShape;
  readonly reply: (reply: Reply) => void;
}

export type Opened =
  | { readonly kind: "request"; readonly request: IngestRequest }
  | { readonly kind: "reply"; readonly reply: Reply };

export class HttpIngest {
  readonly #parts: IngestParts;
  #requests = 0;
  #pending = 0;

  constructor(parts: IngestParts) {
    this.#parts = parts;
  }

  /** Requests that have no answer yet. */
  get pending(): number {
    return this.#pending;
  }

  get bodyBytesMax(): number {
    return this.#parts.limits.bodyBytesMax;
  }

  /** Judges a request by its head, before its body is read. `reply` is called once, at any time. */
  begin(head: RequestHead, reply: (reply: Reply) => void): Opened {
    this.#requests += 1;
    const requestId = `${this.#parts.processId}-${this.#requests}`;
    const refusal = this.#refusal(head, requestId);
    if (refusal !== null) return { kind: "reply", reply: refusal };
    const { authorization, origin, "x-write-key": writeKey } = head.header;
    const credentials = credentialsOf({ authorization, writeKey, query: head.query });
    const loopback = this.#parts.loopback && !head.proxied;
    const admitted = this.#parts.admission.admit({ credentials, origin, loopback });
    if (admitted.kind === "refused") {
      const headers = { "WWW-Authenticate": 'Basic realm="sluice"' };
      const options = { requestId, detail: admitted.detail, close: true };
      const is401 = admitted.code === "unauthenticated";
      const problem = problemReply(admitted.code, is401 ? { ...options, headers } : options);
      return { kind: "reply", reply: problem };
    }
    const shape = bodyShape(head.header["content-type"]);
    if (shape === null) {
      const detail = "a body is JSON or NDJSON in UTF-8";
      const problem = problemReply("unsupported_media_type", { requestId, detail, close: true });
      return { kind: "reply", reply: problem };
    }
    this.#pending += 1;
    const startMs = this.#parts.now();
    const answer = (answered: Reply): void => {
      this.#pending -= 1;
      this.#parts.observer.answered({ status: answered.status, ms: this.#parts.now() - startMs });
      reply(answered);
    };
    const { principal } = admitted;
    return { kind: "request", request: { head, requestId, principal, shape, reply: answer } };
  }

  #refusal(head: RequestHead, requestId: string): Reply | null {
    const { limits, closedBecause } = this.#parts;
    if (head.framingFault !== null) {
      return problemReply("bad_request", { requestId, detail: head.framingFault, close: true });
    }
    if (Number(head.header["content-length"]) > limits.bodyBytesMax) {
      return this.tooLarge(requestId);
    }
    const closed = closedBecause();
    if (closed !== null) {
      const { code, afterSeconds } = closed;
      return problemReply(code, { requestId, retryAfterSeconds: afterSeconds, close: true });
    }
    if (this.#pending >= limits.requestsMax) {
      return problemReply("overloaded", { requestId, close: true });
    }
    return null;
  }

  /** The answer to a body over the limit. */
  tooLarge(requestId: string): Reply {
    const limit = this.#parts.limits.bodyBytesMax;
    const detail = `a body has at most ${limit} bytes`;
    return problemReply("too_large", { requestId, detail, members: { limit }, close: true });
  }

  /** The client went away before its body was complete. */
  abandon(request: IngestRequest): void {
    request.reply(problemReply("bad_request", { requestId: request.requestId }));
  }

  /** Takes the whole body; it is valid during the call only. */
  take(request: IngestRequest, body: Uint8Array): void {
    if (body.length === 0) {
      this.#refuse(request, "empty", { detail: "the body is empty; it holds events" });
      return;
    }
    const coding = bodyCoding(body, request.head.header["content-encoding"]);
    if (typeof coding === "object") this.#refuseBody(request, coding);
    else if (coding === "identity") this.#open(request, body, null);
    else this.#later(request, this.#inflate(request, body.slice(), coding));
  }

  /** Work that goes on in another turn, where nobody else would answer for its failure. */
  #later(request: IngestRequest, work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#parts.observer.failed(error);
      request.reply(internalReply(request.requestId));
    });
  }

  async #inflate(request: IngestRequest, body: Uint8Array, coding: "gzip" | "zstd") {
    const { inflatedBytesMax: bytesMax, inflateRatioMax: ratioMax } = this.#parts.limits;
    const inflated = await inflate(body, coding, { bytesMax, ratioMax });
    if ("kind" in inflated) this.#refuseBody(request, inflated);
    else this.#open(request, inflated, null);
  }

  #open(request: IngestRequest, body: Uint8Array, refusals: Refusals | null): void {
    const result = this.#read(request, body, refusals);
    switch (result.kind) {
      case "fault":
      case "control":
        this.#refuseFrame(request, result);
        break;
      case "waiting":
        this.#later(request, this.#await(request, body.slice(), result.ready));
        break;
      case "open":
        this.#run(request, result);
        break;
      default:
        result satisfies never;
    }
  }

  /** JSON that turns out to be several lines of JSON is read as such: not every client says so. */
  #read(request: IngestRequest, body: Uint8Array, refusals: Refusals | null): OpenResult {
    const context = this.#context(request);
    const result = this.#parts.pipeline.open(body, context, refusals);
    if (result.kind !== "fault" || result.problem !== "bad_json") return result;
    if (request.shape === "ndjson" || !body.includes(0x0a)) return result;
    const lines = this.#parts.pipeline.open(body, { ...context, shape: "ndjson" }, refusals);
    const firstIsSound = lines.kind === "open" && lines.table.status[0] === ROW_STATUS.encoded;
    return firstIsSound || lines.kind === "waiting" ? lines : result;
  }

  #context(request: IngestRequest): FrameContext {
    const { payload, typeMember, limits, now } = this.#parts;
    const { tenant, source } = request.principal;
    const { eventBytesMax, eventsMax } = limits;
    const { shape } = request;
    const receivedAtMs = now();
    return { shape, payload, typeMember, tenant, source, receivedAtMs, eventBytesMax, eventsMax };
  }

  async #await(request: IngestRequest, body: Uint8Array, ready: Promise<Refusals>): Promise<void> {
    this.#open(request, body, await ready);
  }

  #run(request: IngestRequest, frame: OpenFrame): void {
    const { head, requestId, reply } = request;
    if (head.query.includes("atomic=1")) {
      const problem = this.#atomicProblem(request, frame);
      if (problem !== null) {
        reply(problem);
        return;
      }
    }
    const { batch } = frame;
    batch.ids = new EventIds(frame.table);
    const answersLater = !/\brespond-async\b/.test(head.header.prefer);
    if (!answersLater) {
      const headers = { "Preference-Applied": "respond-async" };
      reply({ ...jsonReply(202, { accepted: batch.count, request_id: requestId }), headers });
    }
    let answered = !answersLater;
    const batchProgressed = (settling: Batch): void => {
      if (answered || !settling.settled) return;
      answered = true;
      reply(nativeAnswer(settling, { requestId, nowMs: this.#parts.now() }));
    };
    this.#parts.deadlines.add(batch);
    this.#parts.pipeline.run(frame, { batchProgressed });
  }

  #atomicProblem(request: IngestRequest, frame: OpenFrame): Reply | null {
    const errors = this.#parts.pipeline.faults(frame);
    if (errors.length === 0) return null;
    return problemReply("invalid_events", { requestId: request.requestId, members: { errors } });
  }

  #refuseFrame(request: IngestRequest, fault: Extract<OpenResult, { kind: "fault" | "control" }>) {
    if (fault.kind === "control") {
      this.#refuse(request, "bad_json", { detail: "the body holds no events" });
    } else if (fault.problem === "too_many_events") {
      const limit = this.#parts.limits.eventsMax;
      this.#refuse(request, "too_large", { detail: fault.detail, members: { limit } });
    } else {
      const code = fault.problem === "empty" ? "empty" : "bad_json";
      this.#refuse(request, code, { detail: fault.detail, members: { offset: fault.offset } });
    }
  }

  #refuseBody(request: IngestRequest, fault: BodyFault): void {
    const headers = { "Accept-Encoding": ACCEPTED_CODINGS };
    const options = { detail: fault.detail, close: true };
    this.#refuse(
      request,
      fault.code,
      fault.code === "unsupported_encoding" ? { ...options, headers } : options,
    );
  }

  #refuse(request: IngestRequest, code: ProblemCode, options: Omit<ProblemOptions, "requestId">) {
    request.reply(problemReply(code, { ...options, requestId: request.requestId }));
  }
}
