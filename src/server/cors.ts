/**
 * CORS as browsers need it (Fetch standard). A preflight carries no credentials, so it is answered
 * before them; the request itself is judged by its own credentials and origin.
 */

const ALLOWED_HEADERS =
  "authorization, content-type, content-encoding, x-write-key, x-retry-count, idempotency-key, " +
  "prefer, traceparent, tracestate, anonymousid, sentat, rsa-recovered, rsa-retry-attempt, " +
  "rsa-since-last-attempt, rsa-since-first-attempt, rsa-retry-reason, ce-id, ce-source, " +
  "ce-specversion, ce-type, ce-time, ce-subject, ce-datacontenttype, ce-partitionkey";
const EXPOSED_HEADERS =
  "Retry-After, RateLimit, RateLimit-Policy, X-RateLimit-Reset, X-Request-Id, Accept-Encoding";

/** Chromium keeps a preflight no longer than this, in seconds. */
const MAX_AGE_SECONDS = "7200";

export type Headers = readonly (readonly [string, string])[];

/** Headers of any answer to a request that has an Origin. */
export function corsHeaders(origin: string): Headers {
  if (origin === "") return [];
  return [
    ["Access-Control-Allow-Origin", origin],
    ["Access-Control-Expose-Headers", EXPOSED_HEADERS],
    ["Vary", "Origin"],
  ];
}

/** Headers of the answer to a preflight; `allow`: the methods of the path. */
export function preflightHeaders(origin: string, allow: string): Headers {
  return [
    ...corsHeaders(origin),
    ["Access-Control-Allow-Methods", allow.replace(/,? ?OPTIONS/, "")],
    ["Access-Control-Allow-Headers", ALLOWED_HEADERS],
    ["Access-Control-Max-Age", MAX_AGE_SECONDS],
  ];
}
