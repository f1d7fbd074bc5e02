/**
 * What the examples stand on: real servers from `npm run services`, a gateway and a sink, each a
 * process that comes back when it dies. Ctrl-C ends all that was started here, and nothing else.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { freePort } from "./free-port.ts";
import { KeptProcess } from "./kept-process.ts";
import { Servers } from "./servers.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const MAIN = join(ROOT, "src", "main.ts");
const READY_DEADLINE_MS = 120_000;
const POLL_MS = 100;

export interface StackOptions {
  readonly name: string;
  /** A pack of packs/. */
  readonly pack: string;
  /** Further flags of the gateway, given the tenants file, and of the sink. */
  readonly gatewayFlags?: readonly string[];
  readonly sinkFlags?: readonly string[];
  /** The members of the tenants file. */
  readonly tenants: object;
  /** Goes before the names of topics and schemas, so that runs beside one another do not meet. */
  readonly prefix: string;
  /** Ends the start as soon as a step of it is done; what has started by then is ended. */
  readonly signal: AbortSignal;
}

export class Stack {
  readonly options: StackOptions;
  /** Base URL of the gateway. */
  gatewayUrl = "";
  /** postgres://… */
  databaseUrl = "";
  /** Settings of the gateway and the sink, for other commands. */
  environment: Readonly<Record<string, string>> = {};
  /** Schema of the sink's own tables; those of events are in `<schema>_events`. */
  readonly schema: string;
  readonly directory: string;
  readonly #servers: Servers;
  readonly #processes = new Map<string, KeptProcess>();

  private constructor(options: StackOptions) {
    this.options = options;
    this.#servers = new Servers({ signal: options.signal, say });
    this.schema = `${options.prefix}${options.name}`.replaceAll("-", "_");
    this.directory = join(ROOT, ".run", "examples", `${options.prefix}${options.name}`);
  }

  static async start(options: StackOptions): Promise<Stack> {
    const stack = new Stack(options);
    try {
      await stack.#start();
    } catch (error) {
      await stack.end();
      throw error;
    }
    return stack;
  }

  /** Names and pids of what may be killed. */
  get processes(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#processes].map(([name, kept]) => [name, kept.pid]));
  }

  async end(): Promise<void> {
    await Promise.all([...this.#processes.values()].map((kept) => kept.end()));
    await this.#servers.end();
  }

  async #start(): Promise<void> {
    say("servers: Kafka, Redis, schema registry, PostgreSQL (the first time they are downloaded)");
    const { kafka, redis, registry, postgres } = await this.#servers.provide([
      "kafka",
      "redis",
      "registry",
      "postgres",
    ]);
    this.databaseUrl = postgres;
    rmSync(this.directory, { recursive: true, force: true });
    mkdirSync(this.directory, { recursive: true });
    const tenantsFile = join(this.directory, "tenants.json");
    writeFileSync(tenantsFile, JSON.stringify(this.options.tenants));
    const environment = {
      SLUICE_KAFKA_BROKERS: kafka,
      SLUICE_REDIS_URL: redis,
      SLUICE_REGISTRY_URL: registry,
      SLUICE_POSTGRES_URL: postgres,
      SLUICE_PACK: this.#pack(),
      SLUICE_TENANTS_FILE: tenantsFile,
      SLUICE_SESSION_TOPIC: `${this.options.prefix}sluice.sessions`,
      SLUICE_AUDIT_TOPIC: `${this.options.prefix}sluice.audit`,
      SLUICE_CREATE_TOPICS: "true",
      SLUICE_REGISTER_SCHEMAS: "true",
      SLUICE_DEAD_LETTERS: "raw",
      SLUICE_LOG_FORMAT: "json",
      SLUICE_DATA_DIR: this.directory,
      UV_THREADPOOL_SIZE: "16",
    };
    this.environment = environment;
    await this.#startGateway(environment);
    say("sink: topics to PostgreSQL");
    const own = ["--schema", this.schema, "--group", `${this.options.prefix}${this.schema}`];
    const sinkFlags = [
      ...own,
      "--admin",
      "off",
      "--linger-ms",
      "200",
      "--session-timeout-ms",
      "6000",
    ];
    const words = [MAIN, "sink", "postgres", ...sinkFlags, ...(this.options.sinkFlags ?? [])];
    this.#keep("sink", words, environment);
  }

  async #startGateway(environment: Readonly<Record<string, string>>): Promise<void> {
    // A gateway that comes back is where it was.
    const [port, adminPort] = [await freePort(), await freePort()];
    this.gatewayUrl = `http://127.0.0.1:${port}`;
    say(`gateway: ${this.gatewayUrl}`);
    const ports = ["--port", String(port), "--admin-port", String(adminPort)];
    // By itself it would take every core of the machine.
    const own = [...ports, "--workers", "2"];
    const words = [MAIN, "start", ...own, ...(this.options.gatewayFlags ?? [])];
    this.#keep("gateway", words, environment);
    const deadline = Date.now() + READY_DEADLINE_MS;
    while (!(await isReady(`http://127.0.0.1:${adminPort}/readyz`))) {
      this.options.signal.throwIfAborted();
      if (Date.now() > deadline) {
        throw new Error(`the gateway is not ready: see ${join(this.directory, "gateway.log")}`);
      }
      await delay(POLL_MS);
    }
  }

  #keep(
    name: string,
    words: readonly string[],
    environment: Readonly<Record<string, string>>,
  ): void {
    const logFile = join(this.directory, `${name}.log`);
    this.#processes.set(name, new KeptProcess({ name, words, environment, logFile }));
  }

  /** The pack, or a copy of it whose topics begin with the prefix. */
  #pack(): string {
    const { pack, prefix } = this.options;
    if (prefix === "") return pack;
    const copy = join(this.directory, "pack");
    cpSync(join(ROOT, "packs", pack), copy, { recursive: true });
    const file = join(copy, "pack.json");
    const members = JSON.parse(readFileSync(file, "utf8")) as { readonly topics: object };
    let text = JSON.stringify(members);
    for (const topic of Object.keys(members.topics)) {
      text = text.replaceAll(`"${topic}"`, `"${prefix}${topic}"`);
    }
    writeFileSync(file, text);
    return copy;
  }
}

/** One line of progress. */
export function say(line: string): void {
  console.log(`· ${line}`);
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}
