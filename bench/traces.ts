/**
 * What traces cost: two gateways that run side by side, one without traces and one that traces a
 * share of its batches and sends them to a collector in a process of its own. They take turns of a
 * few seconds under the same open loop of WebSocket frames, so that both write commits of the same
 * size; each turn gives CPU time per event of the gateway (all its threads), each pair a ratio.
 *
 *   npm run bench -- traces [--brokers HOST:PORT] [--batch 10] [--rate 5000] [--rounds 12]
 *     [--seconds 2] [--seconds-max 180] [--per-million 10000] [--check]
 *
 * Without brokers the embedded broker is used: its thread runs, and counts, in the gateway's
 * process. At least so many rounds, each a pair; more while the limit of 1.02 lies within the
 * noise, for 180 seconds at most. Prints the ratio of the middle pair and how sure it is. --check:
 * exit code 1 if it is over the limit.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { compareInTurns, judged, median } from "./compare/pairs.ts";
import { helpIfAsked } from "../scripts/usage.ts";

helpIfAsked(import.meta.filename);

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const SAMPLES = fileURLToPath(new URL("../packs/behaviour/samples.ndjson", import.meta.url));
const SOCKETS = 8;
/** Between two looks at what is due. */
const DUE_MS = 5;
/** A collector that takes what it is sent and says where it listens. */
const COLLECTOR = `
  const server = require("node:http").createServer((request, response) => {
    request.resume();
    request.on("end", () => response.end("{}"));
  });
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));
`;
const WARM_UP_MS = 500;

const { values: flags } = parseArgs({
  allowPositionals: true,
  options: {
    brokers: { type: "string", default: "" },
    batch: { type: "string", default: "10" },
    rate: { type: "string", default: "5000" },
    rounds: { type: "string", default: "12" },
    seconds: { type: "string", default: "2" },
    "seconds-max": { type: "string", default: "180" },
    check: { type: "boolean", default: false },
    "per-million": { type: "string", default: "10000" },
  },
});
const batch = Number(flags.batch);
/** With 1 % of the batches traced. */
const RATIO_MAX = 1.02;

interface Arm {
  readonly child: ChildProcess;
  readonly dataDir: string;
  readonly pid: number;
  readonly port: number;
}

async function startArm(further: readonly string[]): Promise<Arm> {
  const dataDir = await mkdtemp(join(tmpdir(), "sluice-bench-"));
  const ports = ["--port", "0", "--admin-port", "0", "--data-dir", dataDir];
  const kafka = flags.brokers === "" ? [] : ["--kafka-brokers", flags.brokers, "--create-topics"];
  const child = spawn(process.execPath, [MAIN, "start", ...ports, ...kafka, ...further], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, UV_THREADPOOL_SIZE: "16" },
  });
  await new Promise<void>((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      if (chunk.includes('"msg":"ready"')) resolve();
    });
  });
  // Written by the gateway before its ready line.
  const run = JSON.parse(await readFile(join(dataDir, "sluice.json"), "utf8")) as {
    readonly pid: number;
    readonly port: number;
  };
  return { child, dataDir, ...run };
}

async function stopArm({ child, dataDir }: Arm): Promise<void> {
  child.kill("SIGTERM");
  await new Promise((resolve) => child.once("exit", resolve));
  await rm(dataDir, { recursive: true, force: true });
}

/** Of all threads that live, to the nanosecond. */
async function cpuSeconds(pid: number): Promise<number> {
  let nanoseconds = 0;
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, "utf8").catch(() => "0");
    nanoseconds += Number(text.split(" ")[0]);
  }
  return nanoseconds / 1e9;
}

async function startCollector(): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const child = spawn(process.execPath, ["-e", COLLECTOR], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const port = await new Promise<string>((resolve) => {
    child.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString().trim()));
  });
  return { child, url: `http://127.0.0.1:${port}` };
}

interface Count {
  acked: number;
}

function drive(port: number, load: { events: string; count: Count; signal: AbortSignal }): void {
  const { events, count, signal } = load;
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/stream`, ["sluice.v1.json"]);
  let next = 1;
  let credit = 0;
  let upto = 0;
  const startMs = performance.now();
  socket.addEventListener("open", () => {
    socket.send(JSON.stringify({ t: "hello", v: 1, stream: randomUUID(), next: 1 }));
  });
  socket.addEventListener("message", ({ data }) => {
    // Frames of our own server.
    const frame = JSON.parse(String(data)) as {
      readonly upto?: number;
      readonly credit?: { readonly seq: number };
    };
    credit = Math.max(credit, frame.credit?.seq ?? 0);
    if (frame.upto !== undefined) {
      count.acked += frame.upto - upto;
      upto = frame.upto;
    }
  });
  const timer = setInterval(() => {
    const dueMs = performance.now() - startMs;
    const due = Math.min(credit, (dueMs * Number(flags.rate)) / SOCKETS / 1_000);
    while (next + batch - 1 <= due) {
      socket.send(`{"t":"pub","seq":${next},"events":${events}}`);
      next += batch;
    }
  }, DUE_MS);
  signal.addEventListener("abort", () => {
    clearInterval(timer);
    socket.close();
  });
}

/** One turn: CPU seconds per million events. */
async function turn({ pid, port }: Arm, events: string): Promise<number> {
  const stop = new AbortController();
  const count: Count = { acked: 0 };
  for (let socket = 0; socket < SOCKETS; socket += 1) {
    drive(port, { events, count, signal: stop.signal });
  }
  await delay(WARM_UP_MS);
  const [acked, cpu] = [count.acked, await cpuSeconds(pid)];
  await delay(Number(flags.seconds) * 1_000);
  const cost = ((await cpuSeconds(pid)) - cpu) / (count.acked - acked);
  stop.abort();
  await delay(100);
  return cost * 1e6;
}

const collector = await startCollector();
const traces = ["--otlp-endpoint", collector.url];
const sampling = ["--trace-samples-per-million", flags["per-million"]];
const arms = { off: await startArm([]), on: await startArm([...traces, ...sampling]) };
const lines = (await readFile(SAMPLES, "utf8")).trim().split("\n");
const sample = Array.from({ length: batch }, (_, index) => lines[index % lines.length] ?? "");
const events = `[${sample.join(",")}]`;
await turn(arms.off, events);
await turn(arms.on, events);
const names = ["off", "on"] as const;
const { compared, costs } = await compareInTurns({
  arms: names,
  turn: (arm) => turn(arms[arm], events),
  limit: RATIO_MAX,
  pairsMin: Number(flags.rounds),
  secondsMax: Number(flags["seconds-max"]),
});
await stopArm(arms.off);
await stopArm(arms.on);
collector.child.kill("SIGTERM");

const { sentence, isMet } = judged("CPU time per event with traces", compared, RATIO_MAX);
const report = {
  node: process.version,
  broker: flags.brokers === "" ? "embedded" : "real",
  eventsPerFrame: batch,
  eventsPerSecond: Number(flags.rate),
  perMillion: Number(flags["per-million"]),
  cpuSecondsPerMillionEvents: Object.fromEntries(
    names.map((name) => [name, Math.round(median(costs[name]) * 100) / 100]),
  ),
  ratio: compared,
};
console.table(report.cpuSecondsPerMillionEvents);
console.log(sentence);
console.log(JSON.stringify(report));
if (flags.check && !isMet) process.exitCode = 1;
