/**
 * The part `costs` of `bench/path.ts`: what an event costs by transport and frame, in pairs. All
 * arms of a load run side by side and take turns of a second or two, so that the ratio of a pair
 * compares the same moment of the machine; what is said is the median of the pairs, and how far it
 * can be trusted.
 */
import { middleOf, type Middle } from "../compare/pairs.ts";
import { armOptions, LOADS, type Arm, type PartOptions } from "./arms.ts";
import { measure, type Load, type Measured } from "./load.ts";
import { startServer, type Server } from "./servers.ts";

/** Enough for an interval that leaves out the wildest pair at each end. */
const ROUNDS = 9;
/** Of a turn: long beside a commit, short beside what a noisy machine keeps up. */
const TURN_SECONDS = 1.1;
/** On a machine so busy that turns take long no further round begins, if there are enough. */
const LOAD_SECONDS_MAX = 55;
const ROUNDS_MIN = 6;
/** A server that has worked before only waits for its connections and its first commits. */
const TURN_WARM_UP_MS = 800;
/** Code is compiled, batches find their size: the first turn with each load, not counted. */
const FIRST_TURN_SECONDS = 1.5;

export interface CostRow {
  readonly load: string;
  readonly arm: Arm;
  /** The run with the middle cost. */
  readonly median: Measured;
  readonly costs: readonly number[];
  /** How many times as many events a CPU second carries as with the other; absent: it is it. */
  readonly times?: Middle;
}

/** All runs of an arm, in the order of rounds. */
export interface ArmRuns {
  readonly load: string;
  readonly arm: Arm;
  readonly runs: readonly Measured[];
}

export async function measureCosts(
  loads: readonly string[],
  options: PartOptions,
): Promise<CostRow[]> {
  const all = await measureRuns(loads, options);
  return all.map((own) => {
    const other = all.find(
      ({ load, arm }) => load === own.load && (arm === "baseline" || arm === "against"),
    );
    const row = { load: own.load, arm: own.arm, ...middleRun(own.runs) };
    if (other === undefined || other === own) return row;
    return { ...row, times: timesOf(own.runs, other.runs) };
  });
}

function timesOf(own: readonly Measured[], other: readonly Measured[]): Middle {
  const ratios = own.map(
    (run, round) => (other[round]?.cpuSecondsPerMillion ?? Number.NaN) / run.cpuSecondsPerMillion,
  );
  // A server that carried nothing in its turn cost nobody knows what.
  return middleOf(ratios.filter((ratio) => Number.isFinite(ratio) && ratio > 0));
}

/** The same, before anything is chosen of it. Servers that are not measured have nothing to do. */
export async function measureRuns(
  loads: readonly string[],
  options: PartOptions,
): Promise<ArmRuns[]> {
  // What is held against each other stands side by side.
  const { arms = options.against === "" ? ["bare", "sluice", "baseline"] : ["sluice", "against"] } =
    options;
  const servers = new Map<Arm, Server>();
  const all: ArmRuns[] = [];
  try {
    for (const arm of arms) servers.set(arm, await startServer(...armOptions(arm, options)));
    for (const name of loads) {
      const load = LOADS[name];
      if (load === undefined) throw new Error(`no load is called ${name}`);
      for (const [arm, runs] of await takeTurns(servers, load, { ...options, name })) {
        all.push({ load: name, arm, runs });
      }
    }
  } finally {
    for (const server of servers.values()) await server.stop();
  }
  return all;
}

async function takeTurns(
  servers: ReadonlyMap<Arm, Server>,
  load: Load,
  options: PartOptions & { readonly name: string },
): Promise<Map<Arm, Measured[]>> {
  const { name, say, rounds, seconds } = options;
  const untilMs = performance.now() + LOAD_SECONDS_MAX * 1_000;
  for (const server of servers.values())
    await measure(server, load, { seconds: FIRST_TURN_SECONDS });
  const runs = new Map<Arm, Measured[]>([...servers.keys()].map((arm) => [arm, []]));
  const turn = { seconds: seconds ?? TURN_SECONDS, warmUpMs: TURN_WARM_UP_MS };
  for (let round = 0; round < (rounds ?? ROUNDS); round += 1) {
    if (rounds === null && round >= ROUNDS_MIN && performance.now() > untilMs) break;
    const order = round % 2 === 0 ? [...servers] : [...servers].toReversed();
    for (const [arm, server] of order) {
      const measured = await measure(server, load, turn);
      say(sentence(`${arm} ${name}`, measured));
      runs.get(arm)?.push(measured);
    }
  }
  return runs;
}

export function middleRun(measured: readonly Measured[]): Pick<CostRow, "median" | "costs"> {
  const sorted = measured.toSorted((a, b) => a.cpuSecondsPerMillion - b.cpuSecondsPerMillion);
  const inTheMiddle = sorted[Math.floor((sorted.length - 1) / 2)];
  if (inTheMiddle === undefined) throw new Error("at least one round");
  return { median: inTheMiddle, costs: measured.map((each) => each.cpuSecondsPerMillion) };
}

export function sentence(what: string, measured: Measured): string {
  const { eventsPerSecond, cpuSecondsPerMillion, ackMs, notStored } = measured;
  return (
    `${what}: ${eventsPerSecond} events/s, ${cpuSecondsPerMillion} CPU-s per million, ` +
    `ack p50 ${ackMs.p50} p99 ${ackMs.p99} ms${notStored > 0 ? `, ${notStored} NOT STORED` : ""}`
  );
}
