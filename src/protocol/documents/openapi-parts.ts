/**
 * What several routes of the OpenAPI document share: headers, problems from the table, credentials,
 * preflights.
 */
import { PROBLEM_RULES } from "../../errors.ts";
import type { ProblemCode } from "../../errors.ts";
import { ref } from "./kit.ts";
import type { Schema } from "./kit.ts";

export const HEADERS = {
  RetryAfter: {
    description: "Seconds to wait, a whole number.",
    required: true,
    schema: { type: "integer", minimum: 1 },
  },
  RetryAfterMaybe: {
    description: "Seconds to wait before what is listed in `retry` is sent again.",
    schema: { type: "integer", minimum: 1 },
  },
  AllowOrigin: {
    description: "The origin of the request, if it has one.",
    schema: { type: "string" },
  },
  ETag: { description: "Of this version.", required: true, schema: { type: "string" } },
  CacheControl: { description: "How long to keep it.", required: true, schema: { type: "string" } },
};

export const header = (name: keyof typeof HEADERS) => ({ $ref: `#/components/headers/${name}` });
export const CORS = { "Access-Control-Allow-Origin": header("AllowOrigin") };

const codesOf = (status: number): ProblemCode[] =>
  (Object.keys(PROBLEM_RULES) as ProblemCode[]).filter(
    (code) => PROBLEM_RULES[code].status === status,
  );

/** Codes besides those of the table: why no event could be stored, or must wait. */
const RETRY_STATUSES = new Set([429, 503]);

/** The answer of a status that is an error: problem details with the codes of the table. */
export function problem(status: number, further: object = {}): object {
  const codes = codesOf(status);
  const retry = RETRY_STATUSES.has(status);
  const code = retry ? { anyOf: [{ enum: codes }, ref("RetryCode")] } : { enum: codes };
  const schema = {
    allOf: [ref("Problem"), { type: "object", properties: { status: { const: status }, code } }],
  };
  const first = codes[0] ?? "internal";
  return {
    description: codes.map((each) => `\`${each}\`: ${PROBLEM_RULES[each].title}`).join("; "),
    headers: { ...CORS, ...(retry ? { "Retry-After": header("RetryAfter") } : {}), ...further },
    content: { "application/problem+json": { schema, example: exampleProblem(first) } },
  };
}

function exampleProblem(code: ProblemCode): object {
  const { status, title } = PROBLEM_RULES[code];
  const type = `urn:sluice:problem:${code}`;
  return { type, title, status, code, message: title, detail: title, request_id: "k3f9a1-12" };
}

export const problems = (...statuses: readonly number[]): Readonly<Record<string, object>> =>
  Object.fromEntries(statuses.map((status) => [String(status), problem(status)]));

export const SECURITY = [{ bearer: [] }, { basic: [] }, { writeKey: [] }, { queryKey: [] }];

export function json(schema: Schema, example?: object): object {
  return {
    "application/json": { schema, ...(example === undefined ? {} : { example }) },
  };
}

export function preflight(operationId = "preflight"): {
  readonly operationId: string;
  readonly summary: string;
  readonly security: readonly object[];
  readonly responses: object;
} {
  return {
    operationId,
    summary: "CORS preflight: answered to every origin; the request itself is judged.",
    security: [],
    responses: {
      "204": {
        description: "What a page may send.",
        headers: {
          "Access-Control-Allow-Origin": header("AllowOrigin"),
          "Access-Control-Allow-Methods": { schema: { type: "string" } },
          "Access-Control-Allow-Headers": { schema: { type: "string" } },
          "Access-Control-Max-Age": { schema: { type: "integer" } },
        },
      },
    },
  };
}
