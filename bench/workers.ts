/**
 * What a second worker costs: gateways with one worker and with two take turns under the same load
 * over WebSockets, with real servers; CPU time is that of all their processes and threads.
 *
 *   npm run bench -- workers --brokers HOST:PORT --redis redis://… --registry http://…
 *     [--rounds 4] [--seconds 8] [--sockets 16] [--inflight 4] [--batch 100] [--rate 0] [--lanes N]
 *     [--check]
 *
 * --rate sends so many events a second (open loop) instead of keeping so many frames in flight.
 * --lanes: of each of two workers, instead of what they choose.
 * Prints every run and the ratio of the medians, and writes bench/results/workers.json. --check:
 * exit code 1 if two workers cost more than 1.15 times what one does.
 */
import { spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { freePort } from "../test/free-port.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const PACK = fileURLToPath(new URL("../packs/behaviour/", import.meta.url));
const OUTPUT = fileURLToPath(new URL("results/workers.json", import.meta.url));
const CLOCK_TICKS_PER_SECOND = 100;
const RATIO_MAX = 1.15;
const WARM_UP_MS = 3_000;
/** Between two looks at what is due, in the open loop. */
const DUE_MS = 5;

const { values: flags } = parseArgs({
  options: {
    brokers: { type: "string", default: process.env["SLUICE_TEST_KAFKA"] ?? "" },
    redis: { type: "string", default: process.env["SLUICE_TEST_REDIS"] ?? "" },
    registry: { type: "string", default: process.env["SLUICE_TEST_REGISTRY"] ?? "" },
    rounds: { type: "string", default: "4" },
    seconds: { type: "string", default: "8" },
    sockets: { type: "string", default: "16" },
    inflight: { type: "string", default: "4" },
    batch: { type: "string", default: "100" },
    rate: { type: "string", default: "0" },
    lanes: { type: "string", default: "" },
    check: { type: "boolean", default: false },
  },
});
const batch = Number(flags.batch);
const rate = Number(flags.rate);
const socketCount = Number(flags.sockets);

interface Run {
  readonly workers: number;
  readonly eventsPerSecond: number;
  readonly cpuSecondsPerMillionEvents: number;
  readonly notStored: number;
}

/** A pack of one type with a topic of its own. */
async function makePack(directory: string): Promise<string> {
  const topic = `sluice-bench-${randomBytes(4).toString("hex")}`;
  await mkdir(directory);
  await copyFile(join(PACK, "search.avsc"), join(directory, "search.avsc"));
  const types = { search: { schema: "search.avsc", topic } };
  const pack = { name: topic, topics: { [topic]: { partitions: 12 } }, types };
  await writeFile(join(directory, "pack.json"), JSON.stringify(pack));
  return directory;
}

/** A frame's events: of twelve keys, as twelve visitors would send them. */
function makeEvents(): string {
  const events = Array.from({ length: batch }, (_, index) => ({
    type: "search",
    key: `visitor-${index % 12}`,
    data: {
      messageId: randomUUID(),
      timestamp: "2026-11-21T10:00:00Z",
      anonymousId: `visitor-${index % 12}`,
      query: "green tea with ginger and lemon",
      resultCount: 42,
    },
  }));
  return JSON.stringify(events);
}

/** CPU seconds so far of a process and its children, threads and time in the kernel included. */
async function cpuSeconds(pid: number): Promise<number> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  const pids = [pid, ...children.trim().split(" ").filter(Boolean).map(Number)];
  let ticks = 0;
  for (const one of pids) {
    const stat = await readFile(`/proc/${one}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / CLOCK_TICKS_PER_SECOND;
}

interface Progress {
  acked: number;
  refused: number;
}

/** One stream that sends until `signal` says stop. */
function drive(url: string, load: { events: string; progress: Progress; signal: AbortSignal }) {
  const { events, progress, signal } = load;
  const socket = new WebSocket(url, ["sluice.v1.json"]);
  const startMs = performance.now();
  let [next, credit, upto] = [1, 0, 0];
  const isDue = () =>
    rate === 0
      ? next - upto <= Number(flags.inflight) * batch
      : next <= ((performance.now() - startMs) * rate) / socketCount / 1_000;
  const more = () => {
    while (isDue() && next + batch - 1 <= credit && !signal.aborted) {
      socket.send(`{"t":"pub","seq":${next},"events":${events}}`);
      next += batch;
    }
  };
  if (rate > 0) {
    const timer = setInterval(more, DUE_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
  }
  socket.onopen = () => {
    socket.send(JSON.stringify({ t: "hello", v: 1, auth: "demo", stream: randomUUID(), next: 1 }));
  };
  socket.onmessage = ({ data }) => {
    // Frames of our own server.
    const frame = JSON.parse(String(data)) as {
      readonly upto?: number;
      readonly credit?: { readonly seq: number };
      readonly rej?: readonly unknown[];
      readonly retry?: readonly unknown[];
    };
    credit = Math.max(credit, frame.credit?.seq ?? 0);
    progress.refused += (frame.rej?.length ?? 0) + (frame.retry?.length ?? 0);
    progress.acked += (frame.upto ?? upto) - upto;
    upto = frame.upto ?? upto;
    more();
  };
  return socket;
}

async function measure(pack: string, workers: number): Promise<Run> {
  const dataDir = await mkdtemp(join(tmpdir(), "sluice-bench-"));
  const [port, adminPort] = [await freePort(), await freePort()];
  const words = [
    ["start", "--port", `${port}`, "--admin-port", `${adminPort}`, "--data-dir", dataDir],
    ["--pack", pack, "--create-topics", "--register-schemas", "--log-format", "json"],
    ["--kafka-brokers", flags.brokers, "--redis-url", flags.redis],
    ["--registry-url", flags.registry, "--workers", `${workers}`],
    workers === 1 || flags.lanes === "" ? [] : ["--kafka-lanes", flags.lanes],
  ].flat();
  const child = spawn(process.execPath, [MAIN, ...words], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { PATH: process.env["PATH"], UV_THREADPOOL_SIZE: "16" },
  });
  try {
    await new Promise<void>((resolve, reject) => {
      child.once("exit", (code) => reject(new Error(`the gateway ended with ${code}`)));
      child.stdout.on("data", (chunk: Buffer) => {
        if (chunk.includes('"msg":"ready"')) resolve();
      });
    });
    const progress: Progress = { acked: 0, refused: 0 };
    const stop = new AbortController();
    const load = { events: makeEvents(), progress, signal: stop.signal };
    const url = `ws://127.0.0.1:${port}/v1/stream`;
    const sockets = Array.from({ length: socketCount }, () => drive(url, load));
    await delay(WARM_UP_MS);
    const pid = child.pid ?? 0;
    const [ackedAtFirst, cpuAtFirst] = [progress.acked, await cpuSeconds(pid)];
    const startMs = performance.now();
    await delay(Number(flags.seconds) * 1_000);
    const acked = progress.acked - ackedAtFirst;
    const cpu = (await cpuSeconds(pid)) - cpuAtFirst;
    const tookSeconds = (performance.now() - startMs) / 1_000;
    stop.abort();
    for (const socket of sockets) socket.close();
    return {
      workers,
      eventsPerSecond: Math.round(acked / tookSeconds),
      cpuSecondsPerMillionEvents: Math.round((cpu / acked) * 1e8) / 100,
      notStored: progress.refused,
    };
  } finally {
    child.removeAllListeners("exit");
    child.kill("SIGTERM");
    await new Promise((resolve) => child.once("exit", resolve));
    await rm(dataDir, { recursive: true, force: true });
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length / 2;
  const [low = 0, high = 0] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

const directory = await mkdtemp(join(tmpdir(), "sluice-bench-"));
const pack = await makePack(join(directory, "pack"));
const runs: Run[] = [];
for (let round = 0; round < Number(flags.rounds); round += 1) {
  for (const workers of round % 2 === 0 ? [1, 2] : [2, 1]) runs.push(await measure(pack, workers));
}
await rm(directory, { recursive: true, force: true });
const costOf = (workers: number): number =>
  median(
    runs
      .filter((run) => run.workers === workers)
      .map(({ cpuSecondsPerMillionEvents }) => cpuSecondsPerMillionEvents),
  );
const ratio = Math.round((costOf(2) / costOf(1)) * 1_000) / 1_000;
const settings = { eventsPerFrame: batch, sockets: socketCount, inflight: flags.inflight, rate };
const report = { node: process.version, ...settings, ratio, one: costOf(1), two: costOf(2), runs };
console.table(runs);
await writeFile(OUTPUT, `${JSON.stringify(report, null, 2)}\n`);
console.log(JSON.stringify({ ratio, one: report.one, two: report.two }));
if (flags.check && ratio > RATIO_MAX) process.exitCode = 1;
