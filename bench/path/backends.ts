/** Kafka and Redis for a run: those that were named, or private ones that end with it. */
import { startInstance } from "../../scripts/services/control.mjs";
import { keepOff, type Backends } from "./servers.ts";

export interface RunningBackends extends Backends {
  stop(): Promise<void>;
}

export async function startBackends(named: {
  readonly brokers: string;
  readonly redis: string;
}): Promise<RunningBackends> {
  const kafka = named.brokers === "" ? await startInstance("kafka") : null;
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
