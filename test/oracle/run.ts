/**
 * The oracle by hand, for as long as one likes:
 *
 *   node test/oracle/run.ts --minutes 10 --seed 7 --verbose
 *   node test/oracle/run.ts --judge .run/oracle/7.ndjson    judges a history again
 *   node test/oracle/run.ts --judge FILE --about ws1-17     what it has about one event
 *
 * A registry is needed (SLUICE_TEST_REGISTRY, or `npm run services -- up registry`). Exit code 1:
 * an invariant is broken.
 */
import { parseArgs } from "node:util";

import { loadEntries } from "./history.ts";
import { judge } from "./judge.ts";
import { BOUNDS, keep, runOracle } from "./oracle.ts";
import { excerpt, report } from "./report.ts";
import { helpIfAsked } from "../../scripts/usage.ts";

helpIfAsked(import.meta.filename);

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    rate: { type: "string", default: "30" },
    judge: { type: "string" },
    about: { type: "string" },
    verbose: { type: "boolean", default: false },
  },
});

const seed = Number(values.seed);
const say = (sentence: string) =>
  console.log(`${new Date().toISOString().slice(11, 19)} ${sentence}`);
if (values.judge === undefined) {
  const run = await runOracle({
    seed,
    faultsMs: Number(values.minutes) * 60_000,
    streamSenders: 4,
    httpSenders: 2,
    rate: Number(values.rate),
    say,
    ...(values.verbose ? { hear: say } : {}),
  });
  const file = await keep(run, seed);
  console.log(`\n${report({ seed, ...run })}\nhistory: ${file}`);
  process.exitCode = run.judgement.sins.length === 0 ? 0 : 1;
} else {
  const entries = await loadEntries(values.judge);
  if (values.about !== undefined) console.log(excerpt(entries, values.about));
  else console.log(report({ seed, judgement: judge(entries, BOUNDS), faults: new Map() }));
}
