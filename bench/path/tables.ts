/**
 * Parts of `bench/path.ts`: how long acks take by load, what a connection without traffic holds,
 * and what truthful answers cost. What an event costs is measured in costs.ts.
 */
import { setTimeout as delay } from "node:timers/promises";

import { median } from "../compare/pairs.ts";
import { armOptions, LOADS, type Arm, type PartOptions } from "./arms.ts";
import { middleRun, sentence } from "./costs.ts";
import { residentBytes } from "./cpu.ts";
import { IdleCrowd } from "./idle-crowd.ts";
import { measure, WARM_UP_MS, type Load, type Measured } from "./load.ts";
import { startServer, type ServerKind, type ServerOptions } from "./servers.ts";

/** Of each measurement. */
const SECONDS = 5;
const TAX_ROUNDS = 3;

async function withServer<T>(
  kind: ServerKind,
  options: ServerOptions,
  run: (server: { readonly pid: number; readonly port: number }) => Promise<T>,
): Promise<T> {
  const server = await startServer(kind, options);
  try {
    return await run(server);
  } finally {
    await server.stop();
  }
}

export interface LatencyRow {
  readonly arm: Arm;
  readonly eventsPerFrame: number;
  /** Share of what the server takes in a closed loop. */
  readonly share: number;
  readonly rate: number;
  readonly measured: Measured;
}

const SHARES = [0.1, 0.3, 0.5, 0.7, 0.9] as const;

/** Open loop: frames are due on a timetable, and wait counts from there. */
export async function measureLatencies(
  eventsPerFrame: number,
  options: PartOptions,
): Promise<LatencyRow[]> {
  const rows: LatencyRow[] = [];
  for (const arm of ["sluice", "baseline"] as const) {
    await withServer(...armOptions(arm, options), async (server) => {
      const closed = LOADS[`WS ${eventsPerFrame}`];
      if (closed === undefined) throw new Error("frames of 1, 10 or 100 events");
      const seconds = options.seconds ?? SECONDS;
      const full = await measure(server, closed, { seconds });
      for (const share of SHARES) {
        const rate = Math.round(full.eventsPerSecond * share);
        const load = { ...closed, connections: 64, rate };
        const measured = await measure(server, load, { seconds });
        options.say(sentence(`${arm} at ${share * 100} % (${rate}/s)`, measured));
        rows.push({ arm, eventsPerFrame, share, rate, measured });
      }
    });
  }
  return rows;
}

export interface IdleRow {
  readonly arm: Arm;
  readonly connections: number;
  /** Anonymous memory of the process, per connection. */
  readonly bytesPerConnection: number;
  readonly residentMegabytes: number;
}

const COLLECTING = ["--expose-gc", "--import", new URL("collect.ts", import.meta.url).href];
const IDLE_SETTLE_MS = 4_000;
/**
 * Opened before, so that what is needed once is not counted: above all the pages of V8's young
 * generation, which handshakes fill one after the other and which stay resident.
 */
const IDLE_FIRST = 8_000;

export async function measureIdle(connections: number, options: PartOptions): Promise<IdleRow[]> {
  const rows: IdleRow[] = [];
  const other = options.against === "" ? "baseline" : "against";
  for (const arm of ["sluice", other] as const) {
    const [kind, serverOptions] = armOptions(arm, options);
    await withServer(kind, { ...serverOptions, nodeFlags: COLLECTING }, async (server) => {
      const first = new IdleCrowd(server.port);
      await first.open(IDLE_FIRST);
      await delay(IDLE_SETTLE_MS);
      const before = residentBytes(server.pid);
      await first.open(connections);
      await delay(IDLE_SETTLE_MS);
      const after = residentBytes(server.pid);
      first.close();
      const bytesPerConnection = Math.round((after - before) / connections);
      const residentMegabytes = Math.round(after / 1e5) / 10;
      options.say(`${arm}: ${bytesPerConnection} bytes per idle connection`);
      rows.push({ arm, connections, bytesPerConnection, residentMegabytes });
    });
  }
  return rows;
}

export interface TaxRow {
  readonly level: string;
  readonly inFlightEvents: number;
  readonly truthful: Measured;
  readonly early: Measured;
  /** What truthful answers cost in each pair, %: of throughput, and of CPU time per event. */
  readonly throughputPercent: readonly number[];
  readonly cpuPercent: readonly number[];
  readonly throughputMedian: number;
  readonly cpuMedian: number;
}

/** A server that has worked before only waits for its connections. */
const TAX_WARM_UP_MS = 1_000;

/** Closed loops with so many frames of 100 in flight on 16 streams. */
const TAX_LEVELS = { light: 1, half: 2, full: 8 } as const;

/** The same clients with the same events in flight at most, answered in the two ways by turns. */
export async function measureTax(options: PartOptions): Promise<TaxRow[]> {
  const { backends } = options;
  const [seconds, rounds] = [options.seconds ?? SECONDS, options.rounds ?? TAX_ROUNDS];
  const rows: TaxRow[] = [];
  for (const [level, inFlight] of Object.entries(TAX_LEVELS)) {
    const load: Load = { transport: "ws", eventsPerFrame: 100, connections: 16, inFlight, rate: 0 };
    const inFlightEvents = load.connections * inFlight * load.eventsPerFrame;
    const environment = { EARLY_ACKS_AHEAD: String(inFlightEvents) };
    const runs = { sluice: [] as Measured[], early: [] as Measured[] };
    // Both are there all the time: the two of a pair follow each other within seconds.
    await withServer("sluice", { ...backends, environment }, (truthful) =>
      withServer("early", { ...backends, environment }, async (early) => {
        for (let round = 0; round < rounds; round += 1) {
          const order =
            round % 2 === 0 ? (["sluice", "early"] as const) : (["early", "sluice"] as const);
          for (const kind of order) {
            const server = kind === "early" ? early : truthful;
            const warmUpMs = round === 0 ? WARM_UP_MS : TAX_WARM_UP_MS;
            const measured = await measure(server, load, { seconds, warmUpMs });
            options.say(sentence(`${kind === "early" ? "early" : "truthful"} ${level}`, measured));
            runs[kind].push(measured);
          }
        }
      }),
    );
    const throughputPercent = runs.sluice.map((truthful, pair) =>
      percent(1 - truthful.eventsPerSecond / (runs.early[pair]?.eventsPerSecond ?? Number.NaN)),
    );
    const cpuPercent = runs.sluice.map((truthful, pair) =>
      percent(
        truthful.cpuSecondsPerMillion / (runs.early[pair]?.cpuSecondsPerMillion ?? Number.NaN) - 1,
      ),
    );
    rows.push({
      level,
      inFlightEvents,
      truthful: middleRun(runs.sluice).median,
      early: middleRun(runs.early).median,
      throughputPercent,
      cpuPercent,
      throughputMedian: median(throughputPercent),
      cpuMedian: median(cpuPercent),
    });
  }
  return rows;
}

function percent(share: number): number {
  return Math.round(share * 1_000) / 10;
}
