/**
 * Real backends that change under a running gateway: a new schema version, a Redis that goes away
 * and comes back, several workers behind one port.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startInstance } from "../../scripts/services/control.mjs";
import type { Instance } from "../../scripts/services/control.mjs";
import { RegistryClient } from "../../src/schema/registry.ts";
import { freePort } from "../free-port.ts";
import { Gateway } from "../gateway.ts";
import { testService } from "../services.ts";
import { readAll } from "./read-back.ts";

const prefix = `sluice-test-${randomBytes(4).toString("hex")}`;
let root: string;
let redis: Instance;

interface OrderPack {
  readonly directory: string;
  readonly topic: string;
  readonly subject: string;
}

function schema(...further: readonly object[]): string {
  const fields = [{ name: "id", type: "string" }, { name: "actor", type: "string" }, ...further];
  return JSON.stringify({ type: "record", name: "Order", namespace: "test", fields });
}

/** A pack of one type with a topic and a subject of its own. */
async function makePack(name: string): Promise<OrderPack> {
  const topic = `${prefix}-${name}`;
  const subject = `${topic}-value`;
  const directory = join(root, name);
  const pointers = { id: ["/id"], key: ["/id"], actor: ["/actor"] };
  const types = { order: { schema: "order.avsc", topic, subject, pointers } };
  const pack = { name: topic, topics: { [topic]: { partitions: 3 } }, types };
  await mkdir(directory);
  await writeFile(join(directory, "pack.json"), JSON.stringify(pack));
  await writeFile(join(directory, "order.avsc"), schema());
  return { directory, topic, subject };
}

before(async () => {
  root = await mkdtemp(join(tmpdir(), "sluice-e2e-"));
  redis = await startInstance("redis");
});

after(async () => {
  await redis.remove();
  await rm(root, { recursive: true, force: true });
});

function flags({ directory }: OrderPack): string[] {
  return [
    ["--pack", directory],
    ["--kafka-brokers", testService("kafka")],
    ["--registry-url", testService("registry"), "--registry-refresh-ms", "1000"],
    ["--redis-url", redis.address],
    ["--create-topics", "--register-schemas"],
  ].flat();
}

async function postOrder(gateway: Gateway, id: string, further: object = {}) {
  const event = { type: "order", data: { id, actor: "a-1", ...further } };
  const response = await gateway.post(JSON.stringify(event));
  return (await response.json()) as { readonly stored: number };
}

/** Schema ids of the records in Kafka by their key. */
async function schemaIds(topic: string): Promise<Map<string, number>> {
  const records = await readAll(testService("kafka"), [topic]);
  return new Map(
    records.map(({ key, value }) => [
      Buffer.from(key ?? []).toString(),
      Buffer.from(value ?? []).readInt32BE(1),
    ]),
  );
}

test("a new version of a subject is used without a restart, one that cannot be used is not", async () => {
  const pack = await makePack("versions");
  await using gateway = await Gateway.start({ flags: flags(pack) });
  assert.equal((await postOrder(gateway, "v1")).stored, 1);
  const registry = new RegistryClient({ urls: [testService("registry")], timeoutMs: 5_000 });
  const note = { name: "note", type: "string", default: "none" };
  const second = await registry.register(pack.subject, schema(note));
  assert.ok(second.kind === "found");
  const loaded = () => gateway.metric('sluice_schema_changes_total{kind="new_version"}');
  while ((await loaded()) < 1) await delay(50);
  assert.equal((await postOrder(gateway, "v2", { note: "x" })).stored, 1);
  // The registry takes it, but its annotation asks for what this version does not do.
  const secret = { name: "mail", type: "string", default: "", "sluice.privacy": "hmac" };
  const third = await registry.register(pack.subject, schema(note, secret));
  assert.ok(third.kind === "found");
  const refused = () => gateway.metric('sluice_schema_changes_total{kind="refused_version"}');
  while ((await refused()) < 1) await delay(50);
  assert.equal((await postOrder(gateway, "v3", { mail: "m" })).stored, 1);
  assert.equal(await gateway.stop(), 0);
  const ids = await schemaIds(pack.topic);
  assert.notEqual(ids.get("v1"), ids.get("v2"));
  assert.equal(ids.get("v3"), ids.get("v2"), "the last good version stays in use");
  registry.close();
});

test("row 21: Redis killed and back: every event is still stored, sessions heal", async () => {
  const pack = await makePack("sessions");
  await using gateway = await Gateway.start({ flags: flags(pack) });
  const isUp = () => gateway.metric("sluice_redis_up");
  assert.equal((await postOrder(gateway, "r1")).stored, 1);
  await redis.kill();
  for (let i = 0; i < 50; i += 1) {
    assert.equal((await postOrder(gateway, `r-down-${i}`)).stored, 1);
  }
  while ((await isUp()) !== 0) {
    assert.equal((await postOrder(gateway, `r-down-${Date.now()}`)).stored, 1);
    await delay(50);
  }
  await redis.start();
  while ((await isUp()) !== 1) {
    assert.equal((await postOrder(gateway, `r-up-${Date.now()}`)).stored, 1);
    await delay(50);
  }
  await gateway.ledger();
  assert.equal(await gateway.stop(), 0);
});

test("two workers share the port, one ready line, one ledger, one clean end", async () => {
  const pack = await makePack("workers");
  await using gateway = await Gateway.start({
    flags: [...flags(pack), "--workers", "2"],
    port: await freePort(),
    adminPort: await freePort(),
  });
  for (let i = 0; i < 40; i += 1) assert.equal((await postOrder(gateway, `w-${i}`)).stored, 1);
  assert.equal((await gateway.ledger())["stored"], 40);
  assert.equal(gateway.output.match(/"msg":"ready"/g)?.length, 1);
  assert.equal(await gateway.stop(), 0);
});

test("row 12: missing subjects and topics are retry, with what mends them; then they are not", async () => {
  const pack = await makePack("absent");
  const bare = flags(pack).filter(
    (flag) => !["--create-topics", "--register-schemas"].includes(flag),
  );
  await using gateway = await Gateway.start({ flags: bare, mayWait: true });
  const unregistered = await retryOf(gateway);
  assert.equal(unregistered["code"], "registry_unavailable");
  assert.match(String(unregistered["detail"]), /sluice schema register/);
  const registry = new RegistryClient({ urls: [testService("registry")], timeoutMs: 5_000 });
  assert.equal((await registry.register(pack.subject, schema())).kind, "found");
  registry.close();
  while ((await fetch(`${gateway.adminUrl}/readyz`)).status !== 200) await delay(50);
  const noTopic = await retryOf(gateway);
  assert.equal(noTopic["code"], "destination_unavailable");
  assert.match(String(noTopic["detail"]), new RegExp(`${pack.topic} .*--create-topics`));
  await gateway.ledger();
  assert.equal(await gateway.stop(), 0);
});

/** The one event of a request that is to be sent again. */
async function retryOf(gateway: Gateway): Promise<Readonly<Record<string, unknown>>> {
  const event = { type: "order", data: { id: "x", actor: "a" } };
  const response = await gateway.post(JSON.stringify(event));
  assert.equal(response.status, 503);
  assert.ok(Number(response.headers.get("retry-after")) >= 1);
  const body = (await response.json()) as { readonly retry: readonly object[] };
  const [line] = body.retry;
  assert.ok(line !== undefined);
  return line as Readonly<Record<string, unknown>>;
}
