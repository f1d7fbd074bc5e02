/**
 * The load tests work: k6 runs the smoke scenario against a real gateway, the ledger agrees, the
 * report is there, and an objective that is missed fails the run.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import type { LoadSummary } from "../scripts/load/result.ts";

const SCRIPT = fileURLToPath(new URL("../scripts/load.ts", import.meta.url));

let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-load-"));
});

after(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function load(...words: readonly string[]) {
  const report = join(directory, "report.html");
  const child = spawn(process.execPath, [SCRIPT, "smoke", "--report", report, ...words], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const code = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const json = await readFile(join(directory, "report.json"), "utf8").catch(() => "null");
  const page = await readFile(report, "utf8").catch(() => "");
  // Written by the run itself.
  return { code, output, page, summary: JSON.parse(json) as LoadSummary | null };
}

test("smoke: every door works and the ledger agrees with its clients", async () => {
  const { code, output, page, summary } = await load("--duration", "3", "--ack-p99-ms", "0");
  assert.equal(code, 0, output);
  assert.ok(summary !== null && summary.gateway !== null, output);
  const { clients, gateway } = summary;
  assert.ok(clients.stored > 50 && clients.rejected > 5, output);
  assert.equal(gateway.stored, clients.stored);
  assert.equal(gateway.received, clients.sent);
  assert.ok(page.includes("✓ passed") && page.includes("<svg"));
});

test("an objective that is missed: the exit code says so", async () => {
  const { code, output } = await load("--duration", "1", "--ack-p99-ms", "0.001");
  assert.equal(code, 1, output);
  assert.match(output, /✗ ack_latency p\(99\)<0\.001/);
});
