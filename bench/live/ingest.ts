/**
 * Whether those who send wait for those who look on: one gateway, the same open loop of WebSocket
 * frames against a real Kafka, in turns with nobody looking on, with subscribers who hear what fits
 * the feed's share of the time, and with subscribers who want much more than that. One turn of each
 * goes before, and is not counted.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setPriority } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { startBackends } from "../path/backends.ts";
import { measure, type Load } from "../path/load.ts";
import { keepOff, startServer, type Server } from "../path/servers.ts";

const SUBSCRIBERS = fileURLToPath(new URL("subscribers.ts", import.meta.url));

/** The gateway's own default: --live-cpu-percent. */
const BOUND_PERCENT = 30;

/** Instead of 30, so that a gap comes while it is measured. */
const LATEST_SECONDS = 5;

/** What is done after the load has begun and before it is measured, in milliseconds. */
const WARM_UP_MS = 3_000;

/** A turn of each crowd that is not counted. */
const WARM_UP_TURN_SECONDS = 2;

/** Those who look on get what processor time the others leave on their core. */
const SUBSCRIBERS_NICENESS = 10;

/** An eighth of the events is of this type. */
const TYPE = "add_to_cart";

/** Who looks on: nobody; each at one visitor's events of a type; each at all of that type. */
const CROWDS = {
  nobody: null,
  fits: { t: "subscribe", types: [TYPE], keys: ["a-0-%d"] },
  flood: { t: "subscribe", types: [TYPE] },
} as const;

type Crowd = keyof typeof CROWDS;

interface IngestOptions {
  readonly brokers: string;
  readonly redis: string;
  readonly subscribers: number;
  /** Of a frame of ten events each. */
  readonly eventsPerSecond: number;
  readonly seconds: number;
  readonly rounds: number;
}

interface IngestRun {
  readonly crowd: Crowd;
  readonly eventsPerSecond: number;
  readonly notStored: number;
  readonly ackP50Ms: number;
  readonly ackP99Ms: number;
  /** CPU time of the event loop's thread, percent of a core. */
  readonly loopPercent: number;
  /** What the feed was charged for, percent of the time. */
  readonly chargedPercent: number;
  readonly deliveriesPerSecond: number;
  /** Subscribers that were told of a gap. */
  readonly gapped: number;
  /** Gaps that were counted, by reason, each for each subscriber. */
  readonly gaps: Readonly<Record<string, number>>;
}

/** What of that the bench allows, for the parts that are not seen as writes: reading Kafka. */
const SHARE_PERCENT_MAX = BOUND_PERCENT + 5;

/** Acks with a flood of feed against acks with nobody looking on, the 99th percentile. */
const P99_FACTOR_MAX = 3;

interface IngestSummary {
  readonly eventsPerSecond: number;
  readonly boundPercent: number;
  readonly latestSeconds: number;
  /** Medians of the runs, by crowd. */
  readonly crowds: Readonly<Record<Crowd, IngestRun>>;
  /** Event loop's CPU time with a flood less that with nobody: what the feed really took. */
  readonly feedPercent: number;
  readonly p99Factor: number;
  readonly isMet: boolean;
  readonly runs: readonly IngestRun[];
}

/** Runs of all crowds, in turns, and what they show. Prints them. */
export async function benchIngest(options: IngestOptions): Promise<IngestSummary> {
  const { subscribers, eventsPerSecond, seconds } = options;
  console.log(`${eventsPerSecond} events/s for ${seconds} s, ${subscribers} subscribers or none`);
  console.log(
    "crowd     events/s   ack p50 ms   p99 ms   loop %   charged %   deliveries/s   told of a gap",
  );
  const runs = await measureIngest(options);
  const of = (crowd: Crowd): IngestRun => medians(runs.filter((run) => run.crowd === crowd));
  const crowds = { nobody: of("nobody"), fits: of("fits"), flood: of("flood") };
  const feedPercent = round(crowds.flood.loopPercent - crowds.nobody.loopPercent);
  const p99Factor = round(crowds.flood.ackP99Ms / crowds.nobody.ackP99Ms);
  const targets = [
    [`the feed's share of a core at most ${SHARE_PERCENT_MAX} %`, feedPercent <= SHARE_PERCENT_MAX],
    [`p99 of acks at most ${P99_FACTOR_MAX} times`, p99Factor <= P99_FACTOR_MAX],
    ["everybody in the flood was told of a gap", crowds.flood.gapped === subscribers],
    ["nobody was whose feed fits", crowds.fits.gapped === 0],
    ["every event was stored", runs.every(({ notStored }) => notStored === 0)],
  ] as const;
  console.log(`feed in the flood: ${feedPercent} % of a core; p99 of acks: ${p99Factor} times`);
  for (const [target, isMet] of targets) console.log(`${isMet ? "met    " : "NOT MET"} ${target}`);
  const facts = { eventsPerSecond, boundPercent: BOUND_PERCENT, latestSeconds: LATEST_SECONDS };
  const isMet = targets.every(([, isOne]) => isOne);
  return { ...facts, crowds, feedPercent, p99Factor, isMet, runs };
}

function print(run: IngestRun): void {
  const { crowd, eventsPerSecond, ackP50Ms, ackP99Ms, loopPercent, chargedPercent } = run;
  const { deliveriesPerSecond, gapped } = run;
  const cells = [
    [eventsPerSecond, 9],
    [ackP50Ms, 12],
    [ackP99Ms, 8],
    [loopPercent, 8],
    [chargedPercent, 11],
    [deliveriesPerSecond, 14],
    [gapped, 15],
  ] as const;
  console.log(crowd.padEnd(8), ...cells.map(([cell, width]) => String(cell).padStart(width)));
}

function medians(runs: readonly IngestRun[]): IngestRun {
  const [first] = runs;
  if (first === undefined) throw new Error("there was no run");
  const of = (pick: (run: IngestRun) => number): number => {
    const sorted = runs.map(pick).toSorted((left, right) => left - right);
    const middle = (sorted.length - 1) / 2;
    return round(((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle)] ?? NaN)) / 2);
  };
  return {
    ...first,
    eventsPerSecond: of((run) => run.eventsPerSecond),
    ackP50Ms: of((run) => run.ackP50Ms),
    ackP99Ms: of((run) => run.ackP99Ms),
    loopPercent: of((run) => run.loopPercent),
    chargedPercent: of((run) => run.chargedPercent),
    deliveriesPerSecond: of((run) => run.deliveriesPerSecond),
    gapped: Math.min(...runs.map((run) => run.gapped)),
  };
}

async function measureIngest(options: IngestOptions): Promise<readonly IngestRun[]> {
  const backends = await startBackends(options);
  const runs: IngestRun[] = [];
  try {
    const server = await startServer("sluice", {
      ...backends,
      settings: ["--live-latest-seconds", String(LATEST_SECONDS)],
    });
    try {
      // Its keys are crowds.
      const crowds = Object.keys(CROWDS) as Crowd[];
      // Else the first turn would be that of code that is not compiled yet: nobody's.
      const brief = { ...options, seconds: WARM_UP_TURN_SECONDS };
      for (const crowd of crowds) await measureOne(server, crowd, brief);
      for (let turn = 0; turn < options.rounds; turn += 1) {
        for (const crowd of turn % 2 === 0 ? crowds : crowds.toReversed()) {
          const run = await measureOne(server, crowd, options);
          runs.push(run);
          print(run);
        }
      }
    } finally {
      await server.stop();
    }
  } finally {
    await backends.stop();
  }
  return runs;
}

async function measureOne(
  server: Server,
  crowd: Crowd,
  { subscribers, eventsPerSecond, seconds }: IngestOptions,
): Promise<IngestRun> {
  const hello = CROWDS[crowd];
  const clients = hello === null ? null : await gather(server.port, subscribers, hello);
  const load: Load = {
    transport: "ws",
    eventsPerFrame: 10,
    connections: 16,
    inFlight: 0,
    rate: eventsPerSecond,
  };
  const before = await metricsOf(server.adminPort);
  const startMs = performance.now();
  const measured = await measure(server, load, { seconds, warmUpMs: WARM_UP_MS });
  const after = await metricsOf(server.adminPort);
  const tookSeconds = (performance.now() - startMs) / 1_000;
  const told = clients === null ? { gapped: 0 } : await countsOf(clients);
  clients?.kill();
  if (clients !== null) await once(clients, "exit");
  // Rid of its subscribers and of its feeds, which linger for five seconds.
  if (clients !== null) await delay(6_000);
  const grown = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0);
  return {
    crowd,
    eventsPerSecond: measured.eventsPerSecond,
    notStored: measured.notStored,
    ackP50Ms: measured.ackMs.p50,
    ackP99Ms: measured.ackMs.p99,
    loopPercent: percent((measured.stages.main * measured.eventsPerSecond) / 1e6),
    chargedPercent: percent(grown("sluice_live_busy_seconds_total") / tookSeconds),
    deliveriesPerSecond: Math.round(grown("sluice_live_deliveries_total") / tookSeconds),
    gapped: told.gapped,
    gaps: Object.fromEntries(
      [...after.keys()]
        .map(
          (name) => [/^sluice_live_gaps_total\{reason="(\w+)"\}$/.exec(name)?.[1], name] as const,
        )
        .flatMap(([reason, name]) => {
          return reason === undefined || grown(name) === 0 ? [] : [[reason, grown(name)] as const];
        }),
    ),
  };
}

async function gather(port: number, subscribers: number, hello: object): Promise<ChildProcess> {
  const words = [String(subscribers), String(port), "/v1/live", "sluice.live.v1.json"];
  const child = fork(SUBSCRIBERS, [...words, JSON.stringify(hello)], { execArgv: [] });
  if (child.pid !== undefined) {
    keepOff(child.pid);
    setPriority(child.pid, SUBSCRIBERS_NICENESS);
  }
  await once(child, "message");
  return child;
}

async function countsOf(clients: ChildProcess): Promise<{ readonly gapped: number }> {
  clients.send("count");
  // Sent by subscribers.ts.
  const [counts] = (await once(clients, "message")) as [{ readonly gapped: number }];
  return counts;
}

/** Series by their text. */
async function metricsOf(adminPort: number): Promise<ReadonlyMap<string, number>> {
  const response = await fetch(`http://127.0.0.1:${adminPort}/metrics`);
  const lines = (await response.text())
    .split("\n")
    .filter((line) => line.startsWith("sluice_live"));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(" ");
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

function percent(share: number): number {
  return Math.round(share * 1_000) / 10;
}

/** Two decimals are more than a run can tell. */
function round(value: number): number {
  return Math.round(value * 100) / 100;
}
