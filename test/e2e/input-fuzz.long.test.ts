/**
 * A million mutations of valid bytes over both protocols. `SLUICE_TEST_CASES` and
 * `SLUICE_TEST_SEED` say otherwise.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Beside } from "../beside.ts";
import type { Gateway } from "../gateway.ts";
import { fuzz } from "../hostile-fuzz.ts";
import { TURN_CPU_MS_MAX, longestTurn, startWatched } from "../long-turns.ts";

const CASES = Number(process.env["SLUICE_TEST_CASES"] ?? 1_000_000);
/**
 * Memory is level when the last rounds add no more than this: 300 000 cases, so less than half a
 * kilobyte each. Two runs added 4 and 55 MB, ending at 408 and 449 MB: streams that sound hellos
 * opened are remembered, up to their bound (STREAMS_REMEMBERED_MAX).
 */
const PLATEAU_BYTES = 128 * 1024 * 1024;
const PLATEAU_ROUNDS = 3;
const RESIDENT_BYTES_MAX = 640 * 1024 * 1024;
const ROUNDS = 10;
/**
 * By the clock a busy machine may hold the loop longer than any input: the bound of a standstill.
 */
const LOOP_DELAY_SECONDS_MAX = 0.5;
const LOOK_MS = 1_000;

/** The longest p99 of the event loop's delay in any second until `signal` says stop. */
async function longestLoopDelay(gateway: Gateway, signal: AbortSignal): Promise<number> {
  let longest = 0;
  while (!signal.aborted) {
    longest = Math.max(longest, await gateway.metric("nodejs_eventloop_lag_p99_seconds"));
    await delay(LOOK_MS, null, { signal }).catch(() => null);
  }
  return longest;
}

test("input 50: a million mutated requests and frames: memory level, loop free", async (context) => {
  const seed = Number(process.env["SLUICE_TEST_SEED"] ?? randomInt(2 ** 31));
  context.diagnostic(`SLUICE_TEST_SEED=${seed}`);
  await using gateway = await startWatched();
  const beside = await Beside.start(gateway);
  const resident: number[] = [];
  const over = new AbortController();
  const since = gateway.output.length;
  const looking = longestLoopDelay(gateway, over.signal);
  for (let round = 0; round < ROUNDS; round += 1) {
    const casesMax = CASES / ROUNDS;
    const options = { seed: seed + round, casesMax, untilMs: Infinity, casesPerPeer: 8 };
    await fuzz(gateway.port, options);
    await beside.settled();
    await beside.unharmed();
    resident.push(await gateway.metric("process_resident_memory_bytes"));
  }
  over.abort();
  const loopSeconds = await looking;
  const megabytes = resident.map((bytes) => Math.round(bytes / 2 ** 20)).join(" ");
  const longest = longestTurn(gateway, since);
  context.diagnostic(`resident MB: ${megabytes}; loop delay p99 at most ${loopSeconds} s`);
  context.diagnostic(`longest turn of the loop: ${JSON.stringify(longest)}`);
  assert.ok((longest?.longTurnCpuMs ?? 0) < TURN_CPU_MS_MAX, "no input holds the event loop");
  assert.ok(loopSeconds < LOOP_DELAY_SECONDS_MAX, `the loop was held for ${loopSeconds} s`);
  const last = resident.at(-1) ?? Infinity;
  assert.ok(last - (resident.at(-1 - PLATEAU_ROUNDS) ?? 0) < PLATEAU_BYTES, "a plateau");
  assert.ok(last < RESIDENT_BYTES_MAX, "and not a high one");
  await beside.end();
  assert.equal(await gateway.stop(), 0);
});
