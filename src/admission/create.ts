/** Puts the room together for a table, with jose and the real clocks behind it. */
import { randomBytes } from "node:crypto";

import { systemClock } from "../lib/clock.ts";
import { TICKETS_USED_MAX } from "../limits/admission.ts";
import { Admission } from "./admission.ts";
import type { TenantTable } from "./tenants-file.ts";
import { ProcessOnceMemory, Tickets } from "./tickets.ts";
import type { OnceMemory } from "./tickets.ts";
import { Tokens } from "./tokens.ts";

const TICKET_ID_BYTES = 16;

export interface AdmissionSettings {
  readonly table: TenantTable;
  /** `tenant/source` that a local sender without credentials is taken for; null: nobody. */
  readonly keyless: string | null;
  /** Shared by the processes that take one another's tickets; null or absent: not known yet. */
  readonly ticketSecret?: () => string | null;
  /** Where used tickets are remembered; absent: in this process. */
  readonly once?: OnceMemory;
  /** Hears where credentials came from that are not good. */
  readonly onBadCredentials?: (address: string) => void;
  /** Hears how fetching an issuer's keys went. */
  readonly onFetch?: (issuer: string, problem: string | null) => void;
}

export function createAdmission(settings: AdmissionSettings): Admission {
  const { nowMs, monotonicMs: clockMs } = systemClock;
  const ownSecret = randomBytes(32).toString("base64url");
  const onFetch = settings.onFetch ?? (() => {});
  return new Admission({
    table: settings.table,
    keyless: settings.keyless,
    onBadCredentials: settings.onBadCredentials ?? (() => {}),
    nowMs,
    tokens: ({ issuers }) => new Tokens({ issuers, fetch, clockMs, nowMs, onFetch }),
    tickets: new Tickets({
      secret: () => settings.ticketSecret?.() ?? ownSecret,
      once: settings.once ?? new ProcessOnceMemory({ nowMs, idsMax: TICKETS_USED_MAX }),
      nowMs,
      newId: () => randomBytes(TICKET_ID_BYTES).toString("base64url"),
    }),
  });
}
