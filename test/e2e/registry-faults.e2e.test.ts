/**
 * Rows of the fault matrix about the schema registry: nothing unvalidated is ever stored, known
 * schemas go on without it, and an unknown one costs few questions. Real Kafka and registry; a
 * proxy takes the registry away.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Gateway } from "../gateway.ts";
import type { GatewayOptions } from "../gateway.ts";
import { testService } from "../services.ts";
import { TcpProxy } from "../tcp-proxy.ts";
import { corpusEvents, eventText, isExpected, writeCorpusPack } from "./corpus.ts";
import type { CorpusEvent, CorpusPack } from "./corpus.ts";
import { readiness } from "./fault-row.ts";
import { byId, readAll } from "./read-back.ts";

const EVENTS = 20;

let directory: string;
let pack: CorpusPack;
let events: CorpusEvent[];
let registry: TcpProxy;

before(async () => {
  const { hostname: host, port } = new URL(testService("registry"));
  registry = await TcpProxy.start({ host, port: Number(port) });
  events = await corpusEvents(EVENTS);
});

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-e2e-"));
  const prefix = `sluice-test-${randomBytes(4).toString("hex")}`;
  pack = await writeCorpusPack(join(directory, "pack"), prefix);
});

after(async () => {
  await registry.stop();
  await rm(directory, { recursive: true, force: true });
});

function start(options: GatewayOptions = {}): Promise<Gateway> {
  const { pathname } = new URL(testService("registry"));
  const url = `http://127.0.0.1:${registry.port}${pathname}`;
  const flags = [
    ["--pack", pack.directory, "--kafka-brokers", testService("kafka")],
    ["--registry-url", url, "--create-topics", "--register-schemas"],
  ].flat();
  return Gateway.start({ flags, ...options });
}

interface Answer {
  readonly stored: number;
  readonly rejected: ReadonlyArray<{ readonly code: string }>;
  readonly retry: ReadonlyArray<{ readonly code: string }>;
}

async function post(gateway: Gateway, run: string, schema?: number): Promise<Answer> {
  const named = schema === undefined ? "" : `"schema":${schema},`;
  const lines = events.map((event, index) =>
    eventText(event, `${run}-${index}`, "k").replace("{", `{${named}`),
  );
  return (await (await gateway.post(`[${lines.join(",")}]`)).json()) as Answer;
}

/** The runs of which something is in Kafka; all of it must be what was sent. */
async function storedRuns(): Promise<string[]> {
  const found = byId(await readAll(testService("kafka"), pack.topics));
  for (const [id, [record]] of found) {
    const event = events[Number(id.split("-")[1])];
    assert.ok(event !== undefined && record?.value && isExpected(event, record.value), id);
  }
  return [...new Set([...found.keys()].map((id) => id.split("-")[0] ?? ""))];
}

test("row 25: no registry at start and no snapshot: not ready, nothing unvalidated is stored", async () => {
  registry.cut();
  await using gateway = await start({ mayWait: true });
  await readiness(gateway, 503);
  for (let round = 0; round < 3; round += 1) {
    const answer = await post(gateway, "early");
    assert.ok(!answer.stored, JSON.stringify(answer));
    for (const { code } of answer.retry ?? []) assert.equal(code, "registry_unavailable");
  }
  registry.restore();
  await readiness(gateway, 200);
  // The schemas come one after another.
  while ((await post(gateway, "late")).stored !== EVENTS) await delay(100);
  assert.deepEqual(await storedRuns(), ["late"]);
  assert.equal(await gateway.stop(), 0);
});

test("row 26: registry gone later: known schemas go on, an unknown one is retry and few questions", async () => {
  await using gateway = await start();
  assert.equal((await post(gateway, "known")).stored, EVENTS);
  registry.cut();
  const askedBefore = registry.accepted;
  for (let round = 0; round < 20; round += 1) {
    assert.equal((await post(gateway, `still${round}`)).stored, EVENTS);
    const { stored, retry } = await post(gateway, "unknown", 4_000_000);
    assert.ok(!stored);
    assert.deepEqual([...new Set(retry.map(({ code }) => code))], ["registry_unavailable"]);
  }
  const asked = registry.accepted - askedBefore;
  assert.ok(asked < 40, `${asked} connections to the registry for 400 events of one unknown id`);
  registry.restore();
  let answer: Answer;
  do {
    await delay(100);
    answer = await post(gateway, "unknown", 4_000_000);
  } while (answer.rejected.length === 0);
  assert.deepEqual([...new Set(answer.rejected.map(({ code }) => code))], ["schema_unknown"]);
  assert.ok(!(await storedRuns()).includes("unknown"));
  assert.equal(await gateway.stop(), 0);
});
