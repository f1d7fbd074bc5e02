/**
 * Traces by OpenTelemetry: one span a batch with a child for each stage, sent by OTLP over HTTP as
 * JSON. The one file that meets the library; nobody imports it but load.ts, when traces are wanted.
 * What cannot be sent is counted and dropped: traces never hold up events.
 */
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from "@opentelemetry/api";
import type { Context, ContextManager, Link, Span, Tracer } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { NodeSDK } from "@opentelemetry/sdk-node";
import { AlwaysOnSampler, BatchSpanProcessor } from "@opentelemetry/sdk-trace";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import {
  TRACE_EXPORT_MS,
  TRACE_EXPORT_TIMEOUT_MS,
  TRACE_SPANS_EXPORTED_MAX,
  TRACE_SPANS_MAX,
} from "../limits/watching.ts";
import { Sampling } from "./sampling.ts";
import { formatTraceparent, parseTraceparent } from "./trace-context.ts";
import type { TraceContext } from "./trace-context.ts";
import type {
  BatchTrace,
  BatchTracer,
  TracedBatch,
  TracedOutcome,
  TracingEvent,
} from "./tracer.ts";

export interface OpenTelemetryOptions {
  /** Where spans are sent to, with its path. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly perMillion: number;
  readonly followedPerSecond: number;
  readonly version: string;
  /** Unique among processes that run at the same time. */
  readonly instance: string;
  /** Wall clock and monotonic clock, ms. */
  readonly nowMs: () => number;
  readonly clockMs: () => number;
  readonly random: () => number;
  readonly onEvent: (event: TracingEvent) => void;
}

/** A root and four stages. */
const SPANS_PER_BATCH = 5;

/**
 * Stages that take less are told by an attribute: a span of their own would cost more than it
 * shows.
 */
const STAGE_SPAN_MS_MIN = 1;

/**
 * Nothing here runs inside a context, so none has to be kept: the library's own manager would cost
 * every asynchronous call.
 */
const NO_CONTEXTS: ContextManager = {
  active: () => ROOT_CONTEXT,
  with: (...[, run, self, ...values]) => run.apply(self, values),
  bind: (_context, target) => target,
  enable: () => NO_CONTEXTS,
  disable: () => NO_CONTEXTS,
};

export class OpenTelemetryTracer implements BatchTracer {
  readonly #options: OpenTelemetryOptions;
  readonly #sampling: Sampling;
  readonly #sdk: NodeSDK;
  readonly #tracer: Tracer;
  /** Spans that are not sent yet, with room for those that traced batches will have. */
  #waiting = 0;

  constructor(options: OpenTelemetryOptions) {
    this.#options = options;
    this.#sampling = new Sampling(options);
    const { url, headers, instance, version } = options;
    const exporter = new OTLPTraceExporter({
      url,
      headers: { ...headers },
      timeoutMillis: TRACE_EXPORT_TIMEOUT_MS,
      concurrencyLimit: 4,
    });
    this.#sdk = new NodeSDK({
      resource: resourceFromAttributes({
        "service.name": "sluice",
        "service.version": version,
        "service.instance.id": instance,
      }),
      autoDetectResources: false,
      contextManager: NO_CONTEXTS,
      textMapPropagator: null,
      instrumentations: [],
      metricReaders: [],
      logRecordProcessors: [],
      // Who is traced has been decided when a span is made.
      sampler: new AlwaysOnSampler(),
      spanProcessors: [
        new BatchSpanProcessor({
          exporter: this.#counting(exporter),
          maxQueueSize: TRACE_SPANS_MAX,
          maxExportBatchSize: TRACE_SPANS_EXPORTED_MAX,
          scheduledDelayMillis: TRACE_EXPORT_MS,
          exportTimeoutMillis: TRACE_EXPORT_TIMEOUT_MS,
        }),
      ],
    });
    this.#sdk.start();
    this.#tracer = trace.getTracer("sluice", version);
  }

  begin(batch: TracedBatch): BatchTrace | null {
    const isPicked = this.#sampling.picks();
    if (!isPicked && !this.#sampling.followsClients) return null;
    const client = parseTraceparent(batch.clientTrace ?? "");
    if (!isPicked && !this.#sampling.follows(client)) return null;
    if (this.#waiting + SPANS_PER_BATCH > TRACE_SPANS_MAX) {
      this.#options.onEvent({ kind: "dropped", batches: 1 });
      return null;
    }
    // Room for all of its spans, so that none is lost once the trace has begun.
    this.#waiting += SPANS_PER_BATCH;
    const { nowMs, clockMs } = this.#options;
    return new OpenTelemetryTrace(batch, {
      tracer: this.#tracer,
      client,
      wallOffsetMs: nowMs() - clockMs(),
      onEnd: (spans) => {
        this.#waiting -= SPANS_PER_BATCH - spans;
      },
    });
  }

  async stop(withinMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, withinMs);
    });
    // A collector that is away is no reason not to leave; what was lost has been counted.
    await Promise.race([this.#sdk.shutdown().catch(() => {}), late]);
    clearTimeout(timer);
    trace.disable();
  }

  #counting(exporter: SpanExporter): SpanExporter {
    const { onEvent } = this.#options;
    return {
      export: (spans: ReadableSpan[], done) => {
        exporter.export(spans, (result) => {
          this.#waiting -= spans.length;
          const { error } = result;
          if (error === undefined) onEvent({ kind: "exported", spans: spans.length });
          else onEvent({ kind: "failed", spans: spans.length, reason: error.message });
          // A failure makes the library reject a promise that nobody holds; it has been told.
          done({ code: 0 });
        });
      },
      shutdown: () => exporter.shutdown(),
      forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
    };
  }
}

interface TraceParts {
  readonly tracer: Tracer;
  readonly client: TraceContext | null;
  /** Wall clock less monotonic clock, ms. */
  readonly wallOffsetMs: number;
  /** So many spans it has become. */
  readonly onEnd: (spans: number) => void;
}

class OpenTelemetryTrace implements BatchTrace {
  readonly traceparent: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly #parts: TraceParts;
  readonly #span: Span;
  readonly #context: Context;
  #encodedMs: number;
  #settledMs = NaN;
  #spans = 1;
  #isEnded = false;

  constructor(batch: TracedBatch, parts: TraceParts) {
    this.#parts = parts;
    const { transport, tenant, source, startedMs, arrivedMs } = batch;
    this.#encodedMs = arrivedMs;
    const options = {
      kind: SpanKind.PRODUCER,
      startTime: parts.wallOffsetMs + startedMs,
      links: linksTo(parts.client),
      attributes: {
        "messaging.system": "kafka",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "network.protocol.name": transport === "ws" ? "websocket" : "http",
        "sluice.tenant": tenant,
        "sluice.source": source,
      },
    };
    this.#span = parts.tracer.startSpan("send", options, ROOT_CONTEXT);
    this.#context = trace.setSpan(ROOT_CONTEXT, this.#span);
    const { traceId, spanId } = this.#span.spanContext();
    this.traceId = traceId;
    this.spanId = spanId;
    this.traceparent = formatTraceparent({ traceId, spanId, isSampled: true });
    if (arrivedMs > startedMs) this.#stage("receive", startedMs, arrivedMs);
  }

  encoded({ startedMs, endedMs }: { readonly startedMs: number; readonly endedMs: number }): void {
    this.#encodedMs = endedMs;
    this.#stage("encode", startedMs, endedMs);
  }

  handedOver({
    records,
    topic,
  }: {
    readonly records: number;
    readonly topic: string | null;
  }): void {
    this.#span.setAttribute("messaging.batch.message_count", records);
    if (topic === null) return;
    this.#span.setAttribute("messaging.destination.name", topic);
    this.#span.updateName(`send ${topic}`);
  }

  settled(atMs: number, outcome: TracedOutcome): void {
    if (!Number.isNaN(this.#settledMs)) return;
    this.#settledMs = atMs;
    this.#stage("commit", this.#encodedMs, atMs);
    for (const [verdict, events] of Object.entries(outcome)) {
      this.#span.setAttribute(`sluice.events.${verdict}`, events);
    }
    if (outcome.retry === 0) return;
    // Rejected events are their sender's fault; these are ours.
    this.#span.setAttribute("error.type", "retry");
    this.#span.setStatus({ code: SpanStatusCode.ERROR });
  }

  answered(atMs: number): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    if (!Number.isNaN(this.#settledMs)) this.#stage("answer", this.#settledMs, atMs);
    this.#span.end(this.#parts.wallOffsetMs + atMs);
    this.#parts.onEnd(this.#spans);
  }

  #stage(name: string, startedMs: number, endedMs: number): void {
    const durationMs = Math.round((endedMs - startedMs) * 1_000) / 1_000;
    this.#span.setAttribute(`sluice.${name}.duration_ms`, durationMs);
    if (durationMs < STAGE_SPAN_MS_MIN) return;
    const { tracer, wallOffsetMs } = this.#parts;
    const startTime = wallOffsetMs + startedMs;
    tracer.startSpan(name, { startTime }, this.#context).end(wallOffsetMs + endedMs);
    this.#spans += 1;
  }
}

function linksTo(client: TraceContext | null): Link[] {
  if (client === null) return [];
  const { traceId, spanId, isSampled } = client;
  const traceFlags = isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return [{ context: { traceId, spanId, traceFlags, isRemote: true } }];
}
