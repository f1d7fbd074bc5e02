/**
 * Which known person an `identify` event says its actor is. Such events are few, so their text is
 * read once more, here. It knows no sessions.
 */
import { KNOWN_ID_LENGTH_MAX } from "../limits/sessions.ts";

/** The type that links an anonymous id to a known one, in the words of all common clients. */
export const LINKING_TYPE = "identify";

/** `userId` of the event's record; "": it has none that can be used. */
export function knownIdOf(event: Uint8Array, payload: "data" | "whole"): string {
  const members = parse(event);
  const record = payload === "data" ? (members?.["data"] ?? members) : members;
  const known = isObject(record) ? record["userId"] : undefined;
  return typeof known === "string" && known.length <= KNOWN_ID_LENGTH_MAX ? known : "";
}

const NAME = Buffer.from('"userId"');
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const SPACE = 0x20;
const QUOTE = 0x22;

/**
 * True: whatever member of the event `userId` may be, it says this user or nobody, so that there is
 * nothing to link. False: it has to be read. This costs a twentieth of reading it.
 */
export function saysNobodyElse(event: Uint8Array, user: string): boolean {
  const text = Buffer.from(event.buffer, event.byteOffset, event.length);
  // With an escape in it a name can be written otherwise.
  if (text.includes(BACKSLASH)) return false;
  const at = text.indexOf(NAME);
  if (at < 0) return true;
  if (text.includes(NAME, at + NAME.length)) return false;
  let next = at + NAME.length;
  while (text[next] === SPACE || text[next] === COLON) next += 1;
  const end = next + 1 + user.length;
  const isSame = text[next] === QUOTE && text[end] === QUOTE;
  return isSame && user !== "" && text.toString("latin1", next + 1, end) === user;
}

function parse(text: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text).toString("utf8"));
    return isObject(value) ? value : undefined;
  } catch {
    // The codec takes some texts that JSON.parse does not.
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
