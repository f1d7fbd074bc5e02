/** The header `traceparent` (W3C Trace Context level 1, §3.2): reading it, and writing one. */

export interface TraceContext {
  /** 32 lower-case hexadecimal digits, not all 0. */
  readonly traceId: string;
  /** 16 of them. */
  readonly spanId: string;
  /** Whoever sent it records this trace. */
  readonly isSampled: boolean;
}

/** A later version may add members behind a dash; version ff is not allowed. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const ALL_ZERO = /^0+$/;

/** null: there is none that can be used. */
export function parseTraceparent(text: string): TraceContext | null {
  const parts = TRACEPARENT.exec(text);
  if (parts === null) return null;
  const [, version = "", traceId = "", spanId = "", flags = "", more] = parts;
  if (version === "00" && more !== undefined) return null;
  if (ALL_ZERO.test(traceId) || ALL_ZERO.test(spanId)) return null;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function formatTraceparent({ traceId, spanId, isSampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${isSampled ? "01" : "00"}`;
}
