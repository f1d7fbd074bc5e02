/**
 * Problem details (RFC 9457) for requests whose events have no outcome. Members `code` and `message`
 * are always there: two client libraries retry any 4xx whose JSON lacks one of them.
 */
import { PROBLEM_RULES } from "../errors.ts";
import type { ProblemCode } from "../errors.ts";

export interface Problem {
  readonly status: number;
  readonly body: string;
  /** Seconds for `Retry-After`, 0 for none. */
  readonly retryAfterSeconds: number;
}

export interface ProblemOptions {
  /** One sentence for the one who reads it; the title if absent. */
  readonly detail?: string;
  readonly requestId: string;
  /** Further members, such as `limit` or `errors`. */
  readonly members?: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds?: number;
}

export const PROBLEM_CONTENT_TYPE = "application/problem+json";

export function problem(code: ProblemCode, options: ProblemOptions): Problem {
  const { status, title } = PROBLEM_RULES[code];
  const detail = options.detail ?? title;
  const body = {
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
  const retryAfterSeconds = waits ? Math.max(1, options.retryAfterSeconds ?? 1) : 0;
  return { status, body: JSON.stringify(body), retryAfterSeconds };
}
