/** Configuration → traces: whether there are any, and what telemetry hears of them. */
import { systemClock } from "./lib/clock.ts";
import { makeProcessId } from "./rooms.ts";
import type { RoomParts } from "./rooms.ts";
import { loadTracer } from "./tracing/load.ts";
import type { BatchTracer, TracingEvent } from "./tracing/tracer.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";

/** null: nothing is traced. */
export function makeTracer(
  parts: RoomParts & { readonly version: string },
): Promise<BatchTracer | null> {
  const { config, telemetry, version } = parts;
  return loadTracer({
    endpoint: config.otlpEndpoint,
    headers: config.otlpHeaders,
    perMillion: config.traceSamplesPerMillion,
    followedPerSecond: config.traceFollowsPerSecond,
    version,
    instance: makeProcessId(),
    nowMs: systemClock.nowMs,
    clockMs: systemClock.monotonicMs,
    random: Math.random,
    onEvent: tracingEvents(telemetry),
  });
}

function tracingEvents({ backends }: Telemetry): (event: TracingEvent) => void {
  return (event) => {
    switch (event.kind) {
      case "exported":
        backends.spansSent(event.spans, null);
        break;
      case "failed":
        backends.spansSent(event.spans, event.reason);
        break;
      case "dropped":
        backends.traceDropped();
        break;
      default:
        event satisfies never;
    }
  };
}
