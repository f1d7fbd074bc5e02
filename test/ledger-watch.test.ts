import assert from "node:assert/strict";
import { test } from "node:test";

import { balancedLedger } from "./ledger-watch.ts";

const page = (received: number, drift: number): string =>
  [
    `sluice_ledger_events{state="received"} ${received}`,
    ...["stored", "duplicate", "rejected", "retry", "in_flight"].map(
      (state) => `sluice_ledger_events{state="${state}"} 2`,
    ),
    `sluice_ledger_drift_events ${drift}`,
  ].join("\n");

test("a ledger that balances is read; one that does not, or drifts somewhere, is not let pass", () => {
  assert.equal(balancedLedger(page(10, 0))["received"], 10);
  assert.throws(() => balancedLedger(page(11, 0)), /the ledger balances/);
  assert.throws(() => balancedLedger(page(10, 1)), /lost count/);
  assert.throws(() => balancedLedger("sluice_ready 1"));
});
