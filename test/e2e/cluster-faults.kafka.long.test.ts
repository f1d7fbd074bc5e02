/** The long forms of rows 2 and 3: a leader away for twenty seconds, every broker in turn. */
import { after, before, test } from "node:test";
import { startInstance } from "../../scripts/services/control.mjs";
import type { Instance } from "../../scripts/services/control.mjs";
import { cutOffBroker, rollingRestart, suspendedLeader } from "./cluster-rows.ts";

let cluster: Instance;

before(async () => {
  cluster = await startInstance("kafka3");
});

after(async () => {
  await cluster.remove();
});

test("row 2: a leader suspended for 20 s, then continued: no late append comes twice", () =>
  suspendedLeader(cluster, "node2", { atLeastMs: 20_000 }));

test("row 3: every broker restarted in turn under load: no stream is told", () =>
  rollingRestart(cluster, ["node1", "node2", "node3"]));

test("row 46: one broker cut off from the gateway alone: the others' partitions go on", () =>
  cutOffBroker(cluster));
