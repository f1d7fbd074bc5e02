/**
 * `sluice doctor`: is Kafka there with every topic that is needed, and may sluice write to them?
 */
import type { TenantPolicy } from "../../admission/policy.ts";
import type { Config } from "../../config/options.ts";
import { inspectTopics, probeTopic } from "../../delivery/inspect.ts";
import type { KafkaAddress, TopicReport } from "../../delivery/inspect.ts";
import type { Pack } from "../../schema/pack.ts";
import { neededTopics } from "../../topics.ts";
import { findKafka } from "../places.ts";
import type { Finding } from "./finding.ts";

const TIMEOUT_MS = 5_000;

export interface KafkaWish {
  readonly config: Config;
  readonly pack: Pack;
  readonly tenants: ReadonlySet<TenantPolicy>;
  /** A topic that gets one record; undefined: none is written. */
  readonly probe: string | undefined;
}

export async function checkKafka(wish: KafkaWish): Promise<readonly Finding[]> {
  const { config, probe } = wish;
  if (config.kafkaBrokers.length === 0) {
    const text = "not set: a volatile broker inside the process, for trying out only";
    const finding: Finding = { check: "kafka", status: "ok", text };
    if (probe === undefined) return [finding];
    const why = "there is no Kafka to write a probe to";
    return [finding, { check: `probe ${probe}`, status: "failed", text: why, mend: NO_BROKERS }];
  }
  const address: KafkaAddress = { ...findKafka(config), timeoutMs: TIMEOUT_MS };
  const topics = neededTopics(wish, wish.tenants);
  const asked = new Set([...topics.keys(), ...(probe === undefined ? [] : [probe])]);
  const report = await inspectTopics(address, [...asked]);
  if (report.kind === "silent") {
    const text = `${address.brokers} gives no answer: ${report.detail}`;
    const command = `kafka-broker-api-versions.sh ${bootstrap(config)}`;
    return [{ check: "kafka", status: "failed", text, mend: UNREACHABLE, command }];
  }
  const needed = report.topics.filter(({ name }) => topics.has(name));
  const target = report.topics.find(({ name }) => name === probe);
  const there = needed.filter(({ kind }) => kind === "there").length;
  const text = `${address.brokers} answers; ${there} of ${topics.size} topics are there`;
  return [
    { check: "kafka", status: "ok", text },
    ...needed.map((topic) =>
      topicFinding(topic, { config, partitions: topics.get(topic.name) ?? 1 }),
    ),
    unseen(wish),
    ...(target === undefined ? [] : [await probeFinding(address, target)]),
  ];
}

const NO_BROKERS = "give --brokers or SLUICE_KAFKA_BROKERS";
const UNREACHABLE =
  "start Kafka, or correct SLUICE_KAFKA_BROKERS and the SLUICE_KAFKA_SASL_… and …_CA settings";

function topicFinding(
  topic: TopicReport,
  { config, partitions }: { readonly config: Config; readonly partitions: number },
): Finding {
  const check = `topic ${topic.name}`;
  switch (topic.kind) {
    case "there":
      return thereFinding(topic, config);
    case "missing":
      return missingFinding(topic.name, { config, partitions });
    case "denied":
      return { check, status: "failed", text: "sluice may not see it", ...grant(config, topic) };
    case "unclear":
      return { check, status: "warning", text: `Kafka does not tell: ${topic.detail}` };
    default:
      return topic satisfies never;
  }
}

function thereFinding(topic: Extract<TopicReport, { kind: "there" }>, config: Config): Finding {
  const { name, partitions, leaderless, lagging, replicas, mayWrite } = topic;
  const check = `topic ${name}`;
  const size = `${counted(partitions, "partition")}, ${counted(replicas, "replica")}`;
  if (mayWrite === false) {
    return { check, status: "failed", text: `${size}; no right to write`, ...grant(config, topic) };
  }
  const look = `kafka-topics.sh ${bootstrap(config)} --describe --topic ${name}`;
  if (leaderless > 0) {
    const text = `${size}; ${leaderless} have no leader`;
    const mend = "bring their brokers back: events for them wait, then are answered retry";
    return { check, status: "failed", text, mend, command: look };
  }
  if (lagging > 0) {
    const text = `${size}; ${lagging} have replicas that are not in sync`;
    const mend = "see which broker is down or slow";
    return { check, status: "warning", text, mend, command: look };
  }
  if (mayWrite === null) return { check, status: "unchecked", text: `${size}; rights not told` };
  return { check, status: "ok", text: `${size}; may be written to` };
}

function missingFinding(
  name: string,
  { config, partitions }: { readonly config: Config; readonly partitions: number },
): Finding {
  const check = `topic ${name}`;
  if (config.createTopics) {
    const text = `not there yet: made with ${counted(partitions, "partition")} when it is needed`;
    return { check, status: "ok", text };
  }
  // Events do not need these two.
  const isAside = name === config.sessionTopic || name === config.auditTopic;
  const effect = isAside ? "what belongs there is not announced" : "its events are answered retry";
  const wish = `--create --topic ${name} --partitions ${partitions}`;
  return {
    check,
    status: isAside ? "warning" : "failed",
    text: "does not exist, or not for sluice",
    mend: `until it is there, ${effect}; make it, or set SLUICE_CREATE_TOPICS=true`,
    command: `kafka-topics.sh ${bootstrap(config)} ${wish}`,
  };
}

function grant(
  config: Config,
  { name }: { readonly name: string },
): Pick<Finding, "mend" | "command"> {
  const user = config.kafkaSaslUsername === "" ? "USER" : config.kafkaSaslUsername;
  const wish = `--add --allow-principal User:${user} --operation Write --operation Describe`;
  return {
    mend: "give the user of sluice the operations Write and Describe",
    command: `kafka-acls.sh ${bootstrap(config)} ${wish} --topic ${name}`,
  };
}

/** What the Kafka client offers no question for. */
function unseen({ config, pack }: KafkaWish): Finding {
  const [topic = "TOPIC"] = pack.topics.keys();
  const text =
    "max.message.bytes and min.insync.replicas cannot be read from here; " +
    `sluice sends batches of up to ${config.kafkaMessageBytesMax} bytes`;
  const command = `kafka-configs.sh ${bootstrap(config)} --describe --all --topic ${topic}`;
  return { check: "topic settings", status: "unchecked", text, command };
}

async function probeFinding(
  address: KafkaAddress,
  { kind, name: topic }: TopicReport,
): Promise<Finding> {
  const check = `probe ${topic}`;
  if (kind === "missing") {
    const mend = "name a topic that is there: a probe makes none";
    return { check, status: "failed", text: "the topic does not exist, or not for sluice", mend };
  }
  const value = `{"probe":"sluice doctor","at":"${new Date().toISOString()}"}`;
  const report = await probeTopic(address, { topic, value });
  if (report.kind === "stored") {
    const text = `a record was stored ${Math.round(report.tookMs)} ms after connecting began`;
    return { check, status: "ok", text };
  }
  const mend = "see what the broker logs about it";
  return { check, status: "failed", text: `no record was stored: ${report.detail}`, mend };
}

function bootstrap(config: Config): string {
  const security = config.kafkaSecurityProtocol === "plaintext" ? "" : " --command-config FILE";
  return `--bootstrap-server ${config.kafkaBrokers.join(",")}${security}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
