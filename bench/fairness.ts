/**
 * Does one tenant at a hundred times its quota make the others wait?
 *
 *   npm run bench -- fairness [--brokers HOST:PORT] [--way http|ws] [--rounds 5] [--seconds 8]
 *
 * A gateway of its own. Four calm tenants send within their quotas, each on one WebSocket, frames
 * of ten events in an open loop; an event's time runs from when its frame was due to its ack. A
 * loud tenant, in another process, sends a hundred times its quota over HTTP (or wants as much on
 * WebSockets) in every second of the rounds' halves. Beside each time stands for how long the
 * machine let this process wait: a single pair of a busy machine says nothing without it. Prints
 * the calm tenants' times with and without it, and writes bench/results/fairness-WAY.json. Exit
 * code 1 if their p99 with it is more than 1.5 times the one without (medians of the rounds).
 *
 * Without brokers the embedded broker is used: it runs in the gateway's process.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { keyDigest } from "../src/admission/keys.ts";
import { helpIfAsked } from "../scripts/usage.ts";

helpIfAsked(import.meta.filename);

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const FLOOD = fileURLToPath(new URL("fairness/flood.ts", import.meta.url));
const SAMPLES = fileURLToPath(new URL("../packs/behaviour/samples.ndjson", import.meta.url));

const CALM = ["one", "two", "three", "four"];
const CALM_FRAME = 10;
const CALM_PER_SECOND = 500;
const QUOTA_CALM = 2_000;
const QUOTA_LOUD = 200;
const TIMES = 100;
const RATIO_MAX = 1.5;
const DUE_MS = 2;
/** Until a flood is under way, and until it is over. */
const SETTLE_MS = 2_000;

const { values: flags } = parseArgs({
  allowPositionals: true,
  options: {
    brokers: { type: "string", default: "" },
    way: { type: "string", default: "http" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "8" },
  },
});

const OUTPUT = fileURLToPath(new URL(`results/fairness-${flags.way}.json`, import.meta.url));

interface Place {
  readonly port: number;
  readonly pid: number;
}

async function startGateway(directory: string) {
  const tenant = (name: string, eventsPerSecond: number) => ({
    sources: { web: { writeKeys: [{ sha256: keyDigest(name) }] } },
    limits: { eventsPerSecond },
  });
  const tenants: Record<string, object> = { loud: tenant("loud", QUOTA_LOUD) };
  for (const name of CALM) tenants[name] = tenant(name, QUOTA_CALM);
  const file = join(directory, "tenants.json");
  await writeFile(file, JSON.stringify({ tenants }));
  const words = ["start", "--port", "0", "--admin-port", "0", "--data-dir", directory];
  const brokers = flags.brokers === "" ? [] : ["--kafka-brokers", flags.brokers, "--create-topics"];
  const child = spawn(process.execPath, [MAIN, ...words, "--tenants-file", file, ...brokers], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, UV_THREADPOOL_SIZE: "16" },
  });
  await new Promise<void>((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      if (chunk.includes('"msg":"ready"')) resolve();
    });
  });
  // Written by the gateway before its ready line.
  const place = JSON.parse(await readFile(join(directory, "sluice.json"), "utf8")) as Place;
  return { child, port: place.port };
}

/** One calm tenant: a frame whenever one is due, and how long each took to be acked. */
class Calm {
  readonly latenciesMs: number[] = [];
  refused = 0;
  readonly #socket: WebSocket;
  readonly #dueMs = new Map<number, number>();
  #next = 1;
  #startMs = 0;

  constructor(port: number, name: string, events: string) {
    this.#socket = new WebSocket(`ws://127.0.0.1:${port}/v1/stream`, ["sluice.v1.json"]);
    const hello = { t: "hello", v: 1, auth: name, stream: randomUUID(), next: 1 };
    this.#socket.onopen = () => this.#socket.send(JSON.stringify(hello));
    this.#socket.onmessage = ({ data }) => {
      // Frames of our own server.
      const frame = JSON.parse(String(data)) as {
        readonly t: string;
        readonly upto?: number;
        readonly rej?: readonly unknown[];
        readonly retry?: readonly unknown[];
      };
      if (frame.t === "welcome") this.#begin(events);
      this.refused += (frame.rej?.length ?? 0) + (frame.retry?.length ?? 0);
      for (const [last, dueMs] of this.#dueMs) {
        if (last > (frame.upto ?? 0)) break;
        this.latenciesMs.push(performance.now() - dueMs);
        this.#dueMs.delete(last);
      }
    };
  }

  #begin(events: string): void {
    this.#startMs = performance.now();
    const frameMs = (CALM_FRAME * 1_000) / CALM_PER_SECOND;
    let frames = 0;
    setInterval(() => {
      for (; this.#startMs + frames * frameMs <= performance.now(); frames += 1) {
        const last = this.#next + CALM_FRAME - 1;
        this.#dueMs.set(last, this.#startMs + frames * frameMs);
        this.#socket.send(`{"t":"pub","seq":${this.#next},"events":${events}}`);
        this.#next = last + 1;
      }
    }, DUE_MS).unref();
  }
}

interface Phase {
  readonly frames: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /**
   * How late a timer of this process, which is not asked for anything by the loud tenant, was at
   * most: the machine stood still for that long, whoever was loud. A frame in a hundred is late by
   * it once it is longer than a hundredth of the phase.
   */
  readonly machineMs: number;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return Math.round((sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN) * 10) / 10;
}

/** The calm tenants' times over a while, from now on. */
async function measure(calm: readonly Calm[], milliseconds: number): Promise<Phase> {
  for (const { latenciesMs } of calm) latenciesMs.length = 0;
  let machineMs = 0;
  let dueMs = performance.now() + DUE_MS;
  const timer = setInterval(() => {
    machineMs = Math.max(machineMs, performance.now() - dueMs);
    dueMs = performance.now() + DUE_MS;
  }, DUE_MS);
  await delay(milliseconds);
  clearInterval(timer);
  const all = calm.flatMap(({ latenciesMs }) => latenciesMs);
  const [p50Ms, p99Ms] = [quantile(all, 0.5), quantile(all, 0.99)];
  return { frames: all.length, p50Ms, p99Ms, machineMs: quantile([machineMs], 1) };
}

async function endFlood(flood: ChildProcess): Promise<unknown> {
  const said = flood.stdout === null ? null : once(flood.stdout, "data");
  flood.kill("SIGTERM");
  const [line] = ((await said) ?? ["null"]) as readonly unknown[];
  return JSON.parse(String(line));
}

const directory = await mkdtemp(join(tmpdir(), "sluice-fairness-"));
const samples = (await readFile(SAMPLES, "utf8")).trim().split("\n");
const eventsOf = (count: number): string =>
  `[${Array.from({ length: count }, (_, at) => samples[at % samples.length]).join(",")}]`;
const loudFile = join(directory, "loud.json");
await writeFile(loudFile, eventsOf(100));
const { child, port } = await startGateway(directory);
const calm = CALM.map((name) => new Calm(port, name, eventsOf(CALM_FRAME)));
await delay(SETTLE_MS);

const rounds: { readonly without: Phase; readonly with: Phase; readonly flood: unknown }[] = [];
for (let round = 0; round < Number(flags.rounds); round += 1) {
  const without = await measure(calm, Number(flags.seconds) * 1_000);
  const words = [FLOOD, String(port), "loud", String(QUOTA_LOUD * TIMES), flags.way, loudFile];
  const flood = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
  await delay(SETTLE_MS);
  const during = await measure(calm, Number(flags.seconds) * 1_000);
  rounds.push({ without, with: during, flood: await endFlood(flood) });
  await delay(SETTLE_MS);
}
child.kill("SIGTERM");
await once(child, "exit");
await rm(directory, { recursive: true });

const p99 = (part: "without" | "with"): number =>
  quantile(
    rounds.map((round) => round[part].p99Ms),
    0.5,
  );
const ratio = Math.round((p99("with") / p99("without")) * 100) / 100;
console.table(
  rounds.flatMap((round) => [
    { flood: "no", ...round.without },
    { flood: "yes", ...round.with },
  ]),
);
const result = {
  bench: "fairness",
  node: process.version,
  machine: `${cpus()[0]?.model ?? ""}, ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}`,
  broker: flags.brokers === "" ? "embedded" : "real",
  way: flags.way,
  quotaTimes: TIMES,
  calm: { tenants: CALM.length, eventsPerSecond: CALM_PER_SECOND, eventsPerFrame: CALM_FRAME },
  notStored: calm.reduce((sum, { refused }) => sum + refused, 0),
  p99MsWithout: p99("without"),
  p99MsWith: p99("with"),
  ratio,
  rounds,
};
await writeFile(OUTPUT, `${JSON.stringify(result, null, 2)}\n`);
console.log(JSON.stringify(result));
process.exitCode = ratio <= RATIO_MAX && result.notStored === 0 ? 0 : 1;
