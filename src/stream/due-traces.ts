/** Traces of frames whose outcomes are settled: they end when the client is told, or has gone. */
import type { BatchTrace } from "../tracing/tracer.ts";

export const NO_TRACES: readonly BatchTrace[] = [];

/** Ends them; what is due then. */
export function endTraces(
  due: readonly BatchTrace[],
  clock: { clockMs(): number },
): readonly BatchTrace[] {
  if (due.length === 0) return due;
  const atMs = clock.clockMs();
  for (const trace of due) trace.answered(atMs);
  return NO_TRACES;
}
