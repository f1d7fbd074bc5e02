/** The OpenAPI 3.1 document of the public port, served as `/openapi.json`. */
import { HTTP_DEADLINE_MS } from "../../limits/delivery.ts";
import { BODY_BYTES_MAX, FRAME_EVENTS_MAX, INFLATED_BYTES_MAX } from "../../limits/events.ts";
import { EVENT_SCHEMAS } from "./event-schemas.ts";
import {
  ASYNCAPI_PATH,
  CONTRACT_VERSION,
  EVENTS_PATH,
  LICENSE,
  LIVE_EVENTS_PATH,
  LIVE_PATH,
  OPENAPI_PATH,
  SESSIONS_PATH,
  STREAM_EVENTS_PATH,
  STREAM_PATH,
  TICKETS_PATH,
} from "./facts.ts";
import { FACADE_ITEMS, FACADE_PATHS, FACADE_SCHEMAS } from "./facades.ts";
import { ref } from "./kit.ts";
import {
  CORS,
  header,
  HEADERS,
  json,
  preflight,
  problem,
  problems,
  SECURITY,
} from "./openapi-parts.ts";
import { LIVE_EVENTS_ITEM, LIVE_ITEM } from "./live-paths.ts";
import { SESSION_ITEM, SESSION_SCHEMAS } from "./sessions.ts";
import { STREAM_PARAMETER, STREAM_POST_SCHEMAS } from "./stream-post-schemas.ts";
import { TICKET_SCHEMAS, TICKETS_ITEM } from "./tickets.ts";
import type { Schema } from "./kit.ts";

const DESCRIPTION = `Every event gets exactly one final outcome. \`200\` means that every event
of the request has one; \`stored\` means durable in Kafka. \`429\` and \`503\`, with an integer
\`Retry-After\` of at least 1, are the only answers that mean "later". Other paths answer 404, other
methods 405, both with problem details and closing the connection. WebSockets are described in
\`${ASYNCAPI_PATH}\`; health and metrics are on the admin port.`;

const ONE_EVENT = { id: "e-1", type: "search", key: "user-7", data: { query: "tea" } };

const RESULTS_EXAMPLE = {
  stored: 1,
  duplicate: 0,
  rejected: [
    {
      index: 1,
      id: "e-2",
      code: "schema_invalid",
      kind: "type",
      path: "/data/query",
      expected: "string",
      got: "number",
      detail: "/data/query is a number; the schema wants a string",
    },
  ],
  retry: [],
  request_id: "k3f9a1-12",
  time: 1_790_000_000_000,
};

function postEvents(): object {
  const bodySchema = {
    oneOf: [
      ref("Envelope"),
      { type: "array", items: ref("Event"), maxItems: FRAME_EVENTS_MAX },
      ref("Event"),
    ],
  };
  const lines = { schema: { type: "string", description: "One event in JSON on each line." } };
  return {
    operationId: "postEvents",
    summary: "Sends events and waits for the outcome of each.",
    description:
      `Answered within ${HTTP_DEADLINE_MS / 1_000} s: what Kafka has not confirmed by then is in ` +
      "`retry` (`kafka_timeout`), may be stored, and is sent again with the same id. A body has " +
      `at most ${BODY_BYTES_MAX} bytes as sent, ${INFLATED_BYTES_MAX} inflated (gzip, zstd), and ` +
      `${FRAME_EVENTS_MAX} events. It is judged by its content: an envelope, an array, one ` +
      "event, or lines of JSON, whatever Content-Type says.",
    security: SECURITY,
    parameters: [
      {
        name: "atomic",
        in: "query",
        description: "1: an invalid event refuses all; nothing is stored.",
        schema: { enum: ["1"] },
      },
      {
        name: "faults",
        in: "query",
        description: "`all`: what is wrong with a rejected event besides, too. It costs time.",
        schema: { enum: ["all"] },
      },
      {
        name: "Prefer",
        in: "header",
        description: "`respond-async`: 202 at once, and no outcomes.",
        schema: { type: "string" },
      },
      {
        name: "Idempotency-Key",
        in: "header",
        description: "Under the same key the same request gets the same answer for an hour.",
        schema: { type: "string", maxLength: 200 },
      },
      {
        name: "Content-Encoding",
        in: "header",
        description: "May be left out: it is seen from the first bytes.",
        schema: { enum: ["gzip", "zstd", "identity"] },
      },
    ],
    requestBody: {
      required: true,
      content: {
        "application/json": { schema: bodySchema, example: { events: [ONE_EVENT] } },
        "text/plain": { schema: bodySchema },
        "application/x-ndjson": lines,
        "application/jsonl": lines,
      },
    },
    responses: eventAnswers(),
  };
}

function eventAnswers(): object {
  return {
    "200": {
      description: "Every event has an outcome.",
      headers: { ...CORS, "Retry-After": header("RetryAfterMaybe") },
      content: json(ref("Results"), RESULTS_EXAMPLE),
    },
    "202": {
      description: "Only with `Prefer: respond-async`: taken, and nothing more will be told.",
      headers: {
        ...CORS,
        "Preference-Applied": { required: true, schema: { const: "respond-async" } },
      },
      content: json(ref("Accepted"), { accepted: 1, request_id: "k3f9a1-12" }),
    },
    ...problems(400, 401, 403, 409, 413, 415, 422, 429, 500, 503),
  };
}

function postStreamEvents(): object {
  const content = { schema: ref("StreamPost") };
  return {
    operationId: "postStreamEvents",
    summary: "Uses a stream once, without a WebSocket: for page unload and blocked WebSockets.",
    description:
      "The members of `hello` and of `pub` in one body, the same numbers, the same outcomes. A " +
      "WebSocket that holds the stream is closed with 4409 first. A beacon has its write key in " +
      "the body (`auth`) or the query (`key`).",
    security: [...SECURITY, {}],
    requestBody: {
      required: true,
      content: { "application/json": content, "text/plain": content },
    },
    responses: {
      "200": {
        description: "Every event has an outcome, or is in `retry`.",
        headers: { ...CORS, "Retry-After": header("RetryAfterMaybe") },
        content: json(ref("StreamAnswer")),
      },
      ...problems(400, 401, 403, 409, 413, 415, 429, 500, 503),
    },
  };
}

function openStream(): object {
  return {
    operationId: "openStream",
    summary: `The door of WebSockets: see ${ASYNCAPI_PATH}.`,
    security: [],
    responses: {
      "101": { description: "A WebSocket of the subprotocol `sluice.v1.json`." },
      "400": {
        description: "The upgrade is unsound, or offers no subprotocol that is spoken.",
        content: { "text/plain": { schema: { type: "string" } } },
      },
      "426": problem(426, { Upgrade: { required: true, schema: { const: "websocket" } } }),
    },
  };
}

function getDocument(operationId: string, summary: string): object {
  const headers = {
    ETag: header("ETag"),
    "Cache-Control": header("CacheControl"),
    ...CORS,
  };
  return {
    operationId,
    summary,
    security: [],
    parameters: [
      {
        name: "If-None-Match",
        in: "header",
        description: "An ETag that the client has.",
        schema: { type: "string" },
      },
    ],
    responses: {
      "200": { description: "The document.", headers, content: json({ type: "object" }) },
      "304": { description: "The client has it.", headers },
    },
  };
}

/** The document as plain data. */
export function openapiDocument(): object {
  return {
    openapi: "3.1.0",
    info: {
      title: "sluice",
      version: CONTRACT_VERSION,
      summary: "The edge where event streams enter.",
      description: DESCRIPTION,
      license: { name: LICENSE.name, url: LICENSE.url },
    },
    servers: [{ url: "/", description: "The gateway that serves this document." }],
    paths: {
      [EVENTS_PATH]: { post: postEvents(), options: preflight() },
      [STREAM_EVENTS_PATH]: {
        parameters: [STREAM_PARAMETER],
        post: postStreamEvents(),
        options: preflight("preflightStream"),
      },
      [STREAM_PATH]: { get: openStream() },
      [TICKETS_PATH]: TICKETS_ITEM,
      [SESSIONS_PATH]: SESSION_ITEM,
      [LIVE_PATH]: LIVE_ITEM,
      [LIVE_EVENTS_PATH]: LIVE_EVENTS_ITEM,
      ...FACADE_PATHS,
      [OPENAPI_PATH]: { get: getDocument("getOpenapi", "This document.") },
      [ASYNCAPI_PATH]: { get: getDocument("getAsyncapi", "Frames of the WebSockets.") },
    },
    components: {
      schemas: { ...usedSchemas(), ...FACADE_SCHEMAS },
      headers: HEADERS,
      pathItems: FACADE_ITEMS,
      responses: {
        NotFound: problem(404),
        MethodNotAllowed: problem(405, { Allow: { required: true, schema: { type: "string" } } }),
      },
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "A write key or a token." },
        basic: { type: "http", scheme: "basic", description: "The write key as user name." },
        writeKey: { type: "apiKey", in: "header", name: "X-Write-Key" },
        ticket: { type: "apiKey", in: "query", name: "ticket", description: `Of ${TICKETS_PATH}.` },
        queryKey: { type: "apiKey", in: "query", name: "key", description: "For beacons." },
      },
    },
  };
}

function usedSchemas(): Readonly<Record<string, Schema>> {
  return { ...EVENT_SCHEMAS, ...STREAM_POST_SCHEMAS, ...SESSION_SCHEMAS, ...TICKET_SCHEMAS };
}
