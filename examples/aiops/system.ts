/**
 * Everything the example runs on: two gateways, HAProxy before them, the PostgreSQL sink. Servers
 * that run already are used and left running; what is started here is ended here. A gateway that
 * dies is started again after a while, as an orchestrator would.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { ensurePrerequisites, findProgram } from "../../scripts/services/prerequisites.mjs";
import { keyDigest } from "../../src/admission/keys.ts";
import { freePort } from "../common/free-port.ts";
import { endWithUs, KeptProcess } from "../common/kept-process.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const MAIN = join(ROOT, "src", "main.ts");
const START_DEADLINE_MS = 120_000;

export const TENANTS = ["alpine", "harbor", "metro"] as const;
export type Tenant = (typeof TENANTS)[number];

/** A tenant's keys: towers send, the alerter sends alerts, the operators' page server reads. */
export interface Keys {
  readonly fleet: string;
  readonly alerts: string;
  readonly operators: string;
}

export interface ServerAddresses {
  readonly kafka: string;
  readonly redis: string;
  readonly registry: string;
  readonly postgres: string;
}

export interface SystemOptions {
  readonly servers: ServerAddresses;
  /** Prefix of the topics; "" takes those of the pack as they are. */
  readonly topicPrefix: string;
  readonly say: (sentence: string) => void;
  /** How long a dead gateway is away. */
  readonly restartMs: number;
}

export class System {
  readonly keys: ReadonlyMap<Tenant, Keys>;
  readonly gateways: GatewayProcess[] = [];
  readonly topics: Readonly<Record<"metrics" | "logs" | "alerts" | "devices", string>>;
  readonly #options: SystemOptions;
  readonly #directory: string;
  #balancer: ChildProcess | null = null;
  #sink: KeptProcess | null = null;
  #port = 0;

  private constructor(options: SystemOptions) {
    this.#options = options;
    this.#directory = mkdtempSync(join(tmpdir(), "sluice-aiops-"));
    const topic = (name: string): string => `${options.topicPrefix}aiops-${name}`;
    this.topics = {
      metrics: topic("metrics"),
      logs: topic("logs"),
      alerts: topic("alerts"),
      devices: topic("devices"),
    };
    const key = (): string => `sk_${randomBytes(24).toString("base64url")}`;
    this.keys = new Map(
      TENANTS.map((tenant) => [tenant, { fleet: key(), alerts: key(), operators: key() }]),
    );
  }

  /** Starts gateways and balancer; ends what it has started if one does not come. */
  static async start(options: SystemOptions): Promise<System> {
    await ensurePrerequisites(["haproxy"], options.say);
    const system = new System(options);
    try {
      await system.#start();
      return system;
    } catch (error) {
      await system.stop();
      throw error;
    }
  }

  /** Schema of the sink's own tables; those of events are in `<schema>_events`. */
  get databaseSchema(): string {
    return `${this.#options.topicPrefix}aiops`.replaceAll("-", "_");
  }

  /** 0: it does not run now. */
  get sinkPid(): number {
    return this.#sink?.pid ?? 0;
  }

  /** Through the balancer. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async #start(): Promise<void> {
    const { say } = this.#options;
    const pack = this.#writePack();
    const flags = [...this.#serverFlags(), "--pack", pack];
    const file = join(this.#directory, "tenants.json");
    writeFileSync(file, JSON.stringify(this.#tenantsFile()));
    say("starting two gateways");
    for (const name of ["gateway-1", "gateway-2"]) {
      const gateway = new GatewayProcess({
        name,
        port: await freePort(),
        adminPort: await freePort(),
        flags: [...flags, "--tenants-file", file],
        dataDirectory: join(this.#directory, name),
        say,
        restartMs: this.#options.restartMs,
      });
      this.gateways.push(gateway);
      // The first one makes the topics and registers the schemas.
      await gateway.start();
    }
    say("starting HAProxy before them");
    await this.#startBalancer();
    say("starting the sink: topics to PostgreSQL");
    this.#startSink(pack);
  }

  /** It comes back by itself when it dies. */
  #startSink(pack: string): void {
    const { kafka, registry, postgres } = this.#options.servers;
    const schema = this.databaseSchema;
    const topics = Object.values(this.topics).join(",");
    const words = [MAIN, "sink", "postgres", "--topics", topics, "--schema", schema];
    const own = ["--group", `sink-${schema}`, "--admin", "off", "--linger-ms", "200"];
    this.#sink = new KeptProcess({
      name: "the sink",
      words: [...words, ...own, "--session-timeout-ms", "6000"],
      environment: {
        SLUICE_KAFKA_BROKERS: kafka,
        SLUICE_REGISTRY_URL: registry,
        SLUICE_POSTGRES_URL: postgres,
        SLUICE_PACK: pack,
        SLUICE_LOG_FORMAT: "json",
      },
      logFile: join(this.#directory, "sink.log"),
    });
  }

  #serverFlags(): string[] {
    const { kafka, redis, registry } = this.#options.servers;
    return [
      ["--kafka-brokers", kafka, "--create-topics"],
      ["--redis-url", redis],
      ["--registry-url", registry, "--register-schemas"],
    ].flat();
  }

  /** The pack aiops, with its topics under their prefix. */
  #writePack(): string {
    const pack = join(this.#directory, "pack");
    cpSync(join(ROOT, "packs", "aiops"), pack, { recursive: true });
    const file = join(pack, "pack.json");
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replaceAll('"aiops-', `"${this.#options.topicPrefix}aiops-`));
    return pack;
  }

  #tenantsFile(): object {
    const hashed = (key: string, ...scopes: readonly string[]) => [
      { sha256: keyDigest(key), scopes },
    ];
    const tenants = [...this.keys].map(([tenant, { fleet, alerts, operators }]) => {
      const sources = {
        fleet: {
          secretKeys: hashed(fleet, "write:metric", "write:log", "write:device_state"),
        },
        alerter: { secretKeys: hashed(alerts, "write:alert") },
        operators: { secretKeys: hashed(operators, "read:*") },
      };
      return [tenant, { sources }] as const;
    });
    return { tenants: Object.fromEntries(tenants) };
  }

  async #startBalancer(): Promise<void> {
    const program = findProgram("haproxy");
    if (program === undefined) throw new Error("haproxy is not there");
    this.#port = await freePort();
    const file = join(this.#directory, "haproxy.cfg");
    writeFileSync(file, configuration(this.#port, this.gateways));
    // In a group of its own, as the gateways: a terminal's Ctrl-C does not reach it.
    const child = spawn(program, ["-db", "-f", file], {
      stdio: ["ignore", "ignore", "pipe"],
      detached: true,
    });
    endWithUs(child);
    this.#balancer = child;
    let complaint = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      complaint += chunk.toString("utf8");
    });
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`HAProxy has ended: ${complaint}`);
      return (await fetch(`${this.url}/openapi.json`)).ok;
    });
  }

  async stop(): Promise<void> {
    this.#balancer?.kill("SIGTERM");
    await Promise.all([this.#sink?.end(), ...this.gateways.map((gateway) => gateway.stop())]);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Connections go to the gateway that has the fewest; one that does not answer gets none. */
function configuration(port: number, gateways: readonly GatewayProcess[]): string {
  const servers = gateways.map(
    ({ name, port: target }) =>
      `  server ${name} 127.0.0.1:${target} check inter 500 fall 2 rise 1`,
  );
  return [
    "defaults",
    "  mode http",
    "  timeout connect 2s",
    "  timeout client 60s",
    "  timeout server 60s",
    "  timeout tunnel 1h",
    "  option redispatch",
    "  retries 3",
    "frontend edge",
    `  bind 127.0.0.1:${port}`,
    "  default_backend gateways",
    "backend gateways",
    "  balance leastconn",
    "  option httpchk",
    "  http-check send meth GET uri /openapi.json ver HTTP/1.1 hdr Host edge hdr Connection close",
    "  default-server on-marked-down shutdown-sessions",
    ...servers,
    "",
  ].join("\n");
}

interface GatewayProcessOptions {
  readonly name: string;
  readonly port: number;
  readonly adminPort: number;
  readonly flags: readonly string[];
  readonly dataDirectory: string;
  readonly say: (sentence: string) => void;
  readonly restartMs: number;
}

export class GatewayProcess {
  readonly name: string;
  readonly port: number;
  /** How often it has died. */
  deaths = 0;
  readonly #options: GatewayProcessOptions;
  #child: ChildProcess | null = null;
  #isStopping = false;

  constructor(options: GatewayProcessOptions) {
    this.#options = options;
    this.name = options.name;
    this.port = options.port;
  }

  get pid(): number | undefined {
    const child = this.#child;
    return child?.exitCode === null && child.signalCode === null ? child.pid : undefined;
  }

  /** Starts it, and resolves when it is ready: its topics are there. */
  async start(): Promise<void> {
    const { flags, dataDirectory, port, adminPort } = this.#options;
    const ports = ["--port", String(port), "--admin-port", String(adminPort)];
    const own = [...ports, "--data-dir", dataDirectory];
    // By itself each would take every core of the machine.
    const all = [...own, ...flags, "--workers", "2"];
    const words = [MAIN, "start", ...all, "--log-level", "warn", "--log-format", "json"];
    const child = spawn(process.execPath, words, {
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
      env: {
        PATH: process.env["PATH"],
        UV_THREADPOOL_SIZE: "16",
        UWS_HTTP_MAX_HEADERS_SIZE: "16384",
      },
    });
    endWithUs(child);
    this.#child = child;
    let output = "";
    const hear = (chunk: Buffer): void => {
      output = (output + chunk.toString("utf8")).slice(-4_000);
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    child.once("exit", () => void this.#died(child));
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`${this.name} did not start:\n${output}`);
      return (await fetch(`http://127.0.0.1:${adminPort}/readyz`)).ok;
    });
  }

  async #died(child: ChildProcess): Promise<void> {
    if (this.#isStopping || this.#child !== child) return;
    const { say, restartMs } = this.#options;
    this.deaths += 1;
    say(`${this.name} has died; it comes back in ${restartMs / 1_000} s`);
    await delay(restartMs);
    // It may have been stopped meanwhile, or be stopped as it starts.
    if (this.#isStopping) return;
    try {
      await this.start();
      say(`${this.name} is back (pid ${this.pid})`);
    } catch (error) {
      if (!this.#isStopping) say(String(error));
    }
  }

  /** As `kill -9` does. */
  kill(): void {
    this.#child?.kill("SIGKILL");
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    await once(child, "exit");
  }
}

/** Looks until it is so; a look that fails counts as no, unless something has ended. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + START_DEADLINE_MS;
  while (Date.now() < deadline) {
    try {
      if (await isSo()) return;
    } catch (error) {
      // What fetch says where nobody listens yet.
      if (!(error instanceof TypeError)) throw error;
    }
    await delay(100);
  }
  throw new Error(`it did not answer within ${START_DEADLINE_MS / 1_000} s`);
}
