/**
 * What a newcomer meets: the gateway as `npm start` runs it, everything embedded, over HTTP and
 * WebSocket, with good and bad events, read back with `tail`.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { readFile } from "node:fs/promises";
import { Gateway } from "../gateway.ts";
import { StreamClient } from "../stream-client.ts";

const run = promisify(execFile);
const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const SAMPLES = new URL("../../packs/behaviour/", import.meta.url);

let gateway: Gateway;

before(async () => {
  gateway = await Gateway.start();
});

after(async () => {
  assert.equal(await gateway.stop(), 0, "a drain ends with exit code 0");
});

function search(id: string, query: unknown = "green tea") {
  const timestamp = "2026-11-21T10:00:00Z";
  const data = { messageId: id, timestamp, anonymousId: "visitor-7", query, resultCount: 42 };
  return { type: "search", id, data };
}

interface Answer {
  readonly stored: number;
  readonly duplicate: number;
  readonly rejected: readonly Readonly<Record<string, unknown>>[];
  readonly retry: readonly Readonly<Record<string, unknown>>[];
}

async function answerOf(response: Promise<Response>): Promise<Answer> {
  const answer = await response;
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return JSON.parse(text) as Answer;
}

async function problemOf(response: Promise<Response>, status: number) {
  const answer = await response;
  const text = await answer.text();
  assert.equal(answer.status, status, text);
  assert.equal(answer.headers.get("content-type"), "application/problem+json");
  const problem = JSON.parse(text) as Readonly<Record<string, unknown>>;
  assert.equal(problem["status"], status);
  assert.equal(typeof problem["code"], "string");
  assert.equal(typeof problem["message"], "string");
  return problem;
}

async function tail(topic: string, count: number): Promise<Readonly<Record<string, unknown>>[]> {
  const { brokers, registryUrl } = gateway.run;
  const flags = ["--from-beginning", "--count", String(count)];
  const places = ["--brokers", brokers, "--registry", registryUrl];
  const { stdout } = await run(process.execPath, [MAIN, "tail", topic, ...flags, ...places]);
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
}

test("a single event is stored and read back decoded", async () => {
  const answer = await answerOf(gateway.post(JSON.stringify(search("m-1"))));
  assert.equal(answer.stored, 1);
  assert.deepEqual(answer.rejected, []);
  const [line] = await tail("behaviour-interaction", 1);
  const value = line?.["value"] as Readonly<Record<string, unknown>>;
  assert.equal(value["query"], "green tea");
  assert.equal(line?.["key"], "visitor-7");
  const headers = line?.["headers"] as Readonly<Record<string, unknown>> | undefined;
  const header = headers?.["sluice"] as Readonly<Record<string, string>> | undefined;
  const { tenant, type, id, session } = header ?? {};
  assert.equal(tenant, "demo");
  assert.equal(type, "search");
  assert.equal(id, "m-1");
  assert.match(session ?? "", /^[0-9a-f-]{36}$/);
});

test("one bad event among good ones is refused with its path, the others are stored", async () => {
  const events = [search("m-2"), search("m-3", 5), search("m-4"), { type: "nonsense", data: {} }];
  const answer = await answerOf(gateway.post(JSON.stringify({ events })));
  assert.equal(answer.stored, 2);
  const [wrongType, unknownType] = answer.rejected;
  assert.equal(wrongType?.["index"], 1);
  assert.equal(wrongType?.["id"], "m-3");
  assert.equal(wrongType?.["code"], "schema_invalid");
  assert.equal(wrongType?.["kind"], "type");
  assert.equal(wrongType?.["path"], "/data/query");
  assert.match(String(wrongType?.["expected"]), /string/);
  assert.match(String(wrongType?.["got"]), /5/);
  assert.equal(unknownType?.["index"], 3);
  assert.equal(unknownType?.["code"], "schema_unknown");
  assert.match(String(unknownType?.["detail"]), /this pack has identify, .*search/);
});

test("a batch of like events may shrink by more than any ratio", async () => {
  const like = JSON.stringify(Array.from({ length: 500 }, () => search("like")));
  const small = zstdCompressSync(like, { params: { [constants.ZSTD_c_compressionLevel]: 19 } });
  assert.ok(like.length / small.length > 100, "this one does");
  assert.equal((await answerOf(gateway.post(small))).stored, 500);
});

test("every shape and coding of a body is taken", async () => {
  const one = JSON.stringify(search("s-1"));
  const lines = `${one}\n\n${JSON.stringify(search("s-2"))}\n{"broken\n${one}`;
  const array = JSON.stringify([search("s-3"), search("s-4")]);
  const ndjson = { "content-type": "application/x-ndjson" };
  assert.equal((await answerOf(gateway.post(array))).stored, 2);
  assert.equal(
    (await answerOf(gateway.post(JSON.stringify({ batch: [search("s-5")] })))).stored,
    1,
  );
  const mixed = await answerOf(gateway.post(lines, ndjson));
  assert.equal(mixed.stored, 3);
  assert.equal(mixed.rejected[0]?.["kind"], "syntax");
  // Lines that come without their content type, as curl sends them.
  const form = { "content-type": "application/x-www-form-urlencoded" };
  assert.equal((await answerOf(gateway.post(`${one}\n${one}\n`, form))).stored, 2);
  assert.equal((await answerOf(gateway.post(gzipSync(array)))).stored, 2);
  const said = { "content-encoding": "zstd", "content-type": "application/json" };
  assert.equal((await answerOf(gateway.post(zstdCompressSync(array), said))).stored, 2);
  assert.equal((await answerOf(gateway.post("[]"))).stored, 0);
});

test("samples of the pack: the good ones are stored, each bad one is refused", async () => {
  const ndjson = { "content-type": "application/x-ndjson" };
  const good = await readFile(new URL("samples.ndjson", SAMPLES), "utf8");
  const bad = await readFile(new URL("samples.invalid.ndjson", SAMPLES), "utf8");
  const stored = await answerOf(gateway.post(good, ndjson));
  assert.equal(stored.stored, good.trim().split("\n").length);
  const refused = await answerOf(gateway.post(bad, ndjson));
  assert.equal(refused.stored, 0);
  assert.equal(refused.rejected.length, bad.trim().split("\n").length);
  for (const fault of refused.rejected) assert.equal(typeof fault["detail"], "string");
});

test("requests that hold no events get a problem that says why", async () => {
  assert.equal((await problemOf(gateway.post(""), 400))["code"], "empty");
  assert.equal((await problemOf(gateway.post("{"), 400))["code"], "bad_json");
  assert.equal((await problemOf(gateway.post('{"events":[{},]}'), 400))["code"], "bad_json");
  const many = JSON.stringify(Array.from({ length: 501 }, () => search("x")));
  assert.equal((await problemOf(gateway.post(many), 413))["limit"], 500);
  const long = " ".repeat(1024 * 1024 + 1);
  assert.equal((await problemOf(gateway.post(long), 413))["code"], "too_large");
  const bomb = gzipSync(Buffer.alloc(20 * 1024 * 1024));
  assert.equal((await problemOf(gateway.post(bomb), 413))["code"], "too_large");
  const deflate = { "content-encoding": "deflate" };
  assert.equal((await problemOf(gateway.post("[]", deflate), 415))["code"], "unsupported_encoding");
  const gzip = { "content-encoding": "gzip" };
  assert.equal((await problemOf(gateway.post("[]", gzip), 400))["code"], "bad_request");
  const multipart = { "content-type": "multipart/form-data; boundary=x" };
  const type = await problemOf(gateway.post("[]", multipart), 415);
  assert.equal(type["code"], "unsupported_media_type");
  const wrongKey = { authorization: "Bearer nope" };
  assert.equal((await problemOf(gateway.post("[]", wrongKey), 401))["code"], "unauthenticated");
  const foreign = { origin: "https://evil.example" };
  assert.equal((await problemOf(gateway.post("[]", foreign), 403))["code"], "forbidden");
  const elsewhere = fetch(`${gateway.url}/nowhere`, { method: "POST", body: "[]" });
  assert.equal((await problemOf(elsewhere, 404))["code"], "not_found");
  assert.equal(
    (await problemOf(fetch(`${gateway.url}/v1/events`), 405))["code"],
    "method_not_allowed",
  );
  assert.equal((await problemOf(fetch(`${gateway.url}/metrics`), 404))["code"], "not_found");
  const noUpgrade = await problemOf(fetch(`${gateway.url}/v1/stream`), 426);
  assert.equal(noUpgrade["code"], "upgrade_required");
  const refused = await gateway.metric('sluice_http_requests_total{route="events",status="401"}');
  assert.equal(refused, 1, "refusals are counted");
});

test("atomic=1 refuses all for one bad event; respond-async answers 202 at once", async () => {
  const body = JSON.stringify([search("a-1"), search("a-2", 5)]);
  const atomic = fetch(`${gateway.url}/v1/events?atomic=1`, { method: "POST", body });
  const problem = await problemOf(atomic, 422);
  assert.equal((problem["errors"] as unknown[]).length, 1);
  const [first] = problem["errors"] as Readonly<Record<string, unknown>>[];
  assert.equal(first?.["faults"], undefined, "all faults are told only to who asks");
  const later = await gateway.post(body, { prefer: "respond-async" });
  assert.equal(later.status, 202);
  assert.equal(((await later.json()) as { accepted: number }).accepted, 1);
});

test("faults=all tells all that is wrong with each rejected event", async () => {
  const events = [search("f-1"), { ...search("f-2", 5), key: [] }, { type: "search", data: 1 }];
  const body = JSON.stringify(events);
  const { rejected } = await answerOf(
    fetch(`${gateway.url}/v1/events?faults=all`, { method: "POST", body }),
  );
  const faults = rejected.map((line) => line["faults"] as Readonly<Record<string, unknown>>[]);
  assert.deepEqual(
    faults.map((list) => list.map(({ path }) => path)),
    [["/data/query", "/key"], ["/data"]],
  );
  for (const [index, list] of faults.entries()) {
    assert.equal(list[0]?.["detail"], rejected[index]?.["detail"], "the first is told as ever");
  }
  const atomic = fetch(`${gateway.url}/v1/events?atomic=1&faults=all`, { method: "POST", body });
  const [first] = (await problemOf(atomic, 422))["errors"] as Readonly<Record<string, unknown>>[];
  assert.deepEqual(first?.["faults"], faults[0]);
});

test("a preflight is answered before credentials and mirrors the origin", async () => {
  const response = await fetch(`${gateway.url}/v1/events`, {
    method: "OPTIONS",
    headers: { origin: "https://shop.example", "access-control-request-method": "POST" },
  });
  assert.equal(response.status, 204);
  assert.equal(response.headers.get("access-control-allow-origin"), "https://shop.example");
  assert.match(response.headers.get("access-control-allow-headers") ?? "", /authorization/);
  const posted = await gateway.post("[]", {
    origin: "https://shop.example",
    authorization: "Bearer demo",
  });
  assert.equal(posted.status, 200);
  assert.equal(posted.headers.get("access-control-allow-origin"), "https://shop.example");
  assert.match(posted.headers.get("access-control-expose-headers") ?? "", /Retry-After/);
});

test("WebSocket: hello, pub with a bad event, ack with every outcome, ping, bye", async () => {
  const client = await StreamClient.hello(gateway.streamUrl, { auth: "demo" });
  client.send({ t: "pub", seq: 1, events: [search("w-1"), search("w-2", 5), search("w-3")] });
  await client.acked(3);
  const rejections = client.frames.flatMap((frame) => (frame["rej"] as unknown[]) ?? []);
  assert.equal(rejections.length, 1);
  const [rejection] = rejections as Readonly<Record<string, unknown>>[];
  assert.equal(rejection?.["seq"], 2);
  assert.equal(rejection?.["id"], "w-2");
  assert.equal(rejection?.["path"], "/data/query");
  client.send({ t: "ping", n: 5 });
  assert.equal((await client.next("pong"))["n"], 5);
  client.send({ t: "pub", type: "search", seq: 4, events: [{ data: search("w-4").data }] });
  await client.acked(4);
  client.send({ t: "bye", last: 4 });
  assert.equal((await client.closed).code, 1000);
});

test("WebSocket: upgrades and frames that are wrong are closed with their code", async () => {
  const url = gateway.streamUrl;
  await assert.rejects(StreamClient.open(url, ["graphql-ws"]), /refused/);
  const binary = await StreamClient.hello(url);
  binary.sendBinary(new Uint8Array([1, 2, 3]));
  assert.equal((await binary.closed).code, 1003);
  const broken = await StreamClient.hello(url);
  broken.send('{"t":"pub","seq":1,"events":[{}');
  assert.equal((await broken.closed).code, 4400);
  const gap = await StreamClient.hello(url);
  gap.send({ t: "pub", seq: 5, events: [search("g")] });
  assert.equal((await gap.closed).code, 4400);
  const greedy = await StreamClient.hello(url);
  greedy.send({ t: "pub", seq: 1, events: Array.from({ length: 101 }, () => search("g")) });
  assert.equal((await greedy.closed).code, 4429);
  const long = await StreamClient.hello(url);
  long.send(`{"t":"pub","seq":1,"events":[${" ".repeat(300 * 1024)}]}`);
  assert.equal((await long.closed).code, 1009);
  const token = Buffer.from("nope").toString("base64url");
  const stranger = await StreamClient.open(url, ["sluice.v1.json", `sluice.auth.${token}`]);
  stranger.send({ t: "hello", v: 1, stream: "018f6b1a-7c2e-7a31-9a57-3b1d0c4e5f60" });
  assert.equal((await stranger.closed).code, 4401);
});

test("an event may name its schema; one that is not the type's own is refused", async () => {
  const events = [
    { ...search("n-1"), schema: "nonsense" },
    { ...search("n-2"), schema: 4_000_000 },
    search("n-3"),
    { ...search("n-4"), schema: "" },
  ];
  const answer = await answerOf(gateway.post(JSON.stringify(events)));
  assert.equal(answer.stored, 1);
  assert.deepEqual(
    answer.rejected.map((fault) => [fault["index"], fault["code"], fault["path"]]),
    [
      [0, "schema_unknown", "/schema"],
      [1, "schema_unknown", "/schema"],
      [3, "schema_unknown", "/schema"],
    ],
  );
});

test("health and metrics are on the admin port, and the ledger balances", async () => {
  for (const path of ["/livez", "/readyz", "/startupz"]) {
    const response = await fetch(`${gateway.adminUrl}${path}`);
    assert.equal(response.status, 200, `${path}: ${await response.text()}`);
  }
  const ledger = await gateway.ledger();
  assert.equal(ledger["in_flight"], 0);
  assert.ok((ledger["stored"] ?? 0) > 30);
  assert.equal(await gateway.metric("sluice_ledger_drift_events"), 0);
});
