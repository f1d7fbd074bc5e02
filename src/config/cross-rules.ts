/**
 * What has to hold between options. Each rule returns a sentence that names the settings which
 * clash, by their variables, or nothing. Rules see finished values only.
 */
import { isIP } from "node:net";
import { COMMIT_DEADLINE_MS, MESSAGE_TIMEOUT_MS, STREAM_DEADLINE_MS } from "../limits/delivery.ts";
import { RECORD_OVERHEAD_BYTES } from "../limits/events.ts";
import type { Config } from "./options.ts";

export type CrossRule = (config: Config) => string | undefined;

/** Deadlines that follow from how long Kafka may take over one record; each outlives the last. */
export interface Deadlines {
  readonly messageTimeoutMs: number;
  /** A commit's flush. */
  readonly commitMs: number;
  /** Every WebSocket event has its outcome by then. */
  readonly streamMs: number;
}

export function deadlines(config: Pick<Config, "kafkaMessageTimeoutMs">): Deadlines {
  const messageTimeoutMs = config.kafkaMessageTimeoutMs;
  return {
    messageTimeoutMs,
    commitMs: messageTimeoutMs + (COMMIT_DEADLINE_MS - MESSAGE_TIMEOUT_MS),
    streamMs: messageTimeoutMs + (STREAM_DEADLINE_MS - MESSAGE_TIMEOUT_MS),
  };
}

/** The parts that run inside the process because no address was given for the real one. */
export function embeddedParts(
  config: Pick<Config, "kafkaBrokers" | "redisUrl" | "registryUrl">,
): readonly string[] {
  const parts = [];
  if (config.kafkaBrokers.length === 0) {
    parts.push("SLUICE_KAFKA_BROKERS");
  }
  if (config.redisUrl === "") {
    parts.push("SLUICE_REDIS_URL");
  }
  if (config.registryUrl.length === 0) {
    parts.push("SLUICE_REGISTRY_URL");
  }
  return parts;
}

/** True for addresses only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.[0-9]{1,3}){3}$/.test(host);
}

const saslNeedsCredentials: CrossRule = (config) => {
  const { kafkaSecurityProtocol: protocol } = config;
  if (!protocol.startsWith("sasl")) {
    return undefined;
  }
  const missing =
    config.kafkaSaslUsername === ""
      ? "SLUICE_KAFKA_SASL_USERNAME"
      : config.kafkaSaslPassword === ""
        ? "SLUICE_KAFKA_SASL_PASSWORD"
        : undefined;
  return missing === undefined
    ? undefined
    : `SLUICE_KAFKA_SECURITY_PROTOCOL is ${protocol} but ${missing} is not set.`;
};

const credentialsNeedSasl: CrossRule = (config) => {
  if (config.kafkaSecurityProtocol.startsWith("sasl")) {
    return undefined;
  }
  const name =
    config.kafkaSaslUsername !== ""
      ? "SLUICE_KAFKA_SASL_USERNAME"
      : config.kafkaSaslPassword !== ""
        ? "SLUICE_KAFKA_SASL_PASSWORD"
        : undefined;
  return name === undefined
    ? undefined
    : `${name} is set but SLUICE_KAFKA_SECURITY_PROTOCOL is ${config.kafkaSecurityProtocol}, ` +
        "which does not use it; set it to sasl_ssl or sasl_plaintext.";
};

const OAUTH_SETTINGS = {
  kafkaOauthTokenUrl: "SLUICE_KAFKA_OAUTH_TOKEN_URL",
  kafkaOauthScope: "SLUICE_KAFKA_OAUTH_SCOPE",
  kafkaOauthExtensions: "SLUICE_KAFKA_OAUTH_EXTENSIONS",
  kafkaOauthCaFile: "SLUICE_KAFKA_OAUTH_CA_FILE",
} as const;

const oauthOnly: CrossRule = (config) => {
  const { kafkaSecurityProtocol: protocol, kafkaSaslMechanism: mechanism } = config;
  if (protocol.startsWith("sasl") && mechanism === "OAUTHBEARER") {
    return config.kafkaOauthTokenUrl === ""
      ? "SLUICE_KAFKA_SASL_MECHANISM is OAUTHBEARER but SLUICE_KAFKA_OAUTH_TOKEN_URL is not set."
      : undefined;
  }
  const names = Object.keys(OAUTH_SETTINGS) as (keyof typeof OAUTH_SETTINGS)[];
  const set = names.find((name) => config[name] !== "");
  return set === undefined
    ? undefined
    : `${OAUTH_SETTINGS[set]} is set but only OAUTHBEARER uses it, as ` +
        "SLUICE_KAFKA_SASL_MECHANISM with a sasl_* SLUICE_KAFKA_SECURITY_PROTOCOL.";
};

const registryCredentials: CrossRule = (config) => {
  const user = config.registryUsername !== "";
  const password = config.registryPassword !== "";
  const token = config.registryToken !== "";
  if (token && (user || password)) {
    const other = user ? "SLUICE_REGISTRY_USERNAME" : "SLUICE_REGISTRY_PASSWORD";
    return `SLUICE_REGISTRY_TOKEN and ${other} are both set; use one kind of credentials.`;
  }
  if (user !== password) {
    return user
      ? "SLUICE_REGISTRY_USERNAME is set but SLUICE_REGISTRY_PASSWORD is not."
      : "SLUICE_REGISTRY_PASSWORD is set but SLUICE_REGISTRY_USERNAME is not.";
  }
  if ((user || token) && config.registryUrl.length === 0) {
    const name = token ? "SLUICE_REGISTRY_TOKEN" : "SLUICE_REGISTRY_USERNAME";
    return `${name} is set but SLUICE_REGISTRY_URL is not, so no registry would be asked.`;
  }
  return undefined;
};

const wholeCertificate: CrossRule = (config) => {
  const { tlsCertFile, tlsKeyFile, tlsClientCaFile } = config;
  if (tlsCertFile === "" && tlsKeyFile === "" && tlsClientCaFile === "") return undefined;
  const missing =
    tlsCertFile === "" ? "SLUICE_TLS_CERT_FILE" : tlsKeyFile === "" ? "SLUICE_TLS_KEY_FILE" : null;
  return missing === null ? undefined : `TLS needs a certificate and its key; set ${missing}.`;
};

const readableProxies: CrossRule = (config) => {
  for (const entry of config.trustedProxies) {
    const [address = "", prefix] = entry.split("/");
    const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
    if (bits < 0 || Number(prefix ?? 0) > bits) {
      return `SLUICE_TRUSTED_PROXIES has ${entry}, which is neither an address nor a CIDR block.`;
    }
  }
  return undefined;
};

const redisAuthorities: CrossRule = ({ redisCaFile, redisUrl }) =>
  redisCaFile !== "" && !redisUrl.startsWith("rediss://")
    ? "SLUICE_REDIS_CA_FILE is set but SLUICE_REDIS_URL does not begin with rediss://: no TLS."
    : undefined;

const sentinelsOfRedis: CrossRule = ({ redisSentinels, redisUrl }) =>
  redisSentinels.length > 0 && redisUrl === ""
    ? "SLUICE_REDIS_SENTINELS is set but SLUICE_REDIS_URL is not; its host is the primary's name."
    : undefined;

const repeatedWriteKey: CrossRule = (config) => {
  const seen = new Set<string>();
  for (const [index, entry] of config.tenants.entries()) {
    const key = entry.slice(entry.indexOf("=") + 1);
    if (seen.has(key)) {
      return (
        `SLUICE_TENANTS gives the write key of entry ${index + 1} to an earlier entry too; ` +
        "a write key belongs to one tenant and source."
      );
    }
    seen.add(key);
  }
  return undefined;
};

export const CROSS_RULES: readonly CrossRule[] = [
  (config) =>
    config.port !== 0 && config.port === config.adminPort
      ? `SLUICE_PORT and SLUICE_ADMIN_PORT are both ${config.port}; they need different ports.`
      : undefined,
  (config) =>
    !isLoopback(config.host) && config.tenants.length === 0 && config.tenantsFile === ""
      ? `SLUICE_HOST is ${config.host}, which others can reach, but SLUICE_TENANTS is empty; ` +
        "give every sender a write key (SLUICE_TENANTS=acme/web=wk_5f1c9a, or a " +
        "SLUICE_TENANTS_FILE) or listen on 127.0.0.1."
      : undefined,
  (config) =>
    config.tenants.length > 0 && config.tenantsFile !== ""
      ? "SLUICE_TENANTS and SLUICE_TENANTS_FILE are both set; the file can hold all of them."
      : undefined,
  repeatedWriteKey,
  wholeCertificate,
  readableProxies,
  redisAuthorities,
  sentinelsOfRedis,
  (config) => {
    const parts = embeddedParts(config);
    return config.workers > 1 && parts.length > 0
      ? `SLUICE_WORKERS is ${config.workers} without ${parts.join(" and ")}; ` +
          "what is embedded lives in one process, so set it or use one worker."
      : undefined;
  },
  (config) =>
    config.workers > 1 && config.port === 0
      ? `SLUICE_WORKERS is ${config.workers} but SLUICE_PORT is 0; workers share one fixed port.`
      : undefined,
  saslNeedsCredentials,
  credentialsNeedSasl,
  oauthOnly,
  (config) =>
    config.kafkaCaLocation !== "" && !config.kafkaSecurityProtocol.endsWith("ssl")
      ? "SLUICE_KAFKA_CA_LOCATION is set but SLUICE_KAFKA_SECURITY_PROTOCOL is " +
        `${config.kafkaSecurityProtocol}, which does not use it; set it to ssl or sasl_ssl.`
      : undefined,
  (config) =>
    config.kafkaSecurityProtocol !== "plaintext" && config.kafkaBrokers.length === 0
      ? `SLUICE_KAFKA_SECURITY_PROTOCOL is ${config.kafkaSecurityProtocol} but ` +
        "SLUICE_KAFKA_BROKERS is not set; the embedded broker speaks plaintext only."
      : undefined,
  registryCredentials,
  (config) =>
    config.registerSchemas && config.registryUrl.length === 0
      ? "SLUICE_REGISTER_SCHEMAS is true but SLUICE_REGISTRY_URL is not set; " +
        "there is no registry to register with."
      : undefined,
  (config) =>
    config.kafkaLingerMs >= config.httpDeadlineMs
      ? `SLUICE_KAFKA_LINGER_MS (${config.kafkaLingerMs}) has to be below ` +
        `SLUICE_HTTP_DEADLINE_MS (${config.httpDeadlineMs}), or no request is confirmed in time.`
      : undefined,
  (config) =>
    config.kafkaLingerMs >= config.kafkaMessageTimeoutMs
      ? `SLUICE_KAFKA_LINGER_MS (${config.kafkaLingerMs}) has to be below ` +
        `SLUICE_KAFKA_MESSAGE_TIMEOUT_MS (${config.kafkaMessageTimeoutMs}); ` +
        "the Kafka client refuses to start otherwise."
      : undefined,
  (config) => {
    const { commitMs } = deadlines(config);
    return config.drainDeadlineMs < commitMs
      ? `SLUICE_DRAIN_DEADLINE_MS (${config.drainDeadlineMs}) has to be at least 5000 above ` +
          `SLUICE_KAFKA_MESSAGE_TIMEOUT_MS (${config.kafkaMessageTimeoutMs}), or a shutdown ` +
          "leaves before Kafka has judged every record."
      : undefined;
  },
  (config) =>
    config.drainDeadlineMs <= config.httpDeadlineMs
      ? `SLUICE_DRAIN_DEADLINE_MS (${config.drainDeadlineMs}) has to be above ` +
        `SLUICE_HTTP_DEADLINE_MS (${config.httpDeadlineMs}), or a shutdown cuts off requests.`
      : undefined,
  (config) =>
    config.sessionGapMs > config.sessionLengthMs
      ? `SLUICE_SESSION_GAP_MS (${config.sessionGapMs}) is above ` +
        `SLUICE_SESSION_LENGTH_MS (${config.sessionLengthMs}), so it would never end a session.`
      : undefined,
  (config) =>
    config.eventBytesMax > config.bodyBytesMax
      ? `SLUICE_EVENT_BYTES_MAX (${config.eventBytesMax}) is above SLUICE_BODY_BYTES_MAX ` +
        `(${config.bodyBytesMax}); such an event could never arrive.`
      : undefined,
  (config) =>
    config.eventBytesMax + RECORD_OVERHEAD_BYTES > config.kafkaMessageBytesMax
      ? `SLUICE_EVENT_BYTES_MAX (${config.eventBytesMax}) has to be at least ` +
        `${RECORD_OVERHEAD_BYTES} below SLUICE_KAFKA_MESSAGE_BYTES_MAX ` +
        `(${config.kafkaMessageBytesMax}), or Kafka would refuse whole batches for one event.`
      : undefined,
  (config) =>
    config.unackedEventsMax < config.frameEventsMax
      ? `SLUICE_UNACKED_EVENTS_MAX (${config.unackedEventsMax}) is below SLUICE_FRAME_EVENTS_MAX ` +
        `(${config.frameEventsMax}); a full request would always be refused.`
      : undefined,
];
