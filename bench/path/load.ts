/**
 * One measurement: generators against a server for a while, and what happened to both meanwhile.
 */
import { fork, type ChildProcess } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { cpuBetween, cpuOf, THREAD_GROUPS, totalOf, type ThreadGroup } from "./cpu.ts";
import type { GeneratorNews, GeneratorPlan } from "./generator.ts";
import { Histogram } from "./histogram.ts";
import { keepOff, type Server } from "./servers.ts";

const GENERATOR = fileURLToPath(new URL("generator.ts", import.meta.url));

/** Before this it counts nothing: code is compiled, connections open, batches find their size. */
export const WARM_UP_MS = 2_500;

export interface Load {
  readonly transport: "ws" | "http";
  readonly eventsPerFrame: number;
  readonly connections: number;
  /** Closed loop: frames in flight on each connection. */
  readonly inFlight: number;
  /** Open loop: events a second; 0: closed loop. */
  readonly rate: number;
}

/** Per million events that were acked as stored. */
export interface Measured {
  readonly eventsPerSecond: number;
  readonly cpuSecondsPerMillion: number;
  /** By group of threads, time in the kernel included. */
  readonly stages: Readonly<Record<ThreadGroup, number>>;
  /** What of all that was in the kernel. */
  readonly kernel: number;
  /** Cores the server used. */
  readonly coresUsed: number;
  readonly ackMs: { readonly p50: number; readonly p99: number; readonly p999: number };
  readonly notStored: number;
  /** Events that were due at the end and had not been sent (open loop). */
  readonly behind: number;
  /** Share of its thread's time that the busiest generator worked. */
  readonly generatorBusy: number;
  readonly bytesPerEvent: number;
}

class Generators {
  readonly #children: ChildProcess[] = [];

  constructor(port: number, load: Load, processes: number) {
    for (let number = 0; number < processes; number += 1) {
      const plan: GeneratorPlan = {
        ...load,
        number,
        port,
        connections: Math.ceil(load.connections / processes),
        rate: load.rate / processes,
      };
      const child = fork(GENERATOR, [JSON.stringify(plan)], { execArgv: [] });
      if (child.pid !== undefined) keepOff(child.pid);
      this.#children.push(child);
    }
  }

  async news(): Promise<GeneratorNews[]> {
    return Promise.all(
      this.#children.map(
        (child) =>
          new Promise<GeneratorNews>((resolve) => {
            // Sent by generator.ts.
            child.once("message", (news) => resolve(news as GeneratorNews));
            child.send("news");
          }),
      ),
    );
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        const ended = new Promise((resolve) => child.once("exit", resolve));
        child.disconnect();
        await ended;
      }),
    );
  }
}

export interface LoadOptions {
  readonly seconds: number;
  readonly warmUpMs?: number;
  readonly generators?: number;
}

export async function measure(
  server: Pick<Server, "pid" | "port">,
  load: Load,
  options: LoadOptions,
): Promise<Measured> {
  const generators = new Generators(server.port, load, options.generators ?? 1);
  try {
    await delay(options.warmUpMs ?? WARM_UP_MS);
    await generators.news();
    const cpuAtFirst = cpuOf(server.pid);
    const startMs = performance.now();
    await delay(options.seconds * 1_000);
    const news = await generators.news();
    const seconds = (performance.now() - startMs) / 1_000;
    const cpu = cpuBetween(cpuAtFirst, cpuOf(server.pid));
    const failure = news.find((each) => each.failure !== null)?.failure;
    if (failure !== undefined && failure !== null)
      throw new Error(`a generator failed: ${failure}`);
    const acked = sum(news, (each) => each.acked);
    const latencies = new Histogram();
    for (const { latencies: counts } of news) {
      for (const [bucket, count] of counts.entries()) {
        latencies.counts[bucket] = (latencies.counts[bucket] ?? 0) + count;
      }
    }
    const perMillion = (cpuSeconds: number): number => round((cpuSeconds / acked) * 1e6);
    const stage = (group: ThreadGroup): number => perMillion(cpu[group].user + cpu[group].system);
    return {
      eventsPerSecond: Math.round(acked / seconds),
      cpuSecondsPerMillion: perMillion(totalOf(cpu)),
      stages: {
        main: stage("main"),
        kafka: stage("kafka"),
        pool: stage("pool"),
        other: stage("other"),
      },
      kernel: perMillion(sum(THREAD_GROUPS, (group) => cpu[group].system)),
      coresUsed: round(totalOf(cpu) / seconds),
      ackMs: {
        p50: round(latencies.at(0.5)),
        p99: round(latencies.at(0.99)),
        p999: round(latencies.at(0.999)),
      },
      notStored: sum(news, (each) => each.refused),
      behind: sum(news, (each) => each.behind),
      generatorBusy: round(Math.max(...news.map((each) => each.busy))),
      bytesPerEvent: news[0]?.bytesPerEvent ?? Number.NaN,
    };
  } finally {
    await generators.stop();
  }
}

function sum<T>(items: readonly T[], numberOf: (item: T) => number): number {
  return items.reduce((total, item) => total + numberOf(item), 0);
}

/** Two decimals are more than a run can tell. */
function round(value: number): number {
  return Math.round(value * 100) / 100;
}
