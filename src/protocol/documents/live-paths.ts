/** The doors of the live feed in the OpenAPI document. */
import { ASYNCAPI_PATH } from "./facts.ts";
import { CORS, header, preflight, problem, problems } from "./openapi-parts.ts";

const UPGRADE_HEADER = { Upgrade: { required: true, schema: { const: "websocket" } } };

export const LIVE_ITEM = {
  get: {
    operationId: "openLive",
    summary: `Events as they are stored, over a WebSocket: see ${ASYNCAPI_PATH}.`,
    security: [],
    responses: {
      "101": { description: "A WebSocket of the subprotocol `sluice.live.v1.json`." },
      "400": {
        description: "The upgrade is unsound, or offers no subprotocol that is spoken.",
        content: { "text/plain": { schema: { type: "string" } } },
      },
      "426": problem(426, UPGRADE_HEADER),
    },
  },
};

const listed = (name: string, description: string) => ({
  name,
  in: "query",
  description: `${description} Separated by commas, or named several times.`,
  schema: { type: "array", items: { type: "string" } },
  explode: false,
});

export const LIVE_EVENTS_ITEM = {
  get: {
    operationId: "getLiveEvents",
    summary: "The same as server-sent events: each frame is an event named by its `t`.",
    description:
      "Needs the scope `read:TYPE` for each type. Pages bring a ticket in the URL. The id of an " +
      "event is a token: browsers send it back as `Last-Event-ID` and go on from there.",
    security: [{ bearer: [] }, { basic: [] }, { writeKey: [] }, { ticket: [] }, {}],
    parameters: [
      listed("topics", "Only what is in these topics."),
      listed("types", "Only events of these types."),
      listed("keys", "Only events with one of these Kafka keys."),
      {
        name: "where",
        in: "query",
        description: "Conditions on fields, as JSON: an array of {path, op, value}.",
        schema: { type: "string" },
      },
      {
        name: "from",
        in: "query",
        description: "`now` (default), or a time: ms since 1970 or RFC 3339.",
        schema: { type: "string" },
      },
      {
        name: "token",
        in: "query",
        description: "Of an earlier frame, instead of `from`.",
        schema: { type: "string" },
      },
      {
        name: "Last-Event-ID",
        in: "header",
        description: "The same, as browsers send it; it wins.",
        schema: { type: "string" },
      },
    ],
    responses: {
      "200": {
        description: "Events without an end.",
        headers: { ...CORS, "Cache-Control": header("CacheControl") },
        content: { "text/event-stream": { schema: { type: "string" } } },
      },
      ...problems(400, 401, 403, 429, 500, 503),
    },
  },
  options: preflight("preflightLiveEvents"),
};
