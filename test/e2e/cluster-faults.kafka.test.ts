/**
 * Rows of the fault matrix that need replicas: a real cluster of three brokers, replication factor
 * 3, two in-sync replicas, whose brokers are killed, suspended and restarted under load. The long
 * forms are in cluster-faults.kafka.long.test.ts.
 */
import { after, before, test } from "node:test";
import { startInstance } from "../../scripts/services/control.mjs";
import type { Instance } from "../../scripts/services/control.mjs";
import { killedLeader, rollingRestart, suspendedLeader } from "./cluster-rows.ts";

let cluster: Instance;

before(async () => {
  cluster = await startInstance("kafka3");
});

after(async () => {
  await cluster.remove();
});

test("row 1: a leader killed: acks come later, no stream is told, nothing lost or twice", () =>
  killedLeader(cluster, "node1"));

test("row 2: a leader suspended, then continued: no late append comes twice", () =>
  suspendedLeader(cluster, "node2", { atLeastMs: 0 }));

test("row 3: one broker restarted under load: no stream is told", () =>
  rollingRestart(cluster, ["node3"]));
