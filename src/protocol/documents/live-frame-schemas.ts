/**
 * The subprotocol `sluice.live.v1.json` in the AsyncAPI document: its frames, and their channel.
 */
import { CLOSE_RULES } from "../../errors.ts";
import {
  LIVE_CONDITIONS_MAX,
  LIVE_KEYS_MAX,
  LIVE_TOPICS_MAX,
  LIVE_TYPES_MAX,
} from "../../limits/live.ts";
import { LIVE_SUBPROTOCOL } from "../frames.ts";
import { LIVE_PATH } from "./facts.ts";
import { frameName, frameSchema } from "./frame-schemas.ts";
import type { FrameDescription } from "./frame-schemas.ts";
import { flag, heard, integer, list, ref, spoken, text } from "./kit.ts";
import type { Schema } from "./kit.ts";

const TIME_MS = 1_790_000_000_000;
const TOKEN = "AURdDuavXwn2DGFpb3BzLWFsZXJ0cwMBAQE";

const WHERE = [{ path: "/severity", op: "eq", value: "CRITICAL" }];

/** What a subscription may say; all of it may be left out. */
export const SUBSCRIBE_MEMBERS: Readonly<Record<string, Schema>> = {
  v: { const: 1, description: "Version of the protocol." },
  auth: text("Key or token; best here, where no proxy logs it."),
  topics: list({ type: "string" }, "Only what is in these topics.", {
    minItems: 1,
    maxItems: LIVE_TOPICS_MAX,
  }),
  types: list({ type: "string" }, "Only events of these types.", {
    minItems: 1,
    maxItems: LIVE_TYPES_MAX,
  }),
  keys: list({ type: "string" }, "Only events with one of these Kafka keys.", {
    minItems: 1,
    maxItems: LIVE_KEYS_MAX,
  }),
  where: list(ref("LiveCondition"), "Only events that meet all of these.", {
    maxItems: LIVE_CONDITIONS_MAX,
  }),
  from: {
    description: "Where to begin. Default: now.",
    oneOf: [
      { const: "now" },
      { type: "integer", minimum: 0, description: "Ms since 1970: the first record from then on." },
      { type: "string", format: "date-time" },
      heard({ token: text("Of a frame of an earlier connection: what came after it.") }),
    ],
  },
};

const NUMBER = { n: integer("The pong gives it back.") };

const SUBSCRIBER_FRAMES: readonly FrameDescription[] = [
  {
    t: "subscribe",
    summary: "The first frame: what is wanted, and from where on.",
    members: SUBSCRIBE_MEMBERS,
    optional: Object.keys(SUBSCRIBE_MEMBERS),
    example: { t: "subscribe", v: 1, types: ["alert"], where: WHERE, from: { token: TOKEN } },
  },
  {
    t: "fetch",
    summary: "Asks for events of a gap; they come as `event`, then `fetched`.",
    members: {
      topic: text("One of the subscription."),
      partition: integer("Of the topic."),
      from: integer("The first offset."),
      to: integer("The offset behind the last one."),
    },
    example: { t: "fetch", topic: "aiops-alerts", partition: 0, from: 17, to: 42 },
  },
  {
    t: "auth",
    summary: "New credentials of the same tenant and source, without a new connection.",
    members: { token: text("Key or token.") },
    example: { t: "auth", token: "sk_…" },
  },
  {
    t: "ping",
    summary: "Are you there? Answered with `pong`.",
    members: NUMBER,
    optional: ["n"],
    example: { t: "ping", n: 1 },
  },
];

const POSITION = {
  token: text("Gives back what came after this moment: see `subscribe.from`."),
  time: integer("The server's clock: ms since 1970."),
};

const PLACE = {
  topic: text("Of the record."),
  partition: integer("Of the record."),
};

const RANGE = {
  ...PLACE,
  from: integer("The first offset."),
  to: integer("The offset behind the last one."),
};

const AUTH_EXP = integer("When the credentials end: ms since 1970; absent: never.");

const EVENT_MEMBERS: Readonly<Record<string, Schema>> = {
  ...PLACE,
  offset: integer("Of the record: unique with topic and partition."),
  timestamp: integer("When the gateway took the event: ms since 1970.", -1),
  key: { type: ["string", "null"], description: "Kafka key." },
  type: text("Type of the event."),
  id: { type: ["string", "null"], description: "Of the event: the same if it was sent twice." },
  source: text("Which of the tenant's senders it came from."),
  time: { type: "integer", description: "When it happened, as far as is known: ms since 1970." },
  repeat: flag("It may be there twice: sent again after a doubt, or replayed."),
  value: { type: ["object", "null"], description: "The record as JSON (docs/mapping.md)." },
  reason: text("Why the value is null, if it is."),
};

const LIVE_FRAMES: readonly FrameDescription[] = [
  {
    t: "subscribed",
    summary: "The subscription is open; this is what it has.",
    members: {
      conn: text("Names the connection in logs."),
      topics: list(
        spoken({ topic: text("A topic."), types: list({ type: "string" }, "Its types.") }),
        "What is looked at.",
      ),
      ...POSITION,
      heartbeat: integer("Seconds: something is said at least so often."),
      auth_exp: AUTH_EXP,
      limits: spoken({
        buffer_bytes: integer("May wait for a slow subscriber; beyond it there are gaps."),
        event_bytes: integer("Of a larger event all but the value is told."),
      }),
    },
    optional: ["auth_exp"],
    example: {
      t: "subscribed",
      conn: "mfK0_jDn-l1",
      topics: [{ topic: "aiops-alerts", types: ["alert"] }],
      token: TOKEN,
      time: TIME_MS,
      heartbeat: 15,
      limits: { buffer_bytes: 262_144, event_bytes: 262_144 },
    },
  },
  {
    t: "event",
    summary: "An event. Those of one partition come in their order.",
    members: EVENT_MEMBERS,
    optional: ["repeat", "reason"],
    example: {
      t: "event",
      topic: "aiops-alerts",
      partition: 0,
      offset: 42,
      timestamp: TIME_MS,
      key: "tower-7",
      type: "alert",
      id: "0196a1c1-2fc1-7817-9e3b-5d9ed05d5d6b",
      source: "fleet",
      time: TIME_MS,
      value: { severity: "CRITICAL" },
    },
  },
  {
    t: "caught_up",
    summary: "What was before now has been sent; from here on events come as they are stored.",
    members: POSITION,
    example: { t: "caught_up", token: TOKEN, time: TIME_MS },
  },
  {
    t: "heartbeat",
    summary: "Where the subscription is: every second while records come, else every 15 s.",
    members: POSITION,
    example: { t: "heartbeat", token: TOKEN, time: TIME_MS },
  },
  {
    t: "gap",
    summary:
      "Records of a partition that were not sent. slow: they were not read in time; behind: the " +
      "gateway was late and goes on with the present; retention: Kafka has them no more; reset: " +
      "the topic was made anew; limit: too many to catch up with.",
    members: {
      ...RANGE,
      reason: { enum: ["slow", "behind", "retention", "reset", "limit"] },
      token: text("Where the gap begins, to resume there."),
    },
    example: {
      t: "gap",
      topic: "aiops-alerts",
      partition: 0,
      from: 17,
      to: 42,
      reason: "slow",
      token: TOKEN,
    },
  },
  {
    t: "fetched",
    summary: "What a `fetch` has asked for has been sent.",
    members: RANGE,
    example: { t: "fetched", topic: "aiops-alerts", partition: 0, from: 17, to: 42 },
  },
  {
    t: "auth_ok",
    summary: "The new credentials are good.",
    members: { auth_exp: AUTH_EXP },
    optional: ["auth_exp"],
    example: { t: "auth_ok", auth_exp: TIME_MS },
  },
  {
    t: "pong",
    summary: "Answers a `ping`.",
    members: { ...NUMBER, time: POSITION.time },
    example: { t: "pong", n: 1, time: TIME_MS },
  },
  {
    t: "goaway",
    summary: "This process shuts down: come back elsewhere, after so long.",
    members: {
      reason: { enum: ["drain"] },
      after_ms: integer("Wait so long before coming back."),
      ...POSITION,
    },
    example: { t: "goaway", reason: "drain", after_ms: 812, token: TOKEN, time: TIME_MS },
  },
  {
    t: "error",
    summary: "What went wrong; if fatal, a close follows.",
    members: {
      code: text("A token for programs."),
      detail: text("A sentence for people."),
      fatal: flag("The connection will be closed."),
    },
    example: { t: "error", code: "busy", detail: "another fetch is under way", fatal: false },
  },
];

const liveName = (t: string, side: "client" | "server"): string => `Live${frameName(t, side)}`;

const named = (frames: readonly FrameDescription[], side: "client" | "server") =>
  frames.map((frame) => [liveName(frame.t, side), frame] as const);

const ALL = [...named(SUBSCRIBER_FRAMES, "client"), ...named(LIVE_FRAMES, "server")];

export const LIVE_SCHEMAS: Readonly<Record<string, Schema>> = {
  LiveCondition: heard(
    {
      path: text("RFC 6901 pointer into the event's value, such as /severity."),
      op: { enum: ["eq", "ne", "in", "gt", "gte", "lt", "lte", "prefix", "exists"] },
      value: { description: "To compare with; an array for `in`, a boolean for `exists`." },
    },
    { description: "A condition on a field. Default op: eq.", optional: ["op", "value"] },
  ),
  ...Object.fromEntries(
    named(SUBSCRIBER_FRAMES, "client").map(([name, frame]) => [
      name,
      frameSchema(frame, { spoken: false }),
    ]),
  ),
  ...Object.fromEntries(
    named(LIVE_FRAMES, "server").map(([name, frame]) => [
      name,
      frameSchema(frame, { spoken: true }),
    ]),
  ),
};

export const LIVE_MESSAGES: Readonly<Record<string, object>> = Object.fromEntries(
  ALL.map(([name, { t, summary, example }]) => [
    name,
    {
      name,
      title: t,
      summary,
      contentType: "application/json",
      payload: ref(name),
      examples: [{ name: t, payload: example }],
    },
  ]),
);

export const LIVE_CHANNEL = {
  address: LIVE_PATH,
  title: "Events as they are stored",
  description: "A subscription, from now on, from a time or from a token. See docs/live.md.",
  messages: Object.fromEntries(
    ALL.map(([name]) => [name, { $ref: `#/components/messages/${name}` }]),
  ),
  bindings: { ws: { method: "GET", bindingVersion: "0.1.0" } },
  "x-close-codes": CLOSE_RULES,
  "x-subprotocol": LIVE_SUBPROTOCOL,
};

const references = (frames: readonly FrameDescription[], side: "client" | "server") =>
  frames.map(({ t }) => ({ $ref: `#/channels/live/messages/${liveName(t, side)}` }));

export const LIVE_OPERATIONS = {
  fromSubscriber: {
    action: "receive",
    channel: { $ref: "#/channels/live" },
    summary: "Frames of a subscriber.",
    messages: references(SUBSCRIBER_FRAMES, "client"),
  },
  toSubscriber: {
    action: "send",
    channel: { $ref: "#/channels/live" },
    summary: "Frames of sluice to subscribers.",
    messages: references(LIVE_FRAMES, "server"),
  },
};
