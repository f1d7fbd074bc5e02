import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";

import { FakeClock } from "../lib/clock.ts";
import { TENANTS_WATCH_MS } from "../limits/admission.ts";
import type { TenantTable } from "./tenants-file.ts";
import { TenantsSource } from "./tenants-source.ts";

const directory = mkdtempSync(join(tmpdir(), "sluice-tenants-"));
after(() => rmSync(directory, { recursive: true }));

function setUp(name: string) {
  const path = join(directory, name);
  const clock = new FakeClock();
  const tables: TenantTable[] = [];
  const refused: (readonly string[])[] = [];
  const source = new TenantsSource({
    path,
    types: null,
    clock,
    onTable: (table) => void tables.push(table),
    onRefused: (faults) => void refused.push(faults),
  });
  const write = (tenants: object) => writeFileSync(path, JSON.stringify({ tenants }));
  return { path, clock, tables, refused, source, write };
}

const SHOP = { sources: { web: {} } };

describe("TenantsSource", () => {
  it("reads an edit once, and keeps numbers of tenants", () => {
    const { clock, tables, refused, source, write } = setUp("edit.json");
    write({ shop: SHOP, other: SHOP });
    const first = source.start();
    clock.advance(5 * TENANTS_WATCH_MS);
    assert.equal(tables.length, 0, "nothing changed");
    write({ third: SHOP, other: SHOP, fourth: SHOP });
    clock.advance(5 * TENANTS_WATCH_MS);
    assert.equal(tables.length, 1);
    assert.deepEqual(refused, []);
    const number = (table: TenantTable | undefined) =>
      table?.sources.get("other/web")?.tenant.number;
    assert.equal(number(tables[0]), number(first));
    source.stop();
    write({ shop: SHOP });
    clock.advance(5 * TENANTS_WATCH_MS);
    assert.equal(tables.length, 1, "stopped");
  });

  it("refuses an unsound edit and an absent file, and takes the next sound one", () => {
    const { path, clock, tables, refused, source, write } = setUp("bad.json");
    write({ shop: SHOP });
    source.start();
    writeFileSync(path, "{ half");
    clock.advance(TENANTS_WATCH_MS);
    assert.match(refused[0]?.[0] ?? "", /not JSON/);
    rmSync(path);
    clock.advance(TENANTS_WATCH_MS);
    assert.match(refused[1]?.[0] ?? "", /ENOENT/);
    assert.equal(tables.length, 0);
    write({ shop: SHOP });
    clock.advance(TENANTS_WATCH_MS);
    assert.equal(tables.length, 1);
  });

  it("throws at the start what is wrong", () => {
    const { source, write } = setUp("start.json");
    assert.throws(() => source.start(), /ENOENT/);
    write({ shop: {} });
    assert.throws(() => source.start(), /sources/);
  });
});
