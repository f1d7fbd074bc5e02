/**
 * Decides whether there are traces at all. Without an endpoint the library is not even loaded:
 * whoever does not trace pays nothing, neither at the start nor later.
 */
import type { OpenTelemetryOptions } from "./open-telemetry.ts";
import type { BatchTracer } from "./tracer.ts";

const TRACES_PATH = "/v1/traces";

export interface TracingOptions extends Omit<OpenTelemetryOptions, "url" | "headers"> {
  /** Base URL of the collector's OTLP/HTTP receiver, or the whole one; "": no traces. */
  readonly endpoint: string;
  /** `name=value` each. */
  readonly headers: readonly string[];
}

/** null: nothing is traced. */
export async function loadTracer(options: TracingOptions): Promise<BatchTracer | null> {
  const { endpoint, headers } = options;
  if (endpoint === "") return null;
  const { OpenTelemetryTracer } = await import("./open-telemetry.ts");
  return new OpenTelemetryTracer({
    ...options,
    url: tracesUrl(endpoint),
    headers: Object.fromEntries(headers.map(headerOf)),
  });
}

/** OTLP's rule for a base URL (its specification, "Endpoint URLs for OTLP/HTTP"). */
export function tracesUrl(endpoint: string): string {
  const base = endpoint.replace(/\/+$/, "");
  return base.endsWith(TRACES_PATH) ? base : base + TRACES_PATH;
}

function headerOf(text: string): [string, string] {
  const equals = text.indexOf("=");
  return [text.slice(0, equals), text.slice(equals + 1)];
}
