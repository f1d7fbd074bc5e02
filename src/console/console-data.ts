/**
 * What the console shows, as one answer: metrics of the process (of all workers, merged), schemas
 * in use, and what has just happened. The page asks for it every second and draws the rest from
 * what changes. It knows no room but telemetry.
 */
import type { ExportedMetric } from "../telemetry/cells.ts";
import { METRICS } from "../telemetry/metrics.ts";
import type { History } from "./history.ts";
import type { Look } from "./looks.ts";
import type { Notes } from "./notes.ts";
import { shownSeries } from "./shown-series.ts";
import type { ShownSeries } from "./shown-series.ts";

/** Metrics the page draws, by the names it knows them by. */
const SHOWN = [
  "eventsOutcome",
  "eventsReceived",
  "receivedBytes",
  "validationErrors",
  "ackLatency",
  "receive",
  "encode",
  "commit",
  "answer",
  "ledgerDrift",
  "inflightEvents",
  "unackedEvents",
  "inflightBytes",
  "pressure",
  "shedLevel",
  "kafkaUp",
  "brokersUp",
  "brokerRoundTrip",
  "producerQueueFill",
  "hotPartition",
  "topicsUnusable",
  "redisUp",
  "streamMemoryUp",
  "schemaAge",
  "schemasMissing",
  "sessionsActive",
  "sessionsStarted",
  "wsConnections",
  "streamCreditEvents",
  "tenantEvents",
  "tenantBytes",
  "tenantConnections",
  "eventLoopUtilization",
  "codecMemory",
  "deadLetters",
] as const satisfies readonly (keyof typeof METRICS)[];

/** Of Node's own: memory of the process. */
const MEMORY = "process_resident_memory_bytes";

export interface ConsoleSources {
  readonly metrics: () => Promise<readonly ExportedMetric[]>;
  /** Of all processes. */
  readonly notes: () => Promise<Notes>;
  readonly look: Look;
  /** null: the page begins with nothing. */
  readonly history: History | null;
  readonly state: () => { readonly state: string; readonly reasons: readonly string[] };
  readonly facts: { readonly version: string; readonly pack: string; readonly workers: number };
  /** Wall clock, ms since 1970. */
  readonly nowMs: () => number;
  readonly startedAtMs: number;
}

/** The answer's text. `withHistory`: the page has just been opened. */
export async function consoleData(sources: ConsoleSources, withHistory: boolean): Promise<string> {
  const { facts, nowMs, startedAtMs } = sources;
  const { schemas, ...recent } = await sources.notes();
  const byName = new Map((await sources.metrics()).map((metric) => [metric.name, metric]));
  const metrics: Record<string, readonly ShownSeries[]> = {
    memory: shownSeries(byName.get(MEMORY)),
  };
  for (const key of SHOWN) metrics[key] = shownSeries(byName.get(METRICS[key].name));
  return JSON.stringify({
    atMs: nowMs(),
    startedAtMs,
    ...facts,
    ...sources.state(),
    metrics,
    schemas,
    recent,
    ...(withHistory ? { history: sources.history?.samples ?? [] } : {}),
  });
}
