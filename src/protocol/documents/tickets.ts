/** Tickets in the OpenAPI document: how a page opens a connection without a key in its URL. */
import { TICKET_TTL_MS } from "../../limits/admission.ts";
import { STREAM_PATH } from "./facts.ts";
import { integer, ref, spoken, text } from "./kit.ts";
import type { Schema } from "./kit.ts";
import { CORS, header, json, preflight, problems } from "./openapi-parts.ts";

const SECONDS = Math.floor(TICKET_TTL_MS / 1_000);
const EXAMPLE = { ticket: "tk_eyJpZCI6.b3Blbg", expires_in: SECONDS, request_id: "k3f9a1-12" };

export const TICKET_SCHEMAS: Readonly<Record<string, Schema>> = {
  Ticket: spoken({
    ticket: text(`For \`?ticket=\` of ${STREAM_PATH} or of the live feed, once.`),
    expires_in: integer("Seconds.", 1),
    request_id: text("Names this answer in logs."),
  }),
};

export const TICKETS_ITEM = {
  post: {
    operationId: "buyTicket",
    summary: "Credentials → a ticket that opens one connection as the same sender.",
    description:
      "It has no body. A ticket is good for connections only: events, sessions and further " +
      "tickets take none.",
    security: [{ bearer: [] }, { basic: [] }, { writeKey: [] }, {}],
    responses: {
      "200": {
        description: "A ticket.",
        headers: { "Cache-Control": header("CacheControl"), ...CORS },
        content: json(ref("Ticket"), EXAMPLE),
      },
      ...problems(400, 401, 403, 429, 500, 503),
    },
  },
  options: preflight("preflightTickets"),
};
