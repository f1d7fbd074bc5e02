/** How many processes a configuration means. */
import { embeddedParts } from "./cross-rules.ts";
import type { Config } from "./options.ts";

type WorkerSettings = Pick<
  Config,
  "workers" | "port" | "kafkaBrokers" | "redisUrl" | "registryUrl"
>;

/** At least 1. `cores`: what the process may use of the machine. */
export function workerCount(config: WorkerSettings, cores: number): number {
  if (config.workers > 0) return config.workers;
  const mustBeOne = embeddedParts(config).length > 0 || config.port === 0;
  return mustBeOne ? 1 : Math.max(1, cores);
}
