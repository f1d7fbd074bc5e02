import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadConfig } from "./config/load.ts";
import { whyNoRenewal } from "./primary.ts";

function load(...argv: string[]) {
  const flags = ["--kafka-brokers", "k:9092", "--redis-url", "redis://r", "--registry-url"];
  const all = [...flags, "http://registry", "--tenants", "acme=wk_5f1c9a", ...argv];
  return loadConfig({ argv: all, env: {}, readFile: () => "", isTty: false });
}

describe("whyNoRenewal", () => {
  const running = load();
  assert.ok(running.kind === "config", JSON.stringify(running));
  const { config } = running;

  it("lets new workers take what an edit changes", () => {
    assert.equal(whyNoRenewal(config, load("--log-level", "debug")), null);
  });

  it("names what is the primary's, or where the workers would part", () => {
    const edited = load("--port", "8081", "--workers", "7");
    assert.equal(whyNoRenewal(config, edited), "port, workers changed: that needs a restart");
  });

  it("says what is wrong with an edit", () => {
    assert.match(whyNoRenewal(config, load("--port", "many")) ?? "", /--port/);
  });
});
