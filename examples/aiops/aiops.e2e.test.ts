/**
 * The example runs on real servers: towers with bad links, alerts, pages of two tenants in a real
 * browser. Each gateway is killed once, the sink twice. Nothing is lost, nothing is there twice, in
 * Kafka and in PostgreSQL, and nobody sees what is another tenant's.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { test } from "node:test";

import type { Page } from "puppeteer-core";

import { TestBrowser } from "../../test/browser.ts";
import { testService } from "../../test/services.ts";
import { dropSchemas } from "../../test/sink.ts";
import { Example } from "./example.ts";
import type { Tenant } from "./system.ts";

/** What the page tells whoever looks on. */
interface PageWindow {
  readonly seen: {
    readonly events: number;
    readonly doubles: number;
    readonly tenants: ReadonlySet<string>;
    readonly ids: ReadonlySet<string>;
    readonly states: readonly string[];
  };
}

const look = (page: Page) =>
  page.evaluate(() => {
    const { seen } = globalThis as unknown as PageWindow;
    const { events, doubles, states } = seen;
    return { events, doubles, states, tenants: [...seen.tenants], ids: [...seen.ids] };
  });

async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await isSo())) await delay(100);
}

/** It is another process afterwards. */
async function killSink({ system }: Example): Promise<void> {
  const pid = system.sinkPid;
  process.kill(pid, "SIGKILL");
  await until(() => system.sinkPid !== pid);
}

test("towers, alerts and pages, while each gateway and the sink are killed", async () => {
  const example = await Example.start({
    servers: {
      kafka: testService("kafka"),
      redis: testService("redis"),
      registry: testService("registry"),
      postgres: testService("postgres"),
    },
    topicPrefix: `t-${randomBytes(4).toString("hex")}-`,
    towersPerTenant: 3,
    sampleMs: 300,
    port: 0,
    restartMs: 1_000,
    say: () => {},
  });
  await using browser = await TestBrowser.open();
  try {
    const tenants: readonly Tenant[] = ["alpine", "harbor"];
    const pages: Page[] = [];
    for (const tenant of tenants) pages.push(await browser.tab(`${example.page.url}/${tenant}`));
    for (const page of pages) {
      await page.waitForSelector("#link.live");
      await page.waitForSelector(".tower:nth-child(3)");
    }
    for (const gateway of example.system.gateways) {
      gateway.kill();
      await until(() => gateway.deaths === 1 && gateway.pid !== undefined);
      const [page] = pages;
      assert.ok(page !== undefined);
      const { events } = await look(page);
      await until(async () => (await look(page)).events > events + 10);
      await killSink(example);
    }
    for (const page of pages) {
      await page.waitForSelector(".alert");
      await page.waitForSelector("#history tr");
    }
    const { alerter, fleet } = example;
    // A quick machine is here before a link has broken.
    await until(() => example.ids.size > 100 && alerter.ids.size > 0 && fleet.breaks > 0);
    await example.settle();
    for (const [index, page] of pages.entries()) {
      const tenant = tenants[index] ?? "";
      const own = [...example.ids].flatMap(([id, of]) => (of === tenant ? [id] : []));
      await until(async () => (await look(page)).ids.length >= own.length);
      const seen = await look(page);
      assert.deepEqual(seen.ids.toSorted(), own.toSorted(), `${tenant} sees all that is its own`);
      assert.deepEqual(seen.tenants, [tenant]);
      assert.equal(seen.doubles, 0);
    }
    const { sent, lost, doubled, strays } = await example.audit();
    assert.ok(sent > 100);
    assert.deepEqual({ lost, doubled, strays }, { lost: 0, doubled: 0, strays: 0 });
    const stored = await example.stored();
    assert.deepEqual(stored, { rows: sent, missing: 0, extra: 0, strays: 0 });
  } finally {
    await example.stop();
    await dropSchemas(testService("postgres"), example.system.databaseSchema);
  }
});
