/**
 * Tenants at a running gateway: what a key may send and where it goes, quotas, edits, revocation.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { after, before, describe, it } from "node:test";

import { keyDigest } from "../../src/admission/keys.ts";
import { Gateway } from "../gateway.ts";
import { StreamClient } from "../stream-client.ts";
import { byId, readAll } from "./read-back.ts";

let directory = "";
let gateway: Gateway;

const key = (name: string) => [{ sha256: keyDigest(name) }];

function tenants(more: object = {}) {
  return {
    tenants: {
      shop: {
        sources: {
          web: { writeKeys: key("wk_web"), types: ["search"], origins: ["https://shop.example"] },
          app: { writeKeys: key("wk_app"), limits: { eventsPerSecond: 1 } },
          flow: { writeKeys: key("wk_flow"), limits: { eventsPerSecond: 1 } },
          gone: { writeKeys: key("wk_gone") },
          site: { writeKeys: key("wk_site"), dialects: ["segment"] },
        },
        topics: { search: "shop.search" },
        deadLetters: "raw",
      },
      ...more,
    },
  };
}

const write = (file: object) => writeFile(join(directory, "tenants.json"), JSON.stringify(file));

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-e2e-"));
  await write(tenants());
  const flags = ["--tenants-file", join(directory, "tenants.json"), "--create-topics"];
  gateway = await Gateway.start({ flags });
});

after(async () => {
  assert.equal(await gateway.stop(), 0);
  await rm(directory, { recursive: true });
});

function search(id: string, type = "search") {
  const timestamp = "2026-11-21T10:00:00Z";
  return {
    type,
    id,
    data: { messageId: id, timestamp, anonymousId: "v", query: "tea", resultCount: 1 },
  };
}

function post(writeKey: string, events: readonly object[], headers: Record<string, string> = {}) {
  const body = JSON.stringify({ events });
  return fetch(`${gateway.url}/v1/events`, {
    method: "POST",
    body,
    headers: { "X-Write-Key": writeKey, ...headers },
  });
}

describe("tenants", () => {
  it("send what they may, to their own topics; the rest is refused for good, in dead letters", async () => {
    const answer = await post("wk_web", [search("t-1"), search("t-2", "page")]);
    const body = (await answer.json()) as {
      readonly stored: number;
      readonly rejected: readonly { readonly index: number; readonly code: string }[];
    };
    assert.equal(body.stored, 1, JSON.stringify(body));
    assert.deepEqual(
      body.rejected.map(({ index, code }) => [index, code]),
      [[1, "type_not_allowed"]],
    );
    const records = byId(await readAll(gateway.run.brokers, ["shop.search"]));
    assert.equal(records.get("t-1")?.length, 1);
    const [letter] = await readAll(gateway.run.brokers, ["behaviour-navigation.dlq"]);
    assert.match(Buffer.from(letter?.value ?? []).toString(), /t-2/);
  });

  it("use the façades they are open to, from the first request of an SDK on", async () => {
    const settings = (name: string) => gateway.request(`/v1/projects/${name}/settings`);
    assert.equal((await settings("wk_site")).status, 200);
    assert.equal((await post("wk_site", [search("f-1")])).status, 403);
    const given = await settings("wk_app");
    assert.equal(given.headers.get("cache-control"), "private, max-age=300");
  });

  it("are asked where they come from", async () => {
    const from = (origin: string) => post("wk_web", [search("o")], { Origin: origin });
    assert.equal((await from("https://shop.example")).status, 200);
    assert.equal((await from("https://evil.example")).status, 403);
    assert.equal((await post("", [search("o")])).status, 401);
  });

  it("row 43: wait for their quota: 429 over HTTP, paused credit on a stream, and it passes", async () => {
    // More than its quota of a minute: the next one has to wait, however slow this machine is.
    const many = Array.from({ length: 100 }, (_, n) => search(`q-${n}`));
    assert.equal((await post("wk_app", many)).status, 200);
    const refused = await post("wk_app", [search("q-last")]);
    assert.equal(refused.status, 429);
    assert.match(refused.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
    assert.match(refused.headers.get("ratelimit") ?? "", /^"source";r=0;t=\d+$/);
    const client = await StreamClient.hello(gateway.streamUrl, { auth: "wk_flow" });
    const events = Array.from({ length: 5 }, (_, n) => search(`f-${n}`));
    client.send({ t: "pub", seq: 1, events });
    const paused = await client.next("credit");
    assert.equal(paused["reason"], "rate");
    const raised = await client.until(() =>
      client.frames.find((frame) => frame.t === "credit" && frame["reason"] === undefined),
    );
    assert.ok(raised["seq"] !== undefined);
    client.close();
  });

  it("lose their connection with their key, and nobody else does; a bad edit changes nothing", async () => {
    const gone = await StreamClient.hello(gateway.streamUrl, { auth: "wk_gone" });
    const stays = await StreamClient.hello(gateway.streamUrl, { auth: "wk_web" });
    await writeFile(join(directory, "tenants.json"), "{ half");
    while ((await gateway.metric('sluice_tenants_reloads_total{result="failed"}')) === 0) {
      await delay(50);
    }
    assert.equal((await post("wk_gone", [search("g-1")])).status, 200);
    const file = tenants({ other: { sources: { web: { writeKeys: key("wk_other") } } } });
    Object.assign(file.tenants.shop.sources, { gone: {} });
    await write(file);
    assert.equal((await gone.closed).code, 4401);
    assert.equal((await post("wk_gone", [search("g-2")])).status, 401);
    assert.equal((await post("wk_other", [search("g-3")])).status, 200);
    stays.send({ t: "pub", seq: 1, events: [search("g-4")] });
    await stays.acked(1);
    stays.close();
    // Written behind the reload.
    let noted = await readAll(gateway.run.brokers, ["sluice.audit"]);
    while (noted.length < 2) noted = await readAll(gateway.run.brokers, ["sluice.audit"]);
    const changes = noted.map(({ value }) => {
      // The gateway has written it a moment ago.
      const { what, tenant, keys } = JSON.parse(String(Buffer.from(value ?? []))) as {
        readonly what: string;
        readonly tenant: string;
        readonly keys: readonly object[];
      };
      return { what, tenant, keys };
    });
    const keyOf = (name: string) => ({ kind: "write", key: keyDigest(name).slice(0, 12) });
    const removed = [{ source: "gone", ...keyOf("wk_gone"), change: "removed" }];
    const added = [{ source: "web", ...keyOf("wk_other"), change: "added" }];
    assert.deepEqual(
      changes.toSorted((a, b) => a.tenant.localeCompare(b.tenant)),
      [
        { what: "keys_changed", tenant: "other", keys: added },
        { what: "keys_changed", tenant: "shop", keys: removed },
      ],
    );
  });
});

describe("cookies", () => {
  it("open a connection from a page whose origin the tenants file names, and from no other", async () => {
    const hello = { t: "hello", v: 1, next: 1 };
    const open = async (headers: Readonly<Record<string, string>>, members = {}) => {
      const client = await StreamClient.open(gateway.streamUrl, ["sluice.v1.json"], headers);
      client.send({ ...hello, stream: randomUUID(), ...members });
      return client;
    };
    const cookie = "theme=dark; sluice_auth=wk_web";
    const page = await open({ cookie, origin: "https://shop.example" });
    await page.next("welcome");
    page.send({ t: "pub", seq: 1, events: [search("ck-1")] });
    await page.acked(1);
    page.close();
    const named = await open({ cookie, origin: "https://shop.example" }, { auth: "wk_app" });
    await named.next("welcome");
    named.close();
    const app = { cookie: "sluice_auth=wk_app", origin: "https://evil.example" };
    for (const headers of [{ cookie, origin: "https://evil.example" }, { cookie }, app]) {
      assert.equal((await (await open(headers)).closed).code, 4403, JSON.stringify(headers));
    }
    const bad = { cookie: "sluice_auth=wk_none", origin: "https://shop.example" };
    assert.equal((await (await open(bad)).closed).code, 4401);
    const byPost = await gateway.request("/v1/events", { method: "POST", headers: { cookie } });
    assert.equal(byPost.status, 401, "requests take no cookie: any page can cause them");
  });
});

describe("tickets", () => {
  it("open one connection each, without a key in the URL", async () => {
    const headers = { "X-Write-Key": "wk_web" };
    const answer = await fetch(`${gateway.url}/v1/tickets`, { method: "POST", headers });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("cache-control"), "no-store");
    const { ticket, expires_in: seconds } = (await answer.json()) as {
      readonly ticket: string;
      readonly expires_in: number;
    };
    assert.equal(seconds, 30);
    const bearer = { Authorization: `Bearer ${ticket}` };
    for (const path of ["/v1/events", "/v1/tickets", "/v1/sessions/a"]) {
      const method = path === "/v1/sessions/a" ? "GET" : "POST";
      const refused = await gateway.request(path, { method, headers: bearer });
      assert.equal(refused.status, 401, `${path}: a ticket cannot be exchanged or kept`);
    }
    const url = `${gateway.streamUrl}?ticket=${ticket}`;
    const first = await StreamClient.hello(url);
    first.send({ t: "pub", seq: 1, events: [search("tk-1")] });
    await first.acked(1);
    first.close();
    const second = await StreamClient.open(url);
    second.send({ t: "hello", v: 1, stream: randomUUID(), next: 1 });
    assert.equal((await second.closed).code, 4401);
    const none = await fetch(`${gateway.url}/v1/tickets`, { method: "POST" });
    assert.equal(none.status, 401);
  });
});
