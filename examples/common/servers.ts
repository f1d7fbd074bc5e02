/**
 * The servers an example runs on: those that the environment names, else the shared ones of `npm
 * run services`, started where they do not run. What is started here is ended here.
 */
import { start, status, stop, type ServiceName } from "../../scripts/services/control.mjs";

/** Where the address of a server of one's own is looked for. */
const VARIABLES = {
  kafka: ["SLUICE_TEST_KAFKA", "SLUICE_KAFKA_BROKERS"],
  redis: ["SLUICE_TEST_REDIS", "SLUICE_REDIS_URL"],
  registry: ["SLUICE_TEST_REGISTRY", "SLUICE_REGISTRY_URL"],
  postgres: ["SLUICE_TEST_POSTGRES", "SLUICE_POSTGRES_URL"],
} as const satisfies Partial<Record<ServiceName, readonly string[]>>;

export type Server = keyof typeof VARIABLES;

export class Servers {
  readonly #started: Server[] = [];

  /**
   * The addresses, by name. Throws what keeps one from starting: `end` is to be called then too.
   */
  async provide<Name extends Server>(
    names: readonly Name[],
    signal: AbortSignal,
  ): Promise<Readonly<Record<Name, string>>> {
    const found = await Promise.all(
      names.map(async (name) => [name, await this.#address(name)] as const),
    );
    signal.throwIfAborted();
    // One entry for each name.
    return Object.fromEntries(found) as Record<Name, string>;
  }

  async #address(name: Server): Promise<string> {
    const given = VARIABLES[name].map((variable) => process.env[variable]).find(Boolean);
    if (given !== undefined) return given;
    const isRunning = (await status(name)).state === "running";
    if (!isRunning) this.#started.push(name);
    const [address = ""] = Object.values(await start(name));
    return address;
  }

  async end(): Promise<void> {
    await Promise.all(this.#started.map((name) => stop(name)));
  }
}
