/**
 * What an event costs on the whole path, from a client's socket to Kafka's confirmation and back:
 * beside the server that a good Node.js developer would write (bench/baseline), in the same run.
 * Servers, generators and brokers are processes of their own; the server has the first core for
 * itself.
 *
 *   npm run bench -- path [--parts costs,latency,idle,tax] [--loads "WS 100,HTTP 10"] [--seconds N]
 *     [--rounds N] [--brokers HOST:PORT] [--redis redis://…] [--against DIRECTORY]
 *     [--no-kafka] [--profile DIRECTORY]
 *
 * Without --brokers and --redis private ones are started. Parts:
 *   costs    CPU time per million acked events by threads, closed loop, in pairs: 9 rounds of turns
 *            of 1.1 s each, six minutes for all loads; ratios are medians of the pairs
 *   latency  from due to acked at 10 to 90 % of what the closed loop reached, open loop
 *   idle     memory of --connections WebSockets (10 000) that do nothing
 *   tax      truthful answers against answers before Kafka (bench/path/early-acks.ts), the same
 *            number of events in flight in both, at three levels, in pairs; 3 rounds
 * The other parts measure 5 s each time.
 *
 * --against takes another checkout in the baseline's place: before and after of a change, in one
 * run; with --no-kafka both confirm records by themselves (bench/path/swift-kafka.ts), which leaves
 * the gateway's own work. --check (`npm run bench -- --check`) measures the loads of
 * bench/path/budget.json and fails when a stage's share of the cost has grown by more than noise.
 * --budget writes that file anew.
 *
 * Each part prints a table and is kept in bench/results/path.json; bench/results/path.html is made
 * from that. CPU time per event is comparable on a busy machine, rates and latencies are not.
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";

import { LOADS, type PartOptions } from "./path/arms.ts";
import { startBackends } from "./path/backends.ts";
import { checkBudget, writeBudget } from "./path/budget.ts";
import { measureCosts } from "./path/costs.ts";
import { keepPart, PART_NAMES, type PartName } from "./path/results.ts";
import { measureIdle, measureLatencies, measureTax } from "./path/tables.ts";
import { printPart } from "./path/print.ts";
import { profile } from "./path/profile.ts";
import { writeReport } from "./report/page.ts";
import { helpIfAsked } from "../scripts/usage.ts";

helpIfAsked(import.meta.filename);

const { values: flags } = parseArgs({
  allowPositionals: true,
  options: {
    parts: { type: "string", default: PART_NAMES.join(",") },
    loads: { type: "string", default: Object.keys(LOADS).join(",") },
    seconds: { type: "string" },
    rounds: { type: "string" },
    connections: { type: "string", default: "10000" },
    frame: { type: "string", default: "100" },
    brokers: { type: "string", default: "" },
    redis: { type: "string", default: "" },
    against: { type: "string", default: "" },
    "no-kafka": { type: "boolean", default: false },
    profile: { type: "string", default: "" },
    "ack-tax": { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    budget: { type: "boolean", default: false },
  },
});

const backends = await startBackends(flags);
const options: PartOptions = {
  backends,
  seconds: flags.seconds === undefined ? null : Number(flags.seconds),
  rounds: flags.rounds === undefined ? null : Number(flags.rounds),
  against: flags.against === "" ? "" : resolve(flags.against, "src/main.ts"),
  isKafkaLeftOut: flags["no-kafka"],
  say: (sentence) => console.error(sentence),
};

/** What a part measures, ready to be kept. */
async function run(part: PartName): Promise<unknown> {
  if (part === "costs") return measureCosts(flags.loads.split(","), options);
  if (part === "latency") return measureLatencies(Number(flags.frame), options);
  if (part === "idle") return measureIdle(Number(flags.connections), options);
  return measureTax(options);
}

try {
  if (flags.check) process.exitCode = (await checkBudget(options)) ? 0 : 1;
  else if (flags.budget) await writeBudget(options);
  else if (flags.profile !== "") await profile(flags.profile, flags.loads.split(","), options);
  else {
    const parts = flags["ack-tax"] ? ["tax"] : flags.parts.split(",");
    for (const part of PART_NAMES.filter((name) => parts.includes(name))) {
      const rows = await run(part);
      // A comparison with another checkout is not what the page shows.
      if (options.against === "") keepPart(part, rows);
      printPart(part, rows);
    }
    if (options.against === "") writeReport();
  }
} finally {
  await backends.stop();
}
