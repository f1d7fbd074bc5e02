/** Mutations of valid bytes over both protocols, as many as fit into some seconds. */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { Beside } from "../beside.ts";
import { fuzz } from "../hostile-fuzz.ts";
import { TURN_CPU_MS_MAX, longestTurn, startWatched } from "../long-turns.ts";

const SECONDS = 12;
const CASES_MAX = 100_000;

test("input 50: mutated requests and frames end no process and harm nobody", async (context) => {
  const seed = Number(process.env["SLUICE_TEST_SEED"] ?? randomInt(2 ** 31));
  context.diagnostic(`SLUICE_TEST_SEED=${seed}`);
  await using gateway = await startWatched();
  const beside = await Beside.start(gateway);
  const untilMs = performance.now() + SECONDS * 1_000;
  const options = { seed, casesMax: CASES_MAX, untilMs, casesPerPeer: 8 };
  const since = gateway.output.length;
  const cases = await fuzz(gateway.port, options);
  await beside.settled();
  const longest = longestTurn(gateway, since);
  context.diagnostic(`${cases} cases; longest turn of the loop: ${JSON.stringify(longest)}`);
  assert.ok((longest?.longTurnCpuMs ?? 0) < TURN_CPU_MS_MAX, "no input holds the event loop");
  await beside.unharmed();
  await beside.end();
  assert.ok(cases > 0);
  assert.equal(await gateway.stop(), 0);
});
