/**
 * What a running gateway gives to one address, to one source and to one process, by whom it
 * believes that an address is another, and whom it lets wait first when it is busy.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { keyDigest } from "../../src/admission/keys.ts";
import { Gateway } from "../gateway.ts";
import { StreamClient } from "../stream-client.ts";

const FLAGS = [
  ...["--trusted-proxies", "127.0.0.1"],
  ...["--address-connections-max", "2"],
  ...["--address-handshakes-per-second", "1"],
  ...["--address-auth-failures-per-minute", "3"],
  ...["--connections-max", "8"],
];

let directory = "";
let gateway: Gateway;

const key = (name: string) => [{ sha256: keyDigest(name) }];
const TENANTS = {
  tenants: {
    shop: {
      sources: {
        web: { writeKeys: key("wk_web") },
        small: { writeKeys: key("wk_small"), limits: { connections: 1 } },
        orders: { certificateSubjects: ["CN=orders"] },
      },
    },
    batch: { priority: "low", sources: { jobs: { writeKeys: key("wk_jobs") } } },
  },
};

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-limits-"));
  const file = join(directory, "tenants.json");
  await writeFile(file, JSON.stringify(TENANTS));
  gateway = await Gateway.start({ flags: ["--tenants-file", file, ...FLAGS] });
});

after(async () => {
  assert.equal(await gateway.stop(), 0);
  await rm(directory, { recursive: true });
});

function search(id: string) {
  const timestamp = "2026-11-21T10:00:00Z";
  const data = { messageId: id, timestamp, anonymousId: "v", query: "tea", resultCount: 1 };
  return { type: "search", id, data };
}

type Headers = Readonly<Record<string, string>>;

function post(headers: Headers, from: Gateway = gateway) {
  return from.post(JSON.stringify({ events: [search(randomUUID())] }), headers);
}

const via = (address: string) => ({ "X-Forwarded-For": address });

interface Upgraded {
  readonly status: number;
  readonly retryAfter: string;
  readonly socket: Socket;
}

/** Asks for a WebSocket as a trusted proxy does for its client. */
async function upgrade(headers: Headers): Promise<Upgraded> {
  const asked = request({
    port: gateway.port,
    path: "/v1/stream",
    agent: false,
    headers: {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Protocol": "sluice.v1.json",
      ...headers,
    },
  });
  asked.end();
  const answered = Promise.race([once(asked, "upgrade"), once(asked, "response")]);
  const [response] = (await answered) as [IncomingMessage];
  const { statusCode: status = 0, socket } = response;
  return { status, retryAfter: response.headers["retry-after"] ?? "", socket };
}

const series = (by: string) => gateway.metric(`sluice_turned_away_total{by="${by}"}`);

describe("one address", () => {
  it("has so many connections, whatever it writes in front of what the proxy adds", async () => {
    const open = [await upgrade(via("203.0.113.1")), await upgrade(via("9.9.9.9, 203.0.113.1"))];
    assert.deepEqual(
      open.map(({ status }) => status),
      [101, 101],
    );
    const refused = await upgrade(via("203.0.113.1"));
    assert.deepEqual([refused.status, refused.retryAfter], [429, "10"]);
    const other = await upgrade(via("203.0.113.2"));
    assert.equal(other.status, 101);
    for (const { socket } of [...open, refused, other]) socket.destroy();
    assert.equal(await series("connections"), 1);
  });

  it("opens connections only so fast", async () => {
    // Two at a time, as many as one address may have; who is over that is told to wait for 10 s.
    const refused: string[] = [];
    let taken = 0;
    while (refused.length === 0) {
      const knocks = [1, 2].map(() => upgrade(via("203.0.113.3")));
      for (const { status, retryAfter, socket } of await Promise.all(knocks)) {
        socket.destroy();
        if (status === 101) taken += 1;
        else if (retryAfter !== "10") refused.push(retryAfter);
      }
    }
    assert.ok(taken >= 4, "four may come at once");
    assert.equal(await series("handshakes"), refused.length);
  });

  it("is turned away after too many credentials that are not good, and nobody else is", async () => {
    const address = via("203.0.113.4");
    for (let count = 0; count < 3; count += 1) {
      assert.equal((await post({ ...address, "X-Write-Key": "guess" })).status, 401);
    }
    const refused = await post({ ...address, "X-Write-Key": "wk_web" });
    assert.equal(refused.status, 429);
    assert.match(refused.headers.get("retry-after") ?? "", /^[1-9]\d?$/);
    assert.equal((await upgrade(address)).status, 429);
    assert.equal((await post({ ...via("203.0.113.5"), "X-Write-Key": "wk_web" })).status, 200);
    assert.equal(await series("auth_failures"), 2);
    assert.equal(await gateway.metric("sluice_bad_credentials_total"), 3);
  });

  it("may guess keys at no door, and look at events live only as often as it may connect", async () => {
    for (const [path, method] of [
      ["/v1/sessions/a", "GET"],
      ["/v1/sessions/a", "DELETE"],
      ["/v1/tickets", "POST"],
      ["/v1/live/sse", "GET"],
    ] as const) {
      const address = via(`198.51.100.${path.length}${method.length}`);
      const statuses: number[] = [];
      for (let count = 0; count < 4; count += 1) {
        const headers = { ...address, "X-Write-Key": "guess" };
        statuses.push((await gateway.request(path, { method, headers })).status);
      }
      assert.deepEqual(statuses, [401, 401, 401, 429], `${method} ${path}`);
    }
    const headers = { ...via("198.51.100.1"), "X-Write-Key": "wk_web" };
    const statuses: number[] = [];
    for (let count = 0; count < 30 && !statuses.includes(429); count += 1) {
      statuses.push((await gateway.request("/v1/live/sse", { headers })).status);
    }
    assert.ok(statuses.indexOf(429) >= 4, "four may come at once");
    assert.equal(statuses[0], 403, "a write key reads nothing");
  });

  it("may be told by the PROXY protocol", async () => {
    const statuses = [];
    for (let count = 0; count < 4; count += 1) {
      const signature = Buffer.from("0d0a0d0a000d0a515549540a2111000c", "hex");
      const addresses = Buffer.from([203, 0, 113, 6, 127, 0, 0, 1, 0, 80, 0, 80]);
      const head = "POST /v1/events HTTP/1.1\r\nHost: x\r\nX-Write-Key: guess\r\n";
      const socket = connect(gateway.port, "127.0.0.1");
      socket.write(
        Buffer.concat([signature, addresses, Buffer.from(`${head}Content-Length: 2\r\n\r\n[]`)]),
      );
      const [answer] = (await once(socket, "data")) as [Buffer];
      statuses.push(Number(answer.toString("latin1").slice(9, 12)));
      socket.destroy();
    }
    assert.deepEqual(statuses, [401, 401, 401, 429]);
  });
});

describe("certificates at a trusted proxy", () => {
  it("are credentials if the proxy has checked them", async () => {
    const subject = { "X-Client-Cert-Subject": "CN=orders" };
    assert.equal((await post({ "X-Client-Cert-Verify": "SUCCESS", ...subject })).status, 200);
    assert.equal((await post({ "X-Client-Cert-Verify": "NONE", ...subject })).status, 401);
    const other = { "X-Client-Cert-Subject": "CN=other" };
    assert.equal((await post({ "X-Client-Cert-Verify": "SUCCESS", ...other })).status, 401);
  });
});

describe("one source and one process", () => {
  it("have so many connections; one more may come again", async () => {
    const first = await StreamClient.hello(gateway.streamUrl, { auth: "wk_small" });
    const second = await StreamClient.open(gateway.streamUrl);
    second.send({ t: "hello", v: 1, stream: randomUUID(), next: 1, auth: "wk_small" });
    assert.equal((await second.closed).code, 1013);
    first.close();
    await first.closed;
    const third = await StreamClient.hello(gateway.streamUrl, { auth: "wk_small" });
    const rest = [];
    for (let count = 0; count < 7; count += 1)
      rest.push(await StreamClient.open(gateway.streamUrl));
    const last = await StreamClient.open(gateway.streamUrl);
    assert.equal((await last.closed).code, 1013);
    for (const client of [third, ...rest]) client.close();
    assert.equal(await gateway.metric('sluice_ws_refused_total{reason="source_full"}'), 1);
    assert.equal(await gateway.metric('sluice_ws_refused_total{reason="full"}'), 1);
  });
});

describe("a process with too much to do", () => {
  it("lets low priority wait, over HTTP and on streams, and serves the others", async () => {
    const file = join(directory, "tenants.json");
    const flags = ["--tenants-file", file, "--shed-utilization-percent", "1"];
    await using busy = await Gateway.start({ flags });
    const jobs = await StreamClient.hello(busy.streamUrl, { auth: "wk_jobs" });
    // It stays busy until all has been seen, also where this process is kept waiting.
    let isOver = false;
    const load = (async () => {
      while (!isOver) assert.equal((await post({ "X-Write-Key": "wk_web" }, busy)).status, 200);
    })();
    let refused = await post({ "X-Write-Key": "wk_jobs" }, busy);
    while (refused.status === 200) refused = await post({ "X-Write-Key": "wk_jobs" }, busy);
    assert.equal(refused.status, 503);
    assert.match(refused.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
    jobs.send({ t: "pub", seq: 1, events: [search("s-1")] });
    await jobs.acked(1);
    const paused = await jobs.next("credit");
    assert.deepEqual([paused["reason"], paused["after_ms"]], ["memory", 1_000]);
    assert.equal(await busy.metric("sluice_shed_level"), 1);
    isOver = true;
    await load;
    while (!busy.output.includes("too much to do: traffic is shed")) await delay(20);
    jobs.close();
    assert.equal(await busy.stop(), 0);
  });
});
