/**
 * What happens to a cluster of three in rows 1 to 3; how long and how often is the test's to say.
 */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";

import type { Instance } from "../../scripts/services/control.mjs";
import { KafkaProxy } from "../kafka-proxy/kafka-proxy.ts";
import { PATIENT, faultRow } from "./fault-row.ts";
import type { FaultRow } from "./fault-row.ts";

const LOAD = { http: 2, streams: 2, pauseMs: 20 };

function row(
  cluster: Instance,
  run: (row: FaultRow) => Promise<void>,
  flags: readonly string[] = [],
): Promise<void> {
  const heal = () => cluster.start();
  return faultRow({ brokers: cluster.address, load: LOAD, heal, flags }, run);
}

/** Not confirmed by the deadline of a request, or refused while Kafka confirms nothing. */
const HTTP_CODES: ReadonlySet<string> = new Set(["kafka_timeout", "refused: unavailable"]);

/** Anything but the wait for a commit that did not begin in time. */
function isNoWait(code: string): boolean {
  return code !== "kafka_unavailable";
}

/** Below the message timeout no stream hears of it; HTTP does not wait that long. */
function noStreamWasTold({ load }: FaultRow): void {
  assert.deepEqual([...load.retryCodes.streams], []);
  assert.deepEqual([...load.retryCodes.http.difference(HTTP_CODES)], []);
}

/** SIGKILL to a broker that leads a third of the partitions; it comes back at the end. */
export function killedLeader(cluster: Instance, process: string): Promise<void> {
  const harm = async (current: FaultRow) => {
    await cluster.kill({ process });
    await everyoneGoesOn(current);
    noStreamWasTold(current);
  };
  return row(cluster, harm, PATIENT);
}

/**
 * SIGSTOP for at least so long, and until the others have taken over; then SIGCONT. A leader that
 * stands still and is the active controller too may keep the cluster from electing others for
 * longer than the message timeout: then streams are told `retry`, rightly.
 */
export function suspendedLeader(
  cluster: Instance,
  process: string,
  { atLeastMs }: { readonly atLeastMs: number },
): Promise<void> {
  return row(cluster, async (current) => {
    await cluster.suspend({ process });
    await Promise.all([delay(atLeastMs), everyoneGoesOn(current)]);
    cluster.resume({ process });
    await everyoneGoesOn(current);
    const { toldCodes } = current.load;
    assert.deepEqual([...toldCodes.difference(HTTP_CODES)].filter(isNoWait), []);
  });
}

/** Each broker in turn: SIGTERM, gone, started again, and events flow before the next one goes. */
export function rollingRestart(cluster: Instance, processes: readonly string[]): Promise<void> {
  const harm = async (current: FaultRow) => {
    for (const process of processes) {
      cluster.signal("SIGTERM", { process });
      const isGone = () =>
        cluster.processes.some(({ name, state }) => name === process && state === "gone");
      while (!isGone()) await delay(50);
      await cluster.start();
      await everyoneGoesOn(current);
    }
    noStreamWasTold(current);
  };
  return row(cluster, harm, PATIENT);
}

/**
 * Packets between the gateway and one broker are lost, while the brokers see one another: it stays
 * the leader of its partitions. Those are answered `retry` by the message timeout at the latest;
 * the others' events are stored all the while.
 */
export async function cutOffBroker(cluster: Instance): Promise<void> {
  const proxy = await KafkaProxy.start({ brokers: cluster.address });
  try {
    const heal = () => proxy.restore();
    const places = { brokers: proxy.bootstrap, readFrom: cluster.address };
    await faultRow({ ...places, load: LOAD, heal }, async ({ gateway, load }) => {
      proxy.silence(proxy.nodes[0]);
      // A request of twenty events has some for that broker, and waits for its deadline.
      await load.more(150);
      assert.deepEqual([...load.retryCodes.http.difference(HTTP_CODES)].filter(isNoWait), []);
      assert.equal(await gateway.metric("sluice_kafka_commits_stuck_total"), 0);
    });
  } finally {
    await proxy.stop();
  }
}

/** Every sender had events stored that it sent after this was called. */
async function everyoneGoesOn({ load }: FaultRow): Promise<void> {
  await load.more(600);
}
