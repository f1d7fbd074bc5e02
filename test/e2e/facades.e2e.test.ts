/** Clients of other collectors, as they speak on the wire, against a running gateway. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";

import { Gateway } from "../gateway.ts";
import { byId, readAll } from "./read-back.ts";

let gateway: Gateway;

before(async () => {
  gateway = await Gateway.start({ flags: ["--dead-letters", "none"] });
});

after(async () => {
  assert.equal(await gateway.stop(), 0);
});

const BASIC = { Authorization: `Basic ${Buffer.from("demo:").toString("base64")}` };
const TIME = "2026-11-21T10:00:00.000Z";

function post(path: string, body: string, headers: Record<string, string> = {}) {
  return gateway.request(path, { method: "POST", body, headers });
}

async function stored(topic: string, id: string): Promise<string> {
  const records = byId(await readAll(gateway.run.brokers, [topic])).get(id);
  assert.equal(records?.length, 1, `${id} is there once`);
  return Buffer.from(records[0]?.value ?? []).toString("latin1");
}

describe("Segment", () => {
  const track = (messageId: string, more: object = {}) => ({
    messageId,
    timestamp: TIME,
    anonymousId: "a-1",
    event: "Invoice Downloaded",
    properties: { total: 7 },
    ...more,
  });

  for (const path of ["/v1/track", "/v1/t", "/t", "/v1/track/"]) {
    it(`POST ${path}, as text/plain`, async () => {
      const id = `seg-${path}`;
      const body = JSON.stringify({ ...track(id), writeKey: "demo", sentAt: TIME });
      const answer = await post(path, body, { ...BASIC, "Content-Type": "text/plain" });
      assert.equal(answer.status, 200);
      assert.deepEqual(await answer.json(), { success: true });
      assert.match(await stored("behaviour-interaction", id), /Invoice Downloaded/);
    });
  }

  it("takes a gzipped, chunked batch whose key stands at its end", async () => {
    const batch = [track("kt-1", { type: "track" }), track("kt-2", { type: "track" })];
    const context = { timezone: "Europe/Berlin" };
    const body = gzipSync(JSON.stringify({ batch, context, sentAt: TIME, writeKey: "demo" }));
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(body.subarray(0, 40));
        controller.enqueue(body.subarray(40));
        controller.close();
      },
    });
    const init = { method: "POST", body: stream, duplex: "half" } as const;
    const headers = { "Content-Type": "text/plain", "Content-Encoding": "gzip" };
    const answer = await gateway.request(`/v1/b`, { ...init, headers });
    assert.equal(answer.status, 200, await answer.text());
    assert.match(await stored("behaviour-interaction", "kt-2"), /Europe\/Berlin/);
    const bytes = (form: string) =>
      gateway.metric(`sluice_compressed_body_bytes_total{form="${form}"}`);
    assert.equal(await bytes("compressed"), body.length);
    assert.equal(await bytes("inflated"), gunzipSync(body).length);
  });

  it("drops one bad event of a batch into dead letters and succeeds", async () => {
    const bad = { type: "track", messageId: "bad-1", timestamp: TIME };
    const body = JSON.stringify({ batch: [bad, track("good-1", { type: "track" })] });
    const answer = await post("/v1/batch", body, BASIC);
    assert.deepEqual(await answer.json(), { success: true });
    await stored("behaviour-interaction", "good-1");
    const letters = await readAll(gateway.run.brokers, ["behaviour-interaction.dlq"]);
    const ids = letters.map(({ headers }) => String(headers.find(([name]) => name === "id")?.[1]));
    assert.ok(ids.includes("bad-1"));
  });

  it("refuses as its SDKs understand it: 400 and 401 with code and message", async () => {
    const refusals: readonly (readonly [Promise<Response>, number, string])[] = [
      [post("/v1/batch", "{", BASIC), 400, "bad_json"],
      [post("/v1/batch", "{}", { "X-Write-Key": "unknown" }), 401, "unauthenticated"],
      [post("/v1/batch", '{"batch":[],"writeKey":"unknown"}'), 401, "unauthenticated"],
      [post("/v1/batch", "x".repeat(2_000_000), BASIC), 400, "too_large"],
    ];
    for (const [answering, status, code] of refusals) {
      const answer = await answering;
      assert.equal(answer.status, status);
      const body = (await answer.json()) as Readonly<Record<string, unknown>>;
      assert.equal(body["code"], code);
      assert.equal(typeof body["message"], "string");
    }
    assert.equal((await gateway.request(`/v1/batch`)).status, 405);
  });

  it("serves its settings to the browser, for a known key", async () => {
    const settings = await gateway.request(`/v1/projects/demo/settings`);
    assert.equal(settings.status, 200);
    const body = (await settings.json()) as {
      readonly integrations: { readonly "Segment.io": { readonly apiHost: string } };
    };
    assert.equal(body.integrations["Segment.io"].apiHost, `${new URL(gateway.url).host}/v1`);
    assert.equal((await gateway.request(`/v1/projects/other/settings`)).status, 401);
  });

  it("lets its preflights pass", async () => {
    const answer = await gateway.request(`/v1/p`, {
      method: "OPTIONS",
      headers: {
        Origin: "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,x-retry-count",
      },
    });
    assert.equal(answer.status, 204);
    assert.match(answer.headers.get("access-control-allow-headers") ?? "", /x-retry-count/);
    assert.equal(answer.headers.get("access-control-allow-methods"), "POST");
  });
});

describe("RudderStack", () => {
  it("configures its browser SDK, takes calls, beacons and pixels", async () => {
    const config = await gateway.request(`/sourceConfig/?p=npm&writeKey=demo`, {
      headers: BASIC,
    });
    const { source } = (await config.json()) as { readonly source: { readonly id: string } };
    assert.equal(typeof source.id, "string");
    const event = { messageId: "ru-1", originalTimestamp: TIME, timestamp: TIME, event: "Seen" };
    const headers = { ...BASIC, AnonymousId: "YS0x", "Content-Type": "application/json" };
    const call = await post("/v1/track", JSON.stringify(event), headers);
    assert.equal(await call.text(), "OK");
    await stored("behaviour-interaction", "ru-1");
    const batch = [{ ...event, type: "track", messageId: "ru-2" }];
    const beacon = await post("/beacon/v1/batch?writeKey=demo", JSON.stringify({ batch }));
    assert.equal(beacon.status, 200);
    await stored("behaviour-interaction", "ru-2");
    const query = new URLSearchParams({ ...event, messageId: "ru-3", writeKey: "demo" });
    const pixel = await gateway.request(`/pixel/v1/track?${query.toString()}`);
    assert.equal(pixel.headers.get("content-type"), "image/gif");
    const bytes = Buffer.from(await pixel.arrayBuffer());
    assert.equal(bytes.subarray(0, 6).toString("latin1"), "GIF89a");
    await stored("behaviour-interaction", "ru-3");
  });
});

describe("CloudEvents and webhooks", () => {
  const data = { messageId: "x", timestamp: TIME, event: "Größe" };
  const attributes = { specversion: "1.0", type: "track", source: "/test", time: TIME };

  it("takes binary mode, percent-encoded or not", async () => {
    const answer = await post("/v1/cloudevents", JSON.stringify(data), {
      ...BASIC,
      "content-type": "application/json",
      "ce-id": "ce-%231",
      "ce-specversion": "1.0",
      "ce-type": "track",
      "ce-source": "/te%st",
    });
    assert.equal(answer.status, 200, await answer.text());
    await stored("behaviour-interaction", "ce-#1");
  });

  it("takes structured and batched mode, on the native path too", async () => {
    const one = JSON.stringify({ ...attributes, id: "ce-2", data });
    const type = "application/cloudevents+json; charset=utf-8";
    const answer = await post("/v1/events", one, { ...BASIC, "content-type": type });
    assert.equal(answer.status, 200, await answer.text());
    await stored("behaviour-interaction", "ce-2");
    const many = JSON.stringify([
      { ...attributes, id: "ce-3", data },
      { ...attributes, id: "ce-4", data: {} },
    ]);
    const batched = "application/cloudevents-batch+json";
    const both = await post("/v1/cloudevents", many, { ...BASIC, "content-type": batched });
    const result = (await both.json()) as { readonly stored: number; readonly rejected: object[] };
    assert.equal(result.stored, 1);
    assert.equal(result.rejected.length, 1);
  });

  it("says of one bad event that the request is bad, and of other formats that it cannot", async () => {
    const bad = JSON.stringify({ ...attributes, id: "ce-5", data: {} });
    const type = "application/cloudevents+json";
    const answer = await post("/v1/cloudevents", bad, { ...BASIC, "content-type": type });
    assert.equal(answer.status, 422);
    const avro = { ...BASIC, "content-type": "application/cloudevents+avro" };
    assert.equal((await post("/v1/cloudevents", "x", avro)).status, 415);
    const xml = { ...BASIC, "content-type": "text/xml", "ce-specversion": "1.0", "ce-id": "1" };
    assert.equal((await post("/v1/cloudevents", "<a/>", xml)).status, 415);
  });

  it("answers the validation of a webhook", async () => {
    const answer = await gateway.request(`/v1/cloudevents`, {
      method: "OPTIONS",
      headers: { "WebHook-Request-Origin": "eventemitter.example.com" },
    });
    assert.equal(answer.headers.get("webhook-allowed-origin"), "eventemitter.example.com");
  });

  it("takes a webhook's body as a record of the type in its path", async () => {
    const body = JSON.stringify({ ...data, messageId: "wh-1" });
    const answer = await post("/v1/webhooks/track?key=demo", body);
    assert.equal(answer.status, 200, await answer.text());
    await stored("behaviour-interaction", "wh-1");
    const unknown = await post("/v1/webhooks/nothing?key=demo", body);
    const { rejected } = (await unknown.json()) as { readonly rejected: { code: string }[] };
    assert.equal(rejected[0]?.code, "schema_unknown");
  });
});
