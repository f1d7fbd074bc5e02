/**
 * The example `commerce`: orders in a real browser and beside it, sink and gateway killed
 * meanwhile. Every order is settled once, stock and books agree with the events, and the customer
 * hears of it.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { TestBrowser } from "../browser.ts";
import { ExampleRun, getJson } from "../example.ts";
import { testService } from "../services.ts";
import { dropSchemas, queryDatabase } from "../sink.ts";

const WAIT_MS = 150_000;
const PREFIX = `t${randomBytes(3).toString("hex")}-`;
const SCHEMA = `${PREFIX}commerce`.replace("-", "_");
const ORDERS = 50;
const NO_MONEY = "4000 0000 0000 0000";

interface State {
  readonly stock: readonly {
    readonly sku: string;
    readonly first: number;
    readonly quantity: number;
  }[];
  readonly orders: readonly {
    readonly status: string;
    readonly reason: string | null;
    readonly count: number;
  }[];
  readonly outbox: { readonly waiting: number; readonly said: number };
  readonly stored: { readonly rows: number; readonly events: number };
}

let browser: TestBrowser;

before(async () => {
  browser = await TestBrowser.open();
});

after(async () => {
  await browser[Symbol.asyncDispose]();
  const database = testService("postgres");
  await dropSchemas(database, SCHEMA);
  await queryDatabase(database, `DROP SCHEMA IF EXISTS ${SCHEMA}_services CASCADE`);
});

async function kill(site: string, name: "sink" | "gateway"): Promise<void> {
  const pids = (await getJson(`${site}/api/processes`)) as Readonly<Record<string, number>>;
  process.kill(pids[name] ?? 0, "SIGKILL");
}

/** How many events the saga has for these orders, and three for the products at the start. */
function eventsOf({ orders }: State): number {
  return orders.reduce((sum, { reason, count }) => {
    // Created and told; reserved, charged, settled and told; released.
    const events = reason === "OUT_OF_STOCK" ? 4 : reason === "PAYMENT_FAILED" ? 7 : 6;
    return sum + events * count;
  }, 3);
}

/** Every order is settled, everything is said, and the sink has it. */
async function settled(site: string, orders: number): Promise<State> {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    const state = (await getJson(`${site}/api/state`)) as State;
    const done = state.orders
      .filter(({ status }) => status !== "PLACED")
      .reduce((sum, { count }) => sum + count, 0);
    const { outbox, stored } = state;
    assert.equal(stored.rows, stored.events, "nothing is there twice");
    const isSaid = outbox.waiting === 0 && outbox.said === eventsOf(state);
    if (done === orders && isSaid && stored.events === outbox.said) return state;
    if (Date.now() > deadline) throw new Error(`not settled: ${JSON.stringify(state)}`);
    await delay(250);
  }
}

test("orders are settled, undone and told live, whatever is killed; the books agree", async () => {
  const options = ["--prefix", PREFIX, "--orders", String(ORDERS), "--per-second", "6"];
  await using example = ExampleRun.start("commerce", options);
  const site = await example.said(/services do: +(http:\S+)\//);
  const page = await browser.tab(`${site}/`);
  await page.waitForSelector("#live.on");
  await page.waitForSelector("#sku option[value=KETTLE]");
  await page.select("#sku", "KETTLE");
  await page.click("#order");
  await page.waitForSelector("#news li.order_paid");
  await kill(site, "gateway");
  await page.select("#card", NO_MONEY);
  await page.click("#order");
  await kill(site, "sink");
  await page.waitForSelector("#news li.order_payment_failed");
  await example.said(/all customers have ordered/);
  await kill(site, "gateway");
  const state = await settled(site, ORDERS + 2);
  const sold = await queryDatabase<{ sku: string; sold: number }>(
    testService("postgres"),
    `SELECT sku, sum(quantity)::int AS sold FROM ${SCHEMA}_services.orders
      WHERE status = 'PAID' GROUP BY sku`,
  );
  for (const { sku, first, quantity } of state.stock) {
    assert.equal(quantity, first - (sold.find((row) => row.sku === sku)?.sold ?? 0), sku);
  }
  assert.ok(state.orders.some(({ status }) => status === "CANCELLED"));
  await page.click("#audit");
  await page.waitForSelector("#verdict b");
  const verdict = await page.evaluate("document.querySelector('#verdict').textContent");
  assert.match(String(verdict), /^The books agree/);
  const news = await page.evaluate("document.querySelectorAll('#news li').length");
  assert.equal(news, 4, "two orders, each placed and settled");
  assert.equal(await example.interrupt(), 0, example.output);
});
