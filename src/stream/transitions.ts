/**
 * The state machine of a connection as a table (docs/protocol.md §2.5): what each kind of frame
 * leads to in each state. The connection does what the cell says and nothing else. It knows what
 * frames are called, not what is in them.
 */
import type { CloseName } from "../errors.ts";

export const STATES = [
  /** The socket is open, nothing was said. */
  "awaiting-hello",
  /** The stream is being claimed; the welcome is due. */
  "claiming",
  "open",
  /** The client was asked to reconnect elsewhere; what it sends is still taken. */
  "going-away",
  /** The client said bye; what is in flight is still answered. */
  "leaving",
  /** Another connection has the stream; the socket is closed. */
  "superseded",
  "closed",
] as const;

export type ConnectionState = (typeof STATES)[number];

export const FRAME_KINDS = [
  "hello",
  "pub",
  "auth",
  "ping",
  "pong",
  "bye",
  /** An object whose `t` no client uses. */
  "unknown",
  /** No frame at all. */
  "broken",
  /** Over the limit of control frames, and no pub. */
  "long",
  "binary",
  /** Over `limits.frame_bytes`. */
  "oversize",
] as const;

export type FrameKind = (typeof FRAME_KINDS)[number];

/** What a connection can do about a frame. */
export type Deed = "claim" | "publish" | "authenticate" | "pong" | "leave" | "complain" | "ignore";

/** Close the connection; `detail` where the frame itself gives none. */
export interface Refusal {
  readonly close: CloseName;
  readonly detail: string;
}

export type Cell = Deed | Refusal;

const HELLO_FIRST: Refusal = {
  close: "hello_timeout",
  detail: "the first frame is hello, of at most 8 KiB",
};
const HELLO_ONCE: Refusal = { close: "bad_frame", detail: "a connection says hello once" };
const PUB_EARLY: Refusal = { close: "bad_frame", detail: "pub comes after welcome" };
const PUB_LATE: Refusal = { close: "bad_frame", detail: "pub after bye" };
const BROKEN: Refusal = { close: "bad_frame", detail: "a frame is one JSON object" };
const LONG: Refusal = { close: "bad_frame", detail: "a control frame has at most 8 KiB" };
const BINARY: Refusal = {
  close: "unsupported_data",
  detail: "frames of sluice.v1.json are text",
};
const OVERSIZE: Refusal = { close: "too_large", detail: "the frame is over limits.frame_bytes" };

type Row = Readonly<Record<FrameKind, Cell>>;

const OPEN: Row = {
  hello: HELLO_ONCE,
  pub: "publish",
  auth: "authenticate",
  ping: "pong",
  pong: "ignore",
  bye: "leave",
  unknown: "complain",
  broken: BROKEN,
  long: LONG,
  binary: BINARY,
  oversize: OVERSIZE,
};

const GONE: Row = {
  hello: "ignore",
  pub: "ignore",
  auth: "ignore",
  ping: "ignore",
  pong: "ignore",
  bye: "ignore",
  unknown: "ignore",
  broken: "ignore",
  long: "ignore",
  binary: "ignore",
  oversize: "ignore",
};

export const TRANSITIONS: Readonly<Record<ConnectionState, Row>> = {
  "awaiting-hello": {
    hello: "claim",
    pub: HELLO_FIRST,
    auth: HELLO_FIRST,
    ping: HELLO_FIRST,
    pong: HELLO_FIRST,
    bye: HELLO_FIRST,
    unknown: HELLO_FIRST,
    broken: BROKEN,
    long: HELLO_FIRST,
    binary: BINARY,
    oversize: OVERSIZE,
  },
  claiming: { ...OPEN, pub: PUB_EARLY },
  open: OPEN,
  "going-away": OPEN,
  leaving: { ...OPEN, pub: PUB_LATE, bye: "ignore" },
  superseded: GONE,
  closed: GONE,
};
