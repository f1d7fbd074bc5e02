/**
 * The native HTTP dialect (docs/protocol.md §1): how its bodies are read and its answers written.
 * Pure. Bodies are judged by content; the content type only says whether lines stand alone.
 */
import { credentialsOf } from "../admission/credentials.ts";
import type { Reply } from "../protocol/reply.ts";
import { jsonReply, problemReply } from "../protocol/reply.ts";
import { httpResult } from "../protocol/results.ts";
import type { Verdicts } from "../protocol/results.ts";
import { VERDICT } from "../records.ts";
import type { AnswerOptions, Facade, FacadeAnswers } from "./facade.ts";

export const NATIVE_PATH = "/v1/events";

export type BodyShape = "json" | "ndjson";

const NDJSON_TYPES = new Set(["application/x-ndjson", "application/jsonl", "application/ndjson"]);

/** Content types that can hold no events, however they are read. */
const FOREIGN_TYPE = /^(multipart|image|audio|video|font)\//;

/** How a body of this content type is to be read, null if it cannot hold events. */
export function bodyShape(contentType: string): BodyShape | null {
  if (contentType === "application/json") return "json";
  const [media = "", ...parameters] = contentType.toLowerCase().split(";");
  for (const parameter of parameters) {
    const [name = "", value = ""] = parameter.trim().split("=");
    if (name === "charset" && !/^"?(utf-?8|us-ascii)"?$/.test(value)) return null;
  }
  if (FOREIGN_TYPE.test(media)) return null;
  return NDJSON_TYPES.has(media.trim()) ? "ndjson" : "json";
}

/** `POST /v1/events`. */
export const nativeFacade: Facade = (request) => {
  if (request.path !== NATIVE_PATH) return null;
  if (request.method !== "POST") return { kind: "method", allow: "POST, OPTIONS" };
  return {
    kind: "events",
    dialect: "native",
    shape: bodyShape(request.header("content-type")),
    credentials: credentialsOf({
      authorization: request.header("authorization"),
      writeKey: request.header("x-write-key"),
      query: request.query,
    }),
    limits: null,
    answers: NATIVE_ANSWERS,
  };
};

/** Every event is stored; null: some are not. The usual answer, and so written by hand. */
function storedReply(
  { count, verdicts }: Verdicts,
  { requestId, nowMs }: AnswerOptions,
): Reply | null {
  let stored = 0;
  for (let row = 0; row < count; row += 1) if (verdicts[row] === VERDICT.stored) stored += 1;
  if (stored < count) return null;
  const body =
    `{"stored":${stored},"duplicate":0,"rejected":[],"retry":[],` +
    `"request_id":${JSON.stringify(requestId)},"time":${nowMs}}`;
  return { status: 200, contentType: "application/json", body, retryAfterSeconds: 0 };
}

/** The answer for a settled batch: 200 with every outcome, or 503 where none is final. */
export function nativeAnswer(batch: Verdicts, options: AnswerOptions): Reply {
  const { requestId, nowMs } = options;
  const stored = storedReply(batch, options);
  if (stored !== null) return stored;
  const { status, body, retryAfterSeconds, retryCode } = httpResult(batch);
  if (status === 200 || retryCode === null) {
    const members = { ...body, request_id: requestId, time: nowMs };
    return jsonReply(200, members, retryAfterSeconds);
  }
  return problemReply(status === 429 ? "rate_limited" : "unavailable", {
    requestId,
    retryAfterSeconds,
    members: { code: retryCode, ...body },
  });
}

export const NATIVE_ANSWERS: FacadeAnswers = { settled: nativeAnswer, problem: problemReply };
