/** Rows of the option table: who sluice is to Kafka's brokers, and how it knows them. */
import type { OptionTable } from "./rule.ts";

export const KAFKA_SECURITY_OPTIONS = {
  kafkaSecurityProtocol: {
    group: "kafka",
    type: "choice",
    default: "plaintext",
    choices: ["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"],
    text: "How to speak to the brokers.",
  },
  kafkaSaslMechanism: {
    group: "kafka",
    type: "choice",
    default: "PLAIN",
    choices: ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"],
    text: "SASL mechanism, with a sasl_* protocol.",
  },
  kafkaSaslUsername: {
    group: "kafka",
    type: "text",
    default: "",
    text: "SASL user, with a sasl_* protocol; the client's id with OAUTHBEARER.",
  },
  kafkaSaslPassword: {
    group: "kafka",
    type: "text",
    default: "",
    secret: true,
    text: "SASL password, with a sasl_* protocol; the client's secret with OAUTHBEARER.",
  },
  kafkaOauthTokenUrl: {
    group: "kafka",
    type: "text",
    default: "",
    form: {
      pattern: /^https?:\/\/[^\s/?#]+\S*$/,
      expected: "an http or https URL",
      example: "https://id.example/realms/shop/protocol/openid-connect/token",
    },
    text:
      "Where tokens for the brokers are fetched (OAuth 2 client credentials), with OAUTHBEARER. " +
      "They are renewed before they end.",
  },
  kafkaOauthScope: {
    group: "kafka",
    type: "text",
    default: "",
    form: { pattern: /^\S+( \S+)*$/, expected: "names with a space between", example: "kafka" },
    text: "Scope those tokens are asked for. Empty: what the issuer gives without.",
  },
  kafkaOauthExtensions: {
    group: "kafka",
    type: "text",
    default: "",
    form: {
      pattern: /^[A-Za-z]+=[^,=\s]+(,[A-Za-z]+=[^,=\s]+)*$/,
      expected: "name=value, with commas between",
      example: "logicalCluster=lkc-1,identityPoolId=pool-1",
    },
    text: "SASL extensions sent with each token (RFC 7628).",
  },
  kafkaOauthCaFile: {
    group: "kafka",
    type: "text",
    default: "",
    form: { pattern: /./, expected: "a file", example: "/etc/sluice/id-ca.crt" },
    text: "Authorities (PEM) that sign that URL's host. Empty: the system's.",
  },
  kafkaCaLocation: {
    group: "kafka",
    type: "text",
    default: "",
    text: "File of the certificate authorities (PEM) that sign the brokers. Empty: the system's.",
  },
} as const satisfies OptionTable;
