/**
 * The one table of everything sluice can answer besides `stored` and `duplicate`: outcome codes of
 * events, problems of whole requests, close codes of WebSockets. The tokens are part of the
 * contract with clients (docs/protocol.md §2.8, §2.11) and label values of metrics: they may be
 * added to, not renamed. A test pins the table.
 */

/** What can be said of one event. `final: false` means: send the same event again, same id. */
export interface OutcomeRule {
  readonly final: boolean;
  /** Status of the whole HTTP answer when no event of the request got a final outcome. */
  readonly status: 429 | 503 | 422;
  /** Wait proposed to the client before it sends again, in milliseconds; 0 for final outcomes. */
  readonly afterMs: number;
  readonly text: string;
}

export const OUTCOME_RULES = {
  schema_unknown: {
    final: true,
    status: 422,
    afterMs: 0,
    text: "no schema is known for this type of event",
  },
  schema_invalid: {
    final: true,
    status: 422,
    afterMs: 0,
    text: "the event does not fit its schema",
  },
  type_not_allowed: {
    final: true,
    status: 422,
    afterMs: 0,
    text: "this sender may not send events of this type",
  },
  too_large: { final: true, status: 422, afterMs: 0, text: "the event is over the size limit" },
  bad_id: {
    final: true,
    status: 422,
    afterMs: 0,
    text: "an event id is a string of 1 to 200 bytes",
  },
  timestamp_out_of_range: {
    final: true,
    status: 422,
    afterMs: 0,
    text: "the event time is not a time between 1970 and 9999",
  },
  key_missing: { final: true, status: 422, afterMs: 0, text: "events of this type need a key" },
  event_fault: {
    final: true,
    status: 422,
    afterMs: 0,
    text: "this event made the encoder fail; it is not stored",
  },
  kafka_unavailable: {
    final: false,
    status: 503,
    afterMs: 2_000,
    text: "Kafka does not take records at the moment",
  },
  kafka_timeout: {
    final: false,
    status: 503,
    afterMs: 2_000,
    text: "Kafka did not confirm in time; the event may be stored, send it again with the same id",
  },
  destination_unavailable: {
    final: false,
    status: 503,
    afterMs: 30_000,
    text: "the topic of this type is missing or closed to sluice; its operator has to act",
  },
  overloaded: {
    final: false,
    status: 503,
    afterMs: 1_000,
    text: "more events are in flight than this process may hold",
  },
  in_progress: {
    final: false,
    status: 503,
    afterMs: 1_000,
    text: "the same event is being stored; send it again to learn its outcome",
  },
  registry_unavailable: {
    final: false,
    status: 503,
    afterMs: 30_000,
    text: "the schema registry cannot answer for this schema at the moment",
  },
  internal: { final: false, status: 503, afterMs: 5_000, text: "an error inside sluice" },
} as const satisfies Record<string, OutcomeRule>;

export type OutcomeCode = keyof typeof OUTCOME_RULES;

/** Outcome codes by number, for typed arrays; 0 stands for "no code" (stored or still open). */
export const OUTCOME_CODES: readonly (OutcomeCode | "none")[] = [
  "none",
  ...(Object.keys(OUTCOME_RULES) as OutcomeCode[]),
];

/** The inverse of OUTCOME_CODES. */
export const OUTCOME_NUMBER: Readonly<Record<OutcomeCode, number>> = Object.fromEntries(
  (Object.keys(OUTCOME_RULES) as OutcomeCode[]).map((code, index) => [code, index + 1]),
) as Record<OutcomeCode, number>;

/** Fault kinds of mapping v1, by number as the codec reports them; 0 stands for "none". */
export const FAULT_KINDS = [
  "none",
  "syntax",
  "utf8",
  "depth",
  "type",
  "range",
  "format",
  "length",
  "enum",
  "union",
  "missing",
  "duplicate",
  "unknown_type",
  "too_large",
] as const;

export type FaultKind = Exclude<(typeof FAULT_KINDS)[number], "none">;

/**
 * Why an event was refused, in the shape every door of sluice gives it (HTTP, WebSocket,
 * `sluice encode`, dead letters). `path` is an RFC 6901 pointer into the event as it was sent.
 */
export interface Fault {
  readonly code: OutcomeCode;
  readonly kind?: FaultKind;
  readonly path?: string;
  readonly expected?: string;
  readonly got?: string;
  readonly detail: string;
}

/** What can be wrong with a whole request (RFC 9457 problem details); no event has an outcome. */
export const PROBLEM_RULES = {
  empty: { status: 400, title: "The body is empty" },
  bad_request: { status: 400, title: "The request is not sound HTTP" },
  bad_json: { status: 400, title: "The body is not JSON" },
  unauthenticated: { status: 401, title: "No or unknown credentials" },
  forbidden: { status: 403, title: "These credentials may not do this" },
  not_found: { status: 404, title: "There is nothing at this path" },
  method_not_allowed: { status: 405, title: "This path does not take this method" },
  seq_gap: { status: 409, title: "A sequence number was skipped" },
  superseded: { status: 409, title: "Another connection or request has claimed the stream" },
  resume_denied: { status: 409, title: "The stream is not yours: go on with a new stream id" },
  idempotency_in_progress: {
    status: 409,
    title: "A request with this Idempotency-Key is under way",
  },
  too_large: { status: 413, title: "The request is over a limit" },
  unsupported_media_type: { status: 415, title: "This content type is not taken" },
  unsupported_encoding: { status: 415, title: "This content coding is not taken" },
  invalid_events: {
    status: 422,
    title: "At least one event is invalid and atomic=1 was asked for",
  },
  idempotency_mismatch: {
    status: 422,
    title: "This Idempotency-Key was used with another request",
  },
  upgrade_required: { status: 426, title: "This path takes WebSockets" },
  rate_limited: { status: 429, title: "Too many requests" },
  internal: { status: 500, title: "An error inside sluice" },
  draining: { status: 503, title: "This process is shutting down" },
  overloaded: { status: 503, title: "More events are in flight than this process may hold" },
  unavailable: { status: 503, title: "No event could be stored at the moment" },
} as const;

export type ProblemCode = keyof typeof PROBLEM_RULES;

/**
 * WebSocket close codes (docs/protocol.md §2.8). `retry`: may the client come back by itself?
 * `text`: what happened, and what a client should do about it.
 */
export const CLOSE_RULES = {
  done: { code: 1000, retry: false, text: "everything up to `bye.last` is answered" },
  going_away: { code: 1001, retry: true, text: "the client did not answer pings" },
  protocol_error: { code: 1002, retry: false, text: "against RFC 6455" },
  unsupported_data: { code: 1003, retry: false, text: "a binary frame; frames are text" },
  policy: { code: 1008, retry: false, text: "against the rules of the house" },
  too_large: { code: 1009, retry: false, text: "a frame over a limit: send smaller ones" },
  internal: { code: 1011, retry: true, text: "an error inside sluice" },
  restart: { code: 1012, retry: true, text: "this process shuts down; others serve" },
  overloaded: { code: 1013, retry: true, text: "this process holds all it may" },
  bad_frame: {
    code: 4400,
    retry: false,
    text: "a frame that cannot be read, or a number out of turn: mend the client",
  },
  unauthenticated: {
    code: 4401,
    retry: true,
    text: "no or unknown credentials: come back once, with new ones",
  },
  forbidden: { code: 4403, retry: false, text: "these credentials may not do this" },
  hello_timeout: {
    code: 4408,
    retry: true,
    text: "the first frame was no hello, or came too late",
  },
  superseded: {
    code: 4409,
    retry: false,
    text: "another connection has taken the stream: load the queue anew before you go on",
  },
  resume_denied: {
    code: 4410,
    retry: false,
    text: "the stream is not yours: go on with a new stream id",
  },
  version_unsupported: {
    code: 4426,
    retry: false,
    text: "this version of the protocol is not spoken",
  },
  credit_exceeded: { code: 4429, retry: true, text: "more was sent than credit allows" },
  kafka_unavailable: { code: 4503, retry: true, text: "Kafka has been away for too long" },
} as const;

export type CloseName = keyof typeof CLOSE_RULES;
