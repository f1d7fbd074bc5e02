/**
 * The option table: every value an operator can set. Variables, flags, the help text, the typed
 * configuration and docs/configuration.md are derived from it. Durations are milliseconds, sizes
 * are bytes. What has to hold between options stands in cross-rules.ts.
 */
import { ACCESS_OPTIONS } from "./access-options.ts";
import { FAIRNESS_OPTIONS } from "./fairness-options.ts";
import { KAFKA_SECURITY_OPTIONS } from "./kafka-security-options.ts";
import {
  DRAIN_DEADLINE_MS,
  HTTP_DEADLINE_MS,
  MESSAGE_TIMEOUT_MS,
  UNACKED_BYTES_MAX,
  UNACKED_EVENTS_MAX,
} from "../limits/delivery.ts";
import {
  BODY_BYTES_MAX,
  EVENT_BYTES_MAX,
  FRAME_BYTES_MAX,
  FRAME_EVENTS_MAX,
  INFLATED_BYTES_MAX,
  KAFKA_MESSAGE_BYTES_MAX,
  TABLE_ROWS_MAX,
} from "../limits/events.ts";
import { STREAM_TTL_SECONDS, STREAM_OVERCOMMIT } from "../limits/streams.ts";
import { TELEMETRY_OPTIONS } from "./telemetry-options.ts";
import { REDIS_OPTIONS } from "./redis-options.ts";
import type { OptionTable, ValueOf } from "./rule.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const MIB = 1024 * 1024;

export const OPTIONS = {
  ...ACCESS_OPTIONS,

  kafkaBrokers: {
    group: "kafka",
    type: "list",
    default: [],
    itemsMax: 64,
    form: {
      pattern: /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$/,
      expected: "host:port",
      example: "kafka-1:9092,kafka-2:9092",
    },
    text: "Bootstrap brokers. Empty: a volatile broker inside the process.",
  },
  kafkaMessageTimeoutMs: {
    group: "kafka",
    type: "integer",
    default: MESSAGE_TIMEOUT_MS,
    min: 1_000,
    max: 5 * MINUTE_MS,
    text: "How long Kafka may take over one record. Afterwards its event is answered `retry`.",
  },
  kafkaMessageBytesMax: {
    group: "kafka",
    type: "integer",
    default: KAFKA_MESSAGE_BYTES_MAX,
    min: 40_000,
    max: KAFKA_MESSAGE_BYTES_MAX,
    text: "The smallest max.message.bytes of the topics, if one has less: batches stay below it.",
  },
  kafkaLanes: {
    group: "kafka",
    type: "integer",
    default: 0,
    min: 0,
    max: 16,
    text:
      "Producers of one process; UV_THREADPOOL_SIZE has to be two more, or fewer are used. 0: 4, " +
      "or with several workers 2 each.",
  },
  kafkaLingerMs: {
    group: "kafka",
    type: "integer",
    default: 5,
    min: 0,
    max: 1_000,
    text: "How long a producer waits for more records before it sends.",
  },
  kafkaCompression: {
    group: "kafka",
    type: "choice",
    default: "none",
    choices: ["none", "lz4", "zstd", "snappy", "gzip"],
    text: "Compression of record batches: less network and disk against CPU time here.",
  },
  ...KAFKA_SECURITY_OPTIONS,

  createTopics: {
    group: "kafka",
    type: "boolean",
    default: false,
    text: "Create the pack's topics where they are missing. Otherwise their events get `retry`.",
  },
  cloudEventsHeaders: {
    group: "kafka",
    type: "boolean",
    default: false,
    text: "Give records of CloudEvents their attributes as headers (ce_id, ce_source …).",
  },
  deadLetters: {
    group: "kafka",
    type: "choice",
    default: "off",
    choices: ["off", "none", "redacted", "raw"],
    text:
      "Write rejected events to <topic>.dlq with code, path and tenant. The value says what " +
      "becomes of the payload: none leaves it out, redacted keeps its hash, raw keeps it as sent.",
  },

  pack: {
    group: "schemas",
    type: "text",
    default: "behaviour",
    form: { pattern: /./, expected: "a pack's name or a directory", example: "commerce" },
    text: "Schema pack: a name (behaviour, aiops, commerce) or a directory with .avsc files.",
  },
  registryUrl: {
    group: "schemas",
    type: "list",
    default: [],
    itemsMax: 16,
    masked: true,
    form: {
      pattern: /^https?:\/\/[^\s,/?#][^\s,?#]*$/,
      expected: "an http or https URL",
      example: "http://registry:8081",
    },
    text:
      "Schema registry with the Confluent API; several URLs are tried in turn, each may have a " +
      "path. Empty: the schemas of the pack are served from inside the process.",
  },
  registryUsername: {
    group: "schemas",
    type: "text",
    default: "",
    text: "User for the registry (basic authentication).",
  },
  registryPassword: {
    group: "schemas",
    type: "text",
    default: "",
    secret: true,
    text: "Password for the registry (basic authentication).",
  },
  registryToken: {
    group: "schemas",
    type: "text",
    default: "",
    secret: true,
    text: "Bearer token for the registry, instead of user and password.",
  },
  registryRefreshMs: {
    group: "schemas",
    type: "integer",
    default: 30_000,
    min: 1_000,
    max: 24 * HOUR_MS,
    text: "How often the registry is asked for new versions.",
  },
  registerSchemas: {
    group: "schemas",
    type: "boolean",
    default: false,
    text: "Register the pack's schemas where they are missing. Otherwise a line names the command.",
  },
  privacySalt: {
    group: "schemas",
    type: "text",
    default: "",
    secret: true,
    form: {
      pattern: /^.{16,}$/s,
      expected: "at least 16 characters, better 32 random ones",
      example: "the output of: openssl rand -hex 32",
    },
    text:
      "Key of the HMAC-SHA-256 that fields with `sluice.privacy: hmac` are stored as. The same " +
      "in all processes; who changes it changes every hash. Empty: such schemas are refused.",
  },

  ...REDIS_OPTIONS,
  sessionGapMs: {
    group: "sessions",
    type: "integer",
    default: 30 * MINUTE_MS,
    min: 1_000,
    max: 24 * HOUR_MS,
    text: "A silence longer than this ends a session.",
  },
  sessionLengthMs: {
    group: "sessions",
    type: "integer",
    default: 24 * HOUR_MS,
    min: 1_000,
    max: 7 * 24 * HOUR_MS,
    text: "A session longer than this is cut.",
  },

  sessionTopic: {
    group: "sessions",
    type: "text",
    default: "sluice.sessions",
    form: {
      pattern: /^[A-Za-z0-9._-]{0,249}$/,
      expected: "the name of a topic",
      example: "sluice.sessions",
    },
    text: "Where the starts and ends of sessions are announced, as Avro. Empty: nowhere.",
  },
  auditTopic: {
    group: "sessions",
    type: "text",
    default: "sluice.audit",
    form: {
      pattern: /^[A-Za-z0-9._-]{0,249}$/,
      expected: "the name of a topic",
      example: "sluice.audit",
    },
    text: "Where it is noted who has erased a person's sessions, and when. Empty: nobody may.",
  },

  streamTtlMs: {
    group: "sessions",
    type: "integer",
    default: STREAM_TTL_SECONDS * 1_000,
    min: MINUTE_MS,
    max: 30 * 24 * HOUR_MS,
    text: "How long a stream is remembered after its last change, so that its client can resume.",
  },
  streamSecret: {
    group: "sessions",
    type: "text",
    default: "",
    secret: true,
    form: {
      pattern: /^.{16,}$/s,
      expected: "at least 16 characters, better 32 random ones",
      example: "the output of: openssl rand -hex 32",
    },
    text:
      "Signs the resume tokens of streams, the same in all processes. Empty: made once and kept " +
      "in Redis; without Redis it is random, and tokens end with the process.",
  },

  eventBytesMax: {
    group: "limits",
    type: "integer",
    default: EVENT_BYTES_MAX,
    min: 1_024,
    max: FRAME_BYTES_MAX,
    text: "Bytes of one event's JSON. A longer one is rejected as `too_large`.",
  },
  frameEventsMax: {
    group: "limits",
    type: "integer",
    default: FRAME_EVENTS_MAX,
    min: 1,
    max: TABLE_ROWS_MAX,
    text: "Events of one request or frame. More is refused whole (413, close 1009).",
  },
  bodyBytesMax: {
    group: "limits",
    type: "integer",
    default: BODY_BYTES_MAX,
    min: 1_024,
    max: INFLATED_BYTES_MAX,
    text: "Bytes of one HTTP body as sent. More is refused with 413.",
  },
  unackedEventsMax: {
    group: "limits",
    type: "integer",
    default: UNACKED_EVENTS_MAX,
    min: 1_000,
    max: 5_000_000,
    text: "Events waiting for Kafka in one process. Above it HTTP answers 503 and credit stops.",
  },
  unackedBytesMax: {
    group: "limits",
    type: "integer",
    default: UNACKED_BYTES_MAX,
    min: 8 * MIB,
    max: 16 * 1024 * MIB,
    text: "Bytes waiting for Kafka in one process. Above it HTTP answers 503 and credit stops.",
  },
  streamOvercommit: {
    group: "limits",
    type: "integer",
    default: STREAM_OVERCOMMIT,
    min: 1,
    max: 1_000,
    text:
      "Credit that all WebSocket clients together may hold unused, in multiples of " +
      "unackedEventsMax: not all send at once. Above it each is told the least.",
  },
  ...FAIRNESS_OPTIONS,

  httpDeadlineMs: {
    group: "limits",
    type: "integer",
    default: HTTP_DEADLINE_MS,
    min: 100,
    max: MINUTE_MS,
    text: "An HTTP request is answered by then; what Kafka has not confirmed is `retry`.",
  },
  drainDeadlineMs: {
    group: "limits",
    type: "integer",
    default: DRAIN_DEADLINE_MS,
    min: 1_000,
    max: 10 * MINUTE_MS,
    text: "How long a shutdown may take. Afterwards the process leaves with exit code 1.",
  },

  ...TELEMETRY_OPTIONS,

  workers: {
    group: "process",
    type: "integer",
    default: 0,
    min: 0,
    max: 128,
    text:
      "Processes that share the port. More than one needs Kafka, Redis and a registry. 0: one " +
      "for each core, but one only where any of these is embedded or the port is 0.",
  },
  logLevel: {
    group: "process",
    type: "choice",
    default: "info",
    choices: ["debug", "info", "warn", "error"],
    text: "Least level that is logged. Normal traffic logs nothing at info.",
  },
  logFormat: {
    group: "process",
    type: "choice",
    default: "auto",
    choices: ["auto", "json", "ecs", "pretty"],
    text:
      "json: lines on stdout. ecs: the same, by the Elastic Common Schema. pretty: for people, " +
      "on stderr. auto: pretty on a terminal.",
  },
  dataDir: {
    group: "process",
    type: "text",
    default: "",
    form: { pattern: /./, expected: "a directory", example: "/var/lib/sluice" },
    text: "Directory of the run file and of the schema snapshot. Empty: .run in the checkout.",
  },

  postgresUrl: {
    group: "postgres",
    type: "text",
    default: "",
    secret: true,
    form: {
      pattern: /^$|^postgres(ql)?:\/\/.+$/s,
      expected: "postgres://user:password@host:port/database",
      example: "postgres://sluice:secret@db-1:5432/events",
    },
    text: "Where `sluice sink postgres` writes. The gateway itself does not use it.",
  },
} as const satisfies OptionTable;

export type OptionName = keyof typeof OPTIONS;

/** The whole configuration, frozen. Empty text or list: not set. */
export type Config = { readonly [Name in OptionName]: ValueOf<(typeof OPTIONS)[Name]> };
