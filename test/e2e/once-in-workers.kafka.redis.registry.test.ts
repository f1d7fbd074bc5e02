/**
 * What two workers with real servers do once, and not each: the canary visits Kafka, an edit of
 * keys is noted, topics are there at the start; the primary shows the schemas they hold, and
 * refuses edits it cannot take.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { keyDigest } from "../../src/admission/keys.ts";
import { freePort } from "../free-port.ts";
import { Gateway } from "../gateway.ts";
import { testService } from "../services.ts";
import { readAll } from "./read-back.ts";
import { makeStreamPack } from "./stream-rows.ts";

const auditTopic = `sluice-test-audit-${randomUUID()}`;
let directory: string;
let gateway: Gateway;
let topic: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-e2e-"));
  const made = await makeStreamPack(directory);
  topic = made.topic;
  await writeTenants("wk_first");
  await writeConfig("127.0.0.1");
  const servers = [
    ["--kafka-brokers", testService("kafka"), "--create-topics"],
    ["--redis-url", testService("redis")],
    ["--registry-url", testService("registry"), "--register-schemas"],
  ].flat();
  const files = ["tenants", "config"].map((name) => [`--${name}`, join(directory, `${name}.json`)]);
  const [[, tenantsFile = ""] = [], config = []] = files;
  gateway = await Gateway.start({
    port: await freePort(),
    adminPort: await freePort(),
    flags: [
      ...[...servers, ...config, "--tenants-file", tenantsFile, "--audit-topic", auditTopic],
      ...["--pack", made.pack, "--workers", "2", "--canary-interval-ms", "100"],
      ...["--dead-letters", "none"],
    ],
  });
});

after(async () => {
  await gateway[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

async function writeTenants(...keys: readonly string[]): Promise<void> {
  const writeKeys = keys.map((name) => ({ sha256: keyDigest(name) }));
  const file = { tenants: { shop: { sources: { web: { writeKeys } } } } };
  await writeFile(join(directory, "tenants.json"), JSON.stringify(file));
}

async function writeConfig(host: string): Promise<void> {
  await writeFile(join(directory, "config.json"), JSON.stringify({ host }));
}

/** Log lines with this message, when there are so many. */
async function lines(message: string, count: number): Promise<readonly string[]> {
  for (;;) {
    const found = gateway.output.split("\n").filter((line) => line.includes(`"msg":"${message}"`));
    if (found.length >= count) return found;
    await delay(50);
  }
}

/** The processes whose canaries have been in the topic, in their order. */
async function canaries(): Promise<readonly string[]> {
  const records = await readAll(testService("kafka"), [topic]);
  const marks = records.flatMap(({ headers }) => {
    assert.deepEqual(
      headers.map(([name]) => name),
      ["sluice-canary"],
    );
    return headers.map(([, mark]) => Buffer.from(mark).toString());
  });
  return [...new Set(marks.map((mark) => mark.slice(0, mark.lastIndexOf("-"))))];
}

const SEEN = 'sluice_canary_visits_total{result="seen"}';

async function seen(visits: number): Promise<void> {
  while ((await gateway.metric(SEEN)) < visits) await delay(50);
}

/** How many events of one bad one are refused for good, and not to be sent again. */
async function refused(key: string): Promise<number> {
  const events = [{ type: "search", id: randomUUID(), data: {} }];
  const response = await gateway.post(JSON.stringify({ events }), { "x-write-key": key });
  const { rejected } = (await response.json()) as { readonly rejected: readonly object[] };
  return rejected.length;
}

test("topics of dead letters are there before the first event that is refused", async () => {
  assert.equal(await refused("wk_first"), 1);
});

test("one canary for all workers, in a real Kafka; another worker's when its own dies", async () => {
  await seen(4);
  assert.ok((await gateway.metric("sluice_canary_freshness_seconds_count")) >= 4);
  assert.ok((await gateway.metric("sluice_canary_age_seconds")) < 60);
  const [first, ...others] = await canaries();
  assert.deepEqual(others, []);
  // The first that was ready is on duty; whichever it is, a rolling restart ends both.
  gateway.signal("SIGHUP");
  await lines("rolling restart done", 1);
  const visits = await gateway.metric(SEEN);
  await seen(visits + 2);
  const all = await canaries();
  assert.equal(all[0], first);
  assert.ok(all.length > 1 && all.length <= 3, all.join(" "));
  assert.equal(await gateway.metric('sluice_canary_visits_total{result="missing"}'), 0);
});

test("the primary's admin port answers for the schemas that its workers hold", async () => {
  const ask = async (path: string): Promise<unknown> =>
    (await fetch(`${gateway.adminUrl}${path}`)).json();
  const subjects = (await ask("/subjects")) as readonly string[];
  const subject = subjects.find((name) => name.startsWith(topic));
  assert.ok(subject !== undefined, subjects.join(" "));
  const latest = await ask(`/subjects/${encodeURIComponent(subject)}/versions/latest`);
  const { id, schema } = latest as { readonly id: number; readonly schema: string };
  assert.deepEqual(await ask(`/schemas/ids/${id}`), { schema });
  assert.equal((await fetch(`${gateway.adminUrl}/schemas/ids/0`)).status, 404);
});

test("an edit of keys that both workers read is noted once", async () => {
  await writeTenants("wk_first", "wk_second");
  await lines("tenants file read again", 2);
  await writeTenants("wk_second");
  await lines("tenants file read again", 4);
  let notes: readonly string[] = [];
  while (notes.length < 2) {
    const records = await readAll(testService("kafka"), [auditTopic]);
    notes = records.map(({ value }) => Buffer.from(value ?? []).toString());
  }
  const changes = notes.map((note) => /"change":"(\w+)"/.exec(note)?.[1]);
  assert.deepEqual(changes, ["added", "removed"]);
});

test("a rolling restart with an edit that would part the workers is refused", async () => {
  await writeConfig("127.0.0.2");
  gateway.signal("SIGHUP");
  const [line = ""] = await lines("rolling restart given up, the other workers stay", 1);
  assert.match(line, /host changed: that needs a restart/);
  await writeConfig("127.0.0.1");
  assert.equal(await refused("wk_second"), 1);
});
