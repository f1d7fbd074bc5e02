/**
 * The faults of a run, drawn from its seed: what, whom, when, how long. Pure. Faults of one group
 * never overlap, so that each can be healed for itself; those of different groups do.
 */
import { seededRandom } from "../kafka-proxy/random.ts";

/** How long each kind lasts, in milliseconds, and of what it has to choose one. */
export const FAULT_KINDS = {
  "gateway-kill": { group: "gateway", ms: [500, 3_000], targets: 2 },
  "gateway-drain": { group: "gateway", ms: [500, 2_000], targets: 2 },
  "sockets-cut": { group: "sockets", ms: [200, 1_500], targets: 2 },
  "sockets-delay": { group: "sockets", ms: [2_000, 5_000], targets: 2 },
  "broker-kill": { group: "kafka", ms: [4_000, 8_000], targets: 3 },
  "broker-stop": { group: "kafka", ms: [3_000, 8_000], targets: 3 },
  "brokers-stop": { group: "kafka", ms: [2_000, 6_000], targets: 1 },
  "kafka-reset": { group: "link", ms: [1_000, 3_000], targets: 1 },
  "kafka-slow": { group: "link", ms: [2_000, 5_000], targets: 1 },
  "kafka-error": { group: "link", ms: [1_000, 3_000], targets: 3 },
  "kafka-stall": { group: "link", ms: [2_000, 5_000], targets: 6 },
  "redis-kill": { group: "redis", ms: [1_000, 5_000], targets: 1 },
  "redis-stop": { group: "redis", ms: [1_000, 5_000], targets: 1 },
  "registry-cut": { group: "registry", ms: [2_000, 6_000], targets: 1 },
} as const;

export type FaultKind = keyof typeof FAULT_KINDS;

export interface PlannedFault {
  readonly kind: FaultKind;
  readonly target: number;
  readonly atMs: number;
  readonly durationMs: number;
}

/** Between the end of a fault and the next one of its group. */
const REST_MS = 2_500;

/**
 * Faults that begin between 0 and `forMs`, in the order in which they begin. Each group draws its
 * kinds without putting them back, so that a run sees all of a group before one comes again.
 */
export function planFaults(seed: number, forMs: number): PlannedFault[] {
  const random = seededRandom(seed);
  const kinds = Object.keys(FAULT_KINDS) as FaultKind[];
  const groups = new Set(kinds.map((kind) => FAULT_KINDS[kind].group));
  const faults: PlannedFault[] = [];
  for (const group of groups) {
    const ofGroup = kinds.filter((kind) => FAULT_KINDS[kind].group === group);
    let bag: FaultKind[] = [];
    let atMs = random() * 4_000;
    while (atMs < forMs) {
      if (bag.length === 0) bag = shuffled(ofGroup, random);
      const kind = bag.pop() ?? "sockets-cut";
      const { ms, targets } = FAULT_KINDS[kind];
      const durationMs = Math.round(ms[0] + random() * (ms[1] - ms[0]));
      const target = Math.floor(random() * targets);
      faults.push({ kind, target, atMs: Math.round(atMs), durationMs });
      atMs += durationMs + REST_MS + random() * 4_000;
    }
  }
  return faults.toSorted((a, b) => a.atMs - b.atMs);
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const copy = [...items];
  for (let index = copy.length - 1; index > 0; index -= 1) {
    const other = Math.floor(random() * (index + 1));
    const [a, b] = [copy[index], copy[other]];
    if (a === undefined || b === undefined) continue;
    copy[index] = b;
    copy[other] = a;
  }
  return copy;
}
