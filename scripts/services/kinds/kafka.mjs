/**
 * Apache Kafka in KRaft mode, every node broker and controller at once: `kafka` has one node,
 * `kafka3` three with replication factor 3 and two in-sync replicas. Listeners of a node:
 * PLAINTEXT, SASL_SSL (user sluice; SCRAM-SHA-256, SCRAM-SHA-512 or PLAIN), PROXIED (advertises
 * another port, on which a fault proxy can listen) and CONTROLLER.
 */
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { artifactFolder, cachedArtifact, fetchMavenLibraries } from "../artifacts.mjs";
import { certificateFiles, ensureCertificates } from "../certificates.mjs";
import { answersKafka } from "../readiness.mjs";
import { runCommand } from "../run-command.mjs";

const LIBRARIES = { name: "kafka", version: "4.3.1" };
const DEPENDENCIES = [
  { group: "org.apache.kafka", artifact: "kafka_2.13", version: LIBRARIES.version },
  { group: "org.apache.kafka", artifact: "kafka-tools", version: LIBRARIES.version },
  { group: "org.apache.logging.log4j", artifact: "log4j-slf4j-impl", version: "2.25.4" },
];
/** 16 bytes in base64url; the same for every cluster, since none ever meets another. */
const CLUSTER_ID = "c2x1aWNlLWthZmthLWRldg";
const USER = "sluice";
const PASSWORD = "sluice-secret";
const SCRAM = ["SCRAM-SHA-256", "SCRAM-SHA-512"];

/** Small heap, one collector thread, no second compiler: half the memory of the defaults. */
const JVM_FLAGS = [
  "-Xms128m",
  "-Xmx256m",
  "-XX:MaxDirectMemorySize=128m",
  "-XX:+UseSerialGC",
  "-XX:TieredStopAtLevel=1",
];

const LOG_PROPERTIES = `appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=[%d] %p %m (%c)%n
rootLogger.level=info
rootLogger.appenderRef.console.ref=console
`;

/** Purposes of one node's ports; nobody but a fault proxy ever listens on `proxy`. */
const NODE_PORTS = { plaintext: 0, controller: 1, saslSsl: 2, proxied: 5, proxy: 6 };

export const kafka = kafkaOf({ name: "kafka", nodePortFirst: [19_092] });
export const kafka3 = kafkaOf({ name: "kafka3", nodePortFirst: [19_192, 19_292, 19_392] });

function kafkaOf({ name, nodePortFirst }) {
  const nodes = nodePortFirst.map((_, index) => index + 1);
  const ports = {};
  for (const [index, first] of nodePortFirst.entries()) {
    for (const [purpose, step] of Object.entries(NODE_PORTS)) {
      ports[portName(nodes.length, index + 1, purpose)] = first + step;
    }
  }
  return {
    name,
    summary: `Apache Kafka ${LIBRARIES.version}, number of nodes: ${nodes.length}`,
    ports,
    portsOfOthers: nodes.map((node) => portName(nodes.length, node, "proxy")),
    prerequisites: ["java", "maven", "openssl"],
    startTimeoutMs: 120_000,
    stopPatienceMs: 20_000,
    install: (progress) =>
      cachedArtifact(LIBRARIES, (folder) => fetchMavenLibraries(DEPENDENCIES, folder), progress),
    configure: async (context) => {
      await ensureCertificates(join(context.directory, "tls"));
      await writeFile(join(context.directory, "log4j2.properties"), LOG_PROPERTIES);
      for (const node of nodes) await configureNode(context, { node, nodes });
    },
    processes: (context) => nodes.map((node) => nodeProcess(context, { node, nodes })),
    addresses: (context) => addressesOf(context, nodes),
  };
}

function portName(nodeCount, node, purpose) {
  return nodeCount === 1 ? purpose : `node${node}.${purpose}`;
}

/** Kafka reads keys of token issuers only from addresses that are allowed to its process. */
function allowedUrls(settings) {
  const urls = Object.entries(settings)
    .filter(([name]) => name.endsWith("sasl.oauthbearer.jwks.endpoint.url"))
    .map(([, url]) => url);
  if (urls.length === 0) return [];
  return [`-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${urls.join(",")}`];
}

function nodeProcess(context, { node, nodes }) {
  const { directory, ports, settings, javaFlags = JVM_FLAGS } = context;
  const purposes = Object.keys(NODE_PORTS).filter((purpose) => purpose !== "proxy");
  return {
    name: nodes.length === 1 ? "broker" : `node${node}`,
    program: "java",
    programArguments: [
      ...javaFlags,
      ...allowedUrls(settings),
      "-cp",
      join(artifactFolder(LIBRARIES), "*"),
      `-Dlog4j2.configurationFile=${join(directory, "log4j2.properties")}`,
      "kafka.Kafka",
      propertiesFile(directory, node),
    ],
    ports: purposes.map((purpose) => portName(nodes.length, node, purpose)),
    isReady: () => answersKafka(ports[portName(nodes.length, node, "plaintext")]),
  };
}

function addressesOf({ directory, ports }, nodes) {
  const list = (host, purpose) =>
    nodes.map((node) => `${host}:${ports[portName(nodes.length, node, purpose)]}`).join(",");
  return {
    address: list("127.0.0.1", "plaintext"),
    saslSsl: list("localhost", "saslSsl"),
    username: USER,
    password: PASSWORD,
    certificateAuthority: certificateFiles(join(directory, "tls")).authority,
    proxied: list("127.0.0.1", "proxied"),
    proxy: list("127.0.0.1", "proxy"),
  };
}

async function configureNode(context, { node, nodes }) {
  const { directory } = context;
  const dataDirectory = join(directory, "data", `node${node}`);
  await mkdir(dataDirectory, { recursive: true });
  await writeFile(
    propertiesFile(directory, node),
    renderProperties(nodeProperties(context, { node, nodes, dataDirectory })),
  );
  if (existsSync(join(dataDirectory, "meta.properties"))) return;
  context.progress(`formatting the storage of node ${node}`);
  await runCommand(
    "java",
    [
      ...JVM_FLAGS,
      "-cp",
      join(artifactFolder(LIBRARIES), "*"),
      "kafka.tools.StorageTool",
      "format",
      "-t",
      CLUSTER_ID,
      "-c",
      propertiesFile(directory, node),
      ...SCRAM.flatMap((each) => ["--add-scram", `${each}=[name=${USER},password=${PASSWORD}]`]),
    ],
    { directory, purpose: "format Kafka's storage" },
  );
}

function propertiesFile(directory, node) {
  return join(directory, `node${node}.properties`);
}

/** Java's properties format, one `name=value` a line. */
export function renderProperties(properties) {
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}

/** The configuration of one node; `context.settings` replace and add single properties. */
export function nodeProperties(context, { node, nodes, dataDirectory }) {
  const { directory, ports, settings } = context;
  const portOf = (purpose, ofNode = node) => ports[portName(nodes.length, ofNode, purpose)];
  const voters = nodes.map((each) => `${each}@127.0.0.1:${portOf("controller", each)}`);
  const certificates = certificateFiles(join(directory, "tls"));
  const security = "org.apache.kafka.common.security";
  const loginOf = "listener.name.sasl_ssl";
  const plainLogin = `${security}.plain.PlainLoginModule required user_${USER}="${PASSWORD}";`;
  const scramLogin = `${security}.scram.ScramLoginModule required;`;
  return {
    "process.roles": "broker,controller",
    "node.id": node,
    "controller.quorum.voters": voters.join(","),
    listeners: [
      `PLAINTEXT://127.0.0.1:${portOf("plaintext")}`,
      `SASL_SSL://127.0.0.1:${portOf("saslSsl")}`,
      `PROXIED://127.0.0.1:${portOf("proxied")}`,
      `CONTROLLER://127.0.0.1:${portOf("controller")}`,
    ].join(","),
    "advertised.listeners": [
      `PLAINTEXT://127.0.0.1:${portOf("plaintext")}`,
      `SASL_SSL://localhost:${portOf("saslSsl")}`,
      `PROXIED://127.0.0.1:${portOf("proxy")}`,
    ].join(","),
    "listener.security.protocol.map":
      "PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "sasl.enabled.mechanisms": [...SCRAM, "PLAIN"].join(","),
    [`${loginOf}.plain.sasl.jaas.config`]: plainLogin,
    ...Object.fromEntries(
      SCRAM.map((each) => [`${loginOf}.${each.toLowerCase()}.sasl.jaas.config`, scramLogin]),
    ),
    "ssl.keystore.type": "PEM",
    "ssl.keystore.location": certificates.keyStore,
    "ssl.truststore.type": "PEM",
    "ssl.truststore.location": certificates.authority,
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
    "allow.everyone.if.no.acl.found": true,
    "log.dirs": dataDirectory,
    "auto.create.topics.enable": false,
    ...replicationProperties(nodes.length),
    "unclean.leader.election.enable": false,
    "group.initial.rebalance.delay.ms": 0,
    "num.network.threads": 2,
    "num.io.threads": 4,
    "log.segment.bytes": 67_108_864,
    "log.cleaner.dedupe.buffer.size": 8_388_608,
    "broker.session.timeout.ms": 6_000,
    "broker.heartbeat.interval.ms": 1_000,
    ...settings,
  };
}

function replicationProperties(nodeCount) {
  const replicas = nodeCount;
  const inSync = Math.min(2, nodeCount);
  return {
    "default.replication.factor": replicas,
    "min.insync.replicas": inSync,
    "offsets.topic.replication.factor": replicas,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": replicas,
    "transaction.state.log.min.isr": inSync,
    "transaction.state.log.num.partitions": 4,
    "share.coordinator.state.topic.replication.factor": replicas,
    "share.coordinator.state.topic.min.isr": inSync,
  };
}
