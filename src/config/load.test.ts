import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { loadConfig, type LoadedConfig, type LoadInput, type LoadResult } from "./load.ts";
import { OPTIONS, type Config, type OptionName } from "./options.ts";
import { flagName, variableName, type OptionRule, type OptionValue } from "./rule.ts";
import { parseJson, parseText } from "./value.ts";

interface Given {
  readonly argv?: readonly string[];
  readonly env?: Record<string, string>;
  readonly file?: string;
}

function load(given: Given): LoadResult {
  const input: LoadInput = {
    argv: given.file === undefined ? (given.argv ?? []) : ["--config", "f", ...(given.argv ?? [])],
    env: given.env ?? {},
    readFile: () => given.file ?? "",
    isTty: false,
  };
  return loadConfig(input);
}

function loaded(given: Given): LoadedConfig {
  const result = load(given);
  assert.ok(result.kind === "config", JSON.stringify(result));
  return result;
}

function faults(given: Given): readonly string[] {
  const result = load(given);
  assert.ok(result.kind === "fault", "a fault is reported");
  return result.faults;
}

const RULES = Object.entries<OptionRule>(OPTIONS) as [OptionName, OptionRule][];

/** Settings without which the option under test would clash with another one. */
const COMPANIONS: Partial<Record<OptionName, Partial<Config>>> = {
  host: { tenants: ["acme=wk_1"] },
  workers: {
    kafkaBrokers: ["k:1"],
    redisUrl: "redis://r",
    registryUrl: ["http://s"],
  },
  kafkaSecurityProtocol: { kafkaBrokers: ["k:1"] },
  kafkaSaslUsername: sasl("kafkaSaslPassword"),
  kafkaSaslPassword: sasl("kafkaSaslUsername"),
  kafkaOauthTokenUrl: oauth(),
  kafkaOauthScope: oauth(),
  kafkaOauthExtensions: oauth(),
  kafkaOauthCaFile: oauth(),
  kafkaCaLocation: { kafkaBrokers: ["k:1"], kafkaSecurityProtocol: "ssl" },
  kafkaMessageTimeoutMs: { drainDeadlineMs: 600_000 },
  registryUsername: { registryUrl: ["http://s"], registryPassword: "p" },
  registryPassword: { registryUrl: ["http://s"], registryUsername: "u" },
  registryToken: { registryUrl: ["http://s"] },
  redisSentinels: { redisUrl: "redis://sessions" },
  redisCaFile: { redisUrl: "rediss://r" },
  registerSchemas: { registryUrl: ["http://s"] },
  sessionGapMs: { sessionLengthMs: 7 * 86_400_000 },
  sessionLengthMs: { sessionGapMs: 1_000 },
  bodyBytesMax: { eventBytesMax: 1_024 },
  eventBytesMax: { bodyBytesMax: 4_194_304 },
  tlsCertFile: { tlsKeyFile: "tls.key" },
  tlsKeyFile: { tlsCertFile: "tls.crt" },
  tlsClientCaFile: { tlsCertFile: "tls.crt", tlsKeyFile: "tls.key" },
  frameEventsMax: { unackedEventsMax: 100_000 },
  unackedEventsMax: { frameEventsMax: 1 },
  httpDeadlineMs: { drainDeadlineMs: 600_000, kafkaLingerMs: 0 },
  drainDeadlineMs: { kafkaMessageTimeoutMs: 1_000, httpDeadlineMs: 100 },
};

function sasl(other: "kafkaSaslUsername" | "kafkaSaslPassword"): Partial<Config> {
  return { kafkaBrokers: ["k:1"], kafkaSecurityProtocol: "sasl_ssl", [other]: "x" };
}

function oauth(): Partial<Config> {
  return {
    ...sasl("kafkaSaslUsername"),
    kafkaSaslPassword: "p",
    kafkaSaslMechanism: "OAUTHBEARER",
    kafkaOauthTokenUrl: "https://id/token",
  };
}

/** Sound values that are not the default, from the edges of what the option takes. */
function samples(rule: OptionRule): OptionValue[] {
  switch (rule.type) {
    case "integer":
      // The least drain deadline has to outlive the least message timeout by the commit's margin.
      return [rule.min, rule.max, rule.default + 1].filter((value) => value <= rule.max);
    case "boolean":
      return [!rule.default, rule.default];
    case "choice":
      return [...rule.choices].filter((choice) => !choice.startsWith("sasl"));
    case "text":
      return [rule.form?.example ?? "some text"];
    case "list":
      return [(rule.form?.example ?? "a").split(","), [...rule.default]];
    default:
      return rule satisfies never;
  }
}

function write(value: OptionValue): string {
  return Array.isArray(value) ? value.join(",") : String(value);
}

function isReachable(option: OptionName, value: OptionValue): boolean {
  return option !== "drainDeadlineMs" || Number(value) >= 6_000;
}

describe("loadConfig", () => {
  for (const [option, rule] of RULES) {
    it(`${option}, every kind of value, is the same by flag, variable and file`, () => {
      for (const value of samples(rule).filter((sample) => isReachable(option, sample))) {
        const companions = JSON.stringify(COMPANIONS[option] ?? {});
        const text = write(value);
        const ways: Given[] = [
          { argv: [`${flagName(option)}=${text}`], file: companions },
          { env: { [variableName(option)]: text }, file: companions },
          { file: JSON.stringify({ ...JSON.parse(companions), [option]: value }) },
        ];
        if (text !== "") {
          ways.push({ argv: [flagName(option), text], file: companions });
        }
        for (const way of ways) {
          assert.deepEqual(loaded(way).config[option], value, JSON.stringify(way));
        }
      }
    });

    it(`${option}, a value of the wrong type or out of range, is a fault naming it`, () => {
      const wrong =
        rule.type === "integer" ? [rule.min - 1, rule.max + 1, 1.5, "1", null] : [null, {}, 7];
      for (const value of wrong) {
        const [sentence = ""] = faults({ file: JSON.stringify({ [option]: value }) });
        assert.match(sentence, new RegExp(`^${option} in f is .* but should be `));
      }
      if (rule.type === "integer" || rule.type === "boolean" || rule.type === "choice") {
        const [sentence = ""] = faults({ env: { [variableName(option)]: "so-so" } });
        assert.match(sentence, new RegExp(`^${variableName(option)} is "so-so" but should be `));
      }
    });

    it(`${option}, its default, is itself a sound value`, () => {
      assert.equal(parseJson(rule, rule.default).kind, "value");
      assert.deepEqual(parseText(rule, write(rule.default)), parseJson(rule, rule.default));
    });
  }

  it("flag over variable over file over default, each with its source", () => {
    const file = JSON.stringify({ port: 1, adminPort: 2, workers: 1, logLevel: "warn" });
    const { config, sources } = loaded({
      argv: ["--port", "3"],
      env: { SLUICE_PORT: "4", SLUICE_ADMIN_PORT: "5" },
      file,
    });
    assert.deepEqual([config.port, config.adminPort, config.logLevel], [3, 5, "warn"]);
    assert.deepEqual(
      [sources.port, sources.adminPort, sources.logLevel, sources.pack],
      ["flag", "variable", "file", "default"],
    );
  });

  it("the result is frozen, lists too", () => {
    const { config } = loaded({ argv: ["--kafka-brokers", "a:1, b:2"] });
    assert.deepEqual(config.kafkaBrokers, ["a:1", "b:2"]);
    assert.ok(Object.isFrozen(config) && Object.isFrozen(config.kafkaBrokers));
  });

  it("switches: bare, negated, with a value", () => {
    assert.equal(loaded({ argv: ["--create-topics"] }).config.createTopics, true);
    assert.equal(loaded({ argv: ["--create-topics", "--port", "1"] }).config.createTopics, true);
    assert.equal(loaded({ argv: ["--create-topics", "false"] }).config.createTopics, false);
    const file = JSON.stringify({ createTopics: true });
    assert.equal(loaded({ argv: ["--no-create-topics"], file }).config.createTopics, false);
  });

  it("an empty variable counts as not set, variables of tests and services are left alone", () => {
    const env = {
      SLUICE_PORT: "",
      SLUICE_TEST_KAFKA: "k:1",
      SLUICE_SERVICES_DIR: "/x",
      HOME: "/y",
    };
    assert.equal(loaded({ env }).sources.port, "default");
  });

  it("SLUICE_CONFIG names the file, --config wins over it", () => {
    const read: string[] = [];
    const readFile = (path: string) => {
      read.push(path);
      return "{}";
    };
    const env = { SLUICE_CONFIG: "a.json" };
    loadConfig({ argv: [], env, readFile, isTty: false });
    loadConfig({ argv: ["--config=b.json"], env, readFile, isTty: false });
    assert.deepEqual(read, ["a.json", "b.json"]);
  });

  it("unknown names are faults with the nearest known one", () => {
    const cases: [Given, RegExp][] = [
      [
        { argv: ["--kafka-broker", "a:1"] },
        /^--kafka-broker is not a flag.*mean --kafka-brokers\?$/,
      ],
      [{ env: { SLUICE_PROT: "1" } }, /^SLUICE_PROT is not a variable.*mean SLUICE_PORT\?$/],
      [{ file: '{"redisURL":"x"}' }, /^redisURL in f is not a setting.*mean redisUrl\?$/],
      [{ file: '{"__proto__x":1}' }, /^__proto__x in f is not a setting.*--help lists/],
      [{ file: '{"toString":1}' }, /^toString in f is not a setting/],
      [{ argv: ["8080"] }, /^"8080" is not expected here/],
      [{ argv: ["--port"] }, /^--port needs a value\.$/],
      [{ argv: ["--port", "1", "--port=2"] }, /^--port is given twice\.$/],
      [{ argv: ["--no-port"] }, /^--no-port does not exist/],
    ];
    for (const [given, sentence] of cases) {
      const found = faults(given);
      assert.equal(found.length, 1, JSON.stringify(found));
      assert.match(found[0] ?? "", sentence);
    }
  });

  it("variables injected by Kubernetes are explained", () => {
    for (const [name, value] of [
      ["SLUICE_PORT", "tcp://10.0.0.1:80"],
      ["SLUICE_SERVICE_HOST", "10.0.0.1"],
      ["SLUICE_PORT_80_TCP_ADDR", "10.0.0.1"],
    ] as const) {
      assert.match(faults({ env: { [name]: value } })[0] ?? "", /enableServiceLinks: false/);
    }
  });

  it("every fault is reported, not only the first", () => {
    const found = faults({
      argv: ["--nope", "x", "--port", "x"],
      env: { SLUICE_WORKERS: "129" },
      file: '{"pack": ""}',
    });
    assert.equal(found.length, 4, JSON.stringify(found));
  });

  it("an unreadable or broken file is one sentence", () => {
    assert.match(faults({ file: "{" })[0] ?? "", /^The configuration file f is not JSON: /);
    assert.match(faults({ file: "[]" })[0] ?? "", /should be one JSON object/);
    const readFile = () => {
      throw new Error("ENOENT: no such file");
    };
    const result = loadConfig({ argv: ["--config", "gone"], env: {}, readFile, isTty: false });
    assert.deepEqual(result, {
      kind: "fault",
      faults: ["The configuration file gone cannot be read: ENOENT: no such file."],
    });
  });

  it("a secret with a fault is not shown", () => {
    const env = { SLUICE_TENANTS: "acme/web=k", SLUICE_REDIS_URL: "http://u:hush@h" };
    const text = faults({ env }).join("\n");
    assert.ok(!text.includes("acme/web=k ") && !text.includes("hush"), text);
  });

  it("--help wins over everything else", () => {
    assert.equal(load({ argv: ["--nope", "--help"] }).kind, "help");
    assert.equal(load({ argv: ["-h"] }).kind, "help");
  });
});
