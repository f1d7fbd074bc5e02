/**
 * Released Python packages, unchanged, against a running gateway: Segment's SDK and CloudEvents,
 * and 429 and 503 as the former takes them. They are installed into a folder of the test; without
 * `python3` it fails.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { Gateway } from "../gateway.ts";
import { RefusingProxy } from "./refusing-proxy.ts";
import { deadLetterIds, includes, only, storedEvents } from "./stored-events.ts";

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL("python_sdks.py", import.meta.url));
const PACKAGES = ["segment-analytics-python==2.4.0", "cloudevents==2.2.0", "requests==2.34.2"];

test("the Python SDKs: what they say is stored with its meaning", async (context) => {
  const directory = await mkdtemp(join(tmpdir(), "sluice-python-"));
  context.after(() => rm(directory, { recursive: true, force: true }));
  await run("python3", ["-m", "venv", directory]);
  const python = join(directory, "bin", "python");
  await run(python, ["-m", "pip", "install", "--quiet", "--no-input", ...PACKAGES]);
  await using gateway = await Gateway.start({ flags: ["--dead-letters", "raw"] });
  const proxy = await RefusingProxy.start(gateway.url);
  context.after(() => proxy.stop());
  proxy.refusals.push({ status: 503, retryAfterSeconds: 1 }, { status: 429, retryAfterSeconds: 2 });
  await run(python, [SCRIPT, proxy.url]);
  const seen = proxy.seen.slice(0, 3);
  assert.deepEqual(
    seen.map(({ status }) => status),
    [503, 429, 200],
  );
  const waited = (seen[2]?.atMs ?? 0) - (seen[1]?.atMs ?? 0);
  assert.ok(waited >= 1_990, `waited ${waited} ms`);
  const all = await storedEvents(gateway);
  for (const user of ["u-1", "u-gzip"]) {
    const events = all.filter(({ value }) => value["userId"] === user);
    assert.equal(events.length, 6, user);
    const track = only(events, "track");
    const properties = { revenue: 39.95, note: "größe ✓ 🌍" };
    includes(track.value, { event: "Order Completed", properties }, "track");
    assert.equal(track.value["timestamp"], Date.parse("2026-11-20T03:04:05.678Z"));
    const home = { name: "Home", category: "Docs", properties: { url: "https://shop.example/" } };
    includes(only(events, "page").value, { ...home, anonymousId: null }, "page");
    includes(only(events, "screen").value, { category: "Main" }, "screen");
    includes(only(events, "identify").value, { traits: { email: "jo@example.test" } }, "identify");
    includes(only(events, "group").value, { groupId: "g-1", traits: { name: "Acme" } }, "group");
    includes(only(events, "alias").value, { previousId: "anon-1" }, "alias");
  }
  assert.ok((await deadLetterIds(gateway, "behaviour-interaction")).includes("py-bad"));
  for (const mode of ["binary", "structured"]) {
    const found = all.find(({ header }) => header.id === `py-${mode}`);
    includes(found?.value, { event: "Größe" }, mode);
    assert.equal(found?.key, "p-1");
  }
  assert.equal(await gateway.stop(), 0);
});
