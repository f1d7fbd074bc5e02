import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { balancedLedger } from "../../test/ledger-watch.ts";
import { GatheredMetrics } from "./gathered-metrics.ts";
import { MetricRegistry, mergedText } from "./metric-registry.ts";
import { Ledger } from "./ledger.ts";

function worker() {
  const registry = new MetricRegistry({ nodeMetrics: false });
  const { cells } = registry;
  const ledger = new Ledger();
  cells.ledgerEvents.readSeriesFrom(() => {
    const { received, stored, duplicate, rejected, retry, inFlight } = ledger.numbers();
    return [received, stored, duplicate, rejected, retry, inFlight];
  });
  cells.ledgerDrift.readFrom(() => 0);
  return {
    cells,
    receive: (events: number) => {
      ledger.receive(events);
      cells.eventsReceived.add(events, "native", "http");
    },
    store: (events: number) => ledger.settle("stored", events),
    snapshot: () => registry.snapshot(),
  };
}

describe("GatheredMetrics", () => {
  it("no count goes back when a worker is gone, and the ledger balances", async () => {
    const gathered = new GatheredMetrics();
    const [first, second] = [worker(), worker()];
    first.receive(10);
    first.store(7);
    first.cells.encode.observe(0.001, 2);
    second.receive(5);
    second.store(5);
    gathered.heard(1, await first.snapshot());
    gathered.heard(2, await second.snapshot());
    const lines = async () => await mergedText(gathered.all(() => true));
    const counts = [/^sluice_events_received_total\{.*\} 15$/m, /^sluice_encode_seconds_count 2$/m];
    for (const count of counts) assert.match(await lines(), count);
    assert.equal(gathered.gone(1), 3);
    for (const count of counts) assert.match(await lines(), count);
    assert.equal(gathered.gone(1), 0, "once");
    assert.deepEqual(balancedLedger(await lines()), {
      ...{ received: 12, stored: 12, duplicate: 0, rejected: 0, retry: 0, in_flight: 0 },
    });
    assert.equal(gathered.gone(2), 0);
    for (const count of counts) assert.match(await lines(), count);
    assert.equal(balancedLedger(await lines())["received"], 12, "when nobody is left, too");
  });

  it("a worker that comes or goes does not make the whole look unready", async () => {
    const gathered = new GatheredMetrics();
    const [old, young] = [worker(), worker()];
    old.cells.ready.readFrom(() => 1);
    young.cells.ready.readFrom(() => 0);
    old.cells.wsConnections.readFrom(() => 4);
    young.cells.wsConnections.readFrom(() => 2);
    gathered.heard(1, await old.snapshot());
    gathered.heard(2, await young.snapshot());
    assert.match(await mergedText(gathered.all((id) => id === 1)), /^sluice_ready 1$/m);
    assert.match(await mergedText(gathered.all((id) => id === 1)), /^sluice_ws_connections 6$/m);
    assert.match(await mergedText(gathered.all(() => true)), /^sluice_ready 0$/m);
    assert.deepEqual(
      [1, 2, 3].map((id) => gathered.connections(id)),
      [4, 2, 0],
    );
  });
});
