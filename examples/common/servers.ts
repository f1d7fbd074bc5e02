/**
 * The servers an example runs on: those that the environment names, else the shared ones of `npm
 * run services`, started where they do not run. What examples have started the last of them ends:
 * one that runs beside this one is not left without.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { start, status, stop, type ServiceName } from "../../scripts/services/control.mjs";

/** Where the address of a server of one's own is looked for. */
const VARIABLES = {
  kafka: ["SLUICE_TEST_KAFKA", "SLUICE_KAFKA_BROKERS"],
  redis: ["SLUICE_TEST_REDIS", "SLUICE_REDIS_URL"],
  registry: ["SLUICE_TEST_REGISTRY", "SLUICE_REGISTRY_URL"],
  postgres: ["SLUICE_TEST_POSTGRES", "SLUICE_POSTGRES_URL"],
} as const satisfies Partial<Record<ServiceName, readonly string[]>>;

const NAMES = {
  kafka: "Kafka",
  redis: "Redis",
  registry: "schema registry",
  postgres: "PostgreSQL",
} as const satisfies Record<keyof typeof VARIABLES, string>;

/** Of the examples on one set of servers: a file for each that runs, and for each server begun. */
const FOLDER = fileURLToPath(
  new URL(
    `../../.run/examples/.running-${process.env["SLUICE_SERVICES_PORT_OFFSET"] ?? "0"}`,
    import.meta.url,
  ),
);

export type Server = keyof typeof VARIABLES;

export interface ServersOptions {
  readonly signal: AbortSignal;
  /** Told how far it is. */
  readonly say: (sentence: string) => void;
}

export class Servers {
  readonly #options: ServersOptions;
  readonly #claim = join(FOLDER, `example-${process.pid}`);

  constructor(options: ServersOptions) {
    this.#options = options;
  }

  /**
   * The addresses, by name. Throws what keeps one from starting: `end` is to be called then too.
   */
  async provide<Name extends Server>(
    names: readonly Name[],
  ): Promise<Readonly<Record<Name, string>>> {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(this.#claim, "");
    const found = await Promise.all(
      names.map(async (name) => [name, await this.#address(name)] as const),
    );
    this.#options.signal.throwIfAborted();
    // One entry for each name.
    return Object.fromEntries(found) as Record<Name, string>;
  }

  async #address(name: Server): Promise<string> {
    const given = VARIABLES[name].map((variable) => process.env[variable]).find(Boolean);
    if (given !== undefined) return given;
    const isRunning = (await status(name)).state === "running";
    const { say } = this.#options;
    const startMs = performance.now();
    const progress = (sentence: string): void => say(`${NAMES[name]}: ${sentence}`);
    const [address = ""] = Object.values(await start(name, { progress }));
    if (!isRunning) {
      const pid = await pidOf(name);
      writeFileSync(join(FOLDER, `server-${name}`), String(pid));
      progress(`ready after ${Math.round((performance.now() - startMs) / 1_000)} s`);
    }
    return address;
  }

  /** Ends what examples have started, if no other one runs. */
  async end(): Promise<void> {
    rmSync(this.#claim, { force: true });
    const files = readdirSync(FOLDER, { withFileTypes: true }).map(({ name }) => name);
    if (files.some((file) => file.startsWith("example-") && isAlive(Number(file.slice(8))))) return;
    const begun = (Object.keys(NAMES) as readonly Server[]).filter((name) =>
      files.includes(`server-${name}`),
    );
    await Promise.all(begun.map((name) => this.#endServer(name)));
  }

  async #endServer(name: Server): Promise<void> {
    const file = join(FOLDER, `server-${name}`);
    const pid = Number(readFileSync(file, "utf8"));
    rmSync(file);
    // Somebody else may have ended it, and started it again.
    if ((await pidOf(name)) === pid) await stop(name);
  }
}

async function pidOf(name: Server): Promise<number> {
  return (await status(name)).processes[0]?.pid ?? 0;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
