import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { deadlines, isLoopback } from "./cross-rules.ts";
import { loadConfig } from "./load.ts";
import type { Config } from "./options.ts";
import { DEMO_ENTRY, writeKeys } from "./tenants.ts";

function faults(settings: Partial<Config>): readonly string[] {
  const readFile = () => JSON.stringify(settings);
  const result = loadConfig({ argv: ["--config", "f"], env: {}, readFile, isTty: false });
  return result.kind === "fault" ? result.faults : [];
}

const REAL = {
  kafkaBrokers: ["k:9092"],
  redisUrl: "redis://r",
  registryUrl: ["http://s"],
} as const;

const OAUTH = {
  kafkaSecurityProtocol: "sasl_ssl",
  kafkaSaslMechanism: "OAUTHBEARER",
  kafkaSaslUsername: "u",
  kafkaSaslPassword: "p",
  kafkaOauthTokenUrl: "https://id/token",
} as const;

/** Settings that clash, and the names the sentence has to hold. */
const CLASHES: readonly (readonly [Partial<Config>, ...string[]])[] = [
  [{ port: 9464 }, "SLUICE_PORT", "SLUICE_ADMIN_PORT"],
  [{ host: "0.0.0.0" }, "SLUICE_HOST", "SLUICE_TENANTS"],
  [{ host: "::" }, "SLUICE_HOST", "SLUICE_TENANTS"],
  [{ tenants: ["a=same", "b=same"] }, "SLUICE_TENANTS"],
  [{ tenants: ["a=same"], tenantsFile: "t.json" }, "SLUICE_TENANTS", "SLUICE_TENANTS_FILE"],
  [{ tlsCertFile: "a.crt" }, "SLUICE_TLS_KEY_FILE"],
  [{ tlsClientCaFile: "a.crt" }, "SLUICE_TLS_CERT_FILE"],
  [{ redisSentinels: ["s:26379"] }, "SLUICE_REDIS_SENTINELS", "SLUICE_REDIS_URL"],
  [{ workers: 2 }, "SLUICE_WORKERS", "SLUICE_KAFKA_BROKERS", "SLUICE_REDIS_URL"],
  [{ ...REAL, workers: 2, registryUrl: [] }, "SLUICE_WORKERS", "SLUICE_REGISTRY_URL"],
  [{ ...REAL, workers: 2, port: 0 }, "SLUICE_WORKERS", "SLUICE_PORT"],
  [
    { ...REAL, kafkaSecurityProtocol: "sasl_ssl" },
    "SLUICE_KAFKA_SECURITY_PROTOCOL",
    "SLUICE_KAFKA_SASL_USERNAME",
  ],
  [
    { ...REAL, kafkaSaslPassword: "p" },
    "SLUICE_KAFKA_SECURITY_PROTOCOL",
    "SLUICE_KAFKA_SASL_PASSWORD",
  ],
  [
    { ...REAL, ...OAUTH, kafkaOauthTokenUrl: "" },
    "SLUICE_KAFKA_SASL_MECHANISM",
    "SLUICE_KAFKA_OAUTH_TOKEN_URL",
  ],
  [
    { ...REAL, ...OAUTH, kafkaSaslMechanism: "PLAIN" },
    "SLUICE_KAFKA_OAUTH_TOKEN_URL",
    "SLUICE_KAFKA_SASL_MECHANISM",
  ],
  [{ ...REAL, kafkaOauthScope: "s" }, "SLUICE_KAFKA_OAUTH_SCOPE", "SLUICE_KAFKA_SECURITY_PROTOCOL"],
  [
    { ...REAL, kafkaCaLocation: "ca.pem" },
    "SLUICE_KAFKA_CA_LOCATION",
    "SLUICE_KAFKA_SECURITY_PROTOCOL",
  ],
  [{ kafkaSecurityProtocol: "ssl" }, "SLUICE_KAFKA_SECURITY_PROTOCOL", "SLUICE_KAFKA_BROKERS"],
  [{ ...REAL, registryUsername: "u" }, "SLUICE_REGISTRY_USERNAME", "SLUICE_REGISTRY_PASSWORD"],
  [
    { ...REAL, registryToken: "t", registryPassword: "p" },
    "SLUICE_REGISTRY_TOKEN",
    "SLUICE_REGISTRY_PASSWORD",
  ],
  [{ registryToken: "t" }, "SLUICE_REGISTRY_TOKEN", "SLUICE_REGISTRY_URL"],
  [{ registerSchemas: true }, "SLUICE_REGISTER_SCHEMAS", "SLUICE_REGISTRY_URL"],
  [
    { eventBytesMax: 200_000, kafkaMessageBytesMax: 200_000 },
    "SLUICE_EVENT_BYTES_MAX",
    "SLUICE_KAFKA_MESSAGE_BYTES_MAX",
  ],
  [
    { kafkaLingerMs: 500, httpDeadlineMs: 400 },
    "SLUICE_KAFKA_LINGER_MS",
    "SLUICE_HTTP_DEADLINE_MS",
  ],
  [
    { kafkaLingerMs: 1_000, kafkaMessageTimeoutMs: 1_000 },
    "SLUICE_KAFKA_LINGER_MS",
    "SLUICE_KAFKA_MESSAGE_TIMEOUT_MS",
  ],
  [
    { kafkaMessageTimeoutMs: 30_000 },
    "SLUICE_DRAIN_DEADLINE_MS",
    "SLUICE_KAFKA_MESSAGE_TIMEOUT_MS",
  ],
  [{ httpDeadlineMs: 40_000 }, "SLUICE_DRAIN_DEADLINE_MS", "SLUICE_HTTP_DEADLINE_MS"],
  [
    { sessionGapMs: 3_000, sessionLengthMs: 2_000 },
    "SLUICE_SESSION_GAP_MS",
    "SLUICE_SESSION_LENGTH_MS",
  ],
  [{ bodyBytesMax: 2_000 }, "SLUICE_EVENT_BYTES_MAX", "SLUICE_BODY_BYTES_MAX"],
  [
    { unackedEventsMax: 1_000, frameEventsMax: 2_000 },
    "SLUICE_UNACKED_EVENTS_MAX",
    "SLUICE_FRAME_EVENTS_MAX",
  ],
];

describe("CROSS_RULES", () => {
  for (const [settings, ...names] of CLASHES) {
    it(`${names.join(" against ")} is one sentence that names them`, () => {
      const found = faults(settings);
      assert.equal(found.length, 1, JSON.stringify(found));
      const [sentence = ""] = found;
      for (const name of names) {
        assert.ok(sentence.includes(name), sentence);
      }
      assert.match(sentence, /\.$/);
    });
  }

  it("a public host with tenants, many workers with real services, are sound", () => {
    assert.deepEqual(faults({ ...REAL, host: "0.0.0.0", tenants: ["a=wk_1"], workers: 4 }), []);
  });

  it("port 0 twice is no clash", () => {
    assert.deepEqual(faults({ port: 0, adminPort: 0 }), []);
  });
});

describe("deadlines", () => {
  it("each outlives the one before it, whatever the message timeout", () => {
    for (const kafkaMessageTimeoutMs of [1_000, 15_000, 300_000]) {
      const { messageTimeoutMs, commitMs, streamMs } = deadlines({ kafkaMessageTimeoutMs });
      assert.ok(messageTimeoutMs === kafkaMessageTimeoutMs);
      assert.ok(messageTimeoutMs < commitMs && commitMs < streamMs);
    }
  });
});

describe("isLoopback", () => {
  it("tells addresses of this machine from others", () => {
    for (const host of ["127.0.0.1", "127.1.2.3", "localhost", "::1"]) {
      assert.ok(isLoopback(host), host);
    }
    for (const host of ["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example.org", "localhost.x"]) {
      assert.ok(!isLoopback(host), host);
    }
  });
});

describe("writeKeys", () => {
  it("reads tenant, source and key; only demo without tenants", () => {
    assert.deepEqual(writeKeys({ tenants: [] }), [DEMO_ENTRY]);
    assert.deepEqual(writeKeys({ tenants: ["acme=wk_1", "acme/web=wk_2"] }), [
      { tenant: "acme", source: "default", writeKey: "wk_1" },
      { tenant: "acme", source: "web", writeKey: "wk_2" },
    ]);
  });
});
