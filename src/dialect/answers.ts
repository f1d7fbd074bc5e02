/**
 * Answers of façades whose clients know whole requests only: done, drop it, or send it again. A
 * batch of which one event is not final has to come again as a whole, because such a client cannot
 * send a part of it; what was stored of it comes back with the same ids.
 */
import { OUTCOME_RULES, PROBLEM_RULES } from "../errors.ts";
import type { OutcomeCode, ProblemCode } from "../errors.ts";
import type { ProblemOptions, Reply } from "../protocol/reply.ts";
import { outcomeCode } from "../protocol/results.ts";
import type { Verdicts } from "../protocol/results.ts";
import { VERDICT } from "../records.ts";

/** The code most in need of waiting among events to be sent again; null: all are final. */
export function retryOf(batch: Verdicts): OutcomeCode | null {
  let longest: OutcomeCode | null = null;
  for (let row = 0; row < batch.count; row += 1) {
    if (batch.verdicts[row] !== VERDICT.retry) continue;
    const code = outcomeCode(batch.codes[row] ?? 0);
    const isLonger =
      longest === null || OUTCOME_RULES[code].afterMs > OUTCOME_RULES[longest].afterMs;
    if (isLonger) longest = code;
  }
  return longest;
}

/** Body of errors: `code` and `message`, without which two Python clients retry every 4xx. */
export function errorReply(
  error: { readonly status: number; readonly code: string },
  options: ProblemOptions,
): Reply {
  const { status, code } = error;
  const waits = status === 429 || status === 503;
  const message = options.detail ?? code;
  const body = { success: false, status, code, message, request_id: options.requestId };
  return {
    status,
    contentType: "application/json",
    body: JSON.stringify(body),
    retryAfterSeconds: waits ? Math.max(1, options.retryAfterSeconds ?? 1) : 0,
    ...(options.headers === undefined ? {} : { headers: options.headers }),
    ...(options.close === undefined ? {} : { close: options.close }),
  };
}

/** Answers a batch that has to come again; the wait is that of its slowest event. */
export function retryReply(code: OutcomeCode, requestId: string): Reply {
  const { status, afterMs, text: detail } = OUTCOME_RULES[code];
  const retryAfterSeconds = Math.ceil(afterMs / 1_000);
  return errorReply({ status, code }, { requestId, detail, retryAfterSeconds });
}

/** A problem as such a client wants it: the status of the table, unless it would misread that. */
export function problemAnswer(
  statuses: Partial<Readonly<Record<ProblemCode, number>>>,
): (code: ProblemCode, options: ProblemOptions) => Reply {
  return (code, options) => {
    const { status, title } = PROBLEM_RULES[code];
    const told = statuses[code] ?? status;
    return errorReply({ status: told, code }, { ...options, detail: options.detail ?? title });
  };
}
