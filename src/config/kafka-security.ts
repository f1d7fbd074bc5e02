/**
 * The settings of Kafka's security → what its clients are told. The gateway and every command that
 * speaks to Kafka read it here; none of them knows the settings.
 */
import type { Config } from "./options.ts";

/** null: brokers that ask for nothing. */
export function kafkaSecurity(config: Config) {
  const protocol = config.kafkaSecurityProtocol;
  if (protocol === "plaintext") return null;
  return {
    protocol,
    ...(protocol.startsWith("sasl_") && saslSettings(config)),
    ...(config.kafkaCaLocation !== "" && { caFile: config.kafkaCaLocation }),
  };
}

function saslSettings(config: Config) {
  const oauth = oauthSettings(config);
  return {
    saslMechanism: config.kafkaSaslMechanism,
    saslUsername: config.kafkaSaslUsername,
    saslPassword: config.kafkaSaslPassword,
    ...(oauth !== null && { oauth }),
  };
}

function oauthSettings(config: Config) {
  if (config.kafkaSaslMechanism !== "OAUTHBEARER") return null;
  const { kafkaOauthTokenUrl: tokenUrl, kafkaOauthScope: scope } = config;
  const { kafkaOauthExtensions: extensions, kafkaOauthCaFile: caFile } = config;
  return {
    tokenUrl,
    ...(scope !== "" && { scope }),
    ...(extensions !== "" && { extensions }),
    ...(caFile !== "" && { caFile }),
  };
}
