/**
 * Frames of the subprotocol `sluice.v1.json` (docs/protocol.md §2.4): what a client's control
 * frames must look like, and the text of the frames the server sends. Pure. `pub` frames never come
 * here: the codec reads them, so that JSON.parse never sees an event.
 */
import type { OutcomeCode } from "../errors.ts";

export const SUBPROTOCOL = "sluice.v1.json";

/** The one of subscribers; live/frames.ts has its frames. */
export const LIVE_SUBPROTOCOL = "sluice.live.v1.json";

/** Inclusive ranges of sequence numbers, ascending. */
export type Ranges = readonly (readonly [number, number])[];

/** Leaves room for every number that a stream can add to it and stay exact. */
const NEXT_MAX = 2 ** 52;

/** `held` of a hello: at most this many ranges. */
export const HELD_RANGES_MAX = 64;

export interface Hello {
  readonly t: "hello";
  readonly version: number;
  /** What the client says it is; for people only. */
  readonly client: { readonly name: string; readonly version: string } | null;
  readonly auth: string | null;
  /** The 16 bytes of the stream's UUID. */
  readonly stream: Uint8Array;
  readonly held: Ranges;
  /** First sequence number that was never assigned. */
  readonly next: number;
  /** The token of an earlier welcome, null without one. */
  readonly resume: string | null;
  readonly caps: readonly string[];
  readonly order: string;
  /** JSON text of an object that is merged under each event, null without one. */
  readonly ctx: string | null;
  /** The client's clock, ms since 1970 or RFC 3339; null without. */
  readonly sentAt: number | string | null;
  /** The client's trace (W3C Trace Context), as it was sent; null without. */
  readonly traceparent: string | null;
}

export type ControlFrame =
  | Hello
  | { readonly t: "auth"; readonly token: string }
  | { readonly t: "ping"; readonly n: number }
  | { readonly t: "pong"; readonly n: number }
  | { readonly t: "bye"; readonly last: number }
  | { readonly t: "unknown"; readonly name: string };

export type ParsedFrame =
  | { readonly kind: "frame"; readonly frame: ControlFrame }
  | { readonly kind: "fault"; readonly detail: string };

type Members = Readonly<Record<string, unknown>>;

/** Reads a control frame. `text` is bounded by the caller (CONTROL_FRAME_BYTES_MAX). */
export function parseControlFrame(text: string): ParsedFrame {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fault("a frame is one JSON object");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return fault("a frame is one JSON object");
  }
  // A JSON object: string keys, unknown values.
  const members = value as Members;
  const t = members["t"];
  if (typeof t !== "string") return fault("a frame needs a string member t");
  switch (t) {
    case "hello":
      return parseHello(members, text);
    case "auth": {
      const token = members["token"];
      if (typeof token !== "string") return fault("auth needs a string member token");
      return { kind: "frame", frame: { t, token } };
    }
    case "ping":
    case "pong":
      return { kind: "frame", frame: { t, n: integer(members["n"]) ?? 0 } };
    case "bye":
      return { kind: "frame", frame: { t, last: integer(members["last"]) ?? 0 } };
    default:
      return { kind: "frame", frame: { t: "unknown", name: t.slice(0, 40) } };
  }
}

export type ParsedHello =
  | { readonly kind: "frame"; readonly frame: Hello }
  | { readonly kind: "fault"; readonly detail: string };

/** Reads the members of a hello; `text` is where they stand. */
export function parseHello(members: Members, text: string): ParsedHello {
  const version = integer(members["v"]);
  if (version === null) return fault("hello needs v, the version of the protocol: 1");
  const auth = members["auth"] ?? null;
  if (auth !== null && typeof auth !== "string") return fault("hello.auth is a string");
  const resume = members["resume"] ?? null;
  if (resume !== null && typeof resume !== "string") return fault("hello.resume is a string");
  const stream = typeof members["stream"] === "string" ? uuidBytes(members["stream"]) : null;
  if (stream === null) return fault("hello.stream is the stream's UUID");
  const next = members["next"] === undefined ? 1 : integer(members["next"]);
  if (next === null || next < 1 || next > NEXT_MAX) {
    return fault("hello.next is an integer from 1 to 2^52");
  }
  const held = parseHeld(members["held"] ?? [], next);
  if (typeof held === "string") return fault(held);
  const rest = parseHelloExtras(members, text);
  if (typeof rest === "string") return fault(rest);
  return {
    kind: "frame",
    frame: { t: "hello", version, auth, resume, stream, held, next, ...rest },
  };
}

type HelloExtras = Pick<Hello, "client" | "caps" | "order" | "ctx" | "sentAt" | "traceparent">;

function parseHelloExtras(members: Members, text: string): HelloExtras | string {
  const client = members["client"] ?? null;
  if (client !== null && !isObject(client)) return "hello.client is an object {name, version}";
  const caps = members["caps"] ?? [];
  if (!Array.isArray(caps) || !caps.every((cap) => typeof cap === "string")) {
    return "hello.caps is an array of strings";
  }
  const order = members["order"] ?? "key";
  if (order !== "key" && order !== "strict") return 'hello.order is "key" or "strict"';
  const ctx = members["ctx"] ?? null;
  if (ctx !== null && !isObject(ctx)) return "hello.ctx is an object";
  const sentAt = members["sentAt"] ?? null;
  if (sentAt !== null && typeof sentAt !== "number" && typeof sentAt !== "string") {
    return "hello.sentAt is a number of milliseconds or a time in RFC 3339";
  }
  const traceparent = members["traceparent"] ?? null;
  if (traceparent !== null && typeof traceparent !== "string") {
    return "hello.traceparent is a string";
  }
  return {
    client:
      client === null ? null : { name: word(client["name"]), version: word(client["version"]) },
    caps,
    order,
    ctx: ctx === null ? null : exactContext(text),
    sentAt,
    traceparent,
  };
}

function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** At most so many characters of what a client calls itself are kept. */
const WORD_LENGTH_MAX = 100;

function word(value: unknown): string {
  return typeof value === "string" ? value.slice(0, WORD_LENGTH_MAX) : "";
}

interface ExactNumbers {
  /** A number that is written as it was read (JSON.parse source text access, ES2026). */
  rawJSON(text: string): unknown;
}

/** The text of a hello's `ctx`, each number with the digits it was sent with. */
function exactContext(text: string): string {
  // The compiler's library does not know these members yet.
  const { rawJSON } = JSON as unknown as ExactNumbers;
  const keepDigits = (_key: string, value: unknown, context: { readonly source?: string }) =>
    typeof value === "number" && context.source !== undefined ? rawJSON(context.source) : value;
  const reviver = keepDigits as (key: string, value: unknown) => unknown;
  return JSON.stringify((JSON.parse(text, reviver) as Members)["ctx"]);
}

function parseHeld(value: unknown, next: number): Ranges | string {
  if (!Array.isArray(value)) return "hello.held is an array of ranges [from, to]";
  if (value.length > HELD_RANGES_MAX) return `hello.held has at most ${HELD_RANGES_MAX} ranges`;
  const ranges: (readonly [number, number])[] = [];
  let above = 0;
  for (const range of value as readonly unknown[]) {
    const pair = Array.isArray(range) && range.length === 2 ? (range as readonly unknown[]) : [];
    const from = integer(pair[0]);
    const to = integer(pair[1]);
    if (from === null || to === null || from <= above || to < from || to >= next) {
      return "hello.held has ascending ranges [from, to] of numbers from 1 up to next − 1";
    }
    ranges.push([from, to]);
    above = to;
  }
  return ranges;
}

function integer(value: unknown): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The 16 bytes of a UUID (RFC 9562), null for any other text. */
export function uuidBytes(text: string): Uint8Array | null {
  if (!UUID.test(text)) return null;
  return Buffer.from(text.replaceAll("-", ""), "hex");
}

function fault(detail: string): { readonly kind: "fault"; readonly detail: string } {
  return { kind: "fault", detail };
}

/** Why credit does not rise. */
export type PauseReason = "kafka" | "rate" | "memory" | "drain";

export const GO_AWAY_REASONS = ["drain", "rebalance", "max_age"] as const;
export type GoAwayReason = (typeof GO_AWAY_REASONS)[number];

export interface Credit {
  readonly seq: number;
  readonly bytes: number;
}

export interface Welcome {
  readonly conn: string;
  readonly epoch: number;
  readonly resumed: boolean;
  readonly done: number;
  readonly sack: Ranges;
  readonly exc: readonly object[];
  readonly dup_possible: boolean;
  readonly resume: string;
  readonly ttl: number;
  readonly credit: Credit;
  readonly limits: {
    readonly frame_bytes: number;
    readonly event_bytes: number;
    readonly frame_events: number;
  };
  /** Those of the client's `caps` that this server has. */
  readonly caps: readonly string[];
  readonly ping: number;
  /** When the credentials expire, ms since 1970; absent: they do not. */
  readonly auth_exp?: number;
  readonly time: number;
}

export interface Ack {
  readonly upto: number;
  readonly sack?: Ranges;
  readonly rej?: readonly object[];
  readonly retry?: readonly {
    readonly seq: number;
    readonly code: OutcomeCode;
    readonly after_ms: number;
    readonly detail: string;
  }[];
  readonly dup?: Ranges;
  readonly credit?: Credit;
}

export interface ServerFrames {
  readonly welcome: Welcome;
  readonly ack: Ack;
  readonly credit: Credit & {
    readonly reason?: PauseReason;
    readonly after_ms?: number;
  };
  readonly auth_ok: { readonly auth_exp?: number };
  readonly ping: { readonly n: number; readonly time: number };
  readonly pong: { readonly n: number; readonly time: number };
  readonly error: {
    readonly code: string;
    readonly detail: string;
    readonly fatal: boolean;
    readonly seq?: number;
  };
  readonly goaway: {
    readonly reason: GoAwayReason;
    readonly after_ms: number;
  };
}

/** The text of a server frame. */
export function serverFrame<T extends keyof ServerFrames>(t: T, members: ServerFrames[T]): string {
  return JSON.stringify({ t, ...members });
}

/** A text frame as text. uWebSockets has checked that it is UTF-8. */
export function frameText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

/** A reason that a close frame can hold: ASCII, at most 123 bytes (RFC 6455 §5.5). */
export function closeReason(detail: string): string {
  return detail.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 123);
}
