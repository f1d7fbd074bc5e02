/**
 * The routes of foreign clients in the OpenAPI document: what Segment's, RudderStack's and
 * CloudEvents' libraries call, and plain webhooks. Their bodies are those clients' own; the answers
 * are what these clients understand.
 */
import { OUTCOME_RULES, PROBLEM_RULES } from "../../errors.ts";
import { integer, ref, spoken, text } from "./kit.ts";
import type { Schema } from "./kit.ts";
import { CORS, header, json, preflight, problems, SECURITY } from "./openapi-parts.ts";

const ANY_BODY = {
  required: true,
  content: { "application/json": { schema: {} }, "text/plain": { schema: {} } },
};

/** Segment's calls; its browser library uses their first letters. */
const SEGMENT_CALLS = ["track", "page", "identify", "group", "alias", "screen"].flatMap((name) => [
  name,
  name.slice(0, 1),
]);
const SEGMENT_BATCHES = ["b", "batch", "import"];

export const FACADE_SCHEMAS: Readonly<Record<string, Schema>> = {
  Success: spoken({ success: { const: true } }, { description: "Every event has an outcome." }),
  Failure: spoken(
    {
      success: { const: false },
      status: integer("The HTTP status.", 400),
      code: {
        type: "string",
        enum: [...new Set([...Object.keys(PROBLEM_RULES), ...Object.keys(OUTCOME_RULES)])],
      },
      message: text("One sentence for the one who reads it."),
      request_id: text("Names this answer in logs."),
    },
    { description: "Nothing of the request may be forgotten, unless its status is 4xx." },
  ),
};

/** Answers that are errors, in the shape that libraries of this kind take. */
function failures(...statuses: readonly number[]): Readonly<Record<string, object>> {
  return Object.fromEntries(
    statuses.map((status) => {
      const waits = status === 429 || status === 503;
      const headers = waits ? { ...CORS, "Retry-After": header("RetryAfter") } : CORS;
      const description = waits ? "Send the whole request again, later." : "Do not send it again.";
      return [String(status), { description, headers, content: json(ref("Failure")) }];
    }),
  );
}

const OK_TEXT = { schema: { const: "OK" } };

function call(operationId: string, summary: string): object {
  return {
    operationId,
    summary,
    description:
      "Credentials also as member `writeKey` of the body, or `?writeKey=`. With RudderStack's " +
      "headers the answer is `OK`.",
    security: [...SECURITY, {}],
    requestBody: ANY_BODY,
    responses: {
      "200": {
        description: "Every event has an outcome; those that do not fit are rejected.",
        headers: CORS,
        content: { ...json(ref("Success")), "text/plain": OK_TEXT },
      },
      ...failures(400, 401, 403, 413, 415, 429, 500, 503),
    },
  };
}

function getReply(operationId: string, summary: string, schema: Schema): object {
  return {
    operationId,
    summary,
    security: [{}],
    responses: {
      "200": { description: "As the library wants it.", headers: CORS, content: json(schema) },
      ...problems(401),
    },
  };
}

const RESULTS = {
  description: "Every event has an outcome.",
  headers: { ...CORS, "Retry-After": header("RetryAfterMaybe") },
  content: json(ref("Results")),
};

function pathParameter(name: string, description: string): object {
  return { name, in: "path", required: true, description, schema: { type: "string" } };
}

const PIXEL = {
  get: {
    operationId: "getPixel",
    summary: "RudderStack: an event in the parameters of an image.",
    security: [{}],
    responses: {
      "200": {
        description: "A pixel, whatever became of the event.",
        headers: CORS,
        content: { "image/gif": { schema: {} } },
      },
    },
  },
  options: preflight("preflightPixel"),
};

/** A preflight, or the handshake of HTTP 1.1 Web Hooks for Event Delivery §4. */
function webhookValidation(): object {
  const { responses, ...others } = preflight("preflightCloudEvents");
  const allowed = { required: true, schema: { type: "string" } };
  const handshake = {
    description: "With `WebHook-Request-Origin`: events may be sent.",
    headers: { ...CORS, "WebHook-Allowed-Origin": allowed, "WebHook-Allowed-Rate": allowed },
  };
  return { ...others, responses: { ...responses, "200": handshake } };
}

/** What a path of several names is described by. */
export const FACADE_ITEMS = {
  SegmentCall: {
    post: call("postCall", "Segment, RudderStack: one event, its type in the path."),
    options: preflight("preflightCall"),
  },
  SegmentBatch: {
    post: call("postBatch", "Segment, RudderStack: a batch of events."),
    options: preflight("preflightBatch"),
  },
  SegmentMetrics: {
    post: {
      operationId: "postMetrics",
      summary: "Segment: what the library says of itself. Taken and forgotten.",
      security: [{}],
      responses: {
        "200": { description: "Taken.", headers: CORS, content: json(ref("Success")) },
      },
    },
    options: preflight("preflightMetrics"),
  },
  SegmentSettings: {
    parameters: [pathParameter("writeKey", "The write key.")],
    get: getReply("getSettings", "Segment: settings of its browser library.", { type: "object" }),
    options: preflight("preflightSettings"),
  },
};

const items = (name: keyof typeof FACADE_ITEMS, paths: readonly string[]) =>
  Object.fromEntries(
    paths.flatMap((path) => [
      [`/v1/${path}`, { $ref: `#/components/pathItems/${name}` }],
      [`/${path}`, { $ref: `#/components/pathItems/${name}` }],
    ]),
  );

export const FACADE_PATHS: Readonly<Record<string, object>> = {
  ...items("SegmentCall", SEGMENT_CALLS),
  ...items("SegmentBatch", SEGMENT_BATCHES),
  ...items("SegmentMetrics", ["m"]),
  ...items("SegmentSettings", ["projects/{writeKey}/settings"]),
  "/v1/merge": {
    post: call("postMerge", "RudderStack: one event of type merge."),
  },
  "/beacon/v1/batch": {
    post: call("postBeacon", "RudderStack: a batch of a page that is being left."),
    options: preflight("preflightBeacon"),
  },
  "/pixel/v1/track": PIXEL,
  "/pixel/v1/page": {
    get: { ...PIXEL.get, operationId: "getPagePixel" },
    options: preflight("preflightPagePixel"),
  },
  "/sourceConfig": {
    get: getReply("getSourceConfig", "RudderStack: settings of its library.", { type: "object" }),
    options: preflight("preflightSourceConfig"),
  },
  "/v1/cloudevents": {
    post: {
      operationId: "postCloudEvents",
      summary: "CloudEvents 1.0 over HTTP: binary, structured, batched.",
      description: "422: the one event of a request is invalid; of a batch each has its outcome.",
      security: SECURITY,
      requestBody: {
        required: true,
        content: {
          "application/cloudevents+json": { schema: { type: "object" } },
          "application/cloudevents-batch+json": { schema: { type: "array" } },
          "application/json": { schema: {} },
        },
      },
      responses: {
        "200": RESULTS,
        ...problems(400, 401, 403, 413, 415, 422, 429, 500, 503),
      },
    },
    options: webhookValidation(),
  },
  "/v1/webhooks/{type}": {
    parameters: [pathParameter("type", "Type of the event.")],
    post: {
      operationId: "postWebhook",
      summary: "A webhook of somebody else: the body is the record.",
      security: SECURITY,
      requestBody: ANY_BODY,
      responses: { "200": RESULTS, ...problems(400, 401, 403, 413, 415, 422, 429, 500, 503) },
    },
    options: preflight("preflightWebhook"),
  },
};
