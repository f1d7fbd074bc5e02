/**
 * An HTTP answer as data, and the two kinds there are: JSON, and problem details (RFC 9457).
 * Members `code` and `message` are in every problem: two client libraries retry any 4xx whose JSON
 * lacks one.
 */
import { PROBLEM_RULES } from "../errors.ts";
import type { ProblemCode } from "../errors.ts";

export interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Uint8Array;
  /** Seconds for `Retry-After`, 0 for none. An integer: many clients read nothing else. */
  readonly retryAfterSeconds: number;
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Close the connection after the answer: what follows on it cannot be trusted. */
  readonly close?: boolean;
}

export function jsonReply(status: number, members: object, retryAfterSeconds = 0): Reply {
  const contentType = "application/json";
  return { status, contentType, body: JSON.stringify(members), retryAfterSeconds };
}

export interface ProblemOptions {
  readonly requestId: string;
  /** One sentence for the one who reads it; the title if absent. */
  readonly detail?: string;
  /** Further members, such as `limit` or `errors`. */
  readonly members?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly retryAfterSeconds?: number;
  readonly close?: boolean;
}

export function problemReply(code: ProblemCode, options: ProblemOptions): Reply {
  const { status, title } = PROBLEM_RULES[code];
  const detail = options.detail ?? title;
  const members = {
    type: `urn:sluice:problem:${code}`,
    title,
    status,
    code,
    message: detail,
    detail,
    ...options.members,
    request_id: options.requestId,
  };
  const waits = status === 429 || status === 503;
  return {
    status,
    contentType: "application/problem+json",
    body: JSON.stringify(members),
    retryAfterSeconds: waits ? Math.max(1, options.retryAfterSeconds ?? 1) : 0,
    ...(options.headers === undefined ? {} : { headers: options.headers }),
    ...(options.close === undefined ? {} : { close: options.close }),
  };
}

/**
 * The answer when a broken invariant was met: the client may send again, the log has the reason.
 */
export function internalReply(requestId: string): Reply {
  return problemReply("internal", { requestId, close: true });
}
