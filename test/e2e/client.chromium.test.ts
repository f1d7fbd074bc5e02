/**
 * `sluice/client` in a real browser, against a real gateway behind a proxy that can be cut: nothing
 * is lost, and nothing is stored twice but flagged. Kafka is the judge.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import type { Page } from "puppeteer-core";

import { byId, readAll } from "./read-back.ts";
import { TestBrowser } from "../browser.ts";
import { Gateway } from "../gateway.ts";
import { TcpProxy } from "../tcp-proxy.ts";

const TOPIC = "behaviour-interaction";
const MAYBE_STORED_BEFORE = 1;

/** The demo page keeps its client there. */
interface DemoWindow {
  readonly sluice: {
    readonly state: string;
    readonly queued: { readonly events: number };
    track(type: string, data: object): { readonly id: string };
    flush(timeoutMs: number): Promise<boolean>;
  };
}

/** Twenty events are in a store: what another tab of the origin would load. */
const storedEvents = (name: string) => `(async () => {
  const open = (request) => new Promise((done) => (request.onsuccess = () => done(request.result)));
  const database = await open(indexedDB.open(${JSON.stringify(name)}));
  const count = await open(database.transaction("events").objectStore("events").count());
  database.close();
  return count === 20;
})()`;

let gateway: Gateway;
let proxy: TcpProxy;
let browser: TestBrowser;
before(async () => {
  gateway = await Gateway.start();
  proxy = await TcpProxy.start({ host: "127.0.0.1", port: gateway.port });
  browser = await TestBrowser.open();
});
after(async () => {
  await browser[Symbol.asyncDispose]();
  await proxy.stop();
  await gateway.stop();
});

const tabs = new Set<Page>();
// A tab that a failed test leaves open would keep the lead over the queue.
afterEach(async () => {
  await Promise.all([...tabs].map((page) => page.close()));
  tabs.clear();
  proxy.restore();
});

async function openTab(): Promise<Page> {
  const page = await browser.tab(`http://127.0.0.1:${proxy.port}/demo`);
  tabs.add(page);
  await page.waitForSelector("#good button");
  return page;
}

/** Tracks so many events in a tab; gives their ids. */
function track(page: Page, count: number): Promise<string[]> {
  return page.evaluate((wanted) => {
    const { sluice } = globalThis as unknown as DemoWindow;
    return Array.from({ length: wanted }, (_, index) => {
      const data = {
        messageId: crypto.randomUUID(),
        timestamp: new Date().toISOString(),
        anonymousId: "visitor-7",
        query: `tea ${index}`,
        resultCount: index,
      };
      return sluice.track("search", data).id;
    });
  }, count);
}

async function flush(page: Page): Promise<void> {
  const isDone = await page.evaluate(() => {
    return (globalThis as unknown as DemoWindow).sluice.flush(120_000);
  });
  assert.ok(isDone, "every event has its outcome");
}

/** Waits until a tab's client says so. */
function waitFor(page: Page, condition: string) {
  return page.waitForFunction(condition, { timeout: 120_000, polling: 50 });
}

async function judge(ids: readonly string[]): Promise<void> {
  assert.equal(new Set(ids).size, ids.length);
  const records = byId(await readAll(gateway.run.brokers, [TOPIC]));
  for (const id of ids) {
    const found = records.get(id) ?? [];
    assert.ok(found.length > 0, `${id} is stored`);
    const unflagged = found.filter(({ headers }) => {
      const flags = headers.find(([name]) => name === "sluice")?.[1]?.[1] ?? 0;
      return (flags & MAYBE_STORED_BEFORE) === 0;
    });
    assert.ok(unflagged.length <= 1, `${id} is stored ${unflagged.length} times, unflagged`);
  }
}

test("offline and online again: what was tracked meanwhile arrives", async () => {
  const page = await openTab();
  const ids = await track(page, 5);
  await flush(page);
  proxy.cut();
  ids.push(...(await track(page, 30)));
  await waitFor(page, "sluice.state === 'offline' && sluice.queued.events === 30");
  proxy.restore();
  await page.evaluate("dispatchEvent(new Event('online'))");
  await flush(page);
  await judge(ids);
});

test("a connection cut while acks are out: sent again, stored once", async () => {
  const page = await openTab();
  const ids: string[] = [];
  for (let round = 0; round < 5; round += 1) {
    ids.push(...(await track(page, 40)));
    await waitFor(page, "sluice.state === 'open'");
    proxy.cut();
    proxy.restore();
    await page.evaluate("dispatchEvent(new Event('online'))");
  }
  await flush(page);
  await judge(ids);
});

test("a tab that is killed: the next one sends what it left", async () => {
  const killed = await openTab();
  const ids = await track(killed, 3);
  await flush(killed);
  proxy.cut();
  ids.push(...(await track(killed, 20)));
  await waitFor(killed, storedEvents(`sluice http://127.0.0.1:${proxy.port} demo`));
  const session = await killed.createCDPSession();
  const gone = new Promise((resolve) => killed.once("error", resolve));
  session.send("Page.crash").catch(() => {});
  await gone;
  proxy.restore();
  const next = await openTab();
  await waitFor(next, "sluice.queued.events === 0 && Number(stored.textContent) >= 20");
  await judge(ids);
});

test("two tabs: one socket, one queue, and the other takes over", async () => {
  const [first, second] = [await openTab(), await openTab()];
  const ids = await track(first, 10);
  await flush(first);
  ids.push(...(await track(second, 10)));
  await flush(second);
  const open = await gateway.metric("sluice_ws_connections");
  assert.equal(open, 1, "one socket for both");
  const states = await Promise.all(
    [first, second].map((page) => page.evaluate("sluice.state") as Promise<string>),
  );
  assert.deepEqual(states.toSorted(), ["open", "waiting"]);
  const [leader, follower] = states[0] === "open" ? [first, second] : [second, first];
  ids.push(...(await track(leader, 50)), ...(await track(follower, 50)));
  tabs.delete(leader);
  await leader.close();
  await flush(follower);
  ids.push(...(await track(follower, 10)));
  await flush(follower);
  await judge(ids);
});

/** A client in place of the page's; a mute one's sockets never open. */
const ownClient = ({ isMute }: { readonly isMute: boolean }) => `(async () => {
  const { createClient } = await import("/demo/client.js");
  class MuteSocket { send() {} close() {} }
  const WebSocket = ${isMute ? "MuteSocket" : "globalThis.WebSocket"};
  globalThis.sluice = createClient({ url: location.origin, writeKey: "demo", queueName: "q", WebSocket });
})()`;

test("a page that goes away: a beacon takes what waits, the next page learns of it", async () => {
  const page = await openTab();
  await page.evaluate(ownClient({ isMute: true }));
  const ids = await track(page, 20);
  await waitFor(page, storedEvents("q"));
  await page.goto("about:blank");
  // No page is open, and no socket ever was: only the beacon can have brought them.
  for (;;) {
    const found = byId(await readAll(gateway.run.brokers, [TOPIC]));
    if (ids.every((id) => found.has(id))) break;
  }
  const next = await openTab();
  await next.evaluate(ownClient({ isMute: false }));
  await waitFor(next, "sluice.state === 'open' || sluice.state === 'idle'");
  await flush(next);
  await judge(ids);
});

test("a page that goes away at once: what it could not send is sent by the next", async () => {
  const page = await openTab();
  const ids = await track(page, 3);
  await flush(page);
  ids.push(...(await track(page, 25)));
  await page.goto("about:blank");
  const next = await openTab();
  await waitFor(next, "sluice.state !== 'waiting' && sluice.queued.events === 0");
  await flush(next);
  await judge(ids);
});

for (const [title, harm] of [
  ["IndexedDB is forbidden", "globalThis, 'indexedDB', { get: fail }"],
  ["IndexedDB cannot be opened", "IDBFactory.prototype, 'open', { value: fail }"],
  ["the quota is used up", "IDBObjectStore.prototype, 'add', { value: fail }"],
] as const) {
  test(`where ${title}, the queue is in memory and every event arrives`, async () => {
    const page = await openTab();
    await page.evaluate(`(() => {
      const fail = () => { throw new DOMException("no", "QuotaExceededError"); };
      Object.defineProperty(${harm});
    })()`);
    await page.evaluate(ownClient({ isMute: false }));
    const ids = await track(page, 20);
    await flush(page);
    await judge(ids);
  });
}

test("a worker, which has no document, sends as a page does", async () => {
  const page = await openTab();
  const url = `http://127.0.0.1:${proxy.port}`;
  const worker = `
    const { createClient } = await import("${url}/demo/client.js");
    const client = createClient({ url: "${url}", writeKey: "demo", queueName: "w" });
    const data = { messageId: "m", timestamp: Date.now(), anonymousId: "a", query: "tea", resultCount: 1 };
    postMessage(await client.track("search", data).outcome());`;
  const outcome = await page.evaluate(`new Promise((resolve, reject) => {
    const blob = new Blob([${JSON.stringify(worker)}], { type: "text/javascript" });
    const worker = new Worker(URL.createObjectURL(blob), { type: "module" });
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
  })`);
  const { id, outcome: said } = outcome as { readonly id: string; readonly outcome: string };
  assert.equal(said, "stored");
  await judge([id]);
});
