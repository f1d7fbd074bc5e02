/**
 * The servers that are measured, each a process of its own, alone on the first core where there are
 * several; generators and brokers have the others. Asked for by name: sluice, sluice that answers
 * before Kafka (early), and the baseline.
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SLUICE = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const BASELINE = fileURLToPath(new URL("../baseline/server.ts", import.meta.url));
const PACK = fileURLToPath(new URL("../../packs/behaviour", import.meta.url));
const EARLY_ACKS = new URL("early-acks.ts", import.meta.url).href;

export const SERVER_KINDS = ["sluice", "early", "baseline"] as const;
export type ServerKind = (typeof SERVER_KINDS)[number];

export interface Backends {
  /** null: the embedded one, whose thread runs, and counts, in the gateway's process. */
  readonly brokers: string | null;
  /** null: sessions stay in memory. */
  readonly redis: string | null;
}

export interface ServerOptions extends Backends {
  /** Leave a CPU profile of the main thread in this directory. */
  readonly profile?: string;
  readonly settings?: readonly string[];
  /** Further variables of its environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** For Node.js itself. */
  readonly nodeFlags?: readonly string[];
  /** Another checkout's src/main.ts, to compare with. */
  readonly main?: string;
  /** Records go without the header `sluice`. */
  readonly isHeaderless?: boolean;
  /** The server has a core of its own; default: where there are several. */
  readonly isPinned?: boolean;
}

export interface Server {
  readonly pid: number;
  readonly port: number;
  /** The baseline has none: 0. */
  readonly adminPort: number;
  stop(): Promise<void>;
}

type Ports = Pick<Server, "port" | "adminPort">;

/** Cores: the server's, and those of everybody else; null: nobody has one of their own. */
export function cores(): { readonly server: string; readonly others: string } | null {
  const count = availableParallelism();
  if (count < 2) return null;
  try {
    execFileSync("taskset", ["-p", String(process.pid)], { stdio: "ignore" });
  } catch {
    return null;
  }
  return { server: "0", others: `1-${count - 1}` };
}

/** Keeps a process and all its threads off the server's core. */
export function keepOff(pid: number): void {
  const apart = cores();
  if (apart === null) return;
  execFileSync("taskset", ["-a", "-c", "-p", apart.others, String(pid)], { stdio: "ignore" });
}

export async function startServer(kind: ServerKind, options: ServerOptions): Promise<Server> {
  const directory = await mkdtemp(join(tmpdir(), "sluice-bench-"));
  const apart = options.isPinned === false ? null : cores();
  if (options.isHeaderless === true) await writeHeaderlessPack(join(directory, "pack"));
  const words = [
    // As ./sluice starts it; the baseline gains by it as well. What comes later prevails.
    "--max-semi-space-size=32",
    "--no-allocation-site-pretenuring",
    ...(options.nodeFlags ?? []),
    ...(options.profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${options.profile}`]),
    ...(kind === "baseline" ? baselineWords(options) : sluiceWords(kind, options, directory)),
  ];
  const [command, all] =
    apart === null
      ? ([process.execPath, words] as const)
      : (["taskset", ["-c", apart.server, process.execPath, ...words]] as const);
  const child = spawn(command, all, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...ownEnvironment(), ...options.environment, UV_THREADPOOL_SIZE: "16" },
  });
  const output = await untilReady(child);
  const { port, adminPort } =
    kind === "baseline"
      ? { port: Number(/listening on (\d+)/.exec(output)?.[1]), adminPort: 0 }
      : // Written by the gateway before its ready line.
        (JSON.parse(await readFile(join(directory, "sluice.json"), "utf8")) as Ports);
  return {
    // taskset becomes the server it starts.
    pid: child.pid ?? 0,
    port,
    adminPort,
    stop: async () => {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Settings of a gateway in the shell do not count: all are given here. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith("SLUICE_")),
  );
}

function sluiceWords(kind: ServerKind, options: ServerOptions, directory: string): string[] {
  return [
    ...(kind === "early" ? ["--import", EARLY_ACKS] : []),
    ...[options.main ?? SLUICE, "start", "--port", "0", "--admin-port", "0"],
    ...["--data-dir", directory, "--workers", "1"],
    ...(options.brokers === null ? [] : ["--kafka-brokers", options.brokers, "--create-topics"]),
    ...(options.redis === null ? [] : ["--redis-url", options.redis]),
    ...(options.isHeaderless === true ? ["--pack", join(directory, "pack")] : []),
    ...(options.settings ?? []),
  ];
}

async function writeHeaderlessPack(directory: string): Promise<void> {
  await cp(PACK, directory, { recursive: true });
  const file = join(directory, "pack.json");
  // The pack of this repository.
  const pack = JSON.parse(await readFile(file, "utf8")) as { topics: Record<string, object> };
  const topics: Record<string, object> = {};
  for (const [name, topic] of Object.entries(pack.topics))
    topics[name] = { ...topic, header: false };
  await writeFile(file, JSON.stringify({ ...pack, topics }));
}

function baselineWords({ brokers }: ServerOptions): string[] {
  if (brokers === null) throw new Error("the baseline needs a broker");
  return [BASELINE, "--brokers", brokers];
}

/** What the server said until it was ready. */
async function untilReady(child: ChildProcess): Promise<string> {
  let output = "";
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on("data", (chunk: Buffer) => {
      if (output.length < 65_536) output += chunk.toString();
      if (/"msg":"ready"|listening on \d+/.test(output)) resolve();
    });
    child.once("exit", () => reject(new Error(`the server ended:\n${output}`)));
    child.once("error", reject);
  });
  return output;
}
