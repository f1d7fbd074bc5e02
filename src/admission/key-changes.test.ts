import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { keyChanges } from "./key-changes.ts";
import { readTenants, type TenantTable } from "./tenants-file.ts";

const digest = (digit: string): string => digit.repeat(64);

function tableOf(sources: object): TenantTable {
  const read = readTenants(JSON.stringify({ tenants: { shop: { sources } } }), {
    readSalt: () => "",
    types: null,
    numberOf: () => 0,
  });
  assert.equal(read.kind, "table");
  return read.kind === "table" ? read.table : { keys: new Map(), sources: new Map(), issuers: [] };
}

describe("keyChanges", () => {
  const before = tableOf({
    web: { writeKeys: [{ sha256: digest("a") }, { sha256: digest("b") }] },
    desk: { secretKeys: [{ sha256: digest("c"), scopes: ["write:*"] }] },
  });

  it("the same keys: nothing", () => assert.deepEqual(keyChanges(before, before), []));

  it("added, removed, other scopes: each with its source, by the beginning of its digest", () => {
    const after = tableOf({
      web: { writeKeys: [{ sha256: digest("a") }, { sha256: digest("d") }] },
      desk: { secretKeys: [{ sha256: digest("c"), scopes: ["read:*"] }] },
    });
    const shop = { tenant: "shop" };
    assert.deepEqual(keyChanges(before, after), [
      { ...shop, source: "web", kind: "write", key: "b".repeat(12), change: "removed" },
      { ...shop, source: "desk", kind: "secret", key: "c".repeat(12), change: "changed" },
      { ...shop, source: "web", kind: "write", key: "d".repeat(12), change: "added" },
    ]);
  });
});
