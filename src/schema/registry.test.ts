import assert from "node:assert/strict";
import test from "node:test";

import { REGISTRY_ANSWER_BYTES_MAX } from "../limits/schemas.ts";
import type { RegistryAuth } from "./registry-http.ts";
import { RegistryClient } from "./registry.ts";
import { FakeClock, until } from "./testing/fake-clock.ts";
import { always, DOWN, FakeRegistry, silent } from "./testing/fake-registry.ts";
import { recordText, testRegistryContract } from "./testing/registry-contract.ts";

const TEXT = recordText("R", "a");

testRegistryContract("FakeRegistry", {
  client: () => setUp().client,
  subject: (name) => name,
});

test("RegistryClient keeps the path of a URL and sends the registry's media types", async () => {
  const { fake, client } = setUp({ urls: ["http://registry:8081/apis/ccompat/v7/"] });
  await client.latest(":.context:a b");
  await client.register("s", TEXT);
  assert.deepEqual(fake.requests, [
    "GET /apis/ccompat/v7/subjects/%3A.context%3Aa%20b/versions/latest",
    "POST /apis/ccompat/v7/subjects/s/versions",
  ]);
  const [get, post] = fake.headers;
  assert.match(get?.get("accept") ?? "", /^application\/vnd\.schemaregistry\.v1\+json, /);
  assert.equal(get?.get("content-type"), null);
  assert.equal(post?.get("content-type"), "application/vnd.schemaregistry.v1+json");
});

test("RegistryClient authenticates, and no text of it holds the credentials", async () => {
  const cases: readonly (readonly [string, RegistryAuth | undefined, string | null])[] = [
    ["http://r", { basic: { user: "u", password: "hush:hush" } }, "Basic dTpodXNoOmh1c2g="],
    ["http://r", { bearer: "hush" }, "Bearer hush"],
    ["http://me:hu%73h@r", { bearer: "other" }, "Basic bWU6aHVzaA=="],
    ["http://r", undefined, null],
  ];
  for (const [url, auth, header] of cases) {
    const { fake, client } = setUp({ urls: [url], ...(auth === undefined ? {} : { auth }) });
    fake.trouble = DOWN;
    const result = await client.latest("s");
    assert.equal(fake.headers[0]?.get("authorization"), header);
    assert.doesNotMatch(JSON.stringify([result, client.addresses]), /hush/);
    assert.deepEqual(client.addresses, ["http://r"]);
  }
});

test("RegistryClient refuses URLs it cannot use without repeating them", () => {
  for (const url of ["hush", "ftp://u:hush@r"]) {
    assert.throws(
      () => new RegistryClient({ urls: ["http://r", url], timeoutMs: 1 }),
      (error) => error instanceof TypeError && error.message.startsWith("registry URL 2 is n"),
    );
  }
  assert.throws(() => new RegistryClient({ urls: [], timeoutMs: 1 }), /at least one URL/);
});

test("row 27: RegistryClient tries again after 408, 429, 5xx and a broken connection", async () => {
  for (const trouble of [
    always(408, ""),
    always(429, "{}"),
    always(500, '{"error_code":50001,"message":"store"}'),
    always(503, "<html>"),
    always(200, "<html>a proxy</html>"),
    DOWN,
  ]) {
    const { fake, client } = setUp();
    fake.put("s", TEXT);
    fake.trouble = (url) => {
      if (fake.requests.length === 3) fake.trouble = undefined;
      return trouble(url);
    };
    assert.equal((await client.latest("s")).kind, "found");
    assert.equal(fake.requests.length, 4);
  }
});

test("RegistryClient gives up after its tries and says what it saw", async () => {
  const cases = [
    [DOWN, 0, /^http:\/\/registry: it cannot be reached \(ECONNREFUSED\)$/],
    [always(500, '{"error_code":50001,"message":"store"}'), 50_001, /^store$/],
    [always(503, "<html>"), 503, /^it answered with status 503$/],
    [always(200, "<html>"), 0, /^its answer is not JSON$/],
  ] as const;
  for (const [trouble, code, detail] of cases) {
    const { fake, client } = setUp();
    fake.trouble = trouble;
    const result = await client.latest("s");
    assert.ok(result.kind === "failed");
    assert.equal(result.code, code);
    assert.match(result.detail, detail);
    assert.equal(fake.requests.length, 4);
  }
});

test("RegistryClient does not try again what will not change", async () => {
  const cases = [
    [always(401, ""), "refused", 401],
    [always(403, '{"error_code":40301,"message":"no"}'), "refused", 40_301],
    [always(409, '{"error_code":40901,"message":"incompatible"}'), "refused", 40_901],
    [always(422, '{"error_code":42201,"message":"bad"}'), "refused", 42_201],
    [always(404, '{"error_code":40401,"message":"none"}'), "missing", 40_401],
    [always(404, "<html>"), "unsupported", 404],
    [always(404, '{"error_code":404,"message":"HTTP 404"}'), "unsupported", 404],
    [always(200, "[]"), "failed", 200],
    [always(200, '{"id":0,"version":1,"schema":"x"}'), "failed", 200],
    [always(200, '{"id":1,"version":1,"schema":"x","schemaType":"PROTOBUF"}'), "failed", 200],
    [always(200, '{"id":1,"version":1,"schema":"x","references":[{}]}'), "failed", 200],
  ] as const;
  for (const [trouble, kind, code] of cases) {
    const { fake, client } = setUp();
    fake.trouble = trouble;
    const result = await client.latest("s");
    assert.deepEqual([result.kind, "code" in result && result.code], [kind, code]);
    assert.equal(fake.requests.length, 1);
  }
});

test("RegistryClient goes to the next URL at once and stays with what answers", async () => {
  const { fake, client } = setUp({ urls: ["http://a", "http://b"] });
  const hosts: string[] = [];
  fake.put("s", TEXT);
  fake.trouble = (url) => {
    hosts.push(url.host);
    if (url.host === "a") return DOWN(url);
    return new Response(JSON.stringify({ id: 1, version: 1, schema: TEXT }));
  };
  assert.equal((await client.latest("s")).kind, "found");
  assert.equal((await client.latest("s")).kind, "found");
  assert.deepEqual(hosts, ["a", "b", "b"]);
});

test("row 27: RegistryClient ends a try at its timeout and all tries at the deadline", async () => {
  const { fake, clock, client } = setUp({ timeoutMs: 400, deadlineMs: 1_000 });
  fake.trouble = silent;
  const result = client.latest("s");
  for (const [requests, leftMs] of [
    [1, 400],
    [2, 400],
    [3, 200],
  ] as const) {
    await until(() => fake.requests.length === requests && clock.pendingMs().length > 0);
    assert.deepEqual(clock.pendingMs(), [leftMs]);
    clock.advance(leftMs);
  }
  const { kind, detail } = await failureOf(result);
  assert.deepEqual([kind, detail], ["failed", "http://registry: it did not answer within 200 ms"]);
});

test("RegistryClient waits a random part of a growing time between tries", async () => {
  const { fake, clock, client } = setUp();
  clock.randomValue = 0.5;
  fake.trouble = DOWN;
  const result = client.latest("s");
  for (const pauseMs of [50, 100, 200]) {
    await until(() => clock.pendingMs()[0] === pauseMs);
    clock.advance(pauseMs);
  }
  assert.equal((await result).kind, "failed");
});

test("row 27: RegistryClient leaves a registry alone for a while that fails again and again", async () => {
  const { fake, clock, client } = setUp();
  fake.trouble = DOWN;
  for (let call = 0; call < 3; call++) await client.latest("s");
  assert.equal(fake.requests.length, 12);
  const { detail } = await failureOf(client.latest("s"));
  assert.match(detail, /failed 3 times in a row and is left alone/);
  assert.equal(fake.requests.length, 12);
  clock.advance(2_000);
  fake.trouble = undefined;
  fake.put("s", TEXT);
  assert.equal((await client.latest("s")).kind, "found");
});

test("row 27: RegistryClient does not read an endless answer to its end", async () => {
  const { fake, client } = setUp();
  let sentBytes = 0;
  let isCancelled = false;
  const chunk = new Uint8Array(64 * 1024).fill(0x20);
  fake.trouble = () => {
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sentBytes += chunk.byteLength;
        controller.enqueue(chunk);
      },
      cancel: () => {
        isCancelled = true;
      },
    });
    return new Response(body);
  };
  const { kind, detail } = await failureOf(client.latest("s"));
  assert.deepEqual([kind, detail], ["failed", "its answer has more than 4194304 bytes"]);
  assert.ok(isCancelled && sentBytes < REGISTRY_ANSWER_BYTES_MAX + 4 * chunk.byteLength);
  assert.equal(fake.requests.length, 1);
});

test("RegistryClient asks for an id once, whoever asks, and forgets on demand", async () => {
  const { fake, client } = setUp();
  const id = fake.put("s", TEXT);
  const results = await Promise.all(Array.from({ length: 20 }, () => client.schemaById(id)));
  assert.ok(results.every((result) => result === results[0]));
  await client.version("s", 1);
  await client.version("s", 1);
  assert.equal(fake.requests.length, 2);
  client.forget();
  await client.schemaById(id);
  assert.equal(fake.requests.length, 3);
});

test("row 27: RegistryClient remembers a missing id for 30 s and a failure not at all", async () => {
  const { fake, clock, client } = setUp();
  await client.schemaById(5);
  await client.schemaById(5);
  assert.equal(fake.requests.length, 1);
  clock.advance(30_000);
  await client.schemaById(5);
  assert.equal(fake.requests.length, 2);
  fake.trouble = always(401, "");
  await client.schemaById(6);
  await client.schemaById(6);
  assert.equal(fake.requests.length, 4);
});

test("RegistryClient fetches references first to last, each once", async () => {
  const { fake, client } = setUp();
  const to = (subject: string): unknown => ({ name: subject, subject, version: 1 });
  fake.put("leaf", "leaf");
  fake.put("left", "left", [to("leaf")]);
  fake.put("right", "right", [to("leaf")]);
  const id = fake.put("top", "top", [to("left"), to("right")]);
  const result = await client.schemaById(id);
  const value = { text: "top", references: ["leaf", "left", "right"] };
  assert.deepEqual(result, { kind: "found", value });
  assert.equal(fake.requests.length, 4);
});

test("RegistryClient bounds references and survives a circle of them", async () => {
  const { fake, client } = setUp();
  const to = (subject: string): unknown => ({ name: subject, subject, version: 1 });
  fake.put("a", "a", [to("b")]);
  fake.put("b", "b", [to("a")]);
  assert.equal((await client.latest("a")).kind, "found");
  for (let depth = 0; depth < 9; depth++) fake.put(`d${depth}`, `d${depth}`, [to(`d${depth + 1}`)]);
  fake.put("d9", "d9");
  assert.match((await failureOf(client.latest("d0"))).detail, /nested deeper than 8/);
  const wide = Array.from({ length: 65 }, (_, index) => to(`w${index}`));
  for (let index = 0; index < 65; index++) fake.put(`w${index}`, `w${index}`);
  fake.put("wide", "wide", wide);
  assert.match((await failureOf(client.latest("wide"))).detail, /more than 64 references/);
  fake.put("torn", "torn", [to("gone")]);
  assert.equal((await failureOf(client.latest("torn"))).kind, "refused");
});

test("RegistryClient ends at close what is under way and refuses what comes", async () => {
  const { fake, client } = setUp();
  fake.trouble = silent;
  const result = client.latest("s");
  await until(() => fake.requests.length === 1);
  client.close();
  assert.match((await failureOf(result)).detail, /the registry client is closed/);
  assert.equal((await failureOf(client.latest("s"))).kind, "failed");
  assert.equal(fake.requests.length, 1);
});

interface Failure {
  readonly kind: string;
  readonly detail: string;
}

async function failureOf(result: Promise<{ readonly kind: string }>): Promise<Failure> {
  const found = await result;
  assert.ok("detail" in found && typeof found.detail === "string", `it is ${found.kind}`);
  return { kind: found.kind, detail: found.detail };
}

function setUp(options: Partial<ConstructorParameters<typeof RegistryClient>[0]> = {}): {
  readonly fake: FakeRegistry;
  readonly clock: FakeClock;
  readonly client: RegistryClient;
} {
  const fake = new FakeRegistry();
  const clock = new FakeClock();
  const { fetch } = fake;
  const urls = ["http://registry"];
  const client = new RegistryClient({ urls, timeoutMs: 5_000, fetch, clock, ...options });
  return { fake, clock, client };
}
