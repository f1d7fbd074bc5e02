import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FakeClock } from "../lib/clock.ts";
import { CONSOLE_HISTORY_EVERY_MS, CONSOLE_HISTORY_MAX } from "../limits/watching.ts";
import { CounterCells } from "../telemetry/cells.ts";
import { History } from "./history.ts";

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
