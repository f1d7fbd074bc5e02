/**
 * Whether those who send wait for those who look on: one gateway, the same open loop of WebSocket
 * frames against a real Kafka, in turns with nobody looking on, with subscribers who hear what fits
 * the feed's share of the time, and with subscribers who want much more than that.
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
export const BOUND_PERCENT = 30;

/** Instead of 30, so that a gap comes while it is measured. */
const LATEST_SECONDS = 5;

/** What is done after the load has begun and before it is measured, in milliseconds. */
const WARM_UP_MS = 3_000;

/** Those who look on get what processor time the others leave on their core. */
const SUBSCRIBERS_NICENESS = 10;

/** An eighth of the events is of this type. */
const TYPE = "add_to_cart";

/** Who looks on: nobody; each at one visitor's events of a type; each at all of that type. */
export const CROWDS = {
  nobody: null,
  fits: { t: "subscribe", types: [TYPE], keys: ["a-0-%d"] },
  flood: { t: "subscribe", types: [TYPE] },
} as const;

export type Crowd = keyof typeof CROWDS;

export interface IngestOptions {
  readonly brokers: string;
  readonly redis: string;
  readonly subscribers: number;
  /** Of a frame of ten events each. */
  readonly eventsPerSecond: number;
  readonly seconds: number;
  readonly rounds: number;
}

export interface IngestRun {
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

/** Runs of all crowds, in turns. */
export async function measureIngest(
  options: IngestOptions,
  onRun: (run: IngestRun) => void,
): Promise<readonly IngestRun[]> {
  const backends = await startBackends(options);
  const runs: IngestRun[] = [];
  try {
    const server = await startServer("sluice", {
      ...backends,
      settings: ["--live-latest-seconds", String(LATEST_SECONDS)],
    });
    try {
      const crowds = Object.keys(CROWDS) as Crowd[];
      for (let round = 0; round < options.rounds; round += 1) {
        for (const crowd of round % 2 === 0 ? crowds : crowds.toReversed()) {
          const run = await measureOne(server, crowd, options);
          runs.push(run);
          onRun(run);
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
