/** Carries out planned faults on a world: begins each in time, ends it, and heals everything. */
import { setTimeout as delay } from "node:timers/promises";

import type { KafkaErrorName } from "../kafka-proxy/protocol.ts";
import type { Fault, Rule } from "../kafka-proxy/rules.ts";
import { FAULT_KINDS } from "./schedule.ts";
import type { FaultKind, PlannedFault } from "./schedule.ts";
import type { World } from "./world.ts";

/** How long a connection that has lost a request or an answer stays silent before it is reset. */
const STALL_MS = 3_000;

/** Begins a fault; what it gives ends it. */
type Deed = (world: World, target: number) => Promise<() => Promise<void> | void>;

/** Errors that brokers give while partitions move; after the third the record is there. */
const PRODUCE_ERRORS: readonly (readonly [KafkaErrorName, boolean])[] = [
  ["NOT_LEADER_OR_FOLLOWER", false],
  ["NOT_ENOUGH_REPLICAS", false],
  ["REQUEST_TIMED_OUT", true],
];

const DEEDS: Readonly<Record<FaultKind, Deed>> = {
  "gateway-kill": async (world, target) => {
    await world.killGateway(target);
    return () => world.startGateway(target);
  },
  "gateway-drain": async (world, target) => {
    await world.drainGateway(target);
    return () => world.startGateway(target);
  },
  "sockets-cut": async (world, target) => {
    world.clientLink(target).cut();
    return () => world.clientLink(target).restore();
  },
  "sockets-delay": async (world, target) => {
    world.clientLink(target).delayMs = 250;
    return () => {
      world.clientLink(target).delayMs = 0;
    };
  },
  "broker-kill": async ({ kafka }, target) => {
    await kafka.kill({ process: `node${target + 1}` });
    return () => kafka.start();
  },
  "broker-stop": async ({ kafka }, target) => {
    const choice = { process: `node${target + 1}` };
    await kafka.suspend(choice);
    return () => kafka.resume(choice);
  },
  "brokers-stop": async ({ kafka }) => {
    await kafka.suspend();
    return () => kafka.resume();
  },
  "kafka-reset": produceRule(() => ({ kind: "reset", when: "after" }), { probability: 0.3 }),
  "kafka-slow": produceRule(() => ({ kind: "delay", ms: 300 })),
  "kafka-error": produceRule(
    (target) => {
      const [error, appended] = PRODUCE_ERRORS[target] ?? (["NOT_ENOUGH_REPLICAS", false] as const);
      return { kind: "stamp", error, appended };
    },
    { probability: 0.5 },
  ),
  "kafka-stall": async (world, target) => {
    const [topic = ""] = world.topics;
    const match = { api: "Produce", topic, partition: target } as const;
    // A request that is lost, or an answer: to the producer it looks the same.
    const what = target % 2 === 0 ? "request" : "answer";
    const rule = world.kafkaLink.add({ match, fault: { kind: "stall", what, ms: STALL_MS } });
    return () => rule.remove();
  },
  "redis-kill": async ({ redis }) => {
    await redis.kill();
    return () => redis.start();
  },
  "redis-stop": async ({ redis }) => {
    await redis.suspend();
    return () => redis.resume();
  },
  "registry-cut": async ({ registryLink }) => {
    registryLink.cut();
    return () => registryLink.restore();
  },
};

function produceRule(fault: (target: number) => Fault, further: Omit<Rule, "fault"> = {}): Deed {
  return async ({ kafkaLink }, target) => {
    const match = { api: "Produce" } as const;
    const rule = kafkaLink.add({ match, ...further, fault: fault(target) });
    return () => rule.remove();
  };
}

/** Does all of them; resolves when the last one has ended. */
export async function carryOut(world: World, faults: readonly PlannedFault[]): Promise<void> {
  const groups = Map.groupBy(faults, ({ kind }) => FAULT_KINDS[kind].group);
  const startMs = performance.now();
  await Promise.all(
    [...groups.values()].map(async (ofGroup) => {
      for (const fault of ofGroup) {
        await delay(Math.max(0, fault.atMs - (performance.now() - startMs)));
        await doOne(world, fault);
      }
    }),
  );
}

async function doOne(world: World, fault: PlannedFault): Promise<void> {
  const { kind, target, durationMs } = fault;
  world.history.note(`fault ${kind} ${target} begins`);
  const end = await DEEDS[kind](world, target);
  await delay(durationMs);
  await end();
  world.history.note(`fault ${kind} ${target} has ended`);
}
