/** What is written for the servers, and what is told to those who use them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { archiveFileName, renderPom, repositoryFolder } from "./artifacts.mjs";
import { DEFINITIONS, definitionOf } from "./catalog.mjs";
import { nodeProperties, renderProperties } from "./kinds/kafka.mjs";
import { serverSettings, unprivileged } from "./kinds/postgres.mjs";
import { renderPrometheusConfiguration } from "./kinds/prometheus.mjs";
import { directivesByProcess } from "./kinds/redis-ha.mjs";
import { renderRedisConfiguration } from "./kinds/redis.mjs";
import { sharedProxies } from "./kinds/toxiproxy.mjs";
import { cacheFolder } from "./places.mjs";
import { goMinorVersion, javaMajorVersion } from "./prerequisites.mjs";
import { environmentOf, sharedContext, shiftPorts } from "./shared.mjs";

function contextOf(name, settings = {}) {
  return { ...sharedContext(name, { portOffset: 0 }), directory: "/run dir", settings };
}

describe("nodeProperties", () => {
  it("one node: its own voter, no replication, the proxy's port advertised", () => {
    const properties = nodeProperties(contextOf("kafka"), {
      node: 1,
      nodes: [1],
      dataDirectory: "/data",
    });
    assert.equal(properties["controller.quorum.voters"], "1@127.0.0.1:19093");
    assert.match(properties["advertised.listeners"], /PROXIED:\/\/127\.0\.0\.1:19098$/u);
    assert.match(properties.listeners, /PROXIED:\/\/127\.0\.0\.1:19097,/u);
    assert.equal(properties["default.replication.factor"], 1);
    assert.equal(properties["min.insync.replicas"], 1);
    assert.equal(properties["auto.create.topics.enable"], false);
  });

  it("three nodes: three voters, three replicas, two of them in sync", () => {
    const properties = nodeProperties(contextOf("kafka3"), {
      node: 2,
      nodes: [1, 2, 3],
      dataDirectory: "/data",
    });
    assert.equal(
      properties["controller.quorum.voters"],
      "1@127.0.0.1:19193,2@127.0.0.1:19293,3@127.0.0.1:19393",
    );
    assert.match(properties.listeners, /^PLAINTEXT:\/\/127\.0\.0\.1:19292,/u);
    assert.equal(properties["transaction.state.log.replication.factor"], 3);
    assert.equal(properties["transaction.state.log.min.isr"], 2);
  });

  it("settings: replace and add properties", () => {
    const context = contextOf("kafka", {
      "broker.session.timeout.ms": 2000,
      "message.max.bytes": 9,
    });
    const properties = nodeProperties(context, { node: 1, nodes: [1], dataDirectory: "/data" });
    assert.equal(properties["broker.session.timeout.ms"], 2000);
    assert.equal(properties["message.max.bytes"], 9);
  });

  it("every listener: bound to the loopback address", () => {
    const properties = nodeProperties(contextOf("kafka"), {
      node: 1,
      nodes: [1],
      dataDirectory: "/data",
    });
    for (const listener of properties.listeners.split(",")) {
      assert.match(listener, /^[A-Z_]+:\/\/127\.0\.0\.1:\d+$/u);
    }
  });
});

describe("configuration files", () => {
  it("renderProperties: one line each", () => {
    assert.equal(renderProperties({ "a.b": 1, c: "x=y" }), "a.b=1\nc=x=y\n");
  });

  it("renderRedisConfiguration: loopback, both ports, paths quoted, settings last", () => {
    const text = renderRedisConfiguration(contextOf("redis", { maxmemory: "32mb" }));
    assert.match(text, /^bind 127\.0\.0\.1$/mu);
    assert.match(text, /^port 19379$/mu);
    assert.match(text, /^tls-port 19380$/mu);
    assert.match(text, /^aclfile "\/run dir\/users\.acl"$/mu);
    assert.match(text, /^maxmemory 32mb$/mu);
    assert.doesNotMatch(text, /256mb/u);
  });

  it("directivesByProcess: the replica follows the primary, Sentinel watches it", () => {
    const { primary, replica, sentinel } = directivesByProcess(contextOf("redis-ha"));
    assert.equal(primary.replicaof, undefined);
    assert.equal(replica.replicaof, "127.0.0.1 19479");
    assert.equal(sentinel["sentinel monitor"], "sessions 127.0.0.1 19479 1");
    assert.equal(new Set([primary.dir, replica.dir, sentinel.dir]).size, 3);
  });

  it("renderPrometheusConfiguration: both targets", () => {
    const text = renderPrometheusConfiguration(["127.0.0.1:9464", "127.0.0.1:19090"]);
    assert.match(text, /targets: \["127\.0\.0\.1:9464"\]/u);
    assert.match(text, /targets: \["127\.0\.0\.1:19090"\]/u);
  });

  it("sharedProxies: offset before and behind the proxy", () => {
    const ports = shiftPorts(definitionOf("toxiproxy").ports, 1000);
    const [kafka] = sharedProxies(ports, 1000);
    assert.deepEqual(kafka, {
      name: "kafka",
      listen: "127.0.0.1:20098",
      upstream: "127.0.0.1:20097",
      enabled: true,
    });
  });

  it("renderPom: every dependency", () => {
    const pom = renderPom([{ group: "g", artifact: "a", version: "1" }]);
    assert.match(pom, /<groupId>g<\/groupId><artifactId>a<\/artifactId><version>1<\/version>/u);
  });

  it("archiveFileName: with and without a classifier", () => {
    assert.equal(archiveFileName("g:a:1.2:tar.gz:all"), "a-1.2-all.tar.gz");
    assert.equal(archiveFileName("g:a:1.2:zip"), "a-1.2.zip");
  });

  it("repositoryFolder: a folder for each part of the group", () => {
    assert.match(repositoryFolder("io.x:a:1.2:zip"), /\/sluice\/maven\/io\/x\/a\/1\.2$/u);
  });
});

describe("ports", () => {
  it("shared servers: no port is used twice, at one offset or at the next", () => {
    const used = DEFINITIONS.flatMap(({ ports, portsOfOthers = [] }) =>
      Object.entries(ports)
        .filter(([purpose]) => !portsOfOthers.includes(purpose))
        .map(([, port]) => port),
    );
    const both = [...used, ...used.map((port) => port + 1000)];
    assert.equal(new Set(both).size, both.length);
  });

  it("shiftPorts, beyond the last port: refused with a sentence", () => {
    assert.throws(
      () => shiftPorts({ plaintext: 19092 }, 50_000),
      /gives plaintext the port 69092/u,
    );
  });

  it("the fault proxy before kafka: on the port that kafka advertises for it", () => {
    assert.equal(definitionOf("toxiproxy").ports.kafka, definitionOf("kafka").ports.proxy);
  });
});

describe("postgres", () => {
  it("settings: replace and add parameters; only the loopback address is listened on", () => {
    const settings = serverSettings({ tcp: 7 }, { max_connections: 5, work_mem: "1MB" });
    assert.equal(settings.port, 7);
    assert.equal(settings.max_connections, 5);
    assert.equal(settings.work_mem, "1MB");
    assert.equal(settings.listen_addresses, "127.0.0.1");
    assert.equal(settings.unix_socket_directories, "");
  });

  it("root: runs as nobody; anyone else: as himself", () => {
    assert.deepEqual(unprivileged("initdb", ["-D", "d"], 1000), {
      program: "initdb",
      programArguments: ["-D", "d"],
    });
    const { program, programArguments } = unprivileged("initdb", ["-D", "d"], 0);
    assert.equal(program, "setpriv");
    assert.ok(programArguments.includes("--reuid=65534"));
    assert.deepEqual(programArguments.slice(-3), ["initdb", "-D", "d"]);
  });
});

describe("environmentOf", () => {
  const kafka = { address: "127.0.0.1:1", saslSsl: "localhost:2", certificateAuthority: "/ca" };

  it("servers that do not run: no variable", () => {
    assert.deepEqual(environmentOf({}), []);
    assert.deepEqual(Object.fromEntries(environmentOf({ registry: { url: "http://r" } })), {
      SLUICE_TEST_REGISTRY: "http://r",
      SLUICE_REGISTRY_URL: "http://r",
    });
  });

  it("kafka and kafka3: one node comes first, three stand in for it", () => {
    const kafka3 = { ...kafka, address: "127.0.0.1:3" };
    const both = Object.fromEntries(environmentOf({ kafka3, kafka }));
    assert.equal(both.SLUICE_TEST_KAFKA, "127.0.0.1:1");
    assert.equal(both.SLUICE_KAFKA_BROKERS, "127.0.0.1:1");
    const three = Object.fromEntries(environmentOf({ kafka3 }));
    assert.equal(three.SLUICE_TEST_KAFKA, "127.0.0.1:3");
  });
});

describe("the machine", () => {
  it("cacheFolder: XDG_CACHE_HOME when absolute, else below the home folder", () => {
    assert.equal(cacheFolder({ XDG_CACHE_HOME: "/caches" }), "/caches/sluice");
    assert.match(cacheFolder({ XDG_CACHE_HOME: "relative" }), /\/\.cache\/sluice$/u);
    assert.match(cacheFolder({}), /\/\.cache\/sluice$/u);
  });

  it("versions of java and go: read from what they print", () => {
    assert.equal(javaMajorVersion('openjdk version "17.0.15" 2025-04-15'), 17);
    assert.equal(javaMajorVersion('java version "1.8.0_401"'), 1);
    assert.equal(javaMajorVersion("no such thing"), Number.NaN);
    assert.equal(goMinorVersion("go version go1.26.8 linux/amd64"), 26);
    assert.equal(goMinorVersion("go version devel"), Number.NaN);
  });
});
