import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { MetricRegistry } from "./metric-registry.ts";
import { SilentLogger } from "./silent-logger.ts";
import { WorkersTelemetry } from "./workers.ts";

function setUp() {
  const log = new SilentLogger();
  const registry = new MetricRegistry({ nodeMetrics: false });
  const { cells } = registry;
  return { log, cells, registry, workers: new WorkersTelemetry({ cells, log }) };
}

describe("WorkersTelemetry", () => {
  it("a worker that dies is an error and counted, one that was told to go is not", () => {
    const { workers, cells, log } = setUp();
    workers.exited({ id: 1, pid: 11, code: null, signal: "SIGKILL", restartInMs: 50 });
    workers.diedWithEvents(3);
    workers.exited({ id: 2, pid: 12, code: 0, signal: null, restartInMs: undefined });
    assert.equal(cells.workersRestarted.value(), 1);
    assert.equal(cells.eventsUnanswered.value(), 3);
    assert.deepEqual(
      log.lines.map((line) => line.level),
      ["error", "info"],
    );
  });

  it("a rolling restart is told from its begin to its end, and counted by worker", () => {
    const { workers, cells, log } = setUp();
    workers.renewalStarted(2);
    workers.renewed({ id: 1, by: 3 });
    workers.renewalDone();
    workers.renewalFailed("worker 4 left before it was ready");
    assert.equal(cells.workersRenewed.value(), 1);
    assert.equal(log.lines.length, 4);
    assert.equal(log.lines.filter(({ level }) => level === "error").length, 1);
  });

  it("shows the connections of each worker that lives", async () => {
    const { workers, registry, cells } = setUp();
    workers.readFrom({
      ready: () => 2,
      connections: () =>
        new Map([
          [3, 7],
          [4, 0],
        ]),
    });
    workers.rebalanced({ id: 3, connections: 7 });
    const text = await registry.text();
    assert.match(text, /^sluice_workers_ready 2$/m);
    assert.match(text, /^sluice_worker_connections\{worker="3"\} 7$/m);
    assert.match(text, /^sluice_worker_connections\{worker="4"\} 0$/m);
    assert.equal(cells.connectionsRebalanced.value(), 7);
  });
});
