/**
 * The program: picks the command, reads the environment, and is the only one to end the process.
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { tenantsFaults } from "./access.ts";
import { runCli } from "./cli/run.ts";
import { loadConfig } from "./config/load.ts";
import type { Config } from "./config/options.ts";
import { workerCount } from "./config/worker-count.ts";
import { answerLooks } from "./console/looks.ts";
import { certificateFault } from "./doors.ts";
import { Gateway } from "./gateway.ts";
import { systemClock } from "./lib/clock.ts";
import { primaryChannel, workerNumber } from "./lifecycle/cluster.ts";
import { Lifecycle } from "./lifecycle/lifecycle.ts";
import { answerPrimary } from "./lifecycle/questions.ts";
import { handleSignals } from "./lifecycle/signals.ts";
import { linkToPrimary } from "./lifecycle/worker-link.ts";
import { answersOf, servePrimary } from "./primary.ts";
import { PackError } from "./schema/pack-file.ts";
import { loadPack } from "./schema/pack.ts";
import type { Pack } from "./schema/pack.ts";
import { createTelemetry } from "./telemetry/telemetry.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";

const ROOT = join(import.meta.dirname, "..");

/** The command line or the settings are wrong. */
const EXIT_USAGE = 2;

/** libuv's own size of its thread pool, where the environment does not say. */
const THREAD_POOL_DEFAULT = 4;

const [command, ...rest] = process.argv.slice(2);
if (command === "start") await start(rest);
else if (command === "--version") process.stdout.write(`sluice ${version()}\n`);
// What is written to a pipe, a file or a terminal is out by now; a client library may be at work
// still.
else exit(await runCli(process.argv.slice(2), process.env));

async function start(argv: readonly string[]): Promise<void> {
  const isTty = process.stdout.isTTY;
  const readFile = (path: string) => readFileSync(path, "utf8");
  const loaded = loadConfig({ argv, env: process.env, readFile, isTty });
  if (loaded.kind === "help") {
    process.stdout.write(loaded.text);
    return;
  }
  if (loaded.kind === "fault") {
    process.stderr.write(loaded.faults.map((fault) => `sluice: ${fault}\n`).join(""));
    process.exitCode = EXIT_USAGE;
    return;
  }
  const { config, warnings } = loaded;
  const pack = await loadPack(config.pack, join(ROOT, "packs")).catch((error: unknown) => {
    if (error instanceof PackError) return error;
    throw error;
  });
  if (pack instanceof PackError) {
    process.stderr.write(`sluice: ${pack.message}\n`);
    process.exitCode = EXIT_USAGE;
    return;
  }
  const certificate = certificateFault(config);
  const faults = [...tenantsFaults(config, pack), ...(certificate === null ? [] : [certificate])];
  if (faults.length > 0) {
    process.stderr.write(faults.map((fault) => `sluice: ${fault}\n`).join(""));
    process.exitCode = EXIT_USAGE;
    return;
  }
  const worker = workerNumber();
  const telemetry = makeTelemetry(config, worker);
  // A full disk, or a reader that is gone, costs lines and no events.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", () => telemetry.process.linesLost());
  }
  for (const warning of warnings) telemetry.process.notice(warning);
  const workers = workerCount(config, availableParallelism());
  if (workers > 1 && worker === null) {
    const reload = () => loadConfig({ argv, env: process.env, readFile, isTty });
    await servePrimary(config, { workers, telemetry, version: version(), reload, exit });
  } else await serve({ config, pack, telemetry, isWorker: worker !== null });
}

function makeTelemetry(config: Config, worker: number | null): Telemetry {
  return createTelemetry({
    level: config.logLevel,
    format: config.logFormat,
    isTty: process.stdout.isTTY,
    output: process.stdout,
    errors: process.stderr,
    clock: systemClock,
    version: version(),
    ...(worker === null ? {} : { base: { worker } }),
  });
}

function version(): string {
  // The project's own file.
  const file = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
  return file.version;
}

function exit(code: number): void {
  process.exit(code);
}

interface ServeParts {
  readonly config: Config;
  readonly pack: Pack;
  readonly telemetry: Telemetry;
  readonly isWorker: boolean;
}

async function serve({ config, pack, telemetry, isWorker }: ServeParts): Promise<void> {
  const { drainDeadlineMs } = config;
  const clock = systemClock;
  const lifecycle = new Lifecycle({ clock, telemetry: telemetry.process, drainDeadlineMs, exit });
  const unexpected = (where: string, error: unknown) => telemetry.process.unexpected(where, error);
  handleSignals({ events: process, clock, lifecycle, unexpected, isWorker });
  let gateway: Gateway | null = null;
  if (isWorker) {
    const snapshot = () => telemetry.registry.snapshot();
    const sendAway = (connections: number) => gateway?.sendAway(connections);
    const onDuty = () => gateway?.takeDuty();
    const channel = primaryChannel();
    linkToPrimary({ channel, lifecycle, snapshot, sendAway, onDuty, unexpected });
    answerPrimary(
      process,
      answersOf({ telemetry }, () => gateway),
    );
    answerLooks(process, async (type, after) => await gateway?.look(type, after));
  }
  const isForPeople =
    config.logFormat === "pretty" || (config.logFormat === "auto" && process.stdout.isTTY);
  try {
    gateway = await Gateway.create({
      config,
      pack,
      telemetry,
      lifecycle,
      version: version(),
      threadPoolSize: Number(process.env["UV_THREADPOOL_SIZE"] ?? THREAD_POOL_DEFAULT),
      people: isForPeople && !isWorker ? process.stderr : null,
      isWorker,
    });
    await gateway.start();
  } catch (error) {
    telemetry.process.startFailed("putting the gateway together", error);
    exit(1);
  }
}
