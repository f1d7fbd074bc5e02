/**
 * A million mutations of valid bytes over both protocols. `SLUICE_TEST_CASES` and
 * `SLUICE_TEST_SEED` say otherwise.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { Beside } from "../beside.ts";
import { Gateway } from "../gateway.ts";
import { fuzz } from "../hostile-fuzz.ts";

const CASES = Number(process.env["SLUICE_TEST_CASES"] ?? 1_000_000);
/** Rounds after the first may add no more than this to the memory: a plateau. */
const PLATEAU_BYTES = 64 * 1024 * 1024;
const ROUNDS = 10;
/** A busy machine may hold the loop longer than any input: the bound of a hang, not of a delay. */
const LOOP_DELAY_SECONDS_MAX = 0.5;

test("input 50: a million mutated requests and frames: memory level, loop free", async (context) => {
  const seed = Number(process.env["SLUICE_TEST_SEED"] ?? randomInt(2 ** 31));
  context.diagnostic(`SLUICE_TEST_SEED=${seed}`);
  await using gateway = await Gateway.start();
  const beside = await Beside.start(gateway);
  const resident: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const casesMax = CASES / ROUNDS;
    const options = { seed: seed + round, casesMax, untilMs: Infinity, casesPerPeer: 8 };
    await fuzz(gateway.port, options);
    await beside.settled();
    await beside.unharmed();
    resident.push(await gateway.metric("process_resident_memory_bytes"));
    const loopSeconds = await gateway.metric("nodejs_eventloop_lag_p99_seconds");
    assert.ok(loopSeconds < LOOP_DELAY_SECONDS_MAX, `the loop was held for ${loopSeconds} s`);
  }
  context.diagnostic(
    `resident MB: ${resident.map((bytes) => Math.round(bytes / 2 ** 20)).join(" ")}`,
  );
  const [, , settled = 0] = resident;
  assert.ok((resident.at(-1) ?? 0) - settled < PLATEAU_BYTES, "a plateau");
  await beside.end();
  assert.equal(await gateway.stop(), 0);
});
