import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { helpText } from "./help.ts";
import { loadConfig, type LoadedConfig } from "./load.ts";
import { nearestName } from "./nearest.ts";
import { OPTIONS, type OptionName } from "./options.ts";
import { checkConfig, maskUserInfo, printConfig } from "./print.ts";
import { flagName, variableName } from "./rule.ts";

const NAMES = Object.keys(OPTIONS) as OptionName[];

function load(argv: readonly string[]): LoadedConfig {
  const result = loadConfig({ argv, env: {}, readFile: () => "{}", isTty: false });
  assert.ok(result.kind === "config", JSON.stringify(result));
  return result;
}

const SECRETS = [
  ["--kafka-brokers", "k:9092", "--kafka-security-protocol", "sasl_ssl"],
  ["--kafka-sasl-username", "me", "--kafka-sasl-password", "hush-1"],
  ["--redis-url", "redis://me:hush-2@cache:6379/0", "--tenants", "acme=hush-3"],
  ["--registry-url", "http://me:hush-4@one:8081,http://two", "--registry-token", "hush-5"],
].flat();

describe("printConfig", () => {
  it("shows every option with its source and no secret, as text and as JSON", () => {
    const loaded = load(SECRETS);
    const text = printConfig(loaded);
    const json = printConfig(loaded, { json: true });
    for (const name of NAMES) {
      assert.ok(text.includes(`${variableName(name)} `), name);
      assert.ok(json.includes(variableName(name)), name);
    }
    for (const shown of [text, json]) {
      assert.ok(!shown.includes("hush"), shown);
      assert.ok(shown.includes("redis://***@cache:6379/0"), shown);
      assert.ok(shown.includes("http://***@one:8081"), shown);
    }
    const parsed: unknown = JSON.parse(json);
    assert.deepEqual((parsed as Record<string, unknown>)["kafkaSaslUsername"], {
      value: "me",
      source: "flag",
      variable: "SLUICE_KAFKA_SASL_USERNAME",
    });
  });

  it("tells a secret that is not set from one that is", () => {
    const row = /^SLUICE_REGISTRY_TOKEN +default$/m;
    assert.match(printConfig(load([])), row);
    assert.match(printConfig(load(SECRETS)), /^SLUICE_REGISTRY_TOKEN +flag +\*\*\*$/m);
  });
});

describe("checkConfig", () => {
  it("sound settings are ok and name what is embedded", () => {
    const { ok, text } = checkConfig(load([]));
    assert.ok(ok);
    assert.match(text, /SLUICE_KAFKA_BROKERS, SLUICE_REDIS_URL, SLUICE_REGISTRY_URL/);
  });

  it("faults are listed, one a line", () => {
    const { ok, text } = checkConfig({ kind: "fault", faults: ["One.", "Two."] });
    assert.ok(!ok);
    assert.equal(text, "The configuration has 2 faults:\n- One.\n- Two.\n");
  });
});

describe("helpText", () => {
  it("names every flag, is at most 100 columns wide and plain off a terminal", () => {
    const text = helpText({ colour: false });
    for (const name of NAMES) {
      assert.ok(text.includes(`  ${flagName(name)} `), name);
    }
    for (const line of text.split("\n")) {
      assert.ok(line.length <= 100, line);
    }
    assert.ok(!text.includes("\u001b"));
    assert.ok(helpText({ colour: true }).includes("\u001b[1m"));
  });
});

describe("maskUserInfo", () => {
  it("hides what stands before the @ of a URL, wherever it is", () => {
    const cases = [
      ["redis://u:p@h:1/0", "redis://***@h:1/0"],
      ["redis://:p@w@h", "redis://***@h"],
      ["http://a,http://u:p@b", "http://a,http://***@b"],
      ["http://h/path@x", "http://h/path@x"],
      ["plain", "plain"],
    ] as const;
    for (const [text, masked] of cases) {
      assert.equal(maskUserInfo(text), masked);
    }
  });
});

describe("nearestName", () => {
  it("finds what was meant and stays silent on what was not", () => {
    const names = ["SLUICE_PORT", "SLUICE_HOST", "SLUICE_KAFKA_BROKERS"];
    assert.equal(nearestName("SLUICE_PROT", names), "SLUICE_PORT");
    assert.equal(nearestName("SLUICE_KAFKA_BROKER", names), "SLUICE_KAFKA_BROKERS");
    assert.equal(nearestName("WHATEVER_ELSE_IT_IS", names), undefined);
    assert.equal(nearestName("", []), undefined);
  });
});
