/**
 * JSON Schemas of what both doors share: events as clients send them, codes, faults, the answers of
 * HTTP. Made from the tables of errors.ts and limits/.
 */
import { FAULT_KINDS, OUTCOME_RULES, PROBLEM_RULES } from "../../errors.ts";
import type { OutcomeCode } from "../../errors.ts";
import { FAULTS_PER_EVENT_MAX, FRAME_EVENTS_MAX, ID_BYTES_MAX } from "../../limits/events.ts";
import { heard, integer, list, ref, spoken, text } from "./kit.ts";
import type { Schema } from "./kit.ts";

const OUTCOMES = Object.keys(OUTCOME_RULES) as OutcomeCode[];

/** Codes of events with one line each, as Markdown. */
function codeLines(codes: readonly OutcomeCode[]): string {
  return codes.map((code) => `- \`${code}\`: ${OUTCOME_RULES[code].text}`).join("\n");
}

function codesOf(isFinal: boolean): OutcomeCode[] {
  return OUTCOMES.filter((code) => OUTCOME_RULES[code].final === isFinal);
}

const TIME: Schema = {
  description: "Milliseconds since 1970, or RFC 3339.",
  oneOf: [{ type: "integer" }, { type: "string" }],
};

/** Members of a fault besides its code; `schema_invalid` has them all where they make sense. */
const FAULT_MEMBERS: Readonly<Record<string, Schema>> = {
  id: text("Id of the event, where it has one that can be read."),
  code: ref("FinalCode"),
  kind: ref("FaultKind"),
  path: text("RFC 6901 pointer into the event as it was sent.", { examples: ["/data/price"] }),
  expected: text("What the schema wants there."),
  got: text("What stands there."),
  detail: text("One sentence for the one who mends it."),
};

const FAULT_OPTIONAL = ["id", "kind", "path", "expected", "got"];

const ALL_FAULTS = list(ref("Fault"), "Only with `faults=all`: what else is wrong, too.", {
  maxItems: FAULTS_PER_EVENT_MAX,
});

const CODE_SCHEMAS: Readonly<Record<string, Schema>> = {
  FinalCode: {
    type: "string",
    enum: codesOf(true),
    description:
      "The event will never be stored; do not send it again.\n\n" + codeLines(codesOf(true)),
  },
  RetryCode: {
    type: "string",
    enum: codesOf(false),
    description: `Send the same event again, later.\n\n${codeLines(codesOf(false))}`,
  },
  FaultKind: {
    type: "string",
    enum: FAULT_KINDS.filter((kind) => kind !== "none"),
    description: "What is wrong with an event of code `schema_invalid`.",
  },
  ProblemCode: {
    type: "string",
    enum: [...new Set([...Object.keys(PROBLEM_RULES), ...codesOf(false)])],
    description:
      "What is wrong with the whole request; where events are to be sent again, why.\n\n" +
      Object.entries(PROBLEM_RULES)
        .map(([code, { status, title }]) => `- \`${code}\` (${status}): ${title}`)
        .join("\n"),
  },
};

/** Of clients. */
const HEARD_SCHEMAS: Readonly<Record<string, Schema>> = {
  Event: heard(
    {
      type: text("Picks schema and topic from the pack."),
      data: { type: "object", description: "The record: what the schema describes." },
      id: text("The same id whenever it is sent again; else the pack's pointer into `data`.", {
        minLength: 1,
        maxLength: ID_BYTES_MAX,
      }),
      ts: { ...TIME, description: "When it happened: ms since 1970, or RFC 3339." },
      key: {
        description: "Kafka key: events of one key keep their order. An integer: its digits.",
        oneOf: [{ type: "string" }, { type: "integer" }],
      },
      schema: {
        description:
          "Another schema of the type: a registry id, `fp:<hex>`, `subject` or `subject:version`.",
        oneOf: [{ type: "string" }, { type: "integer", minimum: 0 }],
      },
      ctx: { type: "object", description: "Free; reaches a record only where it is mapped." },
    },
    {
      description:
        "One event. In a pack with `payload: whole` the bare event is the record, and its type " +
        "stands in the member that the pack names.",
      optional: ["id", "ts", "key", "schema", "ctx"],
      examples: [{ id: "e-1", type: "search", key: "user-7", data: { query: "tea" } }],
    },
  ),
  Envelope: heard(
    {
      events: list(ref("Event"), "At most so many.", { maxItems: FRAME_EVENTS_MAX }),
      sentAt: {
        ...TIME,
        description: "The client's clock when it sent this: corrects event times.",
      },
      ctx: { type: "object", description: "Free." },
    },
    { description: "`batch` may stand for `events`.", optional: ["sentAt", "ctx"] },
  ),
};

/** Of sluice. */
const SPOKEN_SCHEMAS: Readonly<Record<string, Schema>> = {
  Fault: spoken(
    { ...FAULT_MEMBERS, code: { type: "string", enum: OUTCOMES } },
    { optional: FAULT_OPTIONAL, description: "One thing that is wrong with an event." },
  ),
  Rejection: spoken(
    {
      index: integer("Place of the event in the request, from 0."),
      ...FAULT_MEMBERS,
      faults: ALL_FAULTS,
    },
    {
      optional: [...FAULT_OPTIONAL, "faults"],
      description: "An event that will never be stored, and why.",
    },
  ),
  StreamRejection: spoken(
    {
      seq: integer("Number of the event.", 1),
      ...FAULT_MEMBERS,
      dlq: { type: "boolean", description: "It is kept among the dead letters." },
    },
    { optional: FAULT_OPTIONAL, description: "An event that will never be stored, and why." },
  ),
  Retry: spoken(
    {
      index: integer("Place of the event in the request, from 0."),
      id: FAULT_MEMBERS["id"] ?? {},
      code: ref("RetryCode"),
      detail: text("Why."),
    },
    { optional: ["id"], description: "An event to be sent again, with the same id." },
  ),
  Results: spoken(
    {
      stored: integer("Events that Kafka has confirmed."),
      duplicate: integer("Events that had been stored before."),
      rejected: list(ref("Rejection"), "Events that will never be stored."),
      retry: list(ref("Retry"), "Events to be sent again."),
      request_id: text("Names this answer in logs."),
      time: integer("The server's clock: ms since 1970."),
    },
    { description: "The outcome of every event: counted, or listed in the order of the request." },
  ),
  Accepted: spoken(
    {
      accepted: integer("Events that were not refused at once; what becomes of them is not told."),
      request_id: text("Names this answer in logs."),
    },
    { description: "Only with `Prefer: respond-async`." },
  ),
  AtomicFault: spoken(
    {
      index: integer("Place of the event in the request, from 0."),
      ...FAULT_MEMBERS,
      code: { type: "string", enum: OUTCOMES },
      faults: ALL_FAULTS,
    },
    {
      optional: [...FAULT_OPTIONAL, "faults"],
      description: "An event because of which all were refused.",
    },
  ),
  Problem: spoken(
    {
      type: text("`urn:sluice:problem:` and the code of the kind of problem."),
      title: text("The kind of problem."),
      status: integer("The HTTP status.", 400),
      code: ref("ProblemCode"),
      message: text("Same as `detail`."),
      detail: text("One sentence for the one who reads it."),
      request_id: text("Names this answer in logs."),
      limit: integer("The bound that was met, in its unit."),
      offset: integer("Where the body stops being JSON, in bytes."),
      errors: list(ref("AtomicFault"), "With `atomic=1`: the events that are invalid."),
      stored: { const: 0, description: "With a retry code: none was stored." },
      duplicate: { const: 0, description: "None was stored before." },
      rejected: list(ref("Rejection"), "None was refused.", { maxItems: 0 }),
      retry: list(ref("Retry"), "Every event of the request."),
    },
    {
      description: "RFC 9457 problem details. No event of the request has a final outcome.",
      optional: ["limit", "offset", "errors", "stored", "duplicate", "rejected", "retry"],
    },
  ),
};

export const EVENT_SCHEMAS: Readonly<Record<string, Schema>> = {
  ...CODE_SCHEMAS,
  ...HEARD_SCHEMAS,
  ...SPOKEN_SCHEMAS,
};
