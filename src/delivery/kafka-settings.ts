/**
 * What the producers are told. Two tables, because librdkafka has two kinds of properties and the
 * binding drops topic-level ones, without a word, from the first argument as soon as there is a
 * second: message.timeout.ms would silently be five minutes. `settingsProblem` compares with what
 * librdkafka itself says is in force.
 */
import { COMMIT_RECORDS_MAX } from "../limits/delivery.ts";
import type { Compression, KafkaSecurity } from "./delivery.ts";

/**
 * The longest that a broker which does not answer is waited for. Kafka's controller takes 9 s
 * (broker.session.timeout.ms) to call it dead; records that time out a little before find the next
 * leader at once, those that time out after would have waited for nothing.
 */
const SOCKET_TIMEOUT_MS_MAX = 8_500;

export type KafkaSettings = Readonly<Record<string, string | number | boolean>>;

export interface ProducerSettings {
  readonly global: KafkaSettings;
  readonly topic: KafkaSettings;
}

export interface ProducerTuning {
  readonly brokers: string;
  readonly clientId: string;
  readonly security: KafkaSecurity | null;
  readonly lingerMs: number;
  readonly compression: Compression;
  readonly messageTimeoutMs: number;
  /** One batch of records at most. */
  readonly messageBytesMax: number;
  /** Topics that are known when the producer is made. */
  readonly topics: number;
}

/** How librdkafka is reached; for producers and the admin client alike. */
export function connectionSettings(options: {
  readonly brokers: string;
  readonly clientId: string;
  readonly security: KafkaSecurity | null;
}): KafkaSettings {
  const settings: Record<string, string | number | boolean> = {
    "bootstrap.servers": options.brokers,
    "client.id": options.clientId,
    "socket.keepalive.enable": true,
    "log.connection.close": false,
    "reconnect.backoff.max.ms": 2_000,
  };
  const { security } = options;
  if (security === null) return settings;
  const entries: readonly Entry[] = [
    ["security.protocol", security.protocol],
    ["sasl.mechanisms", security.saslMechanism],
    ...credentials(security),
    ["ssl.ca.location", security.caFile],
    ["ssl.certificate.location", security.certificateFile],
    ["ssl.key.location", security.keyFile],
    ["ssl.key.password", security.keyPassword],
  ];
  for (const [name, value] of entries) {
    if (value !== undefined) settings[name] = value;
  }
  return settings;
}

type Entry = readonly [string, string | undefined];

function credentials({ saslUsername, saslPassword, oauth }: KafkaSecurity): readonly Entry[] {
  if (oauth === undefined) {
    return [
      ["sasl.username", saslUsername],
      ["sasl.password", saslPassword],
    ];
  }
  // librdkafka fetches and renews the tokens by itself, in a thread of its own.
  return [
    ["sasl.oauthbearer.method", "oidc"],
    ["sasl.oauthbearer.token.endpoint.url", oauth.tokenUrl],
    ["sasl.oauthbearer.client.id", saslUsername],
    ["sasl.oauthbearer.client.secret", saslPassword],
    ["sasl.oauthbearer.scope", oauth.scope],
    ["sasl.oauthbearer.extensions", oauth.extensions],
    ["https.ca.location", oauth.caFile],
  ];
}

/**
 * How old what a producer knows of leaders may be. A request to a broker that stands still is out
 * for SOCKET_TIMEOUT_MS_MAX, unless the metadata say first that somebody else leads. A spare that
 * sends nothing is told by no error, and would begin with a leader that has been dead for long.
 */
const METADATA_MS = 1_000;

/** Statistics are written out for every topic; with many topics they are made less often. */
const STATISTICS_MS = 50;
const STATISTICS_TOPICS = 4;

export function producerSettings(tuning: ProducerTuning): ProducerSettings {
  return {
    global: {
      ...connectionSettings(tuning),
      "enable.idempotence": true,
      "delivery.report.only.error": true,
      "linger.ms": tuning.lingerMs,
      "batch.num.messages": COMMIT_RECORDS_MAX,
      "batch.size": tuning.messageBytesMax,
      "message.max.bytes": tuning.messageBytesMax,
      // A lane hands over one commit at a time; the rest is room for records that are timing out.
      "queue.buffering.max.messages": 2 * COMMIT_RECORDS_MAX,
      // A black-holed leader is given up before the records are, so that they reach the next one.
      "socket.timeout.ms": socketTimeoutMs(tuning.messageTimeoutMs),
      "topic.metadata.refresh.interval.ms": METADATA_MS,
      // A deleted topic holds up its lane no longer than this.
      "topic.metadata.propagation.max.ms": 5_000,
      // Tells which partitions hold up a commit that hangs.
      "statistics.interval.ms": STATISTICS_MS * Math.ceil((tuning.topics + 1) / STATISTICS_TOPICS),
      dr_cb: true,
      event_cb: true,
      // Makes librdkafka say at start what is in force; nothing is logged per record.
      debug: "conf",
    },
    topic: {
      "request.required.acks": -1,
      "message.timeout.ms": tuning.messageTimeoutMs,
      "request.timeout.ms": tuning.messageTimeoutMs,
      "compression.codec": tuning.compression,
    },
  };
}

/** Properties a wrong value of which would break the promise. */
const VITAL = [
  "enable.idempotence",
  "delivery.report.only.error",
  "request.required.acks",
  "message.timeout.ms",
] as const;

/** One sentence if librdkafka's own account (`name = value` lines) differs from what was asked. */
export function settingsProblem(
  settings: ProducerSettings,
  inForce: ReadonlyMap<string, string>,
): string | null {
  for (const name of VITAL) {
    const asked = settings.topic[name] ?? settings.global[name];
    const found = inForce.get(name);
    if (found !== String(asked)) {
      return `librdkafka has ${name} = ${found ?? "its default"} in force and not ${asked}`;
    }
  }
  return null;
}

/**
 * `  message.timeout.ms = 15000`, as in librdkafka's log at creation; undefined for other lines.
 */
export function parseSettingLine(line: string): readonly [string, string] | undefined {
  const match = /\]:\s+([a-z0-9._]+) = (.*)$/.exec(line);
  const name = match?.[1];
  const value = match?.[2];
  return name === undefined || value === undefined ? undefined : [name, value.trim()];
}

/**
 * Well below the message timeout, so that a record finds its next leader in time, and below
 * GATHER_WAIT_MS: records that wait for a commit outlive a leader that stands still.
 */
function socketTimeoutMs(messageTimeoutMs: number): number {
  return Math.min(SOCKET_TIMEOUT_MS_MAX, Math.max(1_000, Math.floor((messageTimeoutMs * 2) / 3)));
}
