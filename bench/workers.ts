/**
 * What a second worker costs: a gateway with one worker and one with two take turns of a few
 * seconds under the same load over WebSockets, with real servers; CPU time is that of all their
 * processes and threads. Each pair of turns gives a ratio.
 *
 *   npm run bench -- workers --brokers HOST:PORT --redis redis://… --registry http://…
 *     [--rounds 6] [--seconds 5] [--seconds-max 150] [--sockets 16] [--inflight 4] [--batch 100]
 *     [--rate 0] [--lanes N] [--check]
 *
 * --rate sends so many events a second (open loop) instead of keeping so many frames in flight.
 * --lanes: of each of two workers, instead of what they choose.
 * At least so many rounds, more while the limit lies within the noise, for 150 seconds at most.
 * Prints every turn, the ratio of the middle pair and how sure it is, and writes
 * bench/results/workers.json. --check: exit code 1 if two workers cost more than 1.15 times one.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { freePort } from "../test/free-port.ts";
import { machine } from "./codec/machine.ts";
import { compareInTurns, judged, median } from "./compare/pairs.ts";
import { helpIfAsked } from "../scripts/usage.ts";

helpIfAsked(import.meta.filename);

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const PACK = fileURLToPath(new URL("../packs/behaviour/", import.meta.url));
const OUTPUT = fileURLToPath(new URL("results/workers.json", import.meta.url));
const CLOCK_TICKS_PER_SECOND = 100;
const RATIO_MAX = 1.15;
const WARM_UP_MS = 1_500;
const SETTLE_MS = 300;
/** As ./sluice starts it. */
const NODE_FLAGS = ["--max-semi-space-size=32", "--no-allocation-site-pretenuring"];
const CARRIED_SHARE_MIN = 0.9;
/** Between two looks at what is due, in the open loop. */
const DUE_MS = 5;

const { values: flags } = parseArgs({
  options: {
    brokers: { type: "string", default: process.env["SLUICE_TEST_KAFKA"] ?? "" },
    redis: { type: "string", default: process.env["SLUICE_TEST_REDIS"] ?? "" },
    registry: { type: "string", default: process.env["SLUICE_TEST_REGISTRY"] ?? "" },
    rounds: { type: "string", default: "6" },
    seconds: { type: "string", default: "5" },
    "seconds-max": { type: "string", default: "150" },
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

interface Arm {
  readonly workers: number;
  readonly child: ChildProcess;
  readonly dataDir: string;
  readonly url: string;
}

async function startArm(pack: string, workers: number): Promise<Arm> {
  const dataDir = await mkdtemp(join(tmpdir(), "sluice-bench-"));
  const [port, adminPort] = [await freePort(), await freePort()];
  const words = [
    ["start", "--port", `${port}`, "--admin-port", `${adminPort}`, "--data-dir", dataDir],
    ["--pack", pack, "--create-topics", "--register-schemas", "--log-format", "json"],
    ["--kafka-brokers", flags.brokers, "--redis-url", flags.redis],
    ["--registry-url", flags.registry, "--workers", `${workers}`],
    workers === 1 || flags.lanes === "" ? [] : ["--kafka-lanes", flags.lanes],
  ].flat();
  const child = spawn(process.execPath, [...NODE_FLAGS, MAIN, ...words], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { PATH: process.env["PATH"], UV_THREADPOOL_SIZE: "16" },
  });
  await new Promise<void>((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the gateway ended with ${code}`)));
    child.stdout.on("data", (chunk: Buffer) => {
      if (chunk.includes('"msg":"ready"')) resolve();
    });
  });
  child.removeAllListeners("exit");
  return { workers, child, dataDir, url: `ws://127.0.0.1:${port}/v1/stream` };
}

async function stopArm({ child, dataDir }: Arm): Promise<void> {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await ended;
  await rm(dataDir, { recursive: true, force: true });
}

/** One turn under load; the other arm has nothing to do meanwhile. */
async function measure({ workers, child, url }: Arm): Promise<Run> {
  const progress: Progress = { acked: 0, refused: 0 };
  const stop = new AbortController();
  const load = { events: makeEvents(), progress, signal: stop.signal };
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
  // What is in flight belongs to this turn.
  await delay(SETTLE_MS);
  return {
    workers,
    eventsPerSecond: Math.round(acked / tookSeconds),
    cpuSecondsPerMillionEvents: Math.round((cpu / acked) * 1e8) / 100,
    notStored: progress.refused,
  };
}

const directory = await mkdtemp(join(tmpdir(), "sluice-bench-"));
const pack = await makePack(join(directory, "pack"));
const runs: Run[] = [];
const arms = { one: await startArm(pack, 1), two: await startArm(pack, 2) };
const turn = async (name: keyof typeof arms): Promise<number> => {
  const run = await measure(arms[name]);
  runs.push(run);
  return run.cpuSecondsPerMillionEvents;
};
// The first turns compile.
for (const arm of Object.values(arms)) await measure(arm);
const { compared, costs } = await compareInTurns({
  arms: ["one", "two"],
  turn,
  limit: RATIO_MAX,
  pairsMin: Number(flags.rounds),
  secondsMax: Number(flags["seconds-max"]),
});
for (const arm of Object.values(arms)) await stopArm(arm);
await rm(directory, { recursive: true, force: true });
const { sentence, isMet } = judged("CPU time per event, two workers over one", compared, RATIO_MAX);
const settings = { eventsPerFrame: batch, sockets: socketCount, inflight: flags.inflight, rate };
const [one, two] = [median(costs.one), median(costs.two)];
const report = { machine: machine(), ...settings, ratio: compared, one, two, runs };
console.table(runs);
console.log(sentence);
if (rate > 0 && runs.some((run) => run.eventsPerSecond < rate * CARRIED_SHARE_MIN)) {
  console.log(`Some turns carried less than the ${rate} events/s that were due: smaller commits.`);
}
await writeFile(OUTPUT, `${JSON.stringify(report, null, 2)}\n`);
console.log(JSON.stringify({ ratio: compared, one, two }));
if (flags.check && !isMet) process.exitCode = 1;
