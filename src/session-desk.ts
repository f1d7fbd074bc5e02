/**
 * Configuration → what is asked of a person's sessions: which sources a tenant has, how a person is
 * named in the audit record, and where that goes. Knows no event.
 */
import { createHash, createHmac } from "node:crypto";
import type { Admission } from "./admission/admission.ts";
import { noteInAudit } from "./audit.ts";
import type { Delivery } from "./delivery/delivery.ts";
import { systemClock } from "./lib/clock.ts";
import type { RoomParts } from "./rooms.ts";
import type { SessionBook } from "./session/book.ts";
import { SessionDesk } from "./session/desk.ts";
import type { Sessions } from "./session/sessions.ts";
import { timeToLiveMs } from "./session/store.ts";

export interface SessionDeskRooms {
  readonly admission: Admission;
  readonly delivery: Delivery;
  readonly sessions: Sessions;
  readonly book: SessionBook;
}

export function makeSessionDesk(
  { config, telemetry }: RoomParts,
  { admission, delivery, sessions, book }: SessionDeskRooms,
): SessionDesk {
  const { auditTopic: topic, privacySalt } = config;
  const policiesOf = (tenant: string) =>
    [...admission.table.sources.values()].filter((policy) => policy.tenant.tenant === tenant);
  // Looked up now, so that the first erasure finds it.
  if (topic !== "") delivery.topic(topic);
  return new SessionDesk({
    sessions,
    book,
    sourcesOf: (tenant) => policiesOf(tenant).map(({ source }) => source),
    markMsOf: (tenant) => {
      const own = policiesOf(tenant).map((policy) => policy.tenant.sessions.gapMs ?? 0);
      const gapMs = Math.max(config.sessionGapMs, ...own);
      return timeToLiveMs({ gapMs, graceMs: gapMs }, { announces: false });
    },
    hash: (tenant, key) => {
      const hash = privacySalt === "" ? createHash("sha256") : createHmac("sha256", privacySalt);
      return hash.update(`${tenant}\0${key}`).digest("hex");
    },
    note:
      topic === ""
        ? null
        : (record) => noteInAudit({ delivery, topic }, { record, key: record.person }),
    onErased: (result) => telemetry.backends.sessionsErased(result),
    nowMs: systemClock.nowMs,
  });
}
