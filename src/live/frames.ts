/**
 * Frames of the subprotocol `sluice.live.v1.json` (docs/live.md): what subscribers may say, and the
 * text of what they are told. Pure. A frame for many is written once; its event's JSON is put in as
 * text, so that no digit is lost.
 */
import type { KafkaRecord } from "../delivery/topic-reader.ts";
import { LIVE_EVENT_BYTES_MAX } from "../limits/live.ts";
import type { RecordValue } from "../schema/value-decoder.ts";
import type { Origin } from "./origin.ts";

/** A frame, ready to be sent by any door. */
export interface LiveFrame {
  readonly t: string;
  readonly text: string;
  /** Where a subscriber is who has seen it; absent: as before. */
  readonly token?: string;
}

export const GAP_REASONS = ["slow", "behind", "retention", "reset", "limit"] as const;

/**
 * Why records are missing. slow: the subscriber did not read in time; behind: the process did not,
 * within its share of the time; retention: Kafka has them no more; reset: the topic is another than
 * the token's; limit: too many to catch up with.
 */
export type GapReason = (typeof GAP_REASONS)[number];

export interface Gap {
  readonly topic: string;
  readonly partition: number;
  /** Offsets, the last one exclusive. */
  readonly from: number;
  readonly to: number;
  readonly reason: GapReason;
  /** Where to resume to have them. */
  readonly token: string;
}

interface Positioned {
  readonly token: string;
  /** The server's clock: ms since 1970. */
  readonly time: number;
}

export interface LiveFrames {
  readonly subscribed: Positioned & {
    readonly conn: string;
    readonly topics: readonly { readonly topic: string; readonly types: readonly string[] }[];
    /** Seconds. */
    readonly heartbeat: number;
    readonly auth_exp?: number;
    readonly limits: { readonly buffer_bytes: number; readonly event_bytes: number };
  };
  readonly caught_up: Positioned;
  readonly heartbeat: Positioned;
  readonly gap: Gap;
  readonly fetched: {
    readonly topic: string;
    readonly partition: number;
    readonly from: number;
    readonly to: number;
  };
  readonly auth_ok: { readonly auth_exp?: number };
  readonly pong: { readonly n: number; readonly time: number };
  readonly goaway: Positioned & { readonly reason: "drain"; readonly after_ms: number };
  readonly error: { readonly code: string; readonly detail: string; readonly fatal: boolean };
}

export function liveFrame<T extends keyof LiveFrames>(t: T, members: LiveFrames[T]): LiveFrame {
  const text = JSON.stringify({ t, ...members });
  return "token" in members && t !== "gap" ? { t, text, token: members.token } : { t, text };
}

/** An event as subscribers get it. */
export function eventFrame(record: KafkaRecord, origin: Origin, value: RecordValue): LiveFrame {
  const { topic, partition, offset, timestampMs, key } = record;
  const head =
    `{"t":"event","topic":${quote(topic)},"partition":${partition},"offset":${offset},` +
    `"timestamp":${timestampMs},"key":${key === null ? "null" : quote(textOf(key))},` +
    `"type":${quote(origin.type)},"id":${origin.id === "" ? "null" : quote(origin.id)},` +
    `"source":${quote(origin.source)},"time":${origin.eventTimeMs},` +
    (origin.isRepeat ? `"repeat":true,` : "");
  return { t: "event", text: head + valueMembers(value) };
}

function valueMembers(value: RecordValue): string {
  switch (value.kind) {
    case "none":
      return `"value":null}`;
    case "raw":
      return `"value":null,"reason":${quote(value.reason)}}`;
    case "avro": {
      if (value.json.length <= LIVE_EVENT_BYTES_MAX) return `"value":${value.json}}`;
      const { length } = value.json;
      const reason = `The value has ${length} characters as JSON, too many for the feed.`;
      return `"value":null,"reason":${quote(reason)}}`;
    }
    default:
      return value satisfies never;
  }
}

/** A Kafka key as text; bytes that are no UTF-8 are replaced. */
export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

function quote(text: string): string {
  return JSON.stringify(text);
}

/** What a subscriber says after his `subscribe`, and that itself. */
export type LiveClientFrame =
  | { readonly t: "subscribe"; readonly members: Readonly<Record<string, unknown>> }
  | { readonly t: "auth"; readonly token: string }
  | { readonly t: "ping"; readonly n: number }
  | { readonly t: "pong" }
  | ({ readonly t: "fetch" } & FetchRange)
  | { readonly t: "unknown"; readonly name: string };

export interface FetchRange {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

/** A string says what is wrong. `text` is bounded by the caller. */
export function parseLiveFrame(text: string): LiveClientFrame | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return "a frame is one JSON object";
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return "a frame is one JSON object";
  }
  // A JSON object: string keys, unknown values.
  const members = value as Readonly<Record<string, unknown>>;
  const { t, token, n } = members;
  switch (t) {
    case "subscribe":
      return { t, members };
    case "auth":
      return typeof token === "string" ? { t, token } : "auth needs a string member token";
    case "ping":
      return { t, n: Number.isSafeInteger(n) ? Number(n) : 0 };
    case "pong":
      return { t };
    case "fetch":
      return parseFetch(members);
    default:
      return typeof t === "string"
        ? { t: "unknown", name: t.slice(0, 40) }
        : "a frame needs a string member t";
  }
}

function parseFetch(members: Readonly<Record<string, unknown>>): LiveClientFrame | string {
  const { topic, partition, from, to } = members;
  if (typeof topic !== "string") return "fetch needs a string member topic";
  const numbers = [partition, from, to].map((each) => (isOffset(each) ? each : -1));
  const [part = -1, start = -1, end = -1] = numbers;
  if (numbers.includes(-1) || end <= start) {
    return "fetch needs integers partition, from and to, with from below to";
  }
  return { t: "fetch", topic, partition: part, from: start, to: end };
}

function isOffset(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
