/**
 * One request of the HTTP twin (docs/protocol.md §2.12): holds a stream for as long as its events
 * have no outcome, by the same rules as a connection. It knows no HTTP: it gives what to answer.
 */
import type { Principal } from "../admission/admission.ts";
import {
  PUB_ENVELOPE_BYTES,
  STREAM_EXCEPTIONS_MAX,
  STREAM_SACK_RANGES_MAX,
} from "../limits/streams.ts";
import type { Batch } from "../pipeline/batch.ts";
import type { Deadlines } from "../pipeline/deadlines.ts";
import type { Refusals } from "../pipeline/faults.ts";
import type { OpenFrame } from "../pipeline/open-frame.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { StreamPost } from "../protocol/stream-post.ts";
import type { BatchTrace, BatchTracer } from "../tracing/tracer.ts";
import { CreditAccount } from "./credit.ts";
import { enter, frameContext, helloFault, keyOf } from "./handshake.ts";
import { HeldStream } from "./held-stream.ts";
import type { HeldStreamListener } from "./held-stream.ts";
import type { Charge, StreamLimits } from "./hub.ts";
import { NEW_STREAM } from "./reconcile.ts";
import type { StreamView } from "./reconcile.ts";
import type { StreamPeer } from "./socket.ts";
import type { StreamHolder, StreamKey, StreamRecord, StreamStore } from "./store.ts";

/** What requests of the twin share. */
export interface OneShotParts {
  readonly store: StreamStore;
  readonly pipeline: Pipeline;
  readonly deadlines: Deadlines;
  readonly limits: StreamLimits;
  /** What a sender has sent, for his quota. */
  readonly charge: Charge;
  /** null: nothing is traced. */
  readonly tracer: BatchTracer | null;
  readonly onFailure: (error: unknown) => void;
}

export interface OneShotRequest {
  readonly principal: Principal;
  readonly post: StreamPost;
  readonly sender: StreamPeer["sender"];
  readonly clientTrace?: string | undefined;
  /** Wall clock, ms since 1970. */
  readonly receivedAtMs: number;
  /** Monotonic, ms: where the request's deadline counts from. */
  readonly arrivedMs: number;
}

export type OneShotAnswer =
  | {
      readonly kind: "ack";
      readonly members: Readonly<Record<string, unknown>>;
      /** The longest wait before something is sent again; 0 if nothing is. */
      readonly retryAfterMs: number;
    }
  | {
      readonly kind: "problem";
      readonly code:
        | "bad_json"
        | "bad_request"
        | "too_large"
        | "internal"
        | "seq_gap"
        | "superseded"
        | "resume_denied";
      readonly detail: string;
    };

type Problem = Extract<OneShotAnswer, { readonly kind: "problem" }>;

const SUPERSEDED: Problem = {
  kind: "problem",
  code: "superseded",
  detail: "another connection or request has claimed this stream",
};

export class OneShot implements HeldStreamListener, StreamHolder {
  readonly #parts: OneShotParts;
  readonly #request: OneShotRequest;
  readonly #key: StreamKey;
  #held: HeldStream | null = null;
  #isSuperseded = false;
  #onSettled: () => void = () => {};

  constructor(parts: OneShotParts, request: OneShotRequest) {
    this.#parts = parts;
    this.#request = request;
    this.#key = keyOf(request.principal, request.post.hello);
  }

  /** To be called once. */
  async answer(): Promise<OneShotAnswer> {
    const { post } = this.#request;
    const fault = helloFault(post.hello);
    if (fault !== null) return problem("bad_request", fault.detail);
    const { store } = this.#parts;
    const entrance = await enter(store, { hello: post.hello, key: this.#key, holder: this });
    if (entrance.kind === "refused") return problem("resume_denied", entrance.fault.detail);
    const { lease, view } = entrance;
    const held = new HeldStream(lease, view, this);
    this.#held = held;
    try {
      if (lease.isSuperseded) return SUPERSEDED;
      const refusal = post.frame === null ? null : await this.#publish(held, post.frame);
      if (refusal !== null) return refusal;
      return this.#isSuperseded ? SUPERSEDED : this.#ack(held, view);
    } finally {
      held.leave();
    }
  }

  /** Null once every event has its outcome; else why none of them was taken. */
  async #publish(held: HeldStream, frame: Uint8Array): Promise<Problem | null> {
    const { pipeline, limits } = this.#parts;
    const { principal, post, receivedAtMs, sender } = this.#request;
    const { stream: id, ctx } = post.hello;
    const stream = { id, epoch: held.lease.epoch };
    const context = { ...frameContext(limits, { principal, stream, ctx, sender }), receivedAtMs };
    let refusals: Refusals | null = null;
    for (;;) {
      const result = pipeline.open(frame, context, { refusals });
      if (result.kind === "open") return this.#run(held, result);
      if (result.kind === "control") return problem("bad_json", "the body holds no events");
      if (result.kind === "fault") {
        if (result.problem === "bad_frame") return problem("internal", result.detail);
        const isLarge = result.problem === "too_many_events" || result.problem === "too_large";
        return problem(isLarge ? "too_large" : "bad_json", result.detail);
      }
      refusals = await result.ready;
    }
  }

  async #run(held: HeldStream, frame: OpenFrame): Promise<Problem | null> {
    const { batch } = frame;
    // Nothing may be produced for a stream that somebody else holds by now.
    if (held.lease.isSuperseded) return SUPERSEDED;
    const { next } = held.window;
    const publication = held.take(frame, NaN);
    if (publication === null) {
      return problem("seq_gap", `seq ${batch.seq} was sent, ${next} is next`);
    }
    const settled = new Promise<void>((resolve) => {
      this.#onSettled = resolve;
    });
    this.#parts.deadlines.add(batch, this.#request.arrivedMs);
    const { principal: sender } = this.#request;
    this.#parts.charge(sender, { events: batch.count, bytes: frame.bytes });
    const trace = this.#traceOf(frame);
    this.#parts.pipeline.run(frame, publication, { sender, transport: "http", trace });
    await settled;
    return null;
  }

  #traceOf(frame: OpenFrame): BatchTrace | null {
    const { tracer } = this.#parts;
    if (tracer === null) return null;
    const { principal, clientTrace, arrivedMs } = this.#request;
    const { tenant, source } = principal;
    const times = { startedMs: arrivedMs, arrivedMs: frame.startedMs };
    return tracer.begin({ transport: "http", tenant, source, clientTrace, ...times });
  }

  #ack(held: HeldStream, view: StreamView): OneShotAnswer {
    const { window, lease } = held;
    const { store, limits } = this.#parts;
    const { done, next } = window;
    const sack = window.final.ranges().slice(0, STREAM_SACK_RANGES_MAX);
    const frameBytes = limits.eventBytesMax + PUB_ENVELOPE_BYTES;
    const news = held.news.take();
    const members = {
      upto: done,
      ...(sack.length > 0 ? { sack } : {}),
      ...news,
      exc: view.exc.slice(-STREAM_EXCEPTIONS_MAX),
      resumed: view.resumed,
      dup_possible: view.unsure.length > 0,
      resume: store.token(this.#key, lease.birth),
      ttl: store.ttlSeconds,
      epoch: lease.epoch,
      credit: new CreditAccount({ done, next, frameBytes }).ceiling,
    };
    const waits = (news.retry ?? []).map((line) => line.after_ms);
    return { kind: "ack", members, retryAfterMs: Math.max(0, ...waits) };
  }

  /** Store: somebody else claimed the stream. What is in flight is waited for, not told. */
  release(): Promise<StreamRecord> {
    this.#isSuperseded = true;
    return this.#held?.handOver() ?? Promise.resolve(NEW_STREAM);
  }

  hasNews(): void {}

  /** It has one answer only, after everything. */
  mayWait(): null {
    return null;
  }

  frameSettled(_bytes: number, { trace, settledMs }: Batch): void {
    trace?.answered(settledMs);
    this.#onSettled();
  }

  failed(error: unknown): void {
    this.#parts.onFailure(error);
  }
}

function problem(code: Problem["code"], detail: string): Problem {
  return { kind: "problem", code, detail };
}
