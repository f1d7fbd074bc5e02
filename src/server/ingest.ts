/**
 * The native HTTP door: a request with its body becomes a batch, the batch an answer. It knows the
 * pipeline and the dialect, but nothing of uWebSockets: requests and replies are plain data.
 */
import type { Admission, Admitted, Principal } from "../admission/admission.ts";
import { credentialsOf } from "../admission/credentials.ts";
import type { FrameContext } from "../codec/codec.ts";
import { bodyShape, nativeAnswer } from "../dialect/native.ts";
import type { BodyShape } from "../dialect/native.ts";
import { FAULT_KINDS, OUTCOME_RULES } from "../errors.ts";
import { ByteBudget } from "../lib/byte-budget.ts";
import { Turnstile } from "../lib/turnstile.ts";
import type { Batch } from "../pipeline/batch.ts";
import type { Deadlines } from "../pipeline/deadlines.ts";
import { EventIds } from "../pipeline/event-ids.ts";
import type { Refusals } from "../pipeline/faults.ts";
import type { FaultOptions, OpenFrame, OpenResult, Pipeline } from "../pipeline/pipeline.ts";
import { HEADER_FLAG, ROW_STATUS, setHeaderFlag } from "../records.ts";
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
  readonly bodiesBytesMax: number;
  readonly inflationsMax: number;
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
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
  /** Monotonic clock, ms. */
  readonly clockMs: () => number;
  /** Why no event can be taken at the moment, with the seconds to wait; null if they can. */
  readonly closedBecause: () => Closed | null;
  /** The same for the events of one tenant. */
  readonly closedFor: (tenant: string) => Closed | null;
  readonly observer: IngestObserver;
  readonly processId: string;
}

interface Closed {
  readonly code: ProblemCode;
  readonly afterSeconds: number;
}

export interface IngestObserver {
  /** Something that must not happen did. */
  failed(error: unknown): void;
  /** Every event of a request has its outcome. */
  answered(latencyMs: number): void;
}

/** One request on its way. */
export interface IngestRequest {
  readonly head: RequestHead;
  readonly requestId: string;
  /** Who sends it; a promise while his credentials are being checked. */
  readonly sender: Principal | Promise<Admitted>;
  readonly shape: BodyShape;
  /** Answers; every call but the first is ignored. */
  readonly reply: (reply: Reply) => void;
}

/** A request whose body is complete, with the time when it was. */
interface ArrivedRequest extends IngestRequest {
  readonly sender: Principal;
  readonly receivedAtMs: number;
  readonly arrivedMs: number;
}

export type Opened =
  | { readonly kind: "request"; readonly request: IngestRequest }
  | { readonly kind: "reply"; readonly reply: Reply };

export class HttpIngest {
  readonly #parts: IngestParts;
  readonly #inflations: Turnstile;
  /** Bytes of bodies that are not complete or not inflated yet. */
  readonly bodies: ByteBudget;
  #requests = 0;
  #pending = 0;

  constructor(parts: IngestParts) {
    this.#parts = parts;
    this.#inflations = new Turnstile(parts.limits.inflationsMax);
    this.bodies = new ByteBudget(parts.limits.bodiesBytesMax);
  }

  /** Unique among all requests of all processes, for the answer and the one who asks about it. */
  nextRequestId(): string {
    this.#requests += 1;
    return `${this.#parts.processId}-${this.#requests}`;
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
    const requestId = this.nextRequestId();
    const refusal = this.#refusal(head, requestId);
    if (refusal !== null) return { kind: "reply", reply: refusal };
    const { authorization, origin, "x-write-key": writeKey } = head.header;
    const credentials = credentialsOf({ authorization, writeKey, query: head.query });
    const loopback = this.#parts.loopback && !head.proxied;
    const admitted = this.#parts.admission.admit({ credentials, origin, loopback });
    if (!(admitted instanceof Promise) && admitted.kind === "refused") {
      return { kind: "reply", reply: refusalReply(admitted, requestId) };
    }
    const sender = admitted instanceof Promise ? admitted : admitted.principal;
    const closed = sender instanceof Promise ? null : this.#parts.closedFor(sender.tenant);
    if (closed !== null) return { kind: "reply", reply: closedReply(closed, requestId) };
    const shape = bodyShape(head.header["content-type"]);
    if (shape === null) {
      const detail = "a body is JSON or NDJSON in UTF-8";
      const problem = problemReply("unsupported_media_type", { requestId, detail, close: true });
      return { kind: "reply", reply: problem };
    }
    this.#pending += 1;
    let isAnswered = false;
    const answer = (answered: Reply): void => {
      if (isAnswered) return;
      isAnswered = true;
      this.#pending -= 1;
      reply(answered);
    };
    return { kind: "request", request: { head, requestId, sender, shape, reply: answer } };
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
    if (closed !== null) return closedReply(closed, requestId);
    if (this.#pending >= limits.requestsMax) {
      return problemReply("overloaded", { requestId, close: true });
    }
    return null;
  }

  /** A body of which too much came, or for which there is no room. */
  refuseBody(request: IngestRequest, code: "too_large" | "overloaded"): void {
    const { requestId } = request;
    if (code === "too_large") request.reply(this.tooLarge(requestId));
    else request.reply(problemReply("overloaded", { requestId, close: true }));
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
    const { sender } = request;
    if (!(sender instanceof Promise)) this.#take({ ...request, sender }, body);
    else if (!this.bodies.reserve(body.length)) this.refuseBody(request, "overloaded");
    else this.#later(request, this.#takeChecked(request, { checking: sender, body: body.slice() }));
  }

  /** Credentials that are being checked while the body came: it waits for the verdict. */
  async #takeChecked(
    request: IngestRequest,
    { checking, body }: { readonly checking: Promise<Admitted>; readonly body: Uint8Array },
  ): Promise<void> {
    try {
      const admitted = await checking;
      if (admitted.kind === "admitted")
        this.#take({ ...request, sender: admitted.principal }, body);
      else request.reply(refusalReply(admitted, request.requestId));
    } finally {
      this.bodies.release(body.length);
    }
  }

  #take(head: IngestRequest & { readonly sender: Principal }, body: Uint8Array): void {
    const { now, clockMs } = this.#parts;
    const request = { ...head, receivedAtMs: now(), arrivedMs: clockMs() };
    if (body.length === 0) {
      this.#refuse(request, "empty", { detail: "the body is empty; it holds events" });
      return;
    }
    const coding = bodyCoding(body, request.head.header["content-encoding"]);
    if (typeof coding === "object") this.#refuseCoding(request, coding);
    else if (coding === "identity") this.#open(request, body, null);
    else if (!this.bodies.reserve(body.length)) this.refuseBody(request, "overloaded");
    else this.#later(request, this.#inflate(request, body.slice(), coding));
  }

  /** Work that goes on in another turn, where nobody else would answer for its failure. */
  #later(request: IngestRequest, work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#parts.observer.failed(error);
      request.reply(internalReply(request.requestId));
    });
  }

  async #inflate(request: ArrivedRequest, body: Uint8Array, coding: "gzip" | "zstd") {
    const { inflatedBytesMax: bytesMax, inflateRatioMax: ratioMax } = this.#parts.limits;
    try {
      await this.#inflations.run(async () => {
        const inflated = await inflate(body, coding, { bytesMax, ratioMax });
        if ("kind" in inflated) this.#refuseCoding(request, inflated);
        else this.#open(request, inflated, null);
      });
    } finally {
      this.bodies.release(body.length);
    }
  }

  #open(request: ArrivedRequest, body: Uint8Array, refusals: Refusals | null): void {
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
  #read(request: ArrivedRequest, body: Uint8Array, refusals: Refusals | null): OpenResult {
    const context = this.#context(request);
    const result = this.#parts.pipeline.open(body, context, refusals);
    if (result.kind !== "fault" || result.problem !== "bad_json") return result;
    if (request.shape === "ndjson" || !body.includes(0x0a)) return result;
    const lines = this.#parts.pipeline.open(body, { ...context, shape: "ndjson" }, refusals);
    const isLines = lines.kind === "open" && FAULT_KINDS[lines.table.kind[0] ?? 0] !== "syntax";
    return isLines || lines.kind === "waiting" ? lines : result;
  }

  #context(request: ArrivedRequest): FrameContext {
    const { payload, typeMember, limits } = this.#parts;
    const { tenant, source } = request.sender;
    const { eventBytesMax, eventsMax } = limits;
    const { shape, receivedAtMs } = request;
    return { shape, payload, typeMember, tenant, source, receivedAtMs, eventBytesMax, eventsMax };
  }

  async #await(request: ArrivedRequest, body: Uint8Array, ready: Promise<Refusals>): Promise<void> {
    this.#open(request, body, await ready);
  }

  #run(request: ArrivedRequest, frame: OpenFrame): void {
    const { head, reply, arrivedMs } = request;
    const query = new URLSearchParams(head.query);
    const options = { allFaults: query.get("faults") === "all" };
    if (query.get("atomic") === "1") {
      const problem = this.#atomicProblem(request, frame, options);
      if (problem !== null) {
        reply(problem);
        return;
      }
    }
    const { batch } = frame;
    if (head.header["sluice-replay"] === "1") markReplayed(frame);
    if (/\brespond-async\b/.test(head.header.prefer)) {
      this.#runUnwatched(request, frame);
      return;
    }
    batch.ids = new EventIds(frame.table);
    const batchProgressed = (settling: Batch): void => {
      if (!settling.settled) return;
      reply(this.#answer(request, settling));
    };
    this.#parts.deadlines.add(batch, arrivedMs);
    this.#parts.pipeline.run(frame, { batchProgressed }, options);
  }

  #answer({ requestId, arrivedMs }: ArrivedRequest, batch: Batch): Reply {
    const { now, clockMs, observer } = this.#parts;
    observer.answered(clockMs() - arrivedMs);
    return nativeAnswer(batch, { requestId, nowMs: now() });
  }

  /** 202: the sender does not want to know what becomes of events that are sound. */
  #runUnwatched({ requestId, reply }: ArrivedRequest, frame: OpenFrame): void {
    this.#parts.pipeline.run(frame, { batchProgressed: () => {} });
    const accepted = frame.batch.openCount;
    const headers = { "Preference-Applied": "respond-async" };
    reply({ ...jsonReply(202, { accepted, request_id: requestId }), headers });
  }

  #atomicProblem(
    { requestId }: ArrivedRequest,
    frame: OpenFrame,
    options: FaultOptions,
  ): Reply | null {
    const errors = this.#parts.pipeline.faults(frame, options);
    if (errors.length === 0) return null;
    const passing = errors.find(({ code }) => !OUTCOME_RULES[code].final);
    if (passing === undefined)
      return problemReply("invalid_events", { requestId, members: { errors } });
    const retryAfterSeconds = Math.ceil(OUTCOME_RULES[passing.code].afterMs / 1_000);
    const members = { code: passing.code, errors };
    return problemReply("unavailable", { requestId, retryAfterSeconds, members });
  }

  #refuseFrame(request: IngestRequest, fault: Extract<OpenResult, { kind: "fault" | "control" }>) {
    if (fault.kind === "control") {
      this.#refuse(request, "bad_json", { detail: "the body holds no events" });
    } else if (fault.problem === "too_many_events") {
      const limit = this.#parts.limits.eventsMax;
      this.#refuse(request, "too_large", { detail: fault.detail, members: { limit } });
    } else if (fault.problem === "too_large") {
      this.#refuse(request, "too_large", { detail: fault.detail });
    } else if (fault.problem === "bad_frame") {
      request.reply(internalReply(request.requestId));
    } else {
      const code = fault.problem === "empty" ? "empty" : "bad_json";
      this.#refuse(request, code, { detail: fault.detail, members: { offset: fault.offset } });
    }
  }

  #refuseCoding(request: IngestRequest, fault: BodyFault): void {
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

function closedReply({ code, afterSeconds }: Closed, requestId: string): Reply {
  return problemReply(code, { requestId, retryAfterSeconds: afterSeconds, close: true });
}

function refusalReply(
  refused: Extract<Admitted, { readonly kind: "refused" }>,
  requestId: string,
): Reply {
  const options = { requestId, detail: refused.detail, close: true };
  if (refused.code === "unavailable") {
    return problemReply("unavailable", { ...options, retryAfterSeconds: 2 });
  }
  const headers = { "WWW-Authenticate": 'Basic realm="sluice"' };
  return problemReply(
    refused.code,
    refused.code === "unauthenticated" ? { ...options, headers } : options,
  );
}

function markReplayed({ table }: OpenFrame): void {
  for (let row = 0; row < table.count; row += 1) {
    if (table.status[row] === ROW_STATUS.encoded) setHeaderFlag(table, row, HEADER_FLAG.replay);
  }
}
