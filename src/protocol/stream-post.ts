/**
 * The body of the HTTP twin (docs/protocol.md §2.12): a hello and a pub in one. Pure. The hello's
 * members are read here; the events stay bytes for the codec, so that no number loses its digits.
 */
import { parseHello } from "./frames.ts";
import type { Hello } from "./frames.ts";

export const STREAM_POST_PATH = /^\/v1\/streams\/([^/]{1,64})\/events$/;

export interface StreamPost {
  readonly hello: Hello;
  /** A `pub` frame; null: the body has no events, and asks only how the stream stands. */
  readonly frame: Uint8Array | null;
}

export type ParsedPost =
  | { readonly kind: "post"; readonly post: StreamPost }
  | { readonly kind: "fault"; readonly code: "bad_json" | "bad_request"; readonly detail: string };

const FRAME_START = Buffer.from('{"t":"pub",');
const OPENING_BRACE = 0x7b;

/** `stream`: as it stands in the path. The frame is a copy of `body`'s bytes. */
export function parseStreamPost(body: Uint8Array, stream: string): ParsedPost {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fault("bad_json", "the body is one JSON object");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return fault("bad_json", "the body is one JSON object");
  }
  // A JSON object: string keys, unknown values.
  const members = value as Readonly<Record<string, unknown>>;
  const events = members["events"] ?? [];
  if (!Array.isArray(events)) return fault("bad_request", "events is an array");
  const seq = members["seq"];
  const hasEvents = events.length > 0;
  if (hasEvents && (typeof seq !== "number" || !Number.isSafeInteger(seq) || seq < 1)) {
    return fault("bad_request", "seq is the number of the first event, from 1 on");
  }
  if (members["t"] !== undefined) return fault("bad_request", "the body has no member t");
  const hello = parseHello(helloMembers(members, { stream, seq, count: events.length }), text);
  if (hello.kind === "fault") return fault("bad_request", hello.detail);
  return { kind: "post", post: { hello: hello.frame, frame: hasEvents ? pubFrame(body) : null } };
}

/** Without `held` and `next`, what is sent is all that is held. */
function helloMembers(
  members: Readonly<Record<string, unknown>>,
  sent: { readonly stream: string; readonly seq: unknown; readonly count: number },
): Readonly<Record<string, unknown>> {
  const { stream, count } = sent;
  const seq = Number(sent.seq);
  const own = count > 0 ? { held: [[seq, seq + count - 1]], next: seq + count } : {};
  const isPlain = members["held"] === undefined && members["next"] === undefined;
  const auth = members["auth"] ?? members["key"] ?? null;
  return { ...members, ...(isPlain ? own : {}), auth, stream, v: 1 };
}

function pubFrame(body: Uint8Array): Uint8Array {
  return Buffer.concat([FRAME_START, body.subarray(body.indexOf(OPENING_BRACE) + 1)]);
}

function fault(code: "bad_json" | "bad_request", detail: string): ParsedPost {
  return { kind: "fault", code, detail };
}
