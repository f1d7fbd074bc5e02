/**
 * The HTTP door: judges a request by its head, finds out who sends it, and gets its body ready.
 * What becomes of the events is the business of http-batches.ts. It knows façades, but nothing of
 * uWebSockets: requests and replies are plain data.
 */
import type { Admission, Admitted, Admitting, Principal } from "../admission/admission.ts";
import { topLevelText } from "../dialect/body-key.ts";
import type { FacadeEvents, FacadeReply } from "../dialect/facade.ts";
import type { ProblemCode } from "../errors.ts";
import { ByteBudget } from "../lib/byte-budget.ts";
import { Turnstile } from "../lib/turnstile.ts";
import { problemReply } from "../protocol/reply.ts";
import type { ProblemOptions, Reply } from "../protocol/reply.ts";
import { ACCEPTED_CODINGS, bodyCoding, inflate } from "./body.ts";
import type { BodyFault } from "./body.ts";
import { HttpBatches } from "./http-batches.ts";
import type { Arrival, HttpBatchesParts, IngestRequest } from "./http-batches.ts";
import { applicantOf } from "./request.ts";
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

export interface IngestParts extends HttpBatchesParts {
  /** A body that came compressed was inflated. */
  readonly onInflated: (compressedBytes: number, bytes: number) => void;
  readonly admission: Admission;
  readonly limits: IngestLimits;
  /** The server is bound to loopback only. */
  readonly loopback: boolean;
  /** Why no event can be taken at the moment, with the seconds to wait; null if they can. */
  readonly closedBecause: () => Closed | null;
  /** The same for the events of one tenant. */
  readonly closedFor: (sender: Principal) => Closed | null;
  readonly processId: string;
}

export interface Closed {
  readonly code: ProblemCode;
  readonly afterSeconds: number;
}

interface Refusal extends Omit<ProblemOptions, "requestId"> {
  readonly code: ProblemCode;
}

type Coding = "identity" | "gzip" | "zstd";

export type Opened =
  | { readonly kind: "request"; readonly request: IngestRequest }
  | { readonly kind: "reply"; readonly reply: Reply };

export class HttpIngest {
  readonly #parts: IngestParts;
  readonly #batches: HttpBatches;
  readonly #inflations: Turnstile;
  /** Bytes of bodies that are not complete or not inflated yet. */
  readonly bodies: ByteBudget;
  #requests = 0;
  #pending = 0;

  constructor(parts: IngestParts) {
    this.#parts = parts;
    this.#batches = new HttpBatches(parts);
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

  /** Bytes a body of this façade may have. */
  bodyBytesMax(facade: FacadeEvents): number {
    return facade.limits?.bodyBytesMax ?? this.#parts.limits.bodyBytesMax;
  }

  /** Judges a request by its head, before its body is read. `reply` is called once, at any time. */
  begin(head: RequestHead, facade: FacadeEvents, reply: (reply: Reply) => void): Opened {
    const requestId = this.nextRequestId();
    const { problem } = facade.answers;
    const refuse = (code: ProblemCode, options: Omit<ProblemOptions, "requestId">): Opened => {
      return { kind: "reply", reply: problem(code, { ...options, requestId, close: true }) };
    };
    const refusal = this.#refusal(head, facade);
    if (refusal !== null) return refuse(refusal.code, refusal);
    const { credentials, keyMember, shape } = facade;
    const isInBody = credentials === null && keyMember !== undefined;
    const admitted = isInBody ? null : this.#admit(head, facade, credentials);
    const isOpen = admitted === null || admitted instanceof Promise;
    if (!isOpen && admitted.kind === "refused") return refuse(...refusalOf(admitted));
    const sender = isOpen ? admitted : admitted.principal;
    const closed = isOpen ? null : this.#parts.closedFor(admitted.principal);
    if (closed !== null) return refuse(closed.code, { retryAfterSeconds: closed.afterSeconds });
    if (shape === null) {
      return refuse("unsupported_media_type", { detail: "a body is JSON or NDJSON in UTF-8" });
    }
    this.#pending += 1;
    let isAnswered = false;
    const answer = (answered: Reply): void => {
      if (isAnswered) return;
      isAnswered = true;
      this.#pending -= 1;
      reply(answered);
    };
    const begunMs = this.#parts.clockMs();
    const request = { head, requestId, begunMs, facade, sender, shape, reply: answer };
    return { kind: "request", request };
  }

  #admit(head: RequestHead, { dialect }: FacadeEvents, credentials: string | null): Admitting {
    const { admission, loopback: isLocal } = this.#parts;
    // Where a request comes from counts without credentials only, and takes a while to find out.
    const { origin, certificateSubject, address, loopback } = applicantOf(
      head,
      isLocal && credentials === null,
    );
    return admission.admit({
      credentials,
      origin,
      certificateSubject,
      address,
      loopback,
      dialect,
    });
  }

  #refusal(head: RequestHead, facade: FacadeEvents): Refusal | null {
    const { limits, closedBecause } = this.#parts;
    if (head.framingFault !== null) return { code: "bad_request", detail: head.framingFault };
    const bodyBytesMax = this.bodyBytesMax(facade);
    if (Number(head.header["content-length"]) > bodyBytesMax) return tooLarge(bodyBytesMax);
    const closed = closedBecause();
    if (closed !== null) return { code: closed.code, retryAfterSeconds: closed.afterSeconds };
    return this.#pending >= limits.requestsMax ? { code: "overloaded" } : null;
  }

  /** A body of which too much came, or for which there is no room. */
  refuseBody(request: IngestRequest, code: "too_large" | "overloaded"): void {
    const refusal = code === "overloaded" ? {} : tooLarge(this.bodyBytesMax(request.facade));
    this.#refuse(request, code, { ...refusal, close: true });
  }

  /** The client went away before its body was complete. */
  abandon(request: IngestRequest): void {
    this.#refuse(request, "bad_request", {});
  }

  /** Why a key that a page names is not good, as an answer; null: it is, or nobody can tell now. */
  keyFault(head: RequestHead, { credentials, dialect }: FacadeReply): Reply | null {
    if (credentials === null) return null;
    const applicant = applicantOf(head, this.#parts.loopback);
    const admitted = this.#parts.admission.admit({ ...applicant, credentials, dialect });
    if (admitted instanceof Promise || admitted.kind === "admitted") return null;
    const [code, options] = refusalOf(admitted);
    return problemReply(code, { ...options, requestId: this.nextRequestId() });
  }

  /** Takes the whole body; it is valid during the call only. */
  take(request: IngestRequest, body: Uint8Array): void {
    const { sender, facade } = request;
    if (body.length === 0 && facade.rewrite === undefined) {
      this.#refuse(request, "empty", { detail: "the body is empty; it holds events" });
      return;
    }
    const coding = bodyCoding(body, request.head.header["content-encoding"]);
    if (typeof coding === "object") this.#refuseCoding(request, coding);
    else if (coding === "identity" && sender !== null && !(sender instanceof Promise)) {
      this.#batches.open(this.#arrived(request, sender), body);
    } else if (!this.bodies.reserve(body.length)) this.refuseBody(request, "overloaded");
    else
      this.#later(
        request,
        this.#prepare(this.#arrived(request, sender), { body: body.slice(), coding }),
      );
  }

  /** Member by member: a spread costs more, for each request. */
  #arrived<Sender>(
    request: IngestRequest,
    sender: Sender,
  ): Omit<Arrival, "sender"> & { readonly sender: Sender } {
    const { now, clockMs } = this.#parts;
    const { head, requestId, begunMs, facade, shape, reply } = request;
    return {
      head,
      requestId,
      begunMs,
      facade,
      shape,
      sender,
      reply,
      receivedAtMs: now(),
      arrivedMs: clockMs(),
      repeat: null,
    };
  }

  /** Inflates the body and waits for the verdict on its sender, whichever of them is needed. */
  async #prepare(
    request: Arrival,
    { body, coding }: { readonly body: Uint8Array; readonly coding: Coding },
  ): Promise<void> {
    try {
      const text = coding === "identity" ? body : await this.#inflate(request, body, coding);
      if (text === null) return;
      const sender = await this.#senderOf(request, text);
      if (sender !== null) this.#batches.open({ ...request, sender }, text);
    } finally {
      this.bodies.release(body.length);
    }
  }

  /** null: the request has been answered. */
  async #senderOf(request: Arrival, text: Uint8Array): Promise<Principal | null> {
    const { facade, head } = request;
    const checking = request.sender ?? this.#admit(head, facade, bodyKey(facade, text));
    const admitted = await checking;
    if (!("kind" in admitted)) return admitted;
    if (admitted.kind === "refused") {
      this.#refuse(request, ...refusalOf(admitted));
      return null;
    }
    const { principal } = admitted;
    const closed = this.#parts.closedFor(principal);
    if (closed === null) return principal;
    this.#refuse(request, closed.code, { retryAfterSeconds: closed.afterSeconds });
    return null;
  }

  /** Work that goes on in another turn, where nobody else would answer for its failure. */
  #later(request: IngestRequest, work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#parts.observer.failed(error);
      this.#refuse(request, "internal", { close: true });
    });
  }

  /** null: the request has been answered. */
  async #inflate(
    request: IngestRequest,
    body: Uint8Array,
    coding: "gzip" | "zstd",
  ): Promise<Uint8Array | null> {
    const { limits } = this.#parts;
    const bytesMax = request.facade.limits?.inflatedBytesMax ?? limits.inflatedBytesMax;
    const ratioMax = limits.inflateRatioMax;
    let text: Uint8Array | null = null;
    await this.#inflations.run(async () => {
      const inflated = await inflate(body, coding, { bytesMax, ratioMax });
      if ("kind" in inflated) this.#refuseCoding(request, inflated);
      else {
        text = inflated;
        this.#parts.onInflated(body.length, inflated.length);
      }
    });
    return text;
  }

  #refuseCoding(request: IngestRequest, fault: BodyFault): void {
    const headers = { "Accept-Encoding": ACCEPTED_CODINGS };
    const options = { detail: fault.detail, close: true };
    const isCoding = fault.code === "unsupported_encoding";
    this.#refuse(request, fault.code, isCoding ? { ...options, headers } : options);
  }

  #refuse(request: IngestRequest, code: ProblemCode, options: Omit<ProblemOptions, "requestId">) {
    const { reply, facade, requestId } = request;
    reply(facade.answers.problem(code, { ...options, requestId }));
  }
}

function tooLarge(limit: number): Refusal {
  const detail = `a body has at most ${limit} bytes`;
  return { code: "too_large", detail, members: { limit } };
}

/** The key in a body whose façade has it there. */
function bodyKey({ keyMember }: FacadeEvents, text: Uint8Array): string | null {
  return keyMember === undefined ? null : topLevelText(text, keyMember);
}

/** Why a sender is not let in, as a problem. */
export function refusalOf(
  refused: Extract<Admitted, { readonly kind: "refused" }>,
): [ProblemCode, Omit<ProblemOptions, "requestId">] {
  const { code, detail } = refused;
  if (code === "unavailable") return [code, { detail, retryAfterSeconds: 2 }];
  // Not Basic: a browser would ask its user for a name and a password.
  const headers = { "WWW-Authenticate": 'Bearer realm="sluice"' };
  return [code, code === "unauthenticated" ? { detail, headers } : { detail }];
}
