/** What the console is told of batches and refused events: who, where and why, never what. */
import type { FrameContext } from "../codec/codec.ts";
import type { Fault } from "../errors.ts";
import type { RecentRefusal } from "../telemetry/recent.ts";
import type { Batch } from "./batch.ts";
import type { PipelineObserver } from "./observer.ts";
import { onlyTopic } from "./record-facts.ts";
import type { RouteBook } from "./routes.ts";

export function refusalOf(
  { tenant, source }: Pick<FrameContext, "tenant" | "source">,
  { type, fault }: { readonly type: string; readonly fault: Fault },
): Omit<RecentRefusal, "atMs"> {
  const { code, kind = "none", path = "", expected = "" } = fault;
  return { tenant, source, type, code, kind, path, expected };
}

/** A batch that has all its outcomes. */
export function noteBatch(
  batch: Batch,
  parts: { readonly observer: PipelineObserver; readonly routes: Pick<RouteBook, "topicName"> },
): void {
  const { context, settledMs, startedMs, topics } = batch;
  if (context === null) return;
  parts.observer.recent.settled({
    tenant: context.tenant,
    source: context.source,
    transport: context.shape === "pub" ? "ws" : "http",
    topic: onlyTopic(topics, parts.routes) ?? "",
    ...batch.outcome(),
    durationMs: settledMs - startedMs,
  });
}
