/** A person's sessions in the OpenAPI document: to see them, and to have them erased. */
import { flag, integer, list, ref, spoken, text } from "./kit.ts";
import type { Schema } from "./kit.ts";
import { CORS, header, json, problems } from "./openapi-parts.ts";

const SECURITY = [{ bearer: [] }, { basic: [] }, { writeKey: [] }];

const EXAMPLE = {
  sessions: [
    {
      id: "01a1fecd-a1e3-7153-b45f-02dd503502c9",
      source: "web",
      actor: "a-7f3c91d2",
      user_id: "customer-9",
      started_at: 1_790_000_000_000,
      last_at: 1_790_000_060_000,
      events: 12,
      entry: "page",
      exit: "purchase",
      over: false,
    },
  ],
  request_id: "k3f9a1-12",
  time: 1_790_000_061_000,
};

export const SESSION_SCHEMAS: Readonly<Record<string, Schema>> = {
  Session: spoken(
    {
      id: text("As in the records of its events."),
      source: text("Where it came from."),
      actor: text("Who it belongs to, as the events say; empty: a client's id alone."),
      user_id: text("The known id that an event has linked the actor to."),
      started_at: integer("Time of its first event: ms since 1970."),
      last_at: integer("Time of its last event: ms since 1970."),
      events: integer("Events that were stored, each counted once."),
      entry: text("Type of its first event."),
      exit: text("Type of its last event."),
      over: flag("Nothing more is expected of it."),
    },
    { optional: ["user_id"] },
  ),
  Sessions: spoken({
    sessions: list(ref("Session"), "What is known, also of actors linked to the key."),
    request_id: text("Names this answer in logs."),
    time: integer("The server's clock: ms since 1970."),
  }),
  Erased: spoken({
    erased: integer("Sessions that were erased; 0 if there were none."),
    request_id: text("Names this answer in logs, and the audit record."),
  }),
};

const headers = { "Cache-Control": header("CacheControl"), ...CORS };

export const SESSION_ITEM = {
  parameters: [
    {
      name: "key",
      in: "path",
      required: true,
      description: "anonymousId, deviceId or userId of a person, percent-encoded.",
      schema: { type: "string" },
    },
  ],
  get: {
    operationId: "getSessions",
    summary: "What is known of a person's sessions, in all sources of the tenant.",
    description: "Needs the scope `sessions:read`.",
    security: SECURITY,
    responses: {
      "200": { description: "At least one.", headers, content: json(ref("Sessions"), EXAMPLE) },
      ...problems(400, 401, 403, 404, 429, 500, 503),
    },
  },
  delete: {
    operationId: "eraseSessions",
    summary: "Erases what sluice keeps of a person's sessions, and notes that it did.",
    description:
      "Needs the scope `sessions:erase`. Events in Kafka stay. What failed may be asked for again.",
    security: SECURITY,
    responses: {
      "200": {
        description: "Erased, and noted in the audit topic.",
        headers,
        content: json(ref("Erased"), { erased: 1, request_id: "k3f9a1-12" }),
      },
      ...problems(400, 401, 403, 429, 500, 503),
    },
  },
};
