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

/** What a step may take on a busy machine. */
const PATIENCE_MS = 90_000;

/** Fails with `what` when it has not become so. */
async function until(what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (Date.now() > deadline) assert.fail(`not within ${PATIENCE_MS / 1_000} s: ${what}`);
    await delay(100);
  }
}

/** It is another process afterwards. */
async function killSink({ system }: Example): Promise<void> {
  const pid = system.sinkPid;
  process.kill(pid, "SIGKILL");
  await until("another sink", () => system.sinkPid !== pid);
}

test("towers, alerts and pages, while each gateway and the sink are killed", async () => {
  // Before any event: the pages want those of the last two minutes.
  await using browser = await TestBrowser.open();
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
      await until(
        `${gateway.name} is back`,
        () => gateway.deaths === 1 && gateway.pid !== undefined,
      );
      const [page] = pages;
      assert.ok(page !== undefined);
      const { events } = await look(page);
      await until("the page goes on", async () => (await look(page)).events > events + 10);
      await killSink(example);
    }
    for (const page of pages) {
      await page.waitForSelector(".alert");
      await page.waitForSelector("#history tr");
    }
    const { alerter, fleet } = example;
    // A quick machine is here before a link has broken.
    const isEnough = () => example.ids.size > 100 && alerter.ids.size > 0 && fleet.breaks > 0;
    await until("events, alerts, and a link that has broken", isEnough);
    await example.settle();
    for (const [index, page] of pages.entries()) {
      const tenant = tenants[index] ?? "";
      const own = [...example.ids].flatMap(([id, of]) => (of === tenant ? [id] : []));
      await until(
        `${tenant} sees ${own.length} events`,
        async () => (await look(page)).ids.length >= own.length,
      );
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
