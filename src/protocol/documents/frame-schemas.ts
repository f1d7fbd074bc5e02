/**
 * JSON Schemas of every frame of `sluice.v1.json` with an example of each, and the words around
 * them. Made from the tables of errors.ts and limits/ where these are the source.
 */
import { CLOSE_RULES } from "../../errors.ts";
import { FRAME_EVENTS_MAX } from "../../limits/events.ts";
import { HELD_RANGES_MAX } from "../frames.ts";
import { flag, heard, integer, list, ref, spoken, text } from "./kit.ts";
import type { Schema } from "./kit.ts";

export interface FrameDescription {
  readonly t: string;
  readonly summary: string;
  /** Members besides `t`. */
  readonly members: Readonly<Record<string, Schema>>;
  readonly optional?: readonly string[];
  readonly example: object;
}

const STREAM = "018f6b1a-7c2e-7a31-9a57-3b1d0c4e5f60";
const TIME_MS = 1_790_000_000_000;

const PING_MEMBERS = {
  n: integer("Counts the pings of its sender; the pong gives it back."),
  time: integer("The sender's clock: ms since 1970."),
};

const ENVELOPE_MEMBERS = {
  sentAt: {
    description: "The client's clock: ms since 1970, or RFC 3339.",
    oneOf: [{ type: "integer" }, { type: "string" }],
  },
  ctx: { type: "object", description: "Free; reaches a record only where it is mapped." },
};

/** What a client says of itself and its queue: in `hello`, and in each request of the HTTP twin. */
export const HELLO_MEMBERS: Readonly<Record<string, Schema>> = {
  stream: text("Id of the stream: a UUID that the client made.", { format: "uuid" }),
  auth: text("Write key or token."),
  held: list(
    ref("Range"),
    "Numbers without an outcome, maybe sent before: ascending, disjoint, below `next`.",
    { maxItems: HELD_RANGES_MAX },
  ),
  next: integer("First number that was never used. Default 1.", 1),
  resume: text("The last token that `welcome` gave for this stream."),
  client: heard(
    { name: text("Name of the library."), version: text("Its version.") },
    { description: "Who speaks.", optional: ["name", "version"] },
  ),
  caps: list({ type: "string" }, "What the client can do besides."),
  traceparent: text("Its trace (W3C Trace Context), which traces of its frames link to."),
  order: { enum: ["key"], description: "Order of records: by key." },
  ...ENVELOPE_MEMBERS,
};

export const CLIENT_FRAMES: readonly FrameDescription[] = [
  {
    t: "hello",
    summary: "The first frame: opens the stream, or goes on with it.",
    members: { v: { const: 1, description: "Version of the protocol." }, ...HELLO_MEMBERS },
    optional: Object.keys(HELLO_MEMBERS).filter((name) => name !== "stream"),
    example: { t: "hello", v: 1, auth: "demo", stream: STREAM, held: [[41, 60]], next: 61 },
  },
  {
    t: "pub",
    summary: "Publishes events: the first has the number `seq`, the next `seq + 1`.",
    members: {
      seq: integer("Number of the first event.", 1),
      events: list(ref("Event"), "At most so many.", { maxItems: FRAME_EVENTS_MAX }),
      type: text("For events that have none."),
      schema: text("For events that have none."),
      ...ENVELOPE_MEMBERS,
    },
    optional: ["type", "schema", "sentAt", "ctx"],
    example: {
      t: "pub",
      seq: 61,
      events: [{ type: "search", id: "e-61", data: { query: "tea" } }],
      sentAt: TIME_MS,
    },
  },
  {
    t: "auth",
    summary: "New credentials of the same tenant and source, without a new connection.",
    members: { token: text("Write key or token.") },
    example: { t: "auth", token: "demo" },
  },
  {
    t: "ping",
    summary: "Are you there? Answered with `pong`.",
    members: PING_MEMBERS,
    optional: ["n", "time"],
    example: { t: "ping", n: 1, time: TIME_MS },
  },
  {
    t: "pong",
    summary: "Answers a `ping`.",
    members: PING_MEMBERS,
    optional: ["n", "time"],
    example: { t: "pong", n: 1, time: TIME_MS },
  },
  {
    t: "bye",
    summary: "Nothing more will come: what is in flight is answered, then the socket is closed.",
    members: { last: integer("The last number that was sent.") },
    optional: ["last"],
    example: { t: "bye", last: 61 },
  },
];

/** Of `welcome`, and of the answers of the HTTP twin. */
export const EPOCH = integer("Grows with each connection or request that takes the stream.");
export const RESUME = text(
  "Proves that the stream is yours: keep it beside the queue before the first `pub`.",
);

export const ACK_MEMBERS: Readonly<Record<string, Schema>> = {
  upto: integer("This number and all before have final outcomes."),
  sack: list(ref("Range"), "Numbers above `upto` that have final outcomes, too."),
  rej: list(ref("StreamRejection"), "New: events that will never be stored."),
  retry: list(ref("StreamRetry"), "New: numbers to be sent again."),
  dup: list(ref("Range"), "New: numbers that had a final outcome before they were sent again."),
  credit: ref("Credit"),
};

export const ACK_OPTIONAL = ["sack", "rej", "retry", "dup", "credit"];

export const SERVER_FRAMES: readonly FrameDescription[] = [
  {
    t: "welcome",
    summary: "Answers `hello`: what has an outcome already, and how much may be sent.",
    members: {
      conn: text("Names this connection in logs."),
      epoch: EPOCH,
      resumed: flag("The server remembered the stream."),
      done: integer("This number and all before have final outcomes: drop them."),
      sack: list(ref("Range"), "Numbers above `done` that have final outcomes: drop them, too."),
      exc: list(ref("StreamException"), "Of the numbers in `held`: those that were not stored."),
      dup_possible: flag("Events of `held` may be stored twice; their records carry a flag."),
      resume: RESUME,
      ttl: integer("Seconds for which the server remembers the stream."),
      credit: ref("Credit"),
      limits: spoken(
        {
          frame_bytes: integer("Of one frame.", 1),
          event_bytes: integer("Of one event.", 1),
          frame_events: integer("Events of one frame.", 1),
        },
        { description: "What is longer is refused." },
      ),
      caps: list({ type: "string" }, "Those of `hello.caps` that this server has."),
      ping: integer("Seconds of silence after which the server pings.", 1),
      auth_exp: integer("When the credentials run out: ms since 1970."),
      time: integer("The server's clock: ms since 1970."),
    },
    optional: ["auth_exp"],
    example: {
      t: "welcome",
      conn: "k3f9a1-7",
      epoch: 2,
      resumed: true,
      done: 55,
      sack: [[57, 58]],
      exc: [{ seq: 57, code: "schema_invalid" }],
      dup_possible: false,
      resume: "r1.MDE4ZjZi.5d1c",
      ttl: 86_400,
      credit: { seq: 160, bytes: 131_072 },
      limits: { frame_bytes: 262_144, event_bytes: 32_768, frame_events: 500 },
      caps: [],
      ping: 25,
      time: TIME_MS,
    },
  },
  {
    t: "ack",
    summary: "Outcomes. In `upto` or `sack` and not in `rej`: stored, or stored before.",
    members: ACK_MEMBERS,
    optional: ACK_OPTIONAL,
    example: {
      t: "ack",
      upto: 75,
      sack: [[77, 80]],
      retry: [{ seq: 76, code: "kafka_timeout", after_ms: 2_000, detail: "not confirmed in time" }],
      credit: { seq: 240, bytes: 1_310_720 },
    },
  },
  {
    t: "credit",
    summary: "New ceilings; with unchanged ones: paused, and why.",
    members: {
      seq: integer("Highest number that may be sent."),
      bytes: integer("Bytes of `pub` frames in all that this connection may send."),
      reason: { enum: ["kafka", "rate", "memory", "drain"], description: "Why it is paused." },
      after_ms: integer("Do not expect more before."),
    },
    optional: ["reason", "after_ms"],
    example: { t: "credit", seq: 240, bytes: 1_310_720, reason: "kafka", after_ms: 2_000 },
  },
  {
    t: "auth_ok",
    summary: "The new credentials are taken.",
    members: { auth_exp: integer("When they run out: ms since 1970.") },
    optional: ["auth_exp"],
    example: { t: "auth_ok" },
  },
  {
    t: "ping",
    summary: "Are you there? Answer with `pong`, or the socket is closed.",
    members: PING_MEMBERS,
    example: { t: "ping", n: 1, time: TIME_MS },
  },
  {
    t: "pong",
    summary: "Answers a `ping`.",
    members: PING_MEMBERS,
    example: { t: "pong", n: 1, time: TIME_MS },
  },
  {
    t: "error",
    summary: "Something is wrong with what the client sent. Fatal: the socket is closed next.",
    members: {
      code: ref("FrameErrorCode"),
      detail: text("One sentence for the one who mends it."),
      fatal: flag("A close follows, whose code says whether to come back."),
      seq: integer("Number that it is about."),
    },
    optional: ["seq"],
    example: { t: "error", code: "seq_gap", detail: "seq 70 was sent, 61 is next", fatal: true },
  },
  {
    t: "goaway",
    summary: "Send nothing new, wait for the acks, then connect again, elsewhere.",
    members: {
      reason: { enum: ["drain", "rebalance", "max_age"], description: "Why." },
      after_ms: integer("Wait so long before you come back."),
      url: text("Where to connect."),
    },
    optional: ["url"],
    example: { t: "goaway", reason: "drain", after_ms: 1_840 },
  },
];

/** Codes of `error` frames: the names of the close codes, and what is said more exactly. */
const FRAME_ERROR_CODES = [
  ...Object.keys(CLOSE_RULES),
  "seq_gap",
  "order_unsupported",
  "unknown_type",
];

const EXCEPTION_MEMBERS = {
  seq: integer("Number of the event.", 1),
  code: ref("FinalCode"),
  kind: ref("FaultKind"),
  path: text("RFC 6901 pointer into the event as it was sent."),
  detail: text("One sentence for the one who mends it."),
};

/** The schema of one frame. */
export function frameSchema(
  { t, summary, members, optional = [], example }: FrameDescription,
  is: {
    readonly spoken: boolean;
  },
): Schema {
  const make = is.spoken ? spoken : heard;
  const description = summary;
  return make({ t: { const: t }, ...members }, { optional, description, examples: [example] });
}

/** Name of a frame's schema among the components: `WelcomeFrame`, `ClientPingFrame`. */
export function frameName(t: string, side: "client" | "server"): string {
  const words = t.split("_").map((word) => word.slice(0, 1).toUpperCase() + word.slice(1));
  const isBoth = t === "ping" || t === "pong";
  return `${isBoth ? (side === "client" ? "Client" : "Server") : ""}${words.join("")}Frame`;
}

export const FRAME_SCHEMAS: Readonly<Record<string, Schema>> = {
  Range: list({ type: "integer", minimum: 1 }, "From and to, both included.", {
    minItems: 2,
    maxItems: 2,
  }),
  Credit: spoken(
    {
      seq: integer("Highest number that may be sent."),
      bytes: integer("Bytes of `pub` frames in all that this connection may send."),
    },
    { description: "Ceilings: they only rise, and start anew with each connection." },
  ),
  StreamException: spoken(EXCEPTION_MEMBERS, {
    optional: ["kind", "path", "detail"],
    description: "A remembered outcome other than stored.",
  }),
  StreamRetry: spoken(
    {
      seq: integer("Send this number again.", 1),
      code: ref("RetryCode"),
      after_ms: integer("After so long."),
      detail: text("Why."),
    },
    { description: "An event without an outcome: send it again, unchanged." },
  ),
  FrameErrorCode: { type: "string", enum: FRAME_ERROR_CODES },
  ...Object.fromEntries(
    CLIENT_FRAMES.map((frame) => [
      frameName(frame.t, "client"),
      frameSchema(frame, { spoken: false }),
    ]),
  ),
  ...Object.fromEntries(
    SERVER_FRAMES.map((frame) => [
      frameName(frame.t, "server"),
      frameSchema(frame, { spoken: true }),
    ]),
  ),
};
