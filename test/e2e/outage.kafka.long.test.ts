/** The long form of row 4: no broker answers for a minute, under load over both doors. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startInstance } from "../../scripts/services/control.mjs";
import { faultRow, readiness, residentBytes } from "./fault-row.ts";

const OUTAGE_MS = 60_000;
const GROWTH_BYTES_MAX = 128 * 1024 * 1024;

test("row 4: all brokers silent for 60 s: retry on both doors, bounded memory, healed", async () => {
  await using broker = await startInstance("kafka");
  const heal = () => broker.resume();
  await faultRow({ brokers: broker.address, load: { http: 8, streams: 4 }, heal }, async (row) => {
    const { gateway, load } = row;
    const before = await residentBytes(gateway.run.pid);
    await broker.suspend();
    await delay(OUTAGE_MS);
    const grown = (await residentBytes(gateway.run.pid)) - before;
    assert.ok(grown < GROWTH_BYTES_MAX, `memory grew by ${grown} bytes`);
    assert.ok(load.retryCodes.http.size > 0 && load.retryCodes.streams.size > 0);
    await readiness(gateway, 503);
  });
});
