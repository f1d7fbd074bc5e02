/**
 * Which known person an `identify` event says its actor is. Such events are few, so their text is
 * read once more, here. It knows no sessions.
 */
import { KNOWN_ID_LENGTH_MAX } from "../limits.ts";

/** The type that links an anonymous id to a known one, in the words of all common clients. */
export const LINKING_TYPE = "identify";

/** `userId` of the event's record; "": it has none that can be used. */
export function knownIdOf(event: Uint8Array, payload: "data" | "whole"): string {
  const members = parse(event);
  const record = payload === "data" ? (members?.["data"] ?? members) : members;
  const known = isObject(record) ? record["userId"] : undefined;
  return typeof known === "string" && known.length <= KNOWN_ID_LENGTH_MAX ? known : "";
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
