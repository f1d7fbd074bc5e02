/**
 * The whole path: a gateway process of its own, driven over WebSockets in a closed loop, acks on.
 * Prints the rate and what an event costs the gateway in CPU time (all its threads).
 *
 *   npm run bench -- path [--brokers HOST:PORT] [--redis redis://…] [--batch 100] [--seconds 10]
 *
 * Without brokers the embedded broker is used: its thread runs, and counts, in the gateway's
 * process.
 *
 * --rate sends so many events a second instead (open loop), --profile DIRECTORY leaves a CPU
 * profile of the gateway's main thread there.
 *
 * With --ack-tax a gateway that answers before Kafka has anything (bench/path/early-acks.ts) takes
 * turns with the real one, --rounds times each; prints the medians and what truthful answers cost,
 * and writes bench/results/ack-tax.json.
 */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const SAMPLES = fileURLToPath(new URL("../packs/behaviour/samples.ndjson", import.meta.url));
const EARLY_ACKS = new URL("path/early-acks.ts", import.meta.url).href;
const TAX_OUTPUT = fileURLToPath(new URL("results/ack-tax.json", import.meta.url));
const CLOCK_TICKS_PER_SECOND = 100;

const { values: flags } = parseArgs({
  allowPositionals: true,
  options: {
    brokers: { type: "string", default: "" },
    redis: { type: "string", default: "" },
    batch: { type: "string", default: "100" },
    sockets: { type: "string", default: "8" },
    inflight: { type: "string", default: "4" },
    seconds: { type: "string", default: "10" },
    rate: { type: "string", default: "0" },
    profile: { type: "string", default: "" },
    "ack-tax": { type: "boolean", default: false },
    rounds: { type: "string", default: "5" },
  },
});
const batch = Number(flags.batch);
const seconds = Number(flags.seconds);
const rate = Number(flags.rate);
/** Between two looks at what is due, in the open loop. */
const DUE_MS = 5;

interface Place {
  readonly pid: number;
  readonly port: number;
}

async function startGateway(dataDir: string, isEarly: boolean) {
  const further = [
    ...(flags.brokers === "" ? [] : ["--kafka-brokers", flags.brokers, "--create-topics"]),
    ...(flags.redis === "" ? [] : ["--redis-url", flags.redis]),
  ];
  const ports = ["--port", "0", "--admin-port", "0", "--data-dir", dataDir];
  const preload = [
    ...(isEarly ? ["--import", EARLY_ACKS] : []),
    ...(flags.profile === "" ? [] : ["--cpu-prof", `--cpu-prof-dir=${flags.profile}`]),
  ];
  const child = spawn(process.execPath, [...preload, MAIN, "start", ...ports, ...further], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, UV_THREADPOOL_SIZE: "16" },
  });
  await new Promise<void>((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      if (chunk.includes('"msg":"ready"')) resolve();
    });
  });
  // Written by the gateway before its ready line.
  const place = JSON.parse(await readFile(join(dataDir, "sluice.json"), "utf8")) as Place;
  return { child, place };
}

/** CPU seconds of a process so far, its threads and its time in the kernel included. */
async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13)
    .map(Number);
  return (user + system) / CLOCK_TICKS_PER_SECOND;
}

interface Load {
  /** JSON array. */
  readonly events: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

interface Progress {
  acked: number;
  refused: number;
  readonly latenciesMs: number[];
}

/** One stream that keeps some frames in flight until `signal` says stop. */
function drive(port: number, load: Load): WebSocket {
  const { events, progress, signal } = load;
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/stream`, ["sluice.v1.json"]);
  const sentAtMs = new Map<number, number>();
  let next = 1;
  let credit = 0;
  let upto = 0;
  const startMs = performance.now();
  const more = () => {
    const isDue = () =>
      rate === 0
        ? sentAtMs.size < Number(flags.inflight)
        : next <= ((performance.now() - startMs) * rate) / Number(flags.sockets) / 1_000;
    const isRoom = () => isDue() && next + batch - 1 <= credit && !signal.aborted;
    while (isRoom()) {
      sentAtMs.set(next + batch - 1, performance.now());
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
      readonly t: string;
      readonly upto?: number;
      readonly credit?: { readonly seq: number };
      readonly rej?: readonly unknown[];
      readonly retry?: readonly unknown[];
    };
    credit = Math.max(credit, frame.credit?.seq ?? 0);
    progress.refused += (frame.rej?.length ?? 0) + (frame.retry?.length ?? 0);
    if (frame.upto !== undefined) {
      progress.acked += frame.upto - upto;
      upto = frame.upto;
      for (const [last, atMs] of sentAtMs) {
        if (last > upto) break;
        progress.latenciesMs.push(performance.now() - atMs);
        sentAtMs.delete(last);
      }
    }
    more();
  };
  return socket;
}

interface Result {
  readonly broker: string;
  readonly eventsPerFrame: number;
  readonly bytesPerEvent: number;
  readonly eventsPerSecond: number;
  readonly cpuSecondsPerMillionEvents: number;
  readonly ackMsP50: number;
  readonly ackMsP99: number;
  readonly notStored: number;
}

async function measure(place: Place): Promise<Result> {
  const lines = (await readFile(SAMPLES, "utf8")).trim().split("\n");
  const frame = Array.from({ length: batch }, (_, index) => lines[index % lines.length] ?? "");
  const events = `[${frame.join(",")}]`;
  const progress: Progress = { acked: 0, refused: 0, latenciesMs: [] };
  const stop = new AbortController();
  const sockets = Array.from({ length: Number(flags.sockets) }, () =>
    drive(place.port, { events, progress, signal: stop.signal }),
  );
  await delay(2_000);
  const [ackedAtFirst, cpuAtFirst, startMs] = [
    progress.acked,
    await cpuSeconds(place.pid),
    performance.now(),
  ];
  progress.latenciesMs.length = 0;
  await delay(seconds * 1_000);
  const acked = progress.acked - ackedAtFirst;
  const cpu = (await cpuSeconds(place.pid)) - cpuAtFirst;
  const took = (performance.now() - startMs) / 1_000;
  stop.abort();
  for (const socket of sockets) socket.close();
  const sorted = progress.latenciesMs.toSorted((left, right) => left - right);
  const at = (share: number) =>
    Math.round((sorted[Math.floor(sorted.length * share)] ?? 0) * 10) / 10;
  return {
    broker: flags.brokers === "" ? "embedded" : "real",
    eventsPerFrame: batch,
    bytesPerEvent: Math.round(events.length / batch),
    eventsPerSecond: Math.round(acked / took),
    cpuSecondsPerMillionEvents: Math.round((cpu / acked) * 1e8) / 100,
    ackMsP50: at(0.5),
    ackMsP99: at(0.99),
    notStored: progress.refused,
  };
}

/** One gateway from start to end. */
async function measureOnce(isEarly: boolean): Promise<Result> {
  const dataDir = await mkdtemp(join(tmpdir(), "sluice-bench-"));
  const { child, place } = await startGateway(dataDir, isEarly);
  try {
    return await measure(place);
  } finally {
    child.kill("SIGTERM");
    await new Promise((resolve) => child.once("exit", resolve));
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** The middle of the runs, each number by itself. */
function median(results: readonly Result[]): Result {
  const [first] = results;
  if (first === undefined) throw new Error("--rounds is at least 1");
  const middle = (name: keyof Result): number =>
    results.map((result) => Number(result[name])).toSorted((left, right) => left - right)[
      Math.floor(results.length / 2)
    ] ?? Number.NaN;
  return {
    ...first,
    eventsPerSecond: middle("eventsPerSecond"),
    cpuSecondsPerMillionEvents: middle("cpuSecondsPerMillionEvents"),
    ackMsP50: middle("ackMsP50"),
    ackMsP99: middle("ackMsP99"),
    notStored: middle("notStored"),
  };
}

async function measureTax(): Promise<void> {
  const runs = { truthful: [] as Result[], early: [] as Result[] };
  for (let round = 0; round < Number(flags.rounds); round += 1) {
    const order =
      round % 2 === 0 ? (["truthful", "early"] as const) : (["early", "truthful"] as const);
    for (const kind of order) runs[kind].push(await measureOnce(kind === "early"));
  }
  const [truthful, early] = [median(runs.truthful), median(runs.early)];
  const percent = (cost: number): number => Math.round(cost * 1_000) / 10;
  const tax = {
    throughputPercent: percent(1 - truthful.eventsPerSecond / early.eventsPerSecond),
    cpuPercent: percent(truthful.cpuSecondsPerMillionEvents / early.cpuSecondsPerMillionEvents - 1),
  };
  console.table({ truthful, early });
  console.table({ "truthful answers cost": tax });
  const report = { node: process.version, rounds: Number(flags.rounds), ...tax, truthful, early };
  await writeFile(TAX_OUTPUT, `${JSON.stringify({ ...report, runs }, null, 2)}\n`);
  console.log(JSON.stringify(report));
}

if (flags["ack-tax"]) await measureTax();
else {
  const result = await measureOnce(false);
  console.table([result]);
  console.log(JSON.stringify({ node: process.version, ...result }));
}
