/**
 * Released SDKs for servers, unchanged, against a running gateway: what their calls mean is stored,
 * what is bad becomes a dead letter, what is refused for now comes again and is stored once.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import RudderAnalytics from "@rudderstack/rudder-sdk-node";
import { Analytics } from "@segment/analytics-node";
import { CloudEvent, emitterFor, httpTransport, HTTP, Mode } from "cloudevents";

import { Gateway } from "../gateway.ts";
import { RefusingProxy } from "./refusing-proxy.ts";
import { deadLetterIds, includes, only, storedEvents } from "./stored-events.ts";
import type { StoredEvent } from "./stored-events.ts";

const ORDER = { revenue: 39.95, products: [{ id: "p1" }], note: 'größe ✓ 🌍 "q"' };
/** Given by the caller: the event happened then. */
const GIVEN_TIME = new Date("2026-11-20T03:04:05.678Z");
const UNAVAILABLE = { status: 503, retryAfterSeconds: 1 };
const LIMITED = { status: 429, retryAfterSeconds: 2 };

let gateway: Gateway;
let proxy: RefusingProxy;

before(async () => {
  gateway = await Gateway.start({ flags: ["--dead-letters", "raw"] });
  proxy = await RefusingProxy.start(gateway.url);
});

after(async () => {
  await proxy.stop();
  assert.equal(await gateway.stop(), 0);
});

async function storedOf(library: string, user: string): Promise<StoredEvent[]> {
  const events = await storedEvents(gateway);
  return events.filter(({ value }) => {
    const context = value["context"] as { readonly library: { readonly name: string } | null };
    return context.library?.name === library && value["userId"] === user;
  });
}

/** All six calls mean the same in every SDK of this family. */
function checkCalls(events: readonly StoredEvent[]): void {
  assert.equal(events.length, 6);
  const track = only(events, "track");
  includes(track.value, { event: "Order Completed", properties: ORDER }, "track");
  assert.equal(track.value["timestamp"], GIVEN_TIME.getTime());
  assert.equal(track.key, "u-1");
  const page = only(events, "page");
  includes(page.value, { name: "Home", properties: { url: "https://shop.example/" } }, "page");
  includes(only(events, "screen").value, { name: "Main" }, "screen");
  includes(only(events, "identify").value, { traits: { email: "jo@example.test" } }, "identify");
  includes(only(events, "group").value, { groupId: "g-1", traits: { name: "Acme" } }, "group");
  includes(only(events, "alias").value, { previousId: "anon-1", userId: "u-1" }, "alias");
  for (const { header, value } of events) {
    assert.ok(Math.abs(Number(value["timestamp"]) - header.eventTimeMs) < 60_000);
  }
}

describe("@segment/analytics-node", () => {
  const open = (host: string) => new Analytics({ writeKey: "demo", host, flushAt: 6 });

  it("every call is stored with its meaning; an event without its name is a dead letter", async () => {
    const analytics = open(gateway.url);
    const errors: unknown[] = [];
    analytics.on("error", (error) => errors.push(error));
    const userId = "u-1";
    analytics.identify({ userId, traits: { email: "jo@example.test", age: 41 } });
    const timestamp = GIVEN_TIME;
    analytics.track({ userId, event: "Order Completed", properties: ORDER, timestamp });
    analytics.page({ userId, name: "Home", properties: { url: "https://shop.example/" } });
    analytics.screen({ userId, name: "Main" });
    analytics.group({ userId, groupId: "g-1", traits: { name: "Acme" } });
    analytics.alias({ userId, previousId: "anon-1" });
    analytics.track({ userId, event: "Bad", messageId: "sn-bad", context: { locale: 5 as never } });
    await analytics.closeAndFlush();
    assert.deepEqual(errors, []);
    checkCalls(await storedOf("@segment/analytics-node", "u-1"));
    assert.ok((await deadLetterIds(gateway, "behaviour-interaction")).includes("sn-bad"));
  });

  it("503 and 429 are tried again, the latter as late as it was told; nothing is lost or twice", async () => {
    proxy.refusals.push(UNAVAILABLE, LIMITED);
    const first = proxy.seen.length;
    const analytics = open(proxy.url);
    analytics.track({ userId: "u-retry", event: "Once" });
    await analytics.closeAndFlush({ timeout: 60_000 });
    const seen = proxy.seen.slice(first);
    assert.deepEqual(
      seen.map(({ status }) => status),
      [503, 429, 200],
    );
    const waited = (seen[2]?.atMs ?? 0) - (seen[1]?.atMs ?? 0);
    assert.ok(waited >= 1_990, `waited ${waited} ms`);
    assert.equal((await storedOf("@segment/analytics-node", "u-retry")).length, 1);
  });
});

describe("@rudderstack/rudder-sdk-node", () => {
  const open = (dataPlaneUrl: string) => new RudderAnalytics("demo", { dataPlaneUrl, flushAt: 6 });
  const flushed = (analytics: RudderAnalytics): Promise<unknown> => analytics.flush();

  it("every call is stored with its meaning, gzipped as a form", async () => {
    const analytics = open(gateway.url);
    const userId = "u-1";
    analytics.identify({ userId, traits: { email: "jo@example.test" } });
    const timestamp = GIVEN_TIME;
    analytics.track({ userId, event: "Order Completed", properties: ORDER, timestamp });
    analytics.page({ userId, name: "Home", properties: { url: "https://shop.example/" } });
    analytics.screen({ userId, name: "Main" });
    analytics.group({ userId, groupId: "g-1", traits: { name: "Acme" } });
    analytics.alias({ userId, previousId: "anon-1" });
    await flushed(analytics);
    checkCalls(await storedOf("analytics-node", "u-1"));
  });

  it("503 and 429 are tried again; nothing is lost or twice", async () => {
    proxy.refusals.push(UNAVAILABLE, LIMITED);
    const first = proxy.seen.length;
    const analytics = open(proxy.url);
    analytics.track({ userId: "u-retry", event: "Once" });
    await flushed(analytics);
    const seen = proxy.seen.slice(first);
    assert.deepEqual(
      seen.map(({ status }) => status),
      [503, 429, 200],
    );
    const waited = (seen[2]?.atMs ?? 0) - (seen[1]?.atMs ?? 0);
    assert.ok(waited >= 1_990, `waited ${waited} ms`);
    assert.equal((await storedOf("analytics-node", "u-retry")).length, 1);
  });
});

describe("cloudevents", () => {
  const data = (messageId: string) => ({
    messageId,
    timestamp: GIVEN_TIME.toISOString(),
    event: "Größe %20",
    userId: "u-ce",
  });
  const cloudEvent = (id: string, more: object = {}) =>
    new CloudEvent({
      id,
      type: "track",
      source: "/shop/checkout",
      time: GIVEN_TIME.toISOString(),
      data: data(id),
      ...more,
    });

  for (const mode of [Mode.BINARY, Mode.STRUCTURED]) {
    it(`${mode} mode is stored; what is bad says so in its body`, async () => {
      const transport = httpTransport(`${gateway.url}/v1/cloudevents`);
      const emit = emitterFor(transport, { mode });
      const answer = (await emit(cloudEvent(`ce-${mode}`, { partitionkey: "p-1" }))) as {
        readonly body: string;
      };
      assert.equal((JSON.parse(answer.body) as { readonly stored: number }).stored, 1);
      const events = await storedEvents(gateway);
      const found = events.find(({ header }) => header.id === `ce-${mode}`);
      assert.ok(found !== undefined);
      assert.equal(found.key, "p-1");
      assert.equal(found.header.eventTimeMs, GIVEN_TIME.getTime());
      includes(found.value, { event: "Größe %20", userId: "u-ce" }, mode);
      const bad = (await emit(cloudEvent(`bad-${mode}`, { data: { event: 5 } }))) as {
        readonly body: string;
      };
      includes(JSON.parse(bad.body), { status: 422, code: "invalid_events" }, "a bad event");
      assert.ok((await deadLetterIds(gateway, "behaviour-interaction")).includes(`bad-${mode}`));
    });
  }

  it("a batch as the package serialises it is stored", async () => {
    const messages = ["ce-b1", "ce-b2"].map((id) => HTTP.structured(cloudEvent(id)).body);
    const answer = await fetch(`${gateway.url}/v1/cloudevents`, {
      method: "POST",
      headers: { "Content-Type": "application/cloudevents-batch+json" },
      body: `[${messages.join()}]`,
    });
    includes(await answer.json(), { stored: 2 }, "a batch");
  });
});
