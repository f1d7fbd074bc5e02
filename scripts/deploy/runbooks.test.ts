import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { COMMANDS, START } from "../../src/cli/commands.ts";
import { SINK_ADMIN_DEFAULT } from "../../src/cli/sink-postgres.ts";
import { OPTIONS } from "../../src/config/options.ts";
import { createAdminServer, type HealthReport } from "../../src/telemetry/admin.ts";
import { MetricRegistry } from "../../src/telemetry/metric-registry.ts";
import { sinkMetrics } from "../../src/telemetry/sink-metrics.ts";
import { SilentLogger } from "../../src/telemetry/silent-logger.ts";
import { ALERTS } from "./rules.ts";

/** Of the admin ports, unless an option says otherwise. */
const GATEWAY_PORT = String(OPTIONS.adminPort.default);
const SINK_PORT = SINK_ADMIN_DEFAULT.split(":")[1];

const folder = fileURLToPath(new URL("../../docs/runbooks", import.meta.url));

interface CommandLine {
  readonly page: string;
  readonly text: string;
}

/** Lines of the shell blocks of all runbooks. */
function commandLines(): CommandLine[] {
  return readdirSync(folder).flatMap((page) => {
    const blocks = readFileSync(`${folder}/${page}`, "utf8").matchAll(/^```sh\n(.*?)^```$/gms);
    return [...blocks]
      .flatMap(([, block = ""]) => block.split("\n"))
      .filter((line) => line !== "")
      .map((text) => ({ page, text }));
  });
}

/** What is wrong with a line that begins with ./sluice; null: nothing. */
function inspectSluice(text: string): string | null {
  const words = text.split(" ").slice(1);
  const command = COMMANDS.find(({ name }) => `${words.join(" ")} `.startsWith(`${name} `));
  if (command === undefined) return words[0] === START.name ? null : "there is no such command";
  const options = words.filter((word) => word.startsWith("--")).map((word) => word.slice(2));
  const wrong = options.find((option) => !(option in command.options));
  return wrong === undefined ? null : `${command.name} has no option --${wrong}`;
}

describe("runbooks", () => {
  it("every alert has one, and each is of an alert", () => {
    const pages = readdirSync(folder).filter((page) => page !== "README.md");
    assert.deepEqual(pages.toSorted(), ALERTS.map(({ name }) => `${name}.md`).toSorted());
  });

  it("all have the same four parts, and what they link to exists", () => {
    for (const { name } of ALERTS) {
      const text = readFileSync(`${folder}/${name}.md`, "utf8");
      const parts = [...text.matchAll(/^##? (.*)$/gm)].map(([, title]) => title);
      assert.deepEqual(parts, [name, "Meaning", "Impact", "Diagnosis", "Mitigation"], name);
      for (const [, target = ""] of text.matchAll(/\]\(([^)#]+)\)/g)) {
        assert.ok(existsSync(`${folder}/${target}`), `${name} links to ${target}`);
      }
    }
  });

  it("their commands exist, with their options", () => {
    const found = commandLines()
      .filter(({ text }) => text.startsWith("./sluice"))
      .flatMap(({ page, text }) => {
        const sentence = inspectSluice(text);
        return sentence === null ? [] : [`${page}: ${text}: ${sentence}`];
      });
    assert.deepEqual(found, []);
    assert.equal(inspectSluice("./sluice wrong"), "there is no such command");
    assert.equal(inspectSluice("./sluice tail t --wrong"), "tail has no option --wrong");
  });

  it("the routes they ask exist, and so do the metrics they look for", async () => {
    const good = (): HealthReport => ({ ok: true, state: "ready", reasons: [] });
    const registry = new MetricRegistry({ nodeMetrics: true });
    const metrics = [...(await registry.snapshot()), ...Object.values(sinkMetrics(["events"]))].map(
      ({ name }) => name,
    );
    const server = createAdminServer({
      host: "127.0.0.1",
      port: 0,
      health: { live: good, ready: good, started: good },
      metrics: async () => "",
      log: new SilentLogger(),
    });
    const url = await server.start();
    try {
      for (const { page, text } of commandLines()) {
        if (!text.startsWith("curl")) continue;
        const [, port, path = ""] = /localhost:(\d+)(\S*)/.exec(text) ?? [];
        assert.equal((await fetch(url + path)).status, 200, `${page}: ${text}`);
        const isOfSink = text.includes("sluice_sink_") || page.startsWith("SluiceSink");
        assert.equal(port, isOfSink ? SINK_PORT : GATEWAY_PORT, `${page}: ${text}`);
        const prefix = /grep '\^(\w+)'/.exec(text)?.[1];
        if (prefix === undefined) continue;
        const bare = prefix.replace(/_bucket$/, "");
        assert.ok(
          metrics.some((name) => name.startsWith(bare)),
          `${page}: ${text}`,
        );
      }
    } finally {
      await server.stop();
    }
  });
});
