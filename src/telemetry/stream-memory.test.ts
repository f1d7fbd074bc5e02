import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { STREAM_CLAIMS } from "./label-sets.ts";
import { MetricRegistry } from "./metric-registry.ts";
import { SilentLogger } from "./silent-logger.ts";
import { StreamMemoryTelemetry } from "./stream-memory.ts";

describe("StreamMemoryTelemetry", () => {
  it("counts claims by how they were decided, and reads what is held", () => {
    const { cells } = new MetricRegistry({ nodeMetrics: false });
    const streams = new StreamMemoryTelemetry({ cells, log: new SilentLogger() });
    for (const how of STREAM_CLAIMS) streams.claimed(how);
    for (const how of STREAM_CLAIMS) assert.equal(cells.streamClaims.value(how), 1, how);
    streams.superseded();
    assert.equal(cells.streamsSuperseded.value(), 1);
    streams.readHeldFrom(() => 7);
    assert.equal(cells.streamsHeld.get().values[0]?.value, 7);
    streams.forgotten(3);
    assert.equal(cells.streamsForgotten.value(), 3);
  });

  it("logs an outage when it begins and when it ends, and drives sluice_stream_memory_up", () => {
    const { cells } = new MetricRegistry({ nodeMetrics: false });
    const log = new SilentLogger();
    const streams = new StreamMemoryTelemetry({ cells, log });
    const up = () => cells.streamMemoryUp.get().values[0]?.value;
    assert.equal(up(), 1);
    streams.saveFailed({ reason: "down" });
    streams.down({ reason: "down" });
    assert.equal(up(), 0);
    streams.up({ afterMs: 5 });
    streams.saved();
    assert.equal(up(), 1);
    assert.equal(cells.streamSaves.value("failed"), 1);
    assert.equal(cells.streamSaves.value("ok"), 1);
    assert.deepEqual(
      log.lines.map((line) => line.level),
      ["debug", "warn", "info"],
    );
  });
});
