import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { judgeClients, ledgerDifference, readLedger, reconcile } from "./ledger.ts";
import type { ClientNumbers, LedgerNumbers } from "./ledger.ts";

const CLIENTS: ClientNumbers = {
  offered: 100,
  sent: 110,
  stored: 85,
  duplicate: 3,
  duplicateRejected: 2,
  rejected: 10,
  retried: 10,
  unsettled: 0,
  breaks: 0,
};

const GATEWAY: LedgerNumbers = {
  received: 110,
  stored: 88,
  duplicate: 5,
  rejected: 10,
  retry: 10,
  in_flight: 0,
  drift: 0,
};

/** Without duplicates: then both sides agree to the last event. */
const PLAIN: ClientNumbers = { ...CLIENTS, stored: 88, duplicate: 0, duplicateRejected: 0 };

describe("reconcile", () => {
  it("says nothing where both sides agree", () => {
    assert.deepEqual(reconcile(PLAIN, { ...GATEWAY, duplicate: 0 }), []);
  });

  it("finds every number that differs", () => {
    for (const state of ["received", "stored", "rejected", "retry"] as const) {
      const gateway = { ...GATEWAY, duplicate: 0, [state]: GATEWAY[state] + 1 };
      assert.ok(reconcile(PLAIN, gateway).length > 0, state);
    }
  });

  it("calls it lost when fewer events were stored than clients were told", () => {
    const clients = { ...CLIENTS, breaks: 5 };
    const gateway = { ...GATEWAY, stored: 85 };
    assert.match(reconcile(clients, gateway).join(), /Lost: .* 88 stored events, .* has 85/);
    assert.match(reconcile(clients, gateway, { isShared: true }).join(), /Lost/);
  });

  it("lets the gateway know more where answers were lost on their way, not less", () => {
    const clients = { ...CLIENTS, breaks: 5 };
    assert.deepEqual(reconcile(clients, { ...GATEWAY, received: 105, rejected: 9 }), []);
    assert.equal(reconcile(clients, { ...GATEWAY, received: 111 }).length, 1);
  });

  it("tolerates the events of others only where it is told of them", () => {
    const busy = { ...GATEWAY, received: 500, stored: 400, in_flight: 7 };
    assert.deepEqual(reconcile(CLIENTS, busy, { isShared: true }), []);
    assert.ok(reconcile(CLIENTS, busy).length > 0);
    assert.equal(reconcile(CLIENTS, { ...busy, drift: 1 }, { isShared: true }).length, 1);
  });
});

describe("judgeClients", () => {
  it("wants something stored and an account of every event", () => {
    assert.deepEqual(judgeClients(CLIENTS), []);
    assert.equal(judgeClients({ ...CLIENTS, offered: 101 }).length, 1);
    assert.equal(judgeClients({ ...CLIENTS, offered: 12, stored: 0, duplicate: 0 }).length, 1);
  });
});

describe("readLedger", () => {
  const page = (stored: number, drift: number): string =>
    [
      "# HELP sluice_ledger_events of the ledger",
      'sluice_ledger_events{state="received"} 12',
      `sluice_ledger_events{state="stored"} ${stored}`,
      `sluice_ledger_drift_events ${drift}`,
    ].join("\n");

  it("sums over gateways, and drifts cannot hide each other", () => {
    const ledger = readLedger([page(5, 1), page(7, -1)]);
    assert.deepEqual([ledger.received, ledger.stored, ledger.drift], [24, 12, 2]);
  });

  it("tells what was added between two readings", () => {
    const difference = ledgerDifference(readLedger([page(5, 0)]), readLedger([page(9, 0)]));
    assert.deepEqual([difference.received, difference.stored], [0, 4]);
  });
});
