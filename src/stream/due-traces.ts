/** Traces of frames whose outcomes are settled: they end when the client is told, or has gone. */
import type { BatchTrace } from "../tracing/tracer.ts";

export function endTraces(due: BatchTrace[], clock: { clockMs(): number }): void {
  if (due.length === 0) return;
  const atMs = clock.clockMs();
  for (const trace of due.splice(0)) trace.answered(atMs);
}
