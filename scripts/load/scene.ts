/**
 * What a load test runs against: a gateway that is there, or one that is started with servers of
 * its own, which can be harmed and are gone afterwards.
 */
import { readFileSync } from "node:fs";

import { SCENARIOS } from "../../loadtest/catalog.ts";
import type { FaultKind } from "../../loadtest/catalog.ts";
import { Gateway } from "../../test/gateway.ts";
import { startInstance } from "../services/control.mjs";
import type { Instance, ServiceName } from "../services/control.mjs";
import type { LoadRequest, Target } from "./arguments.ts";
import { countRecords } from "./kafka-records.ts";

/** The servers that a fault befalls, by its kind. */
const VICTIMS = {
  "kafka-stall": "kafka",
  "redis-loss": "redis",
} as const satisfies Readonly<Record<FaultKind, ServiceName>>;

/** What people start; its memory is another one with other flags of Node.js. */
const LAUNCHER = new URL("../../sluice", import.meta.url);

/** Where memory is judged: what is left of it is held by somebody. */
const COLLECTING = ["--expose-gc", "--import", import.meta.resolve("./collect-garbage.ts")];

const ERRORS_SHOWN_MAX = 10;

export class Scene {
  readonly target: Target;
  readonly #gateway: Gateway | null;
  readonly #servers: readonly Instance[];

  private constructor(
    target: Target,
    { gateway, servers }: { gateway: Gateway | null; servers: readonly Instance[] },
  ) {
    this.target = target;
    this.#gateway = gateway;
    this.#servers = servers;
  }

  static async start(request: LoadRequest, progress: (sentence: string) => void): Promise<Scene> {
    if (request.target !== null) {
      return new Scene(request.target, { gateway: null, servers: [] });
    }
    const wanted: readonly ServiceName[] = request.servers === "real" ? ["kafka", "redis"] : [];
    const servers: Instance[] = [];
    try {
      for (const name of wanted) {
        progress(`starting ${name}`);
        servers.push(await startInstance(name, { progress }));
      }
      progress("starting a gateway");
      const ofLauncher = nodeFlagsOf(readFileSync(LAUNCHER, "utf8"));
      const isJudged = SCENARIOS[request.scenario].mayNotGrow;
      const nodeFlags = isJudged ? [...ofLauncher, ...COLLECTING] : ofLauncher;
      const gateway = await Gateway.start({ flags: flagsOf(request, servers), nodeFlags });
      const target = {
        url: gateway.url,
        adminUrls: [gateway.adminUrl],
        key: null,
        isShared: false,
      };
      return new Scene(target, { gateway, servers });
    } catch (error) {
      for (const server of servers) await server.remove();
      throw error;
    }
  }

  /** Whether faults are set here; else by whoever runs the gateway. */
  get isOwn(): boolean {
    return this.#gateway !== null;
  }

  /** The processes that were started here, as they are now. */
  get pids(): readonly number[] {
    const ofServers = this.#servers.flatMap(({ processes }) => processes.map(({ pid }) => pid));
    return this.#gateway === null ? ofServers : [...ofServers, this.#gateway.run.pid];
  }

  async harm(kind: FaultKind): Promise<void> {
    const server = this.#server(VICTIMS[kind]);
    // Connections stay open and nothing answers; or all it knew is gone.
    await (kind === "kafka-stall" ? server?.suspend() : server?.kill());
  }

  async heal(kind: FaultKind): Promise<void> {
    await this.#server(VICTIMS[kind])?.start();
  }

  /** Records in all topics of Kafka, if it is this scene's own. */
  async records(): Promise<number | null> {
    const kafka = this.#server("kafka");
    return kafka === undefined ? null : await countRecords(kafka.address);
  }

  /** Drains the gateway and ends the servers; what went wrong, a sentence each. */
  async stop(): Promise<string[]> {
    const complaints = errorsIn(this.#gateway?.output ?? "");
    try {
      const code = await this.#gateway?.stop();
      if (code !== undefined && code !== 0) {
        complaints.push(`The gateway did not drain: it ended with ${code}.`);
      }
    } catch (error) {
      complaints.push(error instanceof Error ? error.message : String(error));
    }
    for (const server of this.#servers) await server.remove();
    return complaints;
  }

  #server(name: ServiceName): Instance | undefined {
    return this.#servers.find((server) => server.name === name);
  }
}

/** What the gateway logged as errors, each sentence once. */
function errorsIn(output: string): string[] {
  const lines = output.split("\n").filter((line) => /^\{"level":"(?:error|fatal)"/.test(line));
  return [...new Set(lines.map((line) => `The gateway logged: ${line}`))].slice(
    0,
    ERRORS_SHOWN_MAX,
  );
}

/** The flags that `./sluice` gives Node.js. */
export function nodeFlagsOf(launcher: string): string[] {
  const words = /^exec "\$node" (.*) "\$root\/src\/main\.ts"/m.exec(launcher)?.[1];
  if (words === undefined) throw new Error("./sluice does not start Node.js as expected");
  return words.split(" ");
}

function flagsOf({ pack }: LoadRequest, servers: readonly Instance[]): string[] {
  const flags = ["--pack", pack, "--log-level", "warn"];
  for (const { name, address } of servers) {
    if (name === "kafka") flags.push("--kafka-brokers", address, "--create-topics");
    if (name === "redis") flags.push("--redis-url", address);
  }
  return flags;
}
