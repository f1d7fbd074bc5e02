/**
 * Where a command finds Kafka and the schema registry: in its flags and the configuration, as the
 * gateway would, or else in the run file that a gateway with embedded parts has written.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { dataDirectory } from "../config/data-directory.ts";
import { kafkaSecurity } from "../config/kafka-security.ts";
import { loadConfig, type LoadResult } from "../config/load.ts";
import type { Config } from "../config/options.ts";
import type { KafkaSecurity } from "../delivery/delivery.ts";
import type { RegistryAuth } from "../schema/registry-http.ts";
import { CommandError, UsageError, type Invocation } from "./command.ts";

const SETTING_FLAGS = {
  brokers: "--kafka-brokers",
  registry: "--registry-url",
  database: "--postgres-url",
  config: "--config",
} as const;

/** What a running gateway leaves in `<data-dir>/sluice.json`. */
interface RunFile {
  readonly pid: number;
  /** host:port[,host:port] */
  readonly brokers: string;
  readonly registryUrl: string;
  readonly port: number;
}

export interface KafkaPlace {
  readonly brokers: string;
  readonly security: KafkaSecurity | null;
}

export interface RegistryPlace {
  readonly urls: readonly string[];
  readonly auth: RegistryAuth | undefined;
}

/** The settings the gateway would have with these flags and variables. Throws UsageError. */
export function settings(invocation: Invocation): Config {
  const loaded = loadSettings(invocation);
  if (loaded.kind === "config") return loaded.config;
  throw new UsageError(loaded.kind === "fault" ? loaded.faults.join("\n") : loaded.text);
}

/** Reads the configuration with the place options of the command line as flags. */
export function loadSettings(invocation: Invocation): LoadResult {
  const argv = Object.entries(SETTING_FLAGS).flatMap(([option, flag]) => {
    const value = invocation.options.get(option);
    return value === undefined ? [] : [`${flag}=${value}`];
  });
  const readFile = (path: string): string => readFileSync(path, "utf8");
  return loadConfig({ argv, env: invocation.env, readFile, isTty: invocation.io.colour.stderr });
}

/** Throws CommandError when no broker is configured and no sluice runs here. */
export function findKafka(config: Config): KafkaPlace {
  if (config.kafkaBrokers.length > 0) {
    return { brokers: config.kafkaBrokers.join(","), security: kafkaSecurity(config) };
  }
  return {
    brokers: findRunning(config, "--brokers or SLUICE_KAFKA_BROKERS").brokers,
    security: null,
  };
}

/** Throws CommandError when no registry is configured and no sluice runs here. */
export function findRegistry(config: Config): RegistryPlace {
  if (config.registryUrl.length > 0) {
    return { urls: config.registryUrl, auth: authOf(config) };
  }
  const running = findRunning(config, "--registry or SLUICE_REGISTRY_URL");
  return { urls: [running.registryUrl], auth: undefined };
}

/** Where events go to. Throws CommandError when no address is given and no sluice runs here. */
export function findGateway(config: Config, given: string | undefined): string {
  if (given === undefined) return `http://127.0.0.1:${findRunning(config, "--url").port}`;
  if (URL.canParse(given) && /^https?:/.test(given)) return given;
  throw new UsageError(`--url is the address of a gateway (http://127.0.0.1:8080), not ${given}.`);
}

function findRunning(config: Config, settingNames: string): RunFile {
  const path = join(dataDirectory(config), "sluice.json");
  const ask = `Start it with npm start, or give ${settingNames}.`;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    throw new CommandError(`No sluice is running here (there is no ${path}). ${ask}`);
  }
  const file = parseRunFile(text);
  if (file === undefined) {
    throw new CommandError(`${path} is not the run file of a sluice. ${ask}`);
  }
  if (!isAlive(file.pid)) {
    throw new CommandError(`No sluice is running here: process ${file.pid} has ended. ${ask}`);
  }
  return file;
}

function parseRunFile(text: string): RunFile | undefined {
  let members: unknown;
  try {
    members = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof members !== "object" || members === null) return undefined;
  if (!("pid" in members && "brokers" in members && "registryUrl" in members)) return undefined;
  const { pid, brokers, registryUrl } = members;
  const port = "port" in members && typeof members.port === "number" ? members.port : 0;
  const isSound =
    typeof pid === "number" && typeof brokers === "string" && typeof registryUrl === "string";
  return isSound ? { pid, brokers, registryUrl, port } : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of another user is there all the same.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function authOf(config: Config): RegistryAuth | undefined {
  if (config.registryToken !== "") return { bearer: config.registryToken };
  if (config.registryUsername === "") return undefined;
  return { basic: { user: config.registryUsername, password: config.registryPassword } };
}
