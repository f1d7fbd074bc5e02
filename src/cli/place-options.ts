/** The options by which a command is told where Kafka and the registry are. */
import type { CommandOption } from "./command.ts";

/** They stand for settings of the gateway, which apply where they are not given. */
export const PLACE_OPTIONS = {
  brokers: {
    value: "HOST:PORT,…",
    text: "Kafka. Otherwise SLUICE_KAFKA_BROKERS, or the broker inside a running sluice.",
  },
  registry: {
    value: "URL,…",
    text: "Schema registry. Otherwise SLUICE_REGISTRY_URL, or the schemas of a running sluice.",
  },
  config: { value: "FILE", text: "Configuration file to take these from, and credentials." },
} as const satisfies Record<string, CommandOption>;
