/**
 * Makes a topic, where the operator allowed it. The admin client lives for this one request.
 */
import kafka from "@confluentinc/kafka-javascript";

import type { KafkaSettings } from "./kafka-settings.ts";

const CREATE_TIMEOUT_MS = 5_000;
/** As the brokers have it by default. */
const REPLICATION_OF_BROKER = -1;
const ALREADY_EXISTS = 36;

export function createTopic(
  connection: KafkaSettings,
  request: {
    readonly topic: string;
    readonly partitions: number;
    readonly done: (problem: string | null) => void;
  },
): void {
  const { topic, partitions, done } = request;
  const settings: Record<string, unknown> = { ...connection };
  const admin = kafka.AdminClient.create(settings);
  const wish = {
    topic,
    num_partitions: partitions,
    replication_factor: REPLICATION_OF_BROKER,
  };
  admin.createTopic(wish, CREATE_TIMEOUT_MS, (error) => {
    // The types promise an error always; undefined is what comes when all is well.
    const failure: { code: number; message: string } | null | undefined = error;
    admin.disconnect();
    if (failure === null || failure === undefined || failure.code === ALREADY_EXISTS) done(null);
    else done(`the topic could not be made: ${failure.message}`);
  });
}
