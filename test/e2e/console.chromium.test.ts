/**
 * The console in a real browser, with traffic: what it shows is true and live, nothing of what
 * clients wrote reaches it, it loads nothing from elsewhere, and it fits a phone.
 */
import assert from "node:assert/strict";
import { request } from "node:http";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import type { Page } from "puppeteer-core";

import { TestBrowser } from "../browser.ts";
import { Gateway } from "../gateway.ts";
import { StreamClient } from "../stream-client.ts";

const SECRET = "jane.doe@example.com";

let gateway: Gateway;
let browser: TestBrowser;
let page: Page;
let stream: StreamClient;
const requested: string[] = [];
const complaints: string[] = [];

before(async () => {
  gateway = await Gateway.start();
  browser = await TestBrowser.open();
  stream = await StreamClient.hello(gateway.streamUrl);
  page = await browser.page();
  page.on("request", (each) => requested.push(each.url()));
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.setViewport({ width: 1_280, height: 900 });
  await page.goto(`${gateway.adminUrl}/console`);
});

after(async () => {
  stream.close();
  await browser[Symbol.asyncDispose]();
  await gateway.stop();
});

function pageEvent(id: string, more: object = {}): object {
  const data = { messageId: id, timestamp: new Date().toISOString(), anonymousId: "visitor" };
  const own = { name: "shop", url: "https://shop.example/" };
  return { type: "page", id, data: { ...data, ...own, ...more } };
}

async function post(events: readonly object[]): Promise<void> {
  const headers = { "content-type": "application/json" };
  await gateway.post(JSON.stringify({ events }), headers);
}

/** Waits until an element's text is as wanted. */
async function textOf(selector: string, isWanted: (text: string) => boolean): Promise<string> {
  for (;;) {
    const asked = `document.querySelector(${JSON.stringify(selector)}).textContent`;
    const text = String(await page.evaluate(asked));
    if (isWanted(text)) return text;
    await delay(100);
  }
}

test("it follows the traffic: rates, latency, connections, tenants, batches", async () => {
  await textOf("#state", (text) => text === "ready");
  const sending = new AbortController();
  const send = async (): Promise<void> => {
    for (let seq = 1; !sending.signal.aborted; seq += 1) {
      stream.send({ t: "pub", seq, events: [pageEvent(`w${seq}`)] });
      await delay(30);
    }
  };
  const sent = send();
  try {
    await followed();
  } finally {
    sending.abort();
    await sent;
  }
});

async function followed(): Promise<void> {
  await textOf("#tile-stored strong", (text) => Number(text) > 1);
  await textOf("#tile-latency strong", (text) => /^[\d.]+ (µs|ms|s)$/.test(text));
  await textOf("#tile-sockets strong", (text) => text === "1");
  await textOf("#tenants tbody", (text) => text.startsWith("demo"));
  await textOf("#batches tbody", (text) => text.includes("1 stored") && text.includes("WebSocket"));
  await textOf("#stages", (text) => /encode[\d.]+ (µs|ms)/.test(text));
  await textOf("#backends", (text) => text.includes("there, 1 up"));
  await textOf("#schemas tbody", (text) => text.includes("page"));
}

test("refusals are shown with their reasons, and without a word of what was sent", async () => {
  const refused = [
    pageEvent(SECRET, { url: { [SECRET]: SECRET } }),
    { type: "page", id: "no", data: { [SECRET]: 1 } },
    { type: SECRET, id: "no", data: {} },
  ];
  await post(refused);
  const rejected = 'document.querySelector("#tile-rejected strong").textContent';
  // A rate is of the last seconds: it is zero again for whoever looks late.
  while (/^(?:0|–)$/.test(String(await page.evaluate(rejected)))) {
    await post(refused);
    await delay(100);
  }
  await textOf("#refusals tbody", (text) => text.includes("schema_invalid, type"));
  await textOf("#refusals tbody", (text) => text.includes("/data/url"));
  await textOf("#codes", (text) => text.includes("schema_unknown"));
  const shown = await page.content();
  const data = await (await fetch(`${gateway.adminUrl}/console/data?history=1`)).text();
  for (const text of [shown, data]) assert.ok(!text.includes("jane"), "nothing of the sender's");
});

test("events are watched as they are stored: where they are and how they are built, no more", async () => {
  await page.select("#watch-type", "page");
  await page.click("#watch");
  await textOf("#watch-state", (text) => text === "Watching");
  await post([pageEvent(SECRET, { title: SECRET })]);
  await textOf("#watched tbody", (text) => text.includes("behaviour-navigation"));
  const row = await textOf("#watched tbody tr", (text) => text.includes("title text"));
  assert.match(row, /behaviour-navigation \d+ \/ \d+\d+ B, schema \d+.*anonymousId text.*demo \/ /);
  const asked = requested.findLast((url) => url.includes("/console/events")) ?? "";
  const seen = await (await fetch(asked.replace(/after=\d+/, "after=0"))).text();
  assert.ok(seen.includes('"name":"title"'));
  for (const text of [await page.content(), seen]) {
    assert.ok(!text.includes("jane") && !text.includes("visitor"), "nothing of the sender's");
  }
  await page.click("#watch");
  await textOf("#watched tbody", (text) => text === "Nothing is watched.");
  const unknown = await fetch(`${gateway.adminUrl}/console/events?type=${SECRET}`);
  assert.match(await unknown.text(), /"state":"off","reason":"no topic is known/);
});

test("whoever opens it later sees how it came: the process remembers", async () => {
  for (;;) {
    const text = await (await fetch(`${gateway.adminUrl}/console/data?history=1`)).text();
    const { history } = JSON.parse(text) as { readonly history: readonly unknown[] };
    if (history.length > 0) break;
    await delay(100);
  }
  const plain = await (await fetch(`${gateway.adminUrl}/console/data`)).text();
  assert.ok(!("history" in (JSON.parse(plain) as object)));
});

test("pause holds it still, and goes on", async () => {
  await page.click("#pause");
  await textOf("#state", (text) => text === "paused");
  const asked = requested.length;
  await delay(1_500);
  assert.ok(requested.length <= asked + 1);
  await page.click("#pause");
  await textOf("#state", (text) => text === "ready");
});

test("it loads nothing from elsewhere, and its policy allows nothing else", async () => {
  for (const url of requested.filter((each) => !each.startsWith("data:"))) {
    assert.equal(new URL(url).origin, gateway.adminUrl);
  }
  const response = await fetch(`${gateway.adminUrl}/console`);
  const policy = response.headers.get("content-security-policy") ?? "";
  assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/);
  assert.doesNotMatch(policy, /unsafe/);
  assert.deepEqual(complaints, []);
});

test("a page of another host cannot read it under a name of its own", async () => {
  const status = await new Promise<number | undefined>((resolve) => {
    const headers = { host: "rebind.example.com" };
    request(`${gateway.adminUrl}/console/data`, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).end();
  });
  assert.equal(status, 403);
});

test("it fits a phone of 360 px, in light and dark, and says what it is to those who listen", async () => {
  await page.setViewport({ width: 360, height: 780 });
  for (const value of ["light", "dark"]) {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value }]);
    await delay(1_200);
    const width = await page.evaluate("document.documentElement.scrollWidth");
    assert.equal(width, 360, "nothing has to be scrolled sideways");
  }
  const unnamed = await page.evaluate(`[
    ...[...document.querySelectorAll("th")].filter((each) => each.scope === ""),
    ...[...document.querySelectorAll("button")].filter((each) => each.textContent === ""),
    ...[...document.querySelectorAll("svg")].filter(
      (each) => each.ariaHidden !== "true" && !each.hasAttribute("aria-labelledby")),
    ...[...document.querySelectorAll("h1, h2")].filter((each) => each.textContent.trim() === ""),
  ].map((each) => each.outerHTML)`);
  assert.deepEqual(unnamed, []);
});

test("what is bad is said above all else; when the process is silent, the numbers look old", async () => {
  const noted = 'document.querySelector("#reasons").textContent';
  const isHidden = 'document.querySelector("#reasons").hidden';
  assert.equal(await page.evaluate(isHidden), true);
  const answer = await (await fetch(`${gateway.adminUrl}/console/data`)).json();
  const { metrics } = answer as { readonly metrics: object };
  const troubled = { ...(answer as object), metrics: { ...metrics, redisUp: [[0]] } };
  await page.setRequestInterception(true);
  let state: "troubled" | "silent" | "well" = "troubled";
  page.on("request", (each) => {
    if (state === "well" || !each.url().includes("/console/data")) void each.continue();
    else if (state === "silent") void each.abort();
    else void each.respond({ contentType: "application/json", body: JSON.stringify(troubled) });
  });
  await textOf("#reasons", (text) => text === "Session store: away");
  state = "silent";
  await textOf("#state", (text) => text === "no answer");
  assert.match(String(await page.evaluate(noted)), /does not answer. What is shown is of \d\d:/);
  assert.equal(await page.evaluate("document.body.dataset.stale"), "");
  state = "well";
  await textOf("#state", (text) => text === "ready");
  assert.equal(await page.evaluate(isHidden), true);
  assert.equal(await page.evaluate("document.body.dataset.stale"), undefined);
  await page.setRequestInterception(false);
});
