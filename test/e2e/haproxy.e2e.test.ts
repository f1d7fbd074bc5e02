/**
 * The HAProxy of deploy/gateway in front of two gateways, run from the committed file: TLS,
 * WebSockets, whose address counts, the limit per address, and gateways that come and go.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect as connectHttp2 } from "node:http2";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { connect as connectTls } from "node:tls";

import { startInstance } from "../../scripts/services/control.mjs";
import type { Instance } from "../../scripts/services/control.mjs";
import { keyDigest } from "../../src/admission/keys.ts";
import { Gateway } from "../gateway.ts";
import { StreamClient } from "../stream-client.ts";
import { recordId, readAll } from "./read-back.ts";

const REQUESTS_MAX = 60;
const BALANCER = "127.0.0.2";

const PACK = {
  name: "seen",
  topics: { seen: {} },
  defaults: { topic: "seen", pointers: { id: ["/id"] } },
  types: { seen: { schema: "seen.avsc" } },
};
const SCHEMA = {
  type: "record",
  name: "Seen",
  fields: [{ name: "ip", type: ["null", "string"], "sluice.fill": "ip" }],
};
const KEYS = [{ sha256: keyDigest("wk_web") }];
const TENANTS = {
  tenants: {
    shop: {
      sources: {
        web: { writeKeys: KEYS, origins: ["https://shop.example"] },
        orders: { certificateSubjects: ["CN=orders"] },
      },
    },
  },
};

let directory = "";
let gateways: Gateway[] = [];
let proxy: Instance | undefined;
const tunnels: Tunnel[] = [];

function edge(): Instance {
  assert.ok(proxy !== undefined);
  return proxy;
}

/** A plain port on loopback whose bytes reach the proxy by TLS, from an address of our choice. */
class Tunnel {
  readonly #server: Server;
  readonly url: string;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** `preface`: what is sent before TLS begins; `from`: the connection's own address. */
  static async open({ preface = "", from = "127.0.0.1" } = {}): Promise<Tunnel> {
    const server = createServer((client) => {
      const port = Number(new URL(edge().address).port);
      const socket = connect({ host: "127.0.0.1", port, localAddress: from });
      if (preface !== "") socket.write(preface);
      const ca = readFileSync(edge().addresses["certificateAuthority"] ?? "");
      const options = { socket, ca, servername: "localhost", ALPNProtocols: ["http/1.1"] };
      const secure = connectTls(options);
      const end = () => [client, secure, socket].forEach((each) => each.destroy());
      for (const each of [client, secure, socket]) each.on("error", end).on("close", end);
      client.pipe(secure).pipe(client);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const tunnel = new Tunnel(server);
    tunnels.push(tunnel);
    return tunnel;
  }

  async post(id: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    const body = JSON.stringify({ events: [{ id, type: "seen", data: {} }] });
    const all = { "X-Write-Key": "wk_web", ...headers };
    return await fetch(`${this.url}/v1/events`, { method: "POST", body, headers: all });
  }

  get streamUrl(): string {
    return `${this.url.replace("http:", "ws:")}/v1/stream`;
  }

  close(): void {
    this.#server.close();
  }
}

/** Through a balancer that says by the PROXY protocol whom it speaks for. */
const onBehalfOf = (address: string) =>
  Tunnel.open({ preface: `PROXY TCP4 ${address} 10.0.0.5 50000 443\r\n`, from: BALANCER });

const startGateway = (index: number) =>
  Gateway.start({
    flags: [
      ...["--pack", directory, "--tenants-file", join(directory, "tenants.json")],
      ...["--trusted-proxies", "127.0.0.1/32"],
    ],
    dataDir: join(directory, `gateway${index}`),
  });

const addressOf = (url: string): string => new URL(url).host;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-haproxy-"));
  await writeFile(join(directory, "pack.json"), JSON.stringify(PACK));
  await writeFile(join(directory, "seen.avsc"), JSON.stringify(SCHEMA));
  await writeFile(join(directory, "tenants.json"), JSON.stringify(TENANTS));
  gateways = [await startGateway(1), await startGateway(2)];
  const [first, second] = gateways;
  assert.ok(first !== undefined && second !== undefined);
  proxy = await startInstance("haproxy", {
    settings: {
      gateway1: addressOf(first.url),
      admin1: addressOf(first.adminUrl),
      gateway2: addressOf(second.url),
      admin2: addressOf(second.adminUrl),
      balancers: `${BALANCER}/32 192.0.2.0/24`,
      requestsMax: REQUESTS_MAX,
    },
  });
});

after(async () => {
  for (const tunnel of tunnels) tunnel.close();
  await proxy?.remove();
  for (const gateway of gateways) await gateway[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

/** The address that a record's event was filled with, as the last text of its value. */
async function filledAddress(id: string): Promise<string | undefined> {
  for (const gateway of gateways) {
    const records = await readAll(gateway.run.brokers, ["seen"]);
    const found = records.find((record) => recordId(record) === id);
    if (found !== undefined)
      return Buffer.from(found.value ?? [])
        .subarray(7)
        .toString("utf8");
  }
  return undefined;
}

describe("HAProxy before two gateways", () => {
  it("passes requests and streams on, by TLS, HTTP/1.1 and HTTP/2", async () => {
    const tunnel = await Tunnel.open();
    assert.equal((await tunnel.post("h1")).status, 200);
    const client = await StreamClient.hello(tunnel.streamUrl, { auth: "wk_web" });
    client.send({ t: "pub", seq: 1, events: [{ id: "ws", type: "seen", data: {} }] });
    await client.acked(1);
    client.close();
    const ca = readFileSync(edge().addresses["certificateAuthority"] ?? "");
    const session = connectHttp2(edge().address, { ca });
    const stream = session.request({
      ":path": "/v1/events",
      ":method": "POST",
      "x-write-key": "wk_web",
    });
    stream.end(JSON.stringify({ events: [{ id: "h2", type: "seen", data: {} }] }));
    const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
    assert.equal(headers[":status"], 200);
    stream.resume();
    await once(stream, "end");
    session.close();
  });

  it("tells the gateways who comes, whatever clients say", async () => {
    const tunnel = await Tunnel.open();
    const forged = "203.0.113.66";
    const lies = { "X-Forwarded-For": forged, Forwarded: `for=${forged}` };
    assert.equal((await tunnel.post("lie", lies)).status, 200);
    assert.equal(await filledAddress("lie"), "127.0.0.1");
    const balanced = await onBehalfOf("198.51.100.7");
    assert.equal((await balanced.post("true", lies)).status, 200);
    assert.equal(await filledAddress("true"), "198.51.100.7");
  });

  it("takes nobody's word for a certificate", async () => {
    const says = {
      "X-Write-Key": "",
      "X-Client-Cert-Verify": "SUCCESS",
      "X-Client-Cert-Subject": "CN=orders",
    };
    const tunnel = await Tunnel.open();
    assert.equal((await tunnel.post("certified", says)).status, 401);
    const body = JSON.stringify({ events: [{ id: "direct", type: "seen", data: {} }] });
    const direct = await gateways[0]?.post(body, says);
    assert.equal(direct?.status, 200, "the gateway believes it of the proxy's address");
  });

  it("takes the PROXY protocol from balancers only", async () => {
    const stranger = await Tunnel.open({
      preface: "PROXY TCP4 198.51.100.8 10.0.0.5 50000 443\r\n",
    });
    await assert.rejects(stranger.post("stranger"));
  });

  it("limits an address, tells pages when to come again, and lets the others in", async () => {
    const flood = await onBehalfOf("198.51.100.9");
    const origin = { Origin: "https://shop.example" };
    let refused: Response | undefined;
    // Of the last seconds: a slow machine has to be asked by many at once.
    for (let round = 0; refused === undefined; round += 1) {
      const sent = Array.from({ length: REQUESTS_MAX + 1 }, (_, count) =>
        flood.post(`flood-${round}-${count}`, origin),
      );
      const answers = await Promise.all(sent);
      refused = answers.find(({ status }) => status !== 200);
      for (const answer of answers) if (answer !== refused) await answer.arrayBuffer();
    }
    assert.equal(refused.status, 429);
    assert.equal(refused.headers.get("retry-after"), "10");
    assert.equal(refused.headers.get("access-control-allow-origin"), "https://shop.example");
    assert.equal(refused.headers.get("access-control-expose-headers"), "Retry-After");
    const said = (await refused.json()) as { readonly code: string; readonly message: string };
    assert.equal(said.code, "rate_limited");
    assert.ok(said.message !== "");
    const preflight = await fetch(`${flood.url}/v1/events`, {
      method: "OPTIONS",
      headers: { ...origin, "Access-Control-Request-Method": "POST" },
    });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers.get("access-control-max-age"), "7200", "browsers' own bound");
    const other = await onBehalfOf("198.51.100.10");
    assert.equal((await other.post("other")).status, 200);
  });

  it("serves on while a gateway drains, and says so when none is left", async () => {
    const tunnel = await onBehalfOf("198.51.100.11");
    const client = await StreamClient.hello(tunnel.streamUrl, { auth: "wk_web" });
    const at = [];
    for (const gateway of gateways) {
      at.push(await gateway.metric("sluice_ws_connections"));
    }
    const holder = gateways[at[0] === 1 ? 0 : 1];
    assert.ok(holder !== undefined);
    let isGone = false;
    const ended = holder.stop().then((code) => {
      isGone = true;
      return code;
    });
    await client.next("goaway");
    client.send({ t: "pub", seq: 1, events: [{ id: "late", type: "seen", data: {} }] });
    await client.acked(1);
    client.close();
    let count = 0;
    while (!isGone && count < REQUESTS_MAX / 2) {
      count += 1;
      assert.equal((await tunnel.post(`drain-${count}`)).status, 200);
      await delay(50);
    }
    assert.equal(await ended, 0);
    await gateways.find((gateway) => gateway !== holder)?.stop();
    const answer = await (await onBehalfOf("198.51.100.12")).post("nobody");
    assert.equal(answer.status, 503);
    assert.equal(answer.headers.get("retry-after"), "5");
    assert.equal(((await answer.json()) as { readonly code: string }).code, "overloaded");
  });
});
