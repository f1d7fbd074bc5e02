/**
 * The gateway's ledger beside what its clients counted. Both count every event by themselves; where
 * they differ, an event got lost or was told a lie about. It reads text and numbers only.
 */

export const LEDGER_STATES = [
  "received",
  "stored",
  "duplicate",
  "rejected",
  "retry",
  "in_flight",
] as const;
export type LedgerState = (typeof LEDGER_STATES)[number];
export type LedgerNumbers = Readonly<Record<LedgerState | "drift", number>>;

/** What the clients of a load test counted, each event once but for `sent` and `retried`. */
export interface ClientNumbers {
  readonly offered: number;
  /** Transmissions: an event that was sent again counts again. */
  readonly sent: number;
  readonly stored: number;
  /** Good events that came back as duplicates: they were stored before. */
  readonly duplicate: number;
  /** Bad events that came back as duplicates: they were rejected before. */
  readonly duplicateRejected: number;
  readonly rejected: number;
  /** Answers `retry`. */
  readonly retried: number;
  readonly unsettled: number;
  /** Connections and requests that ended without an answer. */
  readonly breaks: number;
}

/** Sums over several metrics pages (one for each process or gateway). */
export function readLedger(pages: readonly string[]): LedgerNumbers {
  const numbers: Record<LedgerState | "drift", number> = {
    received: 0,
    stored: 0,
    duplicate: 0,
    rejected: 0,
    retry: 0,
    in_flight: 0,
    drift: 0,
  };
  for (const page of pages) {
    for (const match of page.matchAll(/^sluice_ledger_events\{state="(\w+)"[^}]*\} (\S+)/gm)) {
      const state = match[1] as LedgerState;
      numbers[state] += Number(match[2]);
    }
    for (const match of page.matchAll(/^sluice_ledger_drift_events(?:\{[^}]*\})? (\S+)/gm)) {
      numbers.drift += Math.abs(Number(match[1]));
    }
  }
  return numbers;
}

/** What happened between two readings; drift and what is in flight are as they are after it. */
export function ledgerDifference(before: LedgerNumbers, after: LedgerNumbers): LedgerNumbers {
  return {
    received: after.received - before.received,
    stored: after.stored - before.stored,
    duplicate: after.duplicate - before.duplicate,
    rejected: after.rejected - before.rejected,
    retry: after.retry - before.retry,
    in_flight: after.in_flight,
    drift: after.drift,
  };
}

/** What is wrong with the clients' own numbers, a sentence each. */
export function judgeClients(clients: ClientNumbers): string[] {
  const { offered, stored, duplicate, duplicateRejected, rejected, unsettled } = clients;
  const settled = stored + duplicate + duplicateRejected + rejected;
  const complaints: string[] = [];
  if (stored === 0) complaints.push("No event was stored.");
  if (offered !== settled + unsettled) {
    complaints.push(
      `${offered} events were offered, but ${settled} have an outcome and ${unsettled} none: ` +
        "a script of the test ended early.",
    );
  }
  return complaints;
}

/**
 * Where the ledger contradicts the clients, a sentence each. `isShared`: others send to the gateway
 * as well, so that only too little can be found.
 */
export function reconcile(
  clients: ClientNumbers,
  gateway: LedgerNumbers,
  { isShared = false } = {},
): string[] {
  const complaints: string[] = [];
  const wasStored = clients.stored + clients.duplicate;
  if (wasStored > gateway.stored) {
    complaints.push(
      `Lost: clients were told of ${wasStored} stored events, the ledger has ${gateway.stored}.`,
    );
  }
  if (gateway.drift !== 0) complaints.push(`The ledger has a drift of ${gateway.drift} events.`);
  if (isShared) return complaints;
  if (gateway.in_flight !== 0) {
    complaints.push(`${gateway.in_flight} events are still in flight after the end.`);
  }
  if (gateway.received > clients.sent) {
    complaints.push(
      `${clients.sent} events were sent, the ledger has received ${gateway.received}.`,
    );
  }
  // Where an answer was lost on its way, the gateway knows more than its client.
  if (clients.breaks > 0) return complaints;
  const pairs = [
    ["received", clients.sent],
    ["stored", clients.stored],
    ["duplicate", clients.duplicate + clients.duplicateRejected],
    ["rejected", clients.rejected],
    ["retry", clients.retried],
  ] as const;
  for (const [state, counted] of pairs) {
    if (gateway[state] === counted) continue;
    complaints.push(`${state}: clients counted ${counted}, the ledger ${gateway[state]}.`);
  }
  return complaints;
}
