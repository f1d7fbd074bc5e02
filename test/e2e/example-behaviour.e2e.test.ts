/**
 * The example `behaviour`: pages with both SDKs in a real browser, visitors beside them, the sink
 * and the gateway killed meanwhile. PostgreSQL has every event once, and the funnel shows it.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { TestBrowser } from "../browser.ts";
import { ExampleRun, getJson } from "../example.ts";
import { testService } from "../services.ts";
import { dropSchemas } from "../sink.ts";

const WAIT_MS = 150_000;
const PREFIX = `t${randomBytes(3).toString("hex")}-`;
const SCHEMA = `${PREFIX}behaviour`.replace("-", "_");

interface Counts {
  readonly [type: string]: { readonly rows: number; readonly events: number };
}

let browser: TestBrowser;

before(async () => {
  browser = await TestBrowser.open();
});

after(async () => {
  await browser[Symbol.asyncDispose]();
  await dropSchemas(testService("postgres"), SCHEMA);
});

/** One purchase, as a person makes it. */
async function buy(site: string, sdk: "sluice" | "segment"): Promise<void> {
  const page = await browser.tab(`${site}/${sdk}`);
  await page.waitForSelector("a.card");
  // A person looks at it for longer than its SDK takes to keep or send what it tells.
  await page.evaluate("shopSdk.flush()");
  await page.goto(`${site}/${sdk}/product?id=p-2`);
  await page.waitForSelector("#add");
  await page.click("#add");
  await page.waitForSelector("#buy");
  await page.type("#email", `${sdk}@shop.example`);
  await page.click("#buy");
  await page.waitForFunction("location.pathname.endsWith('/thanks')");
  // What was not stored yet is sent by the pages that follow.
  await delay(2_000);
}

/** The other SDK keeps what it cannot send for no longer than its page. */
async function gatewayAnswers(site: string): Promise<void> {
  const page = await (await fetch(`${site}/segment`)).text();
  const urls = page.match(/http:\/\/127\.0\.0\.1:\d+/g) ?? [];
  const gateway = urls.find((url) => url !== site);
  assert.ok(gateway !== undefined, page);
  const isThere = async () => (await fetch(`${gateway}/openapi.json`)).ok;
  while (!(await isThere().catch(() => false))) await delay(100);
}

async function kill(site: string, name: "sink" | "gateway"): Promise<void> {
  const pids = (await getJson(`${site}/api/processes`)) as Readonly<Record<string, number>>;
  process.kill(pids[name] ?? 0, "SIGKILL");
}

test("both SDKs and visitors, sink and gateway killed: every event once, and a funnel", async () => {
  const options = ["--prefix", PREFIX, "--visitors", "150", "--per-second", "15"];
  await using example = ExampleRun.start("behaviour", options);
  const site = await example.said(/PostgreSQL knows of it: +(http:\S+)\/funnel/);
  await delay(2_000);
  await kill(site, "sink");
  await delay(2_000);
  await kill(site, "gateway");
  await buy(site, "sluice");
  await kill(site, "sink");
  await gatewayAnswers(site);
  await buy(site, "segment");
  await example.said(/all visitors have come and gone/);
  const sent = (await getJson(`${site}/api/sent`)) as Readonly<Record<string, number>>;
  const expected = {
    ...sent,
    purchase: (sent["purchase"] ?? 0) + 1,
    identify: (sent["identify"] ?? 0) + 2,
    track: (sent["track"] ?? 0) + 4,
    product_viewed: (sent["product_viewed"] ?? 0) + 1,
    add_to_cart: (sent["add_to_cart"] ?? 0) + 1,
    checkout_started: (sent["checkout_started"] ?? 0) + 1,
    // Each shops' four pages.
    page: (sent["page"] ?? 0) + 8,
  };
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    const counts = (await getJson(`${site}/api/counts`)) as Counts;
    const events = Object.fromEntries(
      Object.entries(counts).map(([type, count]) => [type, count.events]),
    );
    const rows = Object.fromEntries(
      Object.entries(counts).map(([type, count]) => [type, count.rows]),
    );
    assert.deepEqual(rows, events, "nothing is there twice");
    try {
      assert.deepEqual(events, expected);
      break;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(250);
    }
  }
  const page = await browser.tab(`${site}/funnel`);
  await page.waitForSelector(".step");
  const steps = await page.evaluate("document.querySelectorAll('.step').length");
  assert.equal(steps, 5);
  const people = await page.evaluate("document.querySelector('#people').textContent");
  assert.match(String(people), /segment@shop\.example/);
  assert.equal(await example.interrupt(), 0, example.output);
});
