/** Kafka and Redis for a run: those that were named, or private ones that end with it. */
import { startInstance } from "../../scripts/services/control.mjs";
import { keepOff, type Backends } from "./servers.ts";

/**
 * Kafka's own defaults (bin/kafka-run-class.sh, kafka-server-start.sh): as it runs in production.
 */
const KAFKA_JAVA_FLAGS = [
  "-Xms1g",
  "-Xmx1g",
  "-XX:+UseG1GC",
  "-XX:MaxGCPauseMillis=20",
  "-XX:InitiatingHeapOccupancyPercent=35",
  "-XX:+ExplicitGCInvokesConcurrent",
  "-XX:MaxInlineLevel=15",
];

export interface RunningBackends extends Backends {
  stop(): Promise<void>;
}

export async function startBackends(named: {
  readonly brokers: string;
  readonly redis: string;
}): Promise<RunningBackends> {
  const kafka =
    named.brokers === "" ? await startInstance("kafka", { javaFlags: KAFKA_JAVA_FLAGS }) : null;
  const redis = named.redis === "" ? await startInstance("redis") : null;
  for (const pid of [kafka?.pid, redis?.pid]) if (pid !== undefined) keepOff(pid);
  return {
    brokers: kafka?.address ?? named.brokers,
    redis: redis?.address ?? named.redis,
    stop: async () => {
      await kafka?.remove();
      await redis?.remove();
    },
  };
}
