/**
 * A short run of the oracle: every kind of fault at least once, then the judge. A longer one, or
 * the same one again: `node test/oracle/run.ts --minutes N --seed S`.
 */
import assert from "node:assert/strict";
import { test } from "node:test";

import { keep, runOracle } from "./oracle.ts";
import { excerpt, report } from "./report.ts";
import { FAULT_KINDS } from "./schedule.ts";

const SEED = Number(process.env["SLUICE_TEST_SEED"] ?? Date.now() % 1_000_000);
const FAULTS_MS = 60_000;

/** With brokers to start, healing and reading back; well above what a slow machine takes. */
const TIMEOUT_MS = 600_000;

test(
  `nothing is lost, nothing is made up, whatever breaks (seed ${SEED})`,
  {
    timeout: TIMEOUT_MS,
  },
  async (context) => {
    const options = { seed: SEED, faultsMs: FAULTS_MS, streamSenders: 4, httpSenders: 2, rate: 30 };
    const run = await runOracle(options);
    const { history, judgement, faults } = run;
    const text = report({ seed: SEED, judgement, faults });
    for (const line of text.trimEnd().split("\n")) context.diagnostic(line);
    const [sin] = judgement.sins;
    if (sin !== undefined) {
      const file = await keep(run, SEED);
      assert.fail(`${text}history: ${file}\n${excerpt(history.entries, sin.id ?? "")}`);
    }
    assert.equal(faults.size, Object.keys(FAULT_KINDS).length, "every kind of fault was there");
    assert.ok(judgement.events > 1_000, `${judgement.events} events`);
    assert.ok(judgement.batchesLost > 10, `${judgement.batchesLost} batches lost their connection`);
    assert.ok(judgement.outcomes.rejected > 0, "some events did not fit");
  },
);
