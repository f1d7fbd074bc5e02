/**
 * What the APIs of Segment and of RudderStack, which grew from it, have in common: the calls, where
 * an event has its members, what a batch says for all of its events.
 */
import type { Dialect } from "../codec/dialect.ts";

export const CALL_NAMES = ["track", "page", "identify", "group", "alias", "screen"] as const;

/** Where things are written; a pack's own pointers are asked where these find nothing. */
export const CALL_EVENT = {
  sentAt: "sentAt",
  id: ["/messageId"],
  time: ["/timestamp", "/originalTimestamp"],
  actor: ["/anonymousId", "/userId"],
  detail: ["/event"],
} as const;

/** `timestamp` is there only if the caller gave one. */
export const CALL_TIME = { own: "originalTimestamp", into: "/timestamp" } as const;

/** A batch whose members reach each event; an event's own values win. */
export function batchForm(event: typeof CALL_EVENT & Partial<Dialect["form"]>): Dialect {
  return {
    form: { events: ["batch"], type: ["/type"], ...event },
    merge: [
      { from: "context", into: "/context" },
      { from: "integrations", into: "/integrations" },
      CALL_TIME,
    ],
  };
}

/** Events of a batch at most, in both APIs with room for what their SDKs really send. */
export const CALL_BATCH = { inflatedBytesMax: 4 * 1024 * 1024, eventsMax: 2_500 } as const;
