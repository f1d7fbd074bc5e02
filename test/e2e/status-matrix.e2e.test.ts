/**
 * The status matrix: what each kind of client is told in each situation, as it has to be for its
 * retries to be right (docs/dialects.md).
 */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { after, before, describe, it } from "node:test";

import { keyDigest } from "../../src/admission/keys.ts";
import { parseHeader } from "../../src/consumer/header.ts";
import { Gateway } from "../gateway.ts";
import { byId, readAll } from "./read-back.ts";

const TIME = "2026-11-21T10:00:00.000Z";
const MIB = 1024 * 1024;

interface Client {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: (ids: readonly string[]) => string;
  /** Body of 200, with so many events stored and refused. */
  readonly said: (stored: number, rejected: number) => unknown;
  readonly oversize: { readonly bytes: number; readonly status: number };
}

/** A name beginning with "bad" makes an event that does not fit. */
const data = (id: string) => ({
  messageId: id,
  timestamp: TIME,
  userId: "u",
  ...(id.startsWith("bad") ? {} : { event: "E" }),
});
const batch = (ids: readonly string[]): string =>
  JSON.stringify({ batch: ids.map((id) => ({ type: "track", ...data(id) })) });

const CLIENTS: Readonly<Record<string, Client>> = {
  segment: {
    path: "/v1/batch",
    headers: { "Content-Type": "text/plain" },
    body: batch,
    said: () => ({ success: true }),
    oversize: { bytes: MIB + 1, status: 400 },
  },
  rudder: {
    path: "/v1/batch",
    headers: { "Content-Type": "application/json;charset=UTF-8", AnonymousId: "YQ==" },
    body: batch,
    said: () => "OK",
    oversize: { bytes: 4_000 * 1024 + 1, status: 413 },
  },
  native: {
    path: "/v1/events",
    headers: { "Content-Type": "application/json" },
    body: (ids) => JSON.stringify({ events: ids.map((id) => ({ type: "track", data: data(id) })) }),
    said: (stored, rejected) => [stored, rejected],
    oversize: { bytes: MIB + 1, status: 413 },
  },
  cloudevents: {
    path: "/v1/cloudevents",
    headers: { "Content-Type": "application/cloudevents-batch+json" },
    body: (ids) => {
      const attributes = { specversion: "1.0", source: "/t", type: "track" };
      return JSON.stringify(ids.map((id) => ({ ...attributes, id, data: data(id) })));
    },
    said: (stored, rejected) => [stored, rejected],
    oversize: { bytes: MIB + 1, status: 413 },
  },
};

let directory = "";
let gateway: Gateway;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-e2e-"));
  const source = (key: string, more: object = {}) => ({
    writeKeys: [{ sha256: keyDigest(key) }],
    ...more,
  });
  const sources: Record<string, object> = { web: source("wk_web") };
  for (const name of Object.keys(CLIENTS)) {
    sources[`slow-${name}`] = source(`wk_slow_${name}`, { limits: { eventsPerSecond: 1 } });
  }
  const file = join(directory, "tenants.json");
  await writeFile(file, JSON.stringify({ tenants: { shop: { sources } } }));
  gateway = await Gateway.start({ flags: ["--tenants-file", file] });
});

after(async () => {
  await gateway[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

interface Asked {
  readonly client: Client;
  readonly key?: string;
  readonly agent?: Agent;
  /** It is said to be so long, and does not come before the answer. */
  readonly bytes?: number;
}

interface Told {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly type: string;
  readonly text: string;
}

/** By Node's own client: it opens connections when it is told, and not before. */
function post({ client, key = "wk_web", agent, bytes }: Asked, body: string): Promise<Told> {
  return new Promise((resolve, reject) => {
    const length = bytes === undefined ? {} : { "Content-Length": bytes };
    const headers = { "X-Write-Key": key, ...client.headers, ...length };
    const options = { method: "POST", headers, ...(agent === undefined ? {} : { agent }) };
    const sent = request(gateway.url + client.path, options, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => {
        const { "retry-after": retryAfter, "content-type": type = "" } = response.headers;
        resolve({ status: response.statusCode ?? 0, retryAfter, type, text });
      });
    });
    sent.on("error", reject);
    if (bytes === undefined) sent.end(body);
    else sent.flushHeaders();
  });
}

/** Two Python clients retry every 4xx without both members. */
function checkError(told: Told, status: number): void {
  assert.equal(told.status, status, told.text);
  const body = JSON.parse(told.text) as Readonly<Record<string, unknown>>;
  assert.equal(typeof body["code"], "string");
  assert.equal(typeof body["message"], "string");
  assert.equal(body["status"], status);
  if (status !== 429 && status !== 503) assert.equal(told.retryAfter, undefined);
  else assert.match(told.retryAfter ?? "", /^[1-9]\d*$/, "whole seconds, one at least");
}

function checkSuccess(client: Client, told: Told, counts: readonly [number, number]): void {
  assert.equal(told.status, 200, told.text);
  const expected = client.said(...counts);
  if (typeof expected === "string") assert.equal(told.text, expected);
  else if (Array.isArray(expected)) {
    const body = JSON.parse(told.text) as { stored: number; rejected: readonly object[] };
    assert.deepEqual([body.stored, body.rejected.length], expected);
  } else assert.deepEqual(JSON.parse(told.text), expected);
}

for (const [name, client] of Object.entries(CLIENTS)) {
  describe(`to a client of ${name}`, () => {
    it("stored: 200", async () => {
      const told = await post({ client }, client.body([`${name}-1`]));
      checkSuccess(client, told, [1, 0]);
    });
    it("one bad event in a batch: 200, the others are stored", async () => {
      const told = await post({ client }, client.body([`${name}-2`, `bad-${name}`, `${name}-3`]));
      checkSuccess(client, told, [2, 1]);
    });
    it("bad JSON: 400", async () => checkError(await post({ client }, "{"), 400));
    it("oversize: as its clients understand it", async () => {
      const { bytes, status } = client.oversize;
      checkError(await post({ client, bytes }, ""), status);
    });
    it("unknown key: 401", async () => {
      checkError(await post({ client, key: "wk_other" }, client.body(["x"])), 401);
    });
    it("rate limited: 429 and when to come again", async () => {
      const key = `wk_slow_${name}`;
      // At one a second it is minutes until there may be another one.
      const ids = Array.from({ length: 200 }, (_, index) => `${name}-slow-${index}`);
      checkSuccess(client, await post({ client, key }, client.body(ids)), [200, 0]);
      checkError(await post({ client, key }, client.body([`${name}-slow-last`])), 429);
    });
  });
}

describe("the time of events", () => {
  const hour = 3_600_000;
  const sent = async (id: string, sentAt: string) => {
    const body = { ...data(id), sentAt };
    const client = CLIENTS["segment"];
    assert.ok(client !== undefined);
    const track = { ...client, path: "/v1/track" };
    assert.equal((await post({ client: track }, JSON.stringify(body))).status, 200);
    const records = byId(await readAll(gateway.run.brokers, ["behaviour-interaction"]));
    const header = records.get(id)?.[0]?.headers.find(([label]) => label === "sluice")?.[1];
    const parsed = parseHeader(header ?? new Uint8Array(0));
    assert.ok(parsed !== null);
    return parsed;
  };

  it("is corrected by sentAt: two hours before it was sent, whatever the client's clock says", async () => {
    const sentAt = new Date(Date.parse(TIME) + 2 * hour).toISOString();
    const { eventTimeMs, receivedAtMs, flags } = await sent("clock-1", sentAt);
    assert.equal(receivedAtMs - eventTimeMs, 2 * hour);
    assert.deepEqual(flags, ["time_corrected"]);
  });

  it("stays as it is without a sentAt that makes sense", async () => {
    for (const sentAt of ["1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "yesterday"]) {
      const { eventTimeMs, flags } = await sent(`clock-${sentAt}`, sentAt);
      assert.equal(eventTimeMs, Date.parse(TIME), sentAt);
      assert.deepEqual(flags, [], sentAt);
    }
  });
});

it("Kafka is away: 503 and when to come again, to everybody", async () => {
  const away = ["--kafka-brokers", "127.0.0.1:1", "--registry-url", "http://127.0.0.1:1"];
  const flags = [...away, "--tenants", "shop/web=wk_web"];
  await using lonely = await Gateway.start({ flags, mayWait: true });
  const kept = gateway;
  gateway = lonely;
  try {
    for (const client of Object.values(CLIENTS)) {
      checkError(await post({ client }, client.body(["k"])), 503);
    }
  } finally {
    gateway = kept;
  }
});

it("it is shutting down: 503 and when to come again, on connections that are open", async () => {
  const agent = new Agent({ keepAlive: true });
  const clients = Object.values(CLIENTS);
  const [first] = clients;
  assert.ok(first !== undefined);
  const ids = clients.map((_client, index) => `drain-${index}`);
  await Promise.all(
    clients.map((client, at) => post({ client, agent }, client.body([ids[at] ?? ""]))),
  );
  // A request whose body does not end keeps the process.
  const held = connect(gateway.port, "127.0.0.1");
  await once(held, "connect");
  const head =
    "POST /v1/events HTTP/1.1\r\nHost: x\r\nX-Write-Key: wk_web\r\nContent-Length: 9\r\n\r\n";
  await new Promise((written) => held.write(head, written));
  // The first may be answered before the held one is read, not the second.
  for (const id of ["seen", "read"]) await post({ client: first, agent }, first.body([id]));
  gateway.signal("SIGTERM");
  while (!gateway.output.includes('"msg":"draining"')) await delay(5);
  for (const client of clients) checkError(await post({ client, agent }, client.body(["d"])), 503);
  held.destroy();
  agent.destroy();
  assert.equal(await gateway.ended(), 0);
});
