/** What RegistryClient and any Confluent-compatible registry have to do together. */
import assert from "node:assert/strict";
import test from "node:test";

import type { RegistryClient } from "../registry.ts";

export interface ContractPlace {
  readonly client: () => RegistryClient;
  /** Makes a subject no other test uses. */
  readonly subject: (name: string) => string;
}

export function recordText(name: string, ...fields: readonly string[]): string {
  const members = fields.map((field) => `{"name":"${field}","type":"string","default":""}`);
  return `{"type":"record","name":"${name}","fields":[${members.join(",")}]}`;
}

/** Declares the tests; `name` is the registry's. */
export function testRegistryContract(name: string, { client, subject }: ContractPlace): void {
  test(`${name}: register gives an id, the same one for the same schema`, async () => {
    const registry = client();
    const clicks = subject("clicks");
    const text = recordText("Click", "id");
    const first = await registry.register(clicks, text);
    assert.ok(first.kind === "found");
    assert.deepEqual(await registry.register(clicks, text), first);
    assert.deepEqual(await registry.lookup(clicks, text), first);
    const latest = await registry.latest(clicks);
    assert.ok(latest.kind === "found");
    assert.deepEqual([latest.value.id, latest.value.version], [first.value.id, 1]);
    assert.deepEqual([latest.value.subject, latest.value.text], [clicks, text]);
    const byId = await registry.schemaById(first.value.id);
    assert.deepEqual(byId, { kind: "found", value: { text, references: [] } });
  });

  test(`${name}: versions are numbered and found by number`, async () => {
    const registry = client();
    const pages = subject("pages/with strange:name");
    await registry.register(pages, recordText("Page", "a"));
    const second = await registry.register(pages, recordText("Page", "a", "b"));
    assert.ok(second.kind === "found");
    assert.deepEqual(await registry.versions(pages), { kind: "found", value: [1, 2] });
    const version = await registry.version(pages, 1);
    assert.ok(version.kind === "found");
    assert.equal(version.value.text, recordText("Page", "a"));
    const latest = await registry.latest(pages);
    assert.ok(latest.kind === "found" && latest.value.version === 2);
    const uses = await registry.usesOfId(second.value.id);
    assert.ok(uses.kind === "found");
    assert.ok(uses.value.some((use) => use.subject === pages && use.version === 2));
  });

  test(`${name}: what is not there is missing, with the registry's code`, async () => {
    const registry = client();
    const nothing = subject("nothing");
    const something = subject("something");
    await registry.register(something, recordText("Something", "a"));
    const codes: readonly (readonly [number, Promise<{ readonly kind: string }>])[] = [
      [40_401, registry.latest(nothing)],
      [40_401, registry.versions(nothing)],
      [40_402, registry.version(something, 77)],
      [40_403, registry.schemaById(2_147_483_647)],
      [40_403, registry.lookup(something, recordText("Other", "a"))],
    ];
    for (const [code, result] of codes) {
      const found = await result;
      assert.deepEqual({ ...found, detail: "" }, { kind: "missing", code, detail: "" });
    }
  });

  test(`${name}: compatibility is checked`, async () => {
    const registry = client();
    const orders = subject("orders");
    await registry.register(orders, recordText("Order", "a"));
    const found = await registry.checkCompatibility(orders, recordText("Order", "a", "b"));
    assert.deepEqual(found, { kind: "found", value: { compatible: true, messages: [] } });
  });
}
