/**
 * Released SDKs for browsers, unchanged, in a real Chromium on a page of another origin: settings,
 * preflights, calls, batches, beacons; what is refused for now comes again and is stored once.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";
import type { Page } from "puppeteer-core";

import { TestBrowser } from "../browser.ts";
import { Gateway } from "../gateway.ts";
import { RefusingProxy } from "./refusing-proxy.ts";
import { includes, only, storedEvents } from "./stored-events.ts";
import type { StoredEvent } from "./stored-events.ts";

const TRAITS = { email: "jo@example.test" };
const CALLS = `
  analytics.page("Docs", "Home", { plan: "pro" });
  analytics.identify("u-1", { email: "jo@example.test" });
  analytics.track("Order Completed", { revenue: 39.95, note: "größe ✓ 🌍" });
  analytics.group("g-1", { name: "Acme" });
  analytics.alias("u-2", "u-1");`;

/** The page for those who switch, and the code it tells them to write. */
const SWITCH_PAGE = readFileSync(
  new URL("../../docs/switch-from-segment.md", import.meta.url),
  "utf8",
);
const STANDALONE = readFileSync(
  new URL("../../node_modules/@segment/analytics-next/dist/umd/standalone.js", import.meta.url),
);

/** The first block of code in this language, for the gateway of the test. */
function documentedCode(language: string): string {
  const code = new RegExp(`\\n\`\`\`${language}\\n(.*?)\\n\`\`\``, "s").exec(SWITCH_PAGE)?.[1];
  assert.ok(code !== undefined, `there is code in ${language}`);
  return code.replaceAll("http://127.0.0.1:8080", proxy.url);
}

let gateway: Gateway;
let proxy: RefusingProxy;
let browser: TestBrowser;
let site: Server;
let siteUrl = "";

before(async () => {
  gateway = await Gateway.start();
  proxy = await RefusingProxy.start(gateway.url);
  const bundle = await build({
    entryPoints: [fileURLToPath(new URL("application.mjs", import.meta.url))],
    bundle: true,
    write: false,
    format: "iife",
    logLevel: "error",
  });
  const script = bundle.outputFiles[0]?.text ?? "";
  site = createServer((request, response) => {
    const { url = "" } = request;
    const isScript = url.endsWith(".js");
    response.setHeader("Content-Type", isScript ? "text/javascript" : "text/html;charset=utf-8");
    if (isScript) response.end(url === "/analytics.js" ? STANDALONE : script);
    else if (url.startsWith("/snippet")) response.end(documentedCode("html"));
    else response.end('<title>Shop</title><script src="/application.js"></script>');
  });
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  // The address of a listening TCP server.
  siteUrl = `http://localhost:${(site.address() as AddressInfo).port}`;
  browser = await TestBrowser.open();
});

after(async () => {
  await browser[Symbol.asyncDispose]();
  site.closeAllConnections();
  site.close();
  await proxy.stop();
  assert.equal(await gateway.stop(), 0);
});

/** A page of the site; a path of its own tells its events from those of other tests. */
async function open(path: string, script: string): Promise<Page> {
  const page = await browser.tab(`${siteUrl}${path}?utm_source=test`);
  await page.evaluate(script);
  return page;
}

async function storedOf(path: string): Promise<StoredEvent[]> {
  return (await storedEvents(gateway)).filter(({ value }) => {
    const context = value["context"] as { readonly page: { readonly path: string } | null };
    return context.page?.path === path;
  });
}

/** `own`: members of identify and alias, which the SDKs write each in its way. */
function checkCalls(
  events: readonly StoredEvent[],
  path: string,
  own: { readonly identify: object; readonly alias: object },
): void {
  const track = only(events, "track");
  const properties = { revenue: 39.95, note: "größe ✓ 🌍" };
  const url = `${siteUrl}${path}?utm_source=test`;
  const context = { page: { url, path, title: "Shop" }, campaign: { source: "test" } };
  includes(track.value, { event: "Order Completed", properties, context }, "track");
  const home = { name: "Home", category: "Docs" };
  includes(only(events, "page").value, { ...home, properties: { plan: "pro", url } }, "page");
  includes(only(events, "identify").value, { userId: "u-1", ...own.identify }, "identify");
  includes(only(events, "group").value, { groupId: "g-1", traits: { name: "Acme" } }, "group");
  includes(only(events, "alias").value, { previousId: "u-1", ...own.alias }, "alias");
  for (const { header, value, key } of events) {
    assert.equal(key, value["anonymousId"]);
    assert.ok(Math.abs(Number(value["timestamp"]) - header.eventTimeMs) < 60_000);
  }
}

describe("@segment/analytics-next", () => {
  const load = (more = "{}") => `globalThis.analytics = AnalyticsBrowser.load(
    { writeKey: "demo", cdnURL: "${proxy.url}" }, ${more});`;

  it("every call is stored with its meaning", async () => {
    const first = proxy.seen.length;
    const page = await open("/segment", `${load()} ${CALLS} analytics.screen("Main");`);
    await proxy.taken(6, first);
    const events = await storedOf("/segment");
    // It has identified u-1 and stays with it: that is what goes over the wire.
    const alias = { userId: "u-1" };
    checkCalls(events, "/segment", { identify: { traits: TRAITS }, alias });
    includes(only(events, "screen").value, { name: "Main" }, "screen");
    await page.close();
  });

  it("503 and 429 are tried again, with a preflight of their own, as late as told", async () => {
    proxy.refusals.push(
      { status: 503, retryAfterSeconds: 1 },
      { status: 429, retryAfterSeconds: 2 },
    );
    const first = proxy.seen.length;
    const page = await open("/segment-again", `${load()} analytics.track("Once");`);
    const seen = await proxy.taken(1, first);
    assert.deepEqual(
      seen.map(({ status }) => status),
      [503, 429, 200],
    );
    assert.equal(seen[2]?.headers["x-retry-count"] === undefined, false);
    const waited = (seen[2]?.atMs ?? 0) - (seen[1]?.atMs ?? 0);
    assert.ok(waited >= 1_900, `waited ${waited} ms`);
    assert.equal((await storedOf("/segment-again")).length, 1);
    await page.close();
  });

  it("batches are stored, also those of a page that goes away", async () => {
    const first = proxy.seen.length;
    const config = "{ size: 50, timeout: 60000 }";
    const batching = `{ integrations: { "Segment.io":
      { deliveryStrategy: { strategy: "batching", config: ${config} } } } }`;
    const calls = `Promise.all(["One", "Two"].map((name) => analytics.track(name)))`;
    const page = await open("/segment-batch", `${load(batching)} ${calls}`);
    await page.goto("about:blank");
    const seen = await proxy.taken(1, first);
    assert.equal(seen[0]?.path, "/v1/b");
    assert.equal((await storedOf("/segment-batch")).length, 2);
    await page.close();
  });
});

describe("docs/switch-from-segment.md", () => {
  const check = async (path: string, first: number): Promise<void> => {
    await proxy.taken(2, first);
    const events = await storedOf(path);
    only(events, "page");
    const track = { event: "Signed Up", properties: { plan: "pro" } };
    includes(only(events, "track").value, track, "track");
  };

  it("with the package: the code on the page works", async () => {
    const first = proxy.seen.length;
    const code = documentedCode("js").replace(/^import .*\n/, "");
    const page = await open("/switch", code);
    await check("/switch", first);
    await page.close();
  });

  it("with the script tag: the code on the page works", async () => {
    const first = proxy.seen.length;
    const page = await open("/snippet", "0");
    await check("/snippet", first);
    await page.close();
  });
});

describe("@rudderstack/analytics-js", () => {
  const load = (more = "") => `globalThis.analytics = new RudderAnalytics();
    analytics.load("demo", "${proxy.url}", { configUrl: "${proxy.url}", ${more} });`;

  it("every call is stored with its meaning, in the session the SDK counts", async () => {
    const first = proxy.seen.length;
    const page = await open("/rudder", `${load()} ${CALLS}`);
    await proxy.taken(5, first);
    const events = await storedOf("/rudder");
    const identify = { context: { traits: TRAITS } };
    checkCalls(events, "/rudder", { identify, alias: { userId: "u-2" } });
    const { context } = only(events, "track").value as {
      readonly context: { readonly sessionId: number };
    };
    assert.equal(typeof context.sessionId, "number");
    for (const { header } of events) assert.equal(header.session, String(context.sessionId));
    await page.close();
  });

  it("503 and 429 are tried again", async () => {
    proxy.refusals.push(
      { status: 503, retryAfterSeconds: 1 },
      { status: 429, retryAfterSeconds: 1 },
    );
    const first = proxy.seen.length;
    const page = await open("/rudder-again", `${load()} analytics.track("Once");`);
    const seen = await proxy.taken(1, first);
    assert.deepEqual(
      seen.map(({ status }) => status),
      [503, 429, 200],
    );
    assert.equal((await storedOf("/rudder-again")).length, 1);
    await page.close();
  });

  it("beacons are stored", async () => {
    const first = proxy.seen.length;
    const more = "useBeacon: true, beaconQueueOptions: { flushQueueInterval: 500 }";
    const page = await open("/rudder-beacon", `${load(more)} analytics.track("Beacon");`);
    const seen = await proxy.taken(1, first);
    assert.match(seen[0]?.path ?? "", /^\/beacon\/v1\/batch\?writeKey=demo/);
    includes(only(await storedOf("/rudder-beacon"), "track").value, { event: "Beacon" }, "beacon");
    await page.close();
  });
});

it("sendBeacon with plain text reaches the native path without a preflight", async () => {
  const first = proxy.seen.length;
  const timestamp = "2026-11-21T10:00:00Z";
  const data = { messageId: "nb-1", timestamp, event: "Left", userId: "u-nb" };
  const body = JSON.stringify({ events: [{ type: "track", data }] });
  const url = `${proxy.url}/v1/events?key=demo`;
  const send = `navigator.sendBeacon(${JSON.stringify(url)}, ${JSON.stringify(body)})`;
  const page = await open("/beacon", send);
  const seen = await proxy.taken(1, first);
  assert.match(seen[0]?.headers["content-type"] ?? "", /^text\/plain/);
  const events = await storedEvents(gateway);
  assert.ok(events.some(({ header }) => header.id === "nb-1"));
  await page.close();
});
