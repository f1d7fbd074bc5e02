import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FakeClock } from "../lib/clock.ts";
import { CONSOLE_HISTORY_EVERY_MS, CONSOLE_HISTORY_MAX } from "../limits.ts";
import { CounterCells } from "../telemetry/cells.ts";
import { isOwnName } from "./console.ts";
import { History } from "./history.ts";

describe("isOwnName", () => {
  it("takes addresses, names of this machine or network, and the one that was set", () => {
    for (const host of [
      "127.0.0.1:9464",
      "[::1]:9464",
      "10.1.2.3",
      "localhost:9464",
      "gateway:9464",
      "sluice.monitoring.svc.cluster.local",
      "sluice.localhost:9464",
    ]) {
      assert.equal(isOwnName(host, "127.0.0.1"), true, host);
    }
    assert.equal(isOwnName("ops.example.com:9464", "ops.example.com"), true);
  });

  it("refuses names that a stranger may have made to point here", () => {
    for (const host of ["rebind.example.com", "evil.example:9464", "127.0.0.1.example.com"]) {
      assert.equal(isOwnName(host, "127.0.0.1"), false, host);
    }
  });
});

describe("History", () => {
  it("notes the numbers every so often, and keeps the last of them", () => {
    const clock = new FakeClock();
    const cells = new CounterCells({ name: "sluice_test_total", type: "counter", help: "Test." });
    const history = new History({ events: cells }, clock);
    cells.add(3);
    clock.advance(CONSOLE_HISTORY_EVERY_MS);
    assert.deepEqual(history.samples[0]?.metrics, { events: [[3]] });
    clock.advance(CONSOLE_HISTORY_EVERY_MS * (CONSOLE_HISTORY_MAX + 5));
    assert.equal(history.samples.length, CONSOLE_HISTORY_MAX);
    history.stop();
    assert.equal(clock.pendingCount, 0);
  });
});
