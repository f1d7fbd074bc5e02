/**
 * What it costs to give an event to many subscribers, and whom: `npm run bench -- live [OPTIONS]`.
 *
 *   --parts fanout,ingest   --subscribers N  (5000)   --output FILE (bench/results/live.json)
 *
 * fanout: a gateway and a plain server on the package ws read the same topic, with the same reader
 * and decoder, and have the same subscribers, in turns. Each writes an event's JSON once; the
 * difference is the fan-out, and what the gateway does to bound it. First a steady load, which
 * gives CPU time per delivery (user and system, from /proc), then a burst, which gives deliveries
 * per second. The broker is a process of its own (librdkafka's mock cluster).
 *
 *   --rounds N (2)   --events-per-second N (10)   --seconds N (5)   --burst N (100)
 *
 * ingest: whether those who send wait for those who look on; bench/live/ingest.ts says how. Exit
 * code 1 if the feed takes more than its share, if acks take too long by it, or if those who are
 * left out are not told.
 *
 *   --ingest-rate N (2000)   --ingest-rounds N (2)   --ingest-seconds N (8)
 *   --brokers HOST:PORT and --redis URL, else private ones
 *
 * Subscribers are plain sockets that count frames, in one process. Linux only. The last line is one
 * JSON object.
 */
import { fork, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { benchIngest } from "./live/ingest.ts";
import { helpIfAsked } from "../scripts/usage.ts";

helpIfAsked(import.meta.filename);

const OUTPUT = fileURLToPath(new URL("results/live.json", import.meta.url));
const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const TOPIC = "behaviour-interaction";
const HELLO = '{"t":"subscribe","types":["search"]}';
/** Clock ticks of /proc/PID/stat a second: the same on every Linux that runs this. */
const TICKS_PER_SECOND = 100;

const { values } = parseArgs({
  options: {
    subscribers: { type: "string", default: "5000" },
    parts: { type: "string", default: "fanout,ingest" },
    rounds: { type: "string", default: "2" },
    "events-per-second": { type: "string", default: "10" },
    seconds: { type: "string", default: "5" },
    burst: { type: "string", default: "100" },
    "ingest-rate": { type: "string", default: "2000" },
    "ingest-rounds": { type: "string", default: "2" },
    "ingest-seconds": { type: "string", default: "8" },
    brokers: { type: "string", default: "" },
    redis: { type: "string", default: "" },
    output: { type: "string", default: OUTPUT },
  },
});
const subscribers = Number(values.subscribers);
const rate = Number(values["events-per-second"]);
const seconds = Number(values.seconds);
const burst = Number(values.burst);

interface Arm {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  readonly path: string;
  readonly subprotocol: string;
  /** What a client says first. */
  readonly hello: string;
}

interface Run {
  readonly arm: string;
  readonly cpuUsPerDelivery: number;
  readonly deliveriesPerSecond: number;
  readonly residentMiB: number;
}

function program(name: string): string {
  return fileURLToPath(new URL(`live/${name}.ts`, import.meta.url));
}

/** Starts a helper; gives it and its first message. */
async function start(name: string, words: readonly string[] = []) {
  const child = fork(program(name), words, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const [first] = (await once(child, "message")) as [unknown];
  return { child, first: String(first) };
}

/** CPU time of a process so far, user and system, in microseconds. */
function cpuUs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return ((Number(fields[11]) + Number(fields[12])) * 1e6) / TICKS_PER_SECOND;
}

function residentMiB(pid: number): number {
  const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Math.round(Number(match?.[1] ?? 0) / 1024);
}

async function startGateway(brokers: string, directory: string) {
  const flags = ["--port", "0", "--admin-port", "0", "--data-dir", directory];
  const more = ["--kafka-brokers", brokers, "--create-topics", "--live-cpu-percent", "100"];
  const child = spawn(
    process.execPath,
    [MAIN, "start", ...flags, ...more, "--log-level", "error"],
    {
      stdio: ["ignore", "ignore", "inherit"],
      env: { PATH: process.env["PATH"], UV_THREADPOOL_SIZE: "16" },
    },
  );
  const file = join(directory, "sluice.json");
  for (;;) {
    await delay(50);
    try {
      // The gateway's own file, written at its start.
      return { child, ...(JSON.parse(readFileSync(file, "utf8")) as { port: number }) };
    } catch {
      if (child.exitCode !== null) throw new Error("the gateway did not start");
    }
  }
}

const TEXT = "green tea from the first harvest of the year ".repeat(10);
let sent = 0;

async function send(port: number, count: number): Promise<void> {
  const events = Array.from({ length: count }, () => {
    sent += 1;
    const data = {
      messageId: `m-${sent}`,
      timestamp: "2026-11-21T10:00:00Z",
      anonymousId: `v-${sent % 97}`,
      query: TEXT,
      resultCount: sent,
    };
    return { type: "search", data };
  });
  const body = JSON.stringify({ events });
  const response = await fetch(`http://127.0.0.1:${port}/v1/events`, { method: "POST", body });
  const { stored } = (await response.json()) as { readonly stored: number };
  if (stored !== count) throw new Error(`only ${stored} of ${count} events were stored`);
}

/** How many events the subscribers have counted, all together. */
async function counted(clients: ChildProcess): Promise<number> {
  clients.send("count");
  const [{ events }] = (await once(clients, "message")) as [{ readonly events: number }];
  return events;
}

async function untilCounted(clients: ChildProcess, wanted: number): Promise<void> {
  const deadline = Date.now() + 120_000;
  while ((await counted(clients)) < wanted) {
    if (Date.now() > deadline) throw new Error("subscribers did not get all events");
    await delay(5);
  }
}

async function measure(arm: Arm, gatewayPort: number): Promise<Run> {
  const { port, path, subprotocol, hello, name: armName } = arm;
  const words = [String(subscribers), String(port), path, subprotocol, hello];
  const { child: clients } = await start("subscribers", words);
  await send(gatewayPort, 1);
  await untilCounted(clients, subscribers);
  const beforeUs = cpuUs(arm.pid);
  const total = rate * seconds;
  for (let index = 0; index < total; index += 1) {
    await Promise.all([send(gatewayPort, 1), delay(1_000 / rate)]);
  }
  await untilCounted(clients, subscribers * (1 + total));
  const usedUs = cpuUs(arm.pid) - beforeUs;
  const startMs = performance.now();
  await send(gatewayPort, burst);
  await untilCounted(clients, subscribers * (1 + total + burst));
  const tookMs = performance.now() - startMs;
  const run = {
    arm: armName,
    cpuUsPerDelivery: Number((usedUs / (subscribers * total)).toFixed(2)),
    deliveriesPerSecond: Math.round((subscribers * burst * 1_000) / tookMs),
    residentMiB: residentMiB(arm.pid),
  };
  clients.kill();
  await once(clients, "exit");
  // Both are rid of their subscribers, and the gateway of its feed.
  await delay(1_000);
  return run;
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((left, right) => left - right)[Math.floor(numbers.length / 2)] ?? NaN;

function summary(runs: readonly Run[], arm: string) {
  const own = runs.filter((run) => run.arm === arm);
  return {
    cpuUsPerDelivery: median(own.map((run) => run.cpuUsPerDelivery)),
    deliveriesPerSecond: median(own.map((run) => run.deliveriesPerSecond)),
    residentMiB: Math.max(...own.map((run) => run.residentMiB)),
  };
}

/** Both arms in turns. */
async function measureFanOut() {
  const directory = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  const broker = await start("broker");
  const gateway = await startGateway(broker.first, directory);
  const plain = await start("ws-server", [broker.first, TOPIC]);
  const arms: readonly Arm[] = [
    {
      name: "sluice",
      pid: gateway.child.pid ?? 0,
      port: gateway.port,
      path: "/v1/live",
      subprotocol: "sluice.live.v1.json",
      hello: HELLO,
    },
    {
      name: "ws",
      pid: plain.child.pid ?? 0,
      port: Number(plain.first),
      path: "/",
      subprotocol: "",
      hello: HELLO,
    },
  ];
  const runs: Run[] = [];
  try {
    console.log(
      `${subscribers} subscribers, ${rate} events/s for ${seconds} s, then ${burst} at once`,
    );
    console.log("arm      CPU us/delivery   deliveries/s   resident MiB");
    for (let round = 0; round < Number(values.rounds); round += 1) {
      for (const arm of round % 2 === 0 ? arms : arms.toReversed()) {
        const run = await measure(arm, gateway.port);
        runs.push(run);
        const cells = [run.cpuUsPerDelivery, run.deliveriesPerSecond, run.residentMiB];
        console.log(run.arm.padEnd(7), ...cells.map((cell) => String(cell).padStart(15)));
      }
    }
  } finally {
    for (const child of [gateway.child, plain.child, broker.child]) child.kill("SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  }
  const load = { eventsPerSecond: rate, seconds, burst };
  return { ...load, sluice: summary(runs, "sluice"), ws: summary(runs, "ws"), runs };
}

const parts = values.parts.split(",");
const fanOut = parts.includes("fanout") ? await measureFanOut() : null;
const ingest = parts.includes("ingest")
  ? await benchIngest({
      brokers: values.brokers,
      redis: values.redis,
      subscribers,
      eventsPerSecond: Number(values["ingest-rate"]),
      seconds: Number(values["ingest-seconds"]),
      rounds: Number(values["ingest-rounds"]),
    })
  : null;
const facts = { node: process.version, cpu: cpus()[0]?.model ?? "", cores: cpus().length };
const load = Math.round((loadavg()[0] ?? 0) * 10) / 10;
const result = { ...facts, load, subscribers, fanOut, ingest };
writeFileSync(values.output, `${JSON.stringify(result, null, 2)}\n`);
console.log(JSON.stringify(result));
process.exitCode = ingest?.isMet === false ? 1 : 0;
