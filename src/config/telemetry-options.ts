/** The rows of the option table about what is told of the process, and to whom. */
import type { OptionTable } from "./rule.ts";

export const TELEMETRY_OPTIONS = {
  otlpEndpoint: {
    group: "telemetry",
    type: "text",
    default: "",
    masked: true,
    form: {
      pattern: /^https?:\/\/[^\s,/?#][^\s,?#]*$/,
      expected: "an http or https URL",
      example: "http://collector:4318",
    },
    text:
      "Collector that traces are sent to (OTLP over HTTP, JSON); /v1/traces is added. Empty: no " +
      "traces, and their library is not loaded.",
  },
  otlpHeaders: {
    group: "telemetry",
    type: "list",
    default: [],
    itemsMax: 16,
    secret: true,
    form: {
      pattern: /^[A-Za-z0-9!#$%&'*+.^_|~-]+=[\x20-\x7e]*$/,
      expected: "name=value",
      example: "Authorization=Bearer 5f1c9a",
    },
    text: "Headers for the collector, such as its credentials.",
  },
  traceSamplesPerMillion: {
    group: "telemetry",
    type: "integer",
    default: 10_000,
    min: 0,
    max: 1_000_000,
    text: "Of a million batches (requests, frames) so many are traced, picked by chance.",
  },
  traceFollowsPerSecond: {
    group: "telemetry",
    type: "integer",
    default: 0,
    min: 0,
    max: 1_000,
    text:
      "And so many batches a second because their client's traceparent says sampled. Anybody can " +
      "send that: keep it low.",
  },
  canaryIntervalMs: {
    group: "telemetry",
    type: "integer",
    default: 0,
    min: 0,
    max: 3_600_000,
    text:
      "How often a record of sluice's own (header sluice-canary, no value) is written to each " +
      "topic and looked for there, by one worker of a gateway. 0: never. Consumers skip it.",
  },
  canaryTopics: {
    group: "telemetry",
    type: "list",
    default: [],
    itemsMax: 100,
    form: {
      pattern: /^[A-Za-z0-9._-]{1,249}$/,
      expected: "the name of a topic",
      example: "behaviour-interaction",
    },
    text: "Topics that it is written to. Empty: all of the pack.",
  },
} as const satisfies OptionTable;
