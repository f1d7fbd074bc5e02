/**
 * The published documents held against a gateway that runs: every route, status and frame they have
 * is seen here (but those that no test can bring about), and nothing that they do not have. All the
 * other end-to-end tests check what they see in the same way (test/contract.ts).
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import {
  checkClientFrame,
  checkFrame,
  documentedAnswers,
  seen,
  serverFrames,
} from "../contract.ts";
import { Gateway } from "../gateway.ts";
import { StreamClient } from "../stream-client.ts";

/** Not to be had by a test: a broken invariant, a rate limit, an upgrade (which fetch cannot). */
const UNSEEN_ANSWERS = new Set([
  "POST /v1/events 429",
  "POST /v1/events 500",
  "POST /v1/streams/{stream}/events 429",
  "POST /v1/streams/{stream}/events 500",
  "POST /v1/tickets 400",
  "POST /v1/tickets 429",
  "POST /v1/tickets 500",
  "POST /v1/tickets 503",
  "GET /v1/stream 101",
  "GET /v1/stream 400",
]);
/** Comes after 25 s of silence: on a slow machine only. */
const SELDOM_SEEN = "ping";

const EVENT = JSON.stringify({
  type: "search",
  data: {
    messageId: "0196a1c0-1025-7013-8047-9e3779b19e37",
    timestamp: "2026-11-21T10:00:00.000Z",
    anonymousId: "visitor-7",
    query: "tea",
    resultCount: 42,
  },
});
const BAD_EVENT = '{"type":"search","id":"bad","data":{"query":5}}';

async function askAll(gateway: Gateway): Promise<void> {
  const status = async (expected: number, path: string, options: RequestInit = {}) => {
    const response = await gateway.request(path, options);
    assert.equal(response.status, expected, `${options.method ?? "GET"} ${path}`);
    return response;
  };
  const post = (expected: number, body: string | Uint8Array, headers = {}) =>
    status(expected, "/v1/events", {
      method: "POST",
      body: typeof body === "string" ? body : new Uint8Array(body),
      headers: { origin: "http://127.0.0.1", "x-write-key": "demo", ...headers },
    });
  await post(200, EVENT);
  await post(200, `{"events":[${EVENT},${BAD_EVENT},{"type":"nobody-knows"},5]}`);
  await post(200, gzipSync(`${EVENT}\n${BAD_EVENT}\n`), { "content-type": "application/x-ndjson" });
  await post(202, EVENT, { prefer: "respond-async" });
  await post(400, "");
  await post(400, "{");
  await post(400, EVENT, { "content-encoding": "gzip" });
  await post(401, EVENT, { "x-write-key": "wrong" });
  await status(403, "/v1/events", {
    method: "POST",
    body: EVENT,
    headers: { origin: "http://x.example" },
  });
  await post(413, " ".repeat(1024 * 1024 + 1));
  await post(413, `[${Array.from({ length: 501 }, () => EVENT).join(",")}]`);
  await post(415, EVENT, { "content-type": "image/png" });
  await post(415, EVENT, { "content-encoding": "br" });
  for (const query of ["?atomic=1", "?atomic=1&faults=all"]) {
    await status(422, `/v1/events${query}`, { method: "POST", body: `[${EVENT},${BAD_EVENT}]` });
  }
  await status(200, "/v1/events?faults=all", { method: "POST", body: BAD_EVENT });
  await askTwice(gateway);
  await status(204, "/v1/events", { method: "OPTIONS", headers: { origin: "http://x.example" } });
  await status(405, "/v1/events");
  await status(404, "/v2/events");
  await status(404, "/metrics");
  await status(426, "/v1/stream");
  for (const path of ["/openapi.json", "/asyncapi.json"]) {
    const given = await status(200, path, { headers: { origin: "http://x.example" } });
    assert.equal(given.headers.get("access-control-allow-origin"), "http://x.example");
    assert.match(given.headers.get("cache-control") ?? "", /max-age=\d+/);
    const etag = given.headers.get("etag") ?? "";
    await status(304, path, { headers: { "if-none-match": `"x", W/${etag}` } });
    await status(200, path, { headers: { "if-none-match": '"x"' } });
    assert.equal((await fetch(gateway.url + path, { method: "HEAD" })).status, 200);
    await status(405, path, { method: "DELETE" });
  }
}

/** Requests under one Idempotency-Key, until one comes while another is under way. */
async function askTwice(gateway: Gateway): Promise<void> {
  for (const statuses = new Set<number>(); !statuses.has(409);) {
    const headers = { "idempotency-key": randomUUID() };
    const posts = Array.from({ length: 10 }, () => gateway.post(EVENT, headers));
    for (const { status } of await Promise.all(posts)) statuses.add(status);
  }
}

/** The HTTP twin of streams. */
async function askTwin(gateway: Gateway): Promise<void> {
  const path = `/v1/streams/${randomUUID()}/events`;
  const post = async (expected: number, body: string, headers = {}) => {
    const sent = { "x-write-key": "demo", ...headers };
    const response = await gateway.request(path, { method: "POST", body, headers: sent });
    assert.equal(response.status, expected, `${body.slice(0, 80)}: ${await response.text()}`);
  };
  await post(200, `{"seq":1,"events":[${EVENT},${BAD_EVENT}]}`);
  await post(400, "{");
  await post(401, "{}", { "x-write-key": "wrong" });
  const foreign = { origin: "http://x.example" };
  assert.equal(
    (await gateway.request(path, { method: "POST", body: "{}", headers: foreign })).status,
    403,
  );
  await post(409, `{"seq":3,"events":[${EVENT}]}`);
  await post(413, " ".repeat(256 * 1024 + 1));
  await post(415, "{}", { "content-type": "image/png" });
  assert.equal((await gateway.request(path, { method: "OPTIONS", headers: foreign })).status, 204);
  assert.equal((await gateway.request(path)).status, 405);
}

async function askTickets(gateway: Gateway): Promise<void> {
  const post = async (headers: Readonly<Record<string, string>>) => {
    return (await gateway.request("/v1/tickets", { method: "POST", headers })).status;
  };
  assert.equal(await post({ "x-write-key": "demo" }), 200);
  assert.equal(await post({ "x-write-key": "wrong" }), 401);
  const foreign = { origin: "http://x.example" };
  assert.equal(await post(foreign), 403);
  const preflight = await gateway.request("/v1/tickets", { method: "OPTIONS", headers: foreign });
  assert.equal(preflight.status, 204);
}

test("every answer and every frame is as documented, and all of them are seen", async () => {
  const gateway = await Gateway.start();
  await askAll(gateway);
  await askTwin(gateway);
  await askTickets(gateway);
  const say = (client: StreamClient, frame: { readonly t: string }) => {
    checkClientFrame(frame);
    client.send(frame);
  };
  const hello = { t: "hello", v: 1, auth: "demo", stream: randomUUID(), next: 1 };
  const client = await StreamClient.open(gateway.streamUrl);
  say(client, hello);
  await client.next("welcome");
  const events = [EVENT, BAD_EVENT].map((text) => JSON.parse(text) as unknown);
  say(client, { t: "pub", seq: 1, events } as { readonly t: string });
  await client.acked(2);
  say(client, { t: "pub", seq: 1, events } as { readonly t: string });
  await client.until(() => client.frames.find((frame) => frame["dup"] !== undefined));
  say(client, { t: "ping", n: 1 } as { readonly t: string });
  await client.next("pong");
  say(client, { t: "auth", token: "demo" } as { readonly t: string });
  await client.next("auth_ok");
  client.send({ t: "nobody-knows" });
  assert.equal((await client.next("error"))["fatal"], false);
  client.send({ t: "pub", seq: 9, events: [] });
  client.send({ t: "pub", seq: 9, events });
  assert.equal((await client.closed).code, 4400);
  const failing: readonly (readonly [number, object | Uint8Array | string])[] = [
    [4400, "["],
    [1003, new Uint8Array([1])],
    [4408, { t: "ping", n: 1 }],
    [4401, { ...hello, auth: "wrong" }],
    [4426, { ...hello, v: 2 }],
    [1009, `{"t":"${" ".repeat(300_000)}"}`],
  ];
  for (const [code, frame] of failing) {
    const other = await StreamClient.open(gateway.streamUrl);
    if (frame instanceof Uint8Array) other.sendBinary(frame);
    else other.send(frame);
    assert.equal((await other.closed).code, code);
  }
  const last = await StreamClient.hello(gateway.streamUrl, { auth: "demo" });
  assert.equal(await gateway.stop(), 0);
  await last.next("goaway");
  await last.closed;
  await askWithoutKafka();
  const missing = documentedAnswers().filter((answer) => !seen.answers.has(answer));
  assert.deepEqual(new Set(missing), UNSEEN_ANSWERS);
  const silent = [...serverFrames().keys()].filter((t) => !seen.frames.has(t));
  assert.deepEqual(
    silent.filter((t) => t !== SELDOM_SEEN),
    [],
  );
  checkFrame({ t: "ping", n: 1, time: 2 } as { readonly t: string });
});

/** 503, `retry` and the credit that does not rise, from a gateway whose broker goes away. */
async function askWithoutKafka(): Promise<void> {
  const timeouts = ["--kafka-message-timeout-ms", "2000", "--http-deadline-ms", "500"];
  const flags = ["--kafka-brokers", "127.0.0.1:1", ...timeouts];
  await using gateway = await Gateway.start({ flags, mayWait: true });
  const refused = await gateway.post(EVENT, { "x-write-key": "demo" });
  assert.equal(refused.status, 503);
  const path = `/v1/streams/${randomUUID()}/events`;
  assert.equal((await gateway.request(path, { method: "POST", body: "{}" })).status, 503);
  const client = await StreamClient.hello(gateway.streamUrl, {
    auth: "demo",
    stream: randomUUID(),
  });
  client.send(`{"t":"pub","seq":1,"events":[${EVENT},${BAD_EVENT}]}`);
  await client.until(() => client.frames.find((frame) => frame["retry"] !== undefined));
  await client.next("credit");
  client.close();
}
