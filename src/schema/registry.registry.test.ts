/** The registry client and the store against a real registry; subjects are new in each run. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { fileURLToPath } from "node:url";

import { testService } from "../../test/services.ts";
import { fingerprintHex } from "./avro/canonical.ts";
import { loadPack, type Pack } from "./pack.ts";
import { RegistryClient } from "./registry.ts";
import { SchemaStore, type SchemaStoreOptions } from "./store.ts";
import { recordText, testRegistryContract } from "./testing/registry-contract.ts";

const ADDRESS = testService("registry");
const RUN = randomUUID();
const PACKS = fileURLToPath(new URL("../../packs/", import.meta.url));

testRegistryContract("real registry", { client: newClient, subject: (name) => `${RUN}-${name}` });

test("real registry: an incompatible schema and one that is none are refused", async () => {
  const client = newClient();
  const subject = `${RUN}-strict`;
  await client.register(subject, recordText("Strict", "a"));
  const required = '{"type":"record","name":"Strict","fields":[{"name":"b","type":"int"}]}';
  const checked = await client.checkCompatibility(subject, required);
  assert.ok(checked.kind === "found");
  assert.equal(checked.value.compatible, false);
  assert.ok(checked.value.messages.length > 0);
  const refused = await client.register(subject, required);
  assert.deepEqual(
    [refused.kind, "code" in refused && String(refused.code).slice(0, 3)],
    ["refused", "409"],
  );
  const invalid = await client.register(`${RUN}-invalid`, '{"type":"nope"}');
  assert.deepEqual([invalid.kind, "code" in invalid && invalid.code], ["refused", 42_201]);
});

test("real registry: a wrong path of the URL is not taken for a missing subject", async () => {
  const client = new RegistryClient({ urls: [`${ADDRESS}/nowhere`], timeoutMs: 5_000 });
  const result = await client.latest("anything");
  assert.equal(result.kind, "unsupported");
});

test("real registry: references come with the schema that uses them", async () => {
  const client = newClient();
  const color = '{"type":"enum","name":"shop.Color","symbols":["RED"]}';
  const car = '{"type":"record","name":"shop.Car","fields":[{"name":"c","type":"shop.Color"}]}';
  await client.register(`${RUN}-color`, color);
  const subject = `${RUN}-car`;
  const references = [{ name: "shop.Color", subject: `${RUN}-color`, version: 1 }];
  const response = await fetch(`${ADDRESS}/subjects/${subject}/versions`, {
    method: "POST",
    headers: { "content-type": "application/vnd.schemaregistry.v1+json" },
    body: JSON.stringify({ schema: car, references }),
  });
  assert.equal(response.status, 200);
  const latest = await client.latest(subject);
  assert.ok(latest.kind === "found");
  assert.deepEqual(latest.value.references, [color]);
});

test("real registry: the store registers, takes a new version, restarts without it", async (t) => {
  const snapshotDirectory = await mkdtemp(join(tmpdir(), "sluice-real-"));
  t.after(() => rm(snapshotDirectory, { recursive: true }));
  const pack = await newPack("aiops");
  const options = { pack, snapshotDirectory, refreshMs: 60_000, onEvent: () => undefined };
  const unregistered = newStore(t, { ...options, register: false });
  await unregistered.start();
  assert.equal(unregistered.missing().size, pack.types.size);
  await unregistered.stop();

  const store = newStore(t, { ...options, register: true });
  await store.start();
  assert.deepEqual([...store.missing()], []);
  const [type] = pack.types.values();
  assert.ok(type !== undefined);
  const first = store.current(type.type);
  assert.ok(first !== undefined);
  const hex = fingerprintHex(first.fingerprint);

  const second = JSON.parse(first.text) as { fields: unknown[] };
  second.fields.push({ name: "added", type: ["null", "string"], default: null });
  const { kind } = await newClient().register(type.subject, JSON.stringify(second));
  assert.equal(kind, "found");
  const later = newStore(t, { ...options, register: false });
  await later.start();
  assert.equal(later.current(type.type)?.version, 2);
  for (const ref of [String(first.schemaId), `${type.subject}:1`, `fp:${hex}`]) {
    const resolution = await later.resolve(type.type, ref);
    assert.ok(resolution.kind === "schema");
    assert.deepEqual([resolution.schema.version, resolution.schema.text], [1, first.text]);
  }
  const others = [...pack.types.values()].filter(({ subject }) => subject !== type.subject);
  for (const ref of ["2147483647", String(later.current(others[0]?.type ?? "")?.schemaId)]) {
    const resolution = await later.resolve(type.type, ref);
    assert.ok(resolution.kind === "fault" && resolution.code === "schema_unknown");
  }
  await later.stop();
  await store.stop();

  const fetchDown: typeof globalThis.fetch = () => Promise.reject(new TypeError("fetch failed"));
  const restarted = newStore(t, {
    ...options,
    register: false,
    registry: new RegistryClient({ urls: [ADDRESS], timeoutMs: 500, fetch: fetchDown }),
  });
  await restarted.start();
  assert.equal(restarted.missing().size, 0);
  assert.equal(restarted.current(type.type)?.version, 2);
  await restarted.stop();
});

function newClient(): RegistryClient {
  return new RegistryClient({ urls: [ADDRESS], timeoutMs: 5_000 });
}

function newStore(
  t: TestContext,
  options: Omit<SchemaStoreOptions, "registry"> & Partial<SchemaStoreOptions>,
): SchemaStore {
  const store = new SchemaStore({ registry: newClient(), ...options });
  t.after(() => store.stop());
  return store;
}

/** A pack of the project with subjects of this run. */
async function newPack(name: string): Promise<Pack> {
  const pack = await loadPack(name, PACKS);
  const types = [...pack.types].map(
    ([type, packType]) => [type, { ...packType, subject: `${RUN}-${packType.subject}` }] as const,
  );
  return { ...pack, types: new Map(types) };
}
