/**
 * What becomes of a body over HTTP once its sender is known: a batch, and the answer when every
 * event of it has its outcome. It knows the pipeline and how a façade answers.
 */
import type { Admitted, Principal } from "../admission/admission.ts";
import type { FrameContext } from "../codec/codec.ts";
import type { Dialect } from "../codec/dialect.ts";
import type { RepeatMark, Repeats } from "../dedupe/repeats.ts";
import type { FacadeAnswers, FacadeEvents } from "../dialect/facade.ts";
import type { BodyShape } from "../dialect/native.ts";
import { FAULT_KINDS, OUTCOME_RULES } from "../errors.ts";
import type { ProblemCode } from "../errors.ts";
import type { Batch, BatchListener } from "../pipeline/batch.ts";
import type { Deadlines } from "../pipeline/deadlines.ts";
import { EventIds } from "../pipeline/event-ids.ts";
import type { Refusals } from "../pipeline/faults.ts";
import type { OpenFrame, OpenResult } from "../pipeline/open-frame.ts";
import type { RunOptions, Pipeline } from "../pipeline/pipeline.ts";
import { jsonReply } from "../protocol/reply.ts";
import type { ProblemOptions, Reply } from "../protocol/reply.ts";
import { rateLimitHeaders, waitSeconds } from "../protocol/rate-limit.ts";
import type { Held, Quotas } from "../quota/quotas.ts";
import { HEADER_FLAG, ROW_STATUS, setHeaderFlag } from "../records.ts";
import type { BatchTrace, BatchTracer } from "../tracing/tracer.ts";
import { senderOf } from "./request.ts";
import type { RequestHead } from "./request.ts";

/** One request on its way. */
export interface IngestRequest {
  readonly head: RequestHead;
  readonly requestId: string;
  /** When its head was read, on the monotonic clock, ms. */
  readonly begunMs: number;
  /** How its façade reads events and answers. */
  readonly facade: FacadeEvents;
  readonly shape: BodyShape;
  /** Who sends it; a promise while that is being checked, null: his key is in the body. */
  readonly sender: Principal | Promise<Admitted> | null;
  /** Answers; every call but the first is ignored. */
  readonly reply: (reply: Reply) => void;
}

/** A request whose body is complete, with the time when it was. */
export interface Arrival extends IngestRequest {
  readonly receivedAtMs: number;
  readonly arrivedMs: number;
  /** By what it is known again: found out when its body is there. */
  repeat: RepeatMark | null;
}

/** And whose sender is known. */
export interface ArrivedRequest extends Arrival {
  readonly sender: Principal;
}

export interface IngestObserver {
  /** Something that must not happen did. */
  failed(error: unknown): void;
  /** Every event of a request has its outcome. */
  answered(latencyMs: number, trace: BatchTrace | null): void;
  /** A whole body is there, inflated, and its sender known. */
  received(durationMs: number): void;
  /** A sender's quota is used up. */
  quotaReached(scope: Held["scope"]): void;
  /** An answer was written, so long after the last outcome it tells was known. */
  told(durationMs: number): void;
}

export interface HttpBatchesParts {
  readonly quotas: Quotas;
  readonly repeats: Repeats;
  /** Records get the further headers that their façade has for them. */
  readonly recordHeaders: boolean;
  readonly pipeline: Pipeline;
  readonly deadlines: Deadlines;
  readonly limits: { readonly eventBytesMax: number; readonly eventsMax: number };
  readonly payload: "data" | "whole";
  readonly typeMember: string;
  /** How natively written events are read, where that is not as the envelope says alone. */
  readonly nativeForm: Dialect | null;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
  /** Monotonic clock, ms. */
  readonly clockMs: () => number;
  readonly observer: IngestObserver;
  /** null: nothing is traced. */
  readonly tracer: BatchTracer | null;
}

/** While it is being made. */
type Changeable<T> = { -readonly [Member in keyof T]: T[Member] };

export class HttpBatches {
  readonly #parts: HttpBatchesParts;

  constructor(parts: HttpBatchesParts) {
    this.#parts = parts;
  }

  /** Takes a plain body; it is valid during the call only. */
  open(request: ArrivedRequest, body: Uint8Array): void {
    const { sender, facade } = request;
    const { rewrite } = facade;
    const repeat = this.#repeatOf(request, body);
    request.repeat = repeat;
    const repeated = this.#repeated(request, repeat);
    if (repeated !== null) {
      request.reply(repeated);
      return;
    }
    const held = this.#parts.quotas.heldBy(sender.policy);
    if (held !== null) {
      this.#refuseQuota(request, held);
      return;
    }
    const plain = rewrite === undefined ? body : rewrite(body);
    const asked = repeat === null ? null : this.#parts.repeats.ask(repeat);
    if (asked === null) this.#open(request, plain, null);
    else this.#later(request, this.#afterAsking(request, plain.slice(), asked));
  }

  /** Another process may have answered it. */
  async #afterAsking(
    request: ArrivedRequest,
    body: Uint8Array,
    asked: Promise<void>,
  ): Promise<void> {
    await asked;
    const repeated = this.#repeated(request, request.repeat);
    if (repeated === null) this.#open(request, body, null);
    else request.reply(repeated);
  }

  #repeatOf({ sender, head, facade }: ArrivedRequest, body: Uint8Array): RepeatMark | null {
    const isFingerprinted = facade.fingerprinted === true;
    const idempotencyKey = head.headers.get("idempotency-key");
    if (idempotencyKey === undefined && !isFingerprinted) return null;
    const { tenant, source } = sender;
    const path = `${head.path}?${head.query}`;
    const request = { tenant, source, path, idempotencyKey, isFingerprinted };
    return this.#parts.repeats.mark(request, body);
  }

  /** The answer of the request that this one repeats; null: it is new. */
  #repeated({ facade, requestId }: ArrivedRequest, repeat: RepeatMark | null): Reply | null {
    if (repeat === null) return null;
    return this.#parts.repeats.answer(repeat, { problem: facade.answers.problem, requestId });
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
    const scopeOf = request.facade.record?.scopeOf;
    const result = this.#parts.pipeline.open(body, context, { refusals, scopeOf });
    if (result.kind !== "fault" || result.problem !== "bad_json") return result;
    if (request.shape === "ndjson" || !body.includes(0x0a)) return result;
    const form = { ...context, shape: "ndjson" } as const;
    const lines = this.#parts.pipeline.open(body, form, { refusals, scopeOf });
    const isLines = lines.kind === "open" && FAULT_KINDS[lines.table.kind[0] ?? 0] !== "syntax";
    return isLines || lines.kind === "waiting" ? lines : result;
  }

  #context(request: ArrivedRequest): FrameContext {
    const { payload, typeMember, limits, nativeForm } = this.#parts;
    const { shape, receivedAtMs, facade, sender, head } = request;
    const { tenant, source } = sender;
    const { form, defaultType } = facade;
    const isNative = facade.dialect === "native";
    const dialect = form ?? (isNative ? nativeForm : null);
    const { privacySalt } = sender.policy.tenant;
    // Set one by one: spreads of what is mostly not there cost more than all the rest.
    const context: Changeable<FrameContext> = {
      shape,
      payload,
      typeMember,
      tenant,
      source,
      receivedAtMs,
      eventBytesMax: limits.eventBytesMax,
      eventsMax: facade.limits?.eventsMax ?? limits.eventsMax,
      sender: senderOf(head),
    };
    // A tenant's own key of private hashes.
    if (privacySalt !== null) context.privacySalt = privacySalt;
    if (dialect !== null) context.dialect = dialect;
    if (defaultType !== undefined) context.defaultType = defaultType;
    return context;
  }

  async #await(request: ArrivedRequest, body: Uint8Array, ready: Promise<Refusals>): Promise<void> {
    this.#open(request, body, await ready);
  }

  #run(request: ArrivedRequest, frame: OpenFrame): void {
    const { head, reply, arrivedMs } = request;
    // It may have come a second time while the first waited for a schema.
    const repeated = this.#repeated(request, request.repeat);
    if (repeated !== null) {
      reply(repeated);
      return;
    }
    const query = head.query === "" ? null : new URLSearchParams(head.query);
    const trace = this.#traceOf(request, frame);
    const options = this.#runOptions(request, trace);
    options.allFaults = query?.get("faults") === "all";
    if (query?.get("atomic") === "1") {
      const problem = this.#atomicProblem(request, frame, options);
      if (problem !== null) {
        reply(problem);
        trace?.answered(this.#parts.clockMs());
        return;
      }
    }
    const { batch } = frame;
    const { quotas, observer } = this.#parts;
    observer.received(frame.startedMs - request.begunMs);
    quotas.charge(request.sender.policy, { events: batch.count, bytes: frame.bytes });
    if (head.header["sluice-replay"] === "1") markReplayed(frame);
    const { prefer } = head.header;
    if (prefer !== "" && /\brespond-async\b/.test(prefer)) {
      this.#runUnwatched(request, frame, options);
      return;
    }
    batch.ids = new EventIds(frame.table);
    const repeat = this.#begin(request, batch.ids);
    this.#parts.deadlines.add(batch, arrivedMs);
    this.#parts.pipeline.run(frame, new PendingAnswer(this.#parts, request, repeat), options);
  }

  #traceOf({ begunMs, sender, head }: ArrivedRequest, frame: OpenFrame): BatchTrace | null {
    const { tracer } = this.#parts;
    if (tracer === null) return null;
    const { tenant, source } = sender;
    const clientTrace = head.headers.get("traceparent");
    const times = { startedMs: begunMs, arrivedMs: frame.startedMs };
    return tracer.begin({ transport: "http", tenant, source, clientTrace, ...times });
  }

  #runOptions(
    { sender, facade: { record, dialect } }: ArrivedRequest,
    trace: BatchTrace | null,
  ): Changeable<RunOptions> {
    const options: Changeable<RunOptions> = { sender, dialect, allFaults: false, trace };
    if (record === undefined) return options;
    options.scopeOf = record.scopeOf;
    if (this.#parts.recordHeaders) options.headersOf = record.headersOf;
    return options;
  }

  /** Equal bytes mean the same events only where these have ids; null: they may be others. */
  #begin({ repeat }: ArrivedRequest, ids: EventIds): RepeatMark | null {
    if (repeat === null || (repeat.kind === "fingerprint" && !ids.isComplete)) return null;
    this.#parts.repeats.begin(repeat);
    return repeat;
  }

  /** 202: the sender does not want to know what becomes of events that are sound. */
  #runUnwatched(request: ArrivedRequest, frame: OpenFrame, options: RunOptions): void {
    const { requestId, reply } = request;
    const batchProgressed = ({ settled, settledMs, trace }: Batch): void => {
      if (settled) trace?.answered(settledMs);
    };
    this.#parts.pipeline.run(frame, { batchProgressed }, options);
    const accepted = frame.batch.openCount;
    const headers = { "Preference-Applied": "respond-async" };
    reply({ ...jsonReply(202, { accepted, request_id: requestId }), headers });
  }

  #atomicProblem(
    { requestId, facade }: ArrivedRequest,
    frame: OpenFrame,
    options: RunOptions,
  ): Reply | null {
    const errors = this.#parts.pipeline.faults(frame, options);
    if (errors.length === 0) return null;
    const passing = errors.find(({ code }) => !OUTCOME_RULES[code].final);
    const { problem } = facade.answers;
    if (passing === undefined) return problem("invalid_events", { requestId, members: { errors } });
    const retryAfterSeconds = Math.ceil(OUTCOME_RULES[passing.code].afterMs / 1_000);
    const members = { code: passing.code, errors };
    return problem("unavailable", { requestId, retryAfterSeconds, members });
  }

  #refuseFrame(request: IngestRequest, fault: Extract<OpenResult, { kind: "fault" | "control" }>) {
    if (fault.kind === "control") {
      this.#refuse(request, "bad_json", { detail: "the body holds no events" });
    } else if (fault.problem === "too_many_events") {
      const limit = request.facade.limits?.eventsMax ?? this.#parts.limits.eventsMax;
      this.#refuse(request, "too_large", { detail: fault.detail, members: { limit } });
    } else if (fault.problem === "too_large") {
      this.#refuse(request, "too_large", { detail: fault.detail });
    } else if (fault.problem === "bad_frame") {
      this.#refuse(request, "internal", { close: true });
    } else {
      const code = fault.problem === "empty" ? "empty" : "bad_json";
      this.#refuse(request, code, { detail: fault.detail, members: { offset: fault.offset } });
    }
  }

  /** Work that goes on in another turn, where nobody else would answer for its failure. */
  #later(request: IngestRequest, work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#parts.observer.failed(error);
      this.#refuse(request, "internal", { close: true });
    });
  }

  #refuseQuota(request: ArrivedRequest, held: Held): void {
    this.#parts.observer.quotaReached(held.scope);
    const standing = this.#parts.quotas.standing(request.sender.policy);
    this.#refuse(request, "rate_limited", {
      ...quotaProblem(held),
      ...(standing === null ? {} : { headers: rateLimitHeaders(standing) }),
    });
  }

  #refuse(request: IngestRequest, code: ProblemCode, options: Omit<ProblemOptions, "requestId">) {
    const { reply, facade, requestId } = request;
    reply(facade.answers.problem(code, { ...options, requestId }));
  }
}

/** Answers a request when its batch is settled. Of the request it keeps no more than that needs. */
class PendingAnswer implements BatchListener {
  readonly #parts: HttpBatchesParts;
  readonly #requestId: string;
  readonly #arrivedMs: number;
  readonly #answers: FacadeAnswers;
  readonly #reply: (reply: Reply) => void;
  readonly #repeat: RepeatMark | null;

  constructor(parts: HttpBatchesParts, request: Arrival, repeat: RepeatMark | null) {
    this.#parts = parts;
    this.#requestId = request.requestId;
    this.#arrivedMs = request.arrivedMs;
    this.#answers = request.facade.answers;
    this.#reply = request.reply;
    this.#repeat = repeat;
  }

  batchProgressed(batch: Batch): void {
    if (!batch.settled) return;
    const { now, clockMs, observer, repeats } = this.#parts;
    observer.answered(clockMs() - this.#arrivedMs, batch.trace);
    const answer = this.#answers.settled(batch, { requestId: this.#requestId, nowMs: now() });
    if (this.#repeat !== null) repeats.end(this.#repeat, answer);
    this.#reply(answer);
    const answeredMs = clockMs();
    observer.told(answeredMs - batch.settledMs);
    batch.trace?.answered(answeredMs);
  }
}

/** What is told of a quota that is used up. */
export function quotaProblem({ scope, unit, waitMs }: Held) {
  const detail = `the quota of ${unit} of this ${scope} is used up`;
  return { detail, retryAfterSeconds: waitSeconds(waitMs) };
}

function markReplayed({ table }: OpenFrame): void {
  for (let row = 0; row < table.count; row += 1) {
    if (table.status[row] === ROW_STATUS.encoded) setHeaderFlag(table, row, HEADER_FLAG.replay);
  }
}
