/** How many processes a configuration means, and how many producers each of them has. */
import { LANES, LANES_OF_WORKER_MIN } from "../limits/delivery.ts";
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

/**
 * Producers of one process. Workers share what one process has where nothing else is said: each
 * lane has its own commits, and more and smaller ones cost CPU time.
 */
export function laneCount({ kafkaLanes }: Pick<Config, "kafkaLanes">, workers: number): number {
  if (kafkaLanes > 0) return kafkaLanes;
  const share = Math.ceil(LANES / workers);
  return Math.max(share, LANES_OF_WORKER_MIN);
}
