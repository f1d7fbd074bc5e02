/**
 * What comes twice, over HTTP against a running gateway: the same bytes, the same Idempotency-Key,
 * the same event id. Kafka is the judge: nothing is stored twice, nothing is called stored that is
 * not there.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, it } from "node:test";

import { keyDigest } from "../../src/admission/keys.ts";
import { Gateway } from "../gateway.ts";
import { StreamClient } from "../stream-client.ts";
import { byId, readAll } from "./read-back.ts";

const TIME = "2026-11-21T10:00:00.000Z";
let directory = "";
let gateway: Gateway;

const source = (name: string) => ({ writeKeys: [{ sha256: keyDigest(name) }] });

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-e2e-"));
  const file = {
    tenants: {
      shop: { sources: { web: source("wk_shop") } },
      exact: {
        sources: { web: source("wk_exact"), app: source("wk_app") },
        dedupe: { windowSeconds: 600 },
      },
    },
  };
  await writeFile(join(directory, "tenants.json"), JSON.stringify(file));
  const flags = ["--tenants-file", join(directory, "tenants.json"), "--cloud-events-headers"];
  gateway = await Gateway.start({ flags });
});

after(async () => {
  assert.equal(await gateway.stop(), 0);
  await rm(directory, { recursive: true });
});

const track = (messageId: string) => ({ messageId, timestamp: TIME, event: "E", userId: "u" });
const native = (id: string) => ({ type: "track", id, data: track(id) });

/** `target`: the write key and the path. */
function post(target: string, body: object, headers: Record<string, string> = {}) {
  const [key = "", path = ""] = target.split(" ");
  const init = { method: "POST", body: JSON.stringify(body) };
  return gateway.request(path, { ...init, headers: { "X-Write-Key": key, ...headers } });
}

async function copies(id: string): Promise<number> {
  const records = byId(await readAll(gateway.run.brokers, ["behaviour-interaction"]));
  return records.get(id)?.length ?? 0;
}

it("a façade's request that comes again byte for byte is answered and not stored again", async () => {
  for (let round = 0; round < 3; round += 1) {
    const answer = await post("wk_shop /v1/track", track("fp-1"));
    assert.deepEqual([answer.status, await answer.json()], [200, { success: true }]);
  }
  await post("wk_shop /v1/track", { ...track("fp-1"), sentAt: TIME });
  assert.equal(await copies("fp-1"), 2, "other bytes are another request");
  const series = 'sluice_http_requests_repeated_total{kind="fingerprint"}';
  assert.equal(await gateway.metric(series), 2);
});

it("a copy of a request that is under way is stored once, whatever it is told", async () => {
  const sent = Array.from({ length: 20 }, () => post("wk_shop /v1/track", track("fp-2")));
  const statuses = (await Promise.all(sent)).map(({ status }) => status);
  assert.ok(statuses.includes(200));
  assert.ok(
    statuses.every((status) => status === 200 || status === 503),
    statuses.join(),
  );
  assert.equal(await copies("fp-2"), 1);
});

it("Idempotency-Key: the result again, 422 for another body, nothing stored twice", async () => {
  const headers = { "Idempotency-Key": "order-7" };
  const body = { events: [native("ik-1"), { type: "track", id: "ik-bad", data: {} }] };
  const first = await post("wk_shop /v1/events", body, headers);
  const again = await post("wk_shop /v1/events", body, headers);
  assert.equal(first.status, 200);
  assert.deepEqual(await again.json(), await first.json());
  const other = await post("wk_shop /v1/events", { events: [native("ik-2")] }, headers);
  assert.equal(other.status, 422);
  const refused = (await other.json()) as { readonly code: string };
  assert.equal(refused.code, "idempotency_mismatch");
  const bad = await post("wk_shop /v1/events", body, { "Idempotency-Key": "x".repeat(201) });
  assert.equal(bad.status, 400);
  assert.equal(await copies("ik-1"), 1);
  assert.equal(await copies("ik-2"), 0);
});

it("an id within the tenant's window is a duplicate: over HTTP, façades, streams; per source", async () => {
  const body = { events: [native("id-1"), native("id-2")] };
  const first = await post("wk_exact /v1/events", body);
  assert.equal(((await first.json()) as { readonly stored: number }).stored, 2);
  const again = await post("wk_exact /v1/events", { events: [native("id-2"), native("id-3")] });
  const result = (await again.json()) as { readonly stored: number; readonly duplicate: number };
  assert.deepEqual([result.stored, result.duplicate], [1, 1]);
  assert.equal((await post("wk_exact /v1/t", track("id-1"))).status, 200);
  const client = await StreamClient.hello(gateway.streamUrl, { auth: "wk_exact" });
  client.send({ t: "pub", seq: 1, events: [native("id-3"), native("id-4")] });
  await client.acked(2);
  client.close();
  for (const id of ["id-1", "id-2", "id-3", "id-4"]) assert.equal(await copies(id), 1, id);
  await post("wk_app /v1/events", { events: [native("id-1")] });
  assert.equal(await copies("id-1"), 2, "another source has ids of its own");
});

it("an id twice in one request is stored once, and the second has the outcome of the first", async () => {
  const bad = { type: "track", id: "tw-2", data: {} };
  const events = [native("tw-1"), native("tw-1"), bad, native("tw-2"), native("tw-2")];
  const answer = await post("wk_exact /v1/events", { events });
  const text = await answer.text();
  const { stored, duplicate, rejected } = JSON.parse(text) as Record<string, unknown>;
  assert.deepEqual([stored, duplicate], [2, 2], text);
  assert.equal((rejected as readonly object[]).length, 1);
  for (const id of ["tw-1", "tw-2"]) assert.equal(await copies(id), 1, id);
  const batch = {
    batch: [
      { type: "track", ...track("tw-3") },
      { type: "track", ...track("tw-3") },
    ],
  };
  const facade = await post("wk_exact /v1/batch", batch);
  assert.equal(facade.status, 200, "no batch is asked for again because of a copy");
  assert.equal(await copies("tw-3"), 1);
  const client = await StreamClient.hello(gateway.streamUrl, { auth: "wk_exact" });
  client.send({ t: "pub", seq: 1, events: [native("tw-4"), native("tw-4")] });
  await client.acked(2);
  client.close();
  assert.equal(await copies("tw-4"), 1);
});

it("a CloudEvent is known by source and id, and its record has its attributes as headers", async () => {
  const headers = { "Content-Type": "application/cloudevents+json" };
  const attributes = { specversion: "1.0", id: "ce-1", type: "track", time: TIME, myint: 5 };
  const events = ["/größe", "/b", "/b"].map((from) => ({ ...attributes, source: from }));
  const counts: (readonly number[])[] = [];
  for (const event of events) {
    const body = { ...event, datacontenttype: "application/json", data: track("m") };
    const answer = await post("wk_exact /v1/cloudevents", body, headers);
    const result = (await answer.json()) as { readonly stored: number; readonly duplicate: number };
    counts.push([result.stored, result.duplicate]);
  }
  assert.deepEqual(counts, [
    [1, 0],
    [1, 0],
    [0, 1],
  ]);
  const records = byId(await readAll(gateway.run.brokers, ["behaviour-interaction"])).get("ce-1");
  const found = (records ?? []).map((record) =>
    Object.fromEntries(record.headers.slice(1).map(([name, value]) => [name, String(value)])),
  );
  const expected = ["/größe", "/b"].map((from) => ({
    "content-type": "application/avro",
    ce_specversion: "1.0",
    ce_id: "ce-1",
    ce_source: from,
    ce_type: "track",
    ce_time: TIME,
    ce_myint: "5",
  }));
  assert.deepEqual(found, expected);
});

it("an id that is rejected is not remembered: mended, it is stored", async () => {
  const bad = { type: "track", id: "id-mended", data: { messageId: "id-mended" } };
  const first = await post("wk_exact /v1/events", { events: [bad] });
  assert.equal(((await first.json()) as { readonly rejected: object[] }).rejected.length, 1);
  const second = await post("wk_exact /v1/events", { events: [native("id-mended")] });
  assert.equal(((await second.json()) as { readonly stored: number }).stored, 1);
  assert.equal(await copies("id-mended"), 1);
});
