/**
 * Servers that want to know who comes, each through a gateway: Kafka with SASL over TLS, Redis with
 * a user of few rights over TLS, a registry behind basic and bearer authentication.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer, request } from "node:http";
import type { Server } from "node:http";
import { connect, createServer as createTcpServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { after, before, describe, it } from "node:test";

import { startInstance } from "../../scripts/services/control.mjs";
import type { Instance } from "../../scripts/services/control.mjs";
import { TestIssuer } from "../../src/admission/testing/issuer.ts";
import { runCommand } from "../../src/cli/testing/run-command.ts";
import { TestAuthority } from "../certificates.ts";
import { Gateway } from "../gateway.ts";
import { testService } from "../services.ts";
import { StreamClient } from "../stream-client.ts";
import { byId, readAll } from "./read-back.ts";

const CLIENT_SECRET = "client-secret";

function search(id: string) {
  const timestamp = "2026-11-21T10:00:00Z";
  const data = { messageId: id, timestamp, anonymousId: "v", query: "tea", resultCount: 1 };
  return { type: "search", id, data };
}

/** Passes bytes on, and keeps those of the clients. */
class Wiretap implements AsyncDisposable {
  text = "";
  readonly #sockets = new Set<Socket>();
  readonly #server = createTcpServer();

  /** Listens on `port` of loopback for the server at `target`. */
  static async start(port: number, target: number): Promise<Wiretap> {
    const tap = new Wiretap();
    tap.#server.on("connection", (client) => tap.#pass(client, target));
    await new Promise<void>((resolve) => tap.#server.listen(port, "127.0.0.1", resolve));
    return tap;
  }

  #pass(client: Socket, target: number): void {
    const upstream = connect(target, "127.0.0.1");
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", (chunk: Buffer) => (this.text += chunk.toString("latin1")));
    client.pipe(upstream).pipe(client);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const portOf = (address: string): number => Number(address.split(":").at(-1));

describe("Kafka over SASL_SSL", () => {
  let kafka: Instance;
  let issuer: TestIssuer;
  let directory = "";
  let authority: TestAuthority;
  /** The issuer over TLS. */
  let secureUrl = "";

  before(async () => {
    issuer = await TestIssuer.start();
    issuer.client.lifetimeSeconds = 3;
    directory = await mkdtemp(join(tmpdir(), "sluice-issuer-"));
    authority = new TestAuthority(directory, "issuers");
    secureUrl = await issuer.listenSecurely(authority.issue("localhost"));
    kafka = await startInstance("kafka", {
      settings: {
        "sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512,PLAIN,OAUTHBEARER",
        ...bearerListener("sasl_ssl"),
        // A listener whose bytes can be read on their way.
        "listener.security.protocol.map":
          "PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,PROXIED:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
        "listener.name.proxied.sasl.enabled.mechanisms": "OAUTHBEARER",
        ...bearerListener("proxied"),
      },
    });
  });
  after(async () => {
    await kafka.remove();
    await issuer[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  /** Settings of a listener that takes the issuer's tokens. */
  function bearerListener(name: string) {
    const listener = `listener.name.${name}.oauthbearer`;
    const module = "org.apache.kafka.common.security.oauthbearer.OAuthBearer";
    return {
      [`${listener}.sasl.jaas.config`]: `${module}LoginModule required;`,
      [`${listener}.sasl.server.callback.handler.class`]: `${module}ValidatorCallbackHandler`,
      [`${listener}.sasl.oauthbearer.jwks.endpoint.url`]: `${issuer.url}/certs`,
      [`${listener}.sasl.oauthbearer.expected.issuer`]: issuer.url,
      [`${listener}.sasl.oauthbearer.expected.audience`]: "sluice",
      // A connection ends unless its client shows a fresh token on it.
      [`${listener}.connections.max.reauth.ms`]: 3_000,
    };
  }

  const settingsOf = (mechanism: string, password: string) => ({
    "kafka-brokers": kafka.addresses["saslSsl"] ?? "",
    "kafka-security-protocol": "sasl_ssl",
    "kafka-sasl-mechanism": mechanism,
    "kafka-sasl-username": kafka.addresses["username"] ?? "",
    "kafka-sasl-password": password,
    "kafka-ca-location": kafka.addresses["certificateAuthority"] ?? "",
    ...(mechanism === "OAUTHBEARER" && { "kafka-oauth-token-url": `${issuer.url}/token` }),
  });
  const flagList = (settings: Readonly<Record<string, string>>) => [
    ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    "--create-topics",
  ];
  const flagsOf = (mechanism: string, password: string) =>
    flagList(settingsOf(mechanism, password));
  const passwordOf = (mechanism: string): string =>
    (mechanism === "OAUTHBEARER" ? CLIENT_SECRET : kafka.addresses["password"]) ?? "";

  /** Tokens live for seconds: on a slow machine a connection may be renewed meanwhile. */
  async function store(gateway: Gateway, name: string): Promise<void> {
    let id = name;
    for (let again = 1; ; again += 1) {
      const answer = await gateway.post(JSON.stringify({ events: [search(id)] }));
      const text = await answer.text();
      if (text.includes('"stored":1')) break;
      assert.equal(answer.status, 503, text);
      id = `${name}-${again}`;
    }
    const records = byId(await readAll(kafka.address, ["behaviour-interaction"]));
    assert.equal(records.get(id)?.length, 1);
  }

  for (const mechanism of ["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN", "OAUTHBEARER"]) {
    it(`stores events with ${mechanism}`, async () => {
      const flags = flagsOf(mechanism, passwordOf(mechanism));
      await using gateway = await Gateway.start({ flags });
      await store(gateway, `sasl-${mechanism}`);
      assert.equal(await gateway.stop(), 0);
      assert.doesNotMatch(gateway.output, new RegExp(passwordOf(mechanism)));
    });

    it(`is not ready with ${mechanism} and another password, and takes no event`, async () => {
      const flags = flagsOf(mechanism, "another");
      await using gateway = await Gateway.start({ flags, mayWait: true });
      const answer = await gateway.post(JSON.stringify({ events: [search("sasl-none")] }));
      assert.equal(answer.status, 503);
      assert.doesNotMatch(gateway.output, /another/);
    });
  }

  it("goes on with fresh tokens when the first ones have ended", async () => {
    const flags = flagsOf("OAUTHBEARER", CLIENT_SECRET);
    await using gateway = await Gateway.start({ flags });
    const asked = () => issuer.requests.filter((path) => path === "/token").length;
    await store(gateway, "oauth-first");
    const askedFirst = asked();
    const { lifetimeSeconds } = issuer.client;
    const endMs = Date.now() + 2 * lifetimeSeconds * 1_000;
    while (Date.now() < endMs || asked() < 2 * askedFirst) await delay(100);
    await store(gateway, "oauth-later");
    assert.equal(await gateway.stop(), 0);
  });

  it("asks for a scope at an issuer whose authority it was told, and brings extensions", async () => {
    const port = portOf(kafka.addresses["proxy"] ?? "");
    await using wire = await Wiretap.start(port, portOf(kafka.addresses["proxied"] ?? ""));
    const { "kafka-ca-location": _, ...own } = settingsOf("OAUTHBEARER", CLIENT_SECRET);
    const common = {
      ...own,
      "kafka-brokers": `127.0.0.1:${port}`,
      "kafka-security-protocol": "sasl_plaintext",
      "kafka-oauth-token-url": `${secureUrl}/token`,
      "kafka-oauth-scope": "kafka events",
      "kafka-oauth-extensions": "logicalCluster=lkc-1,identityPoolId=pool-1",
    };
    const asked = issuer.grants.length;
    const trusting = { ...common, "kafka-oauth-ca-file": authority.certFile };
    await using gateway = await Gateway.start({ flags: flagList(trusting) });
    await store(gateway, "oauth-options");
    assert.equal(issuer.grants[asked]?.get("scope"), "kafka events");
    // RFC 7628 §3.1: what belongs to the token is told apart by bytes of 1.
    const extensions = ["", "logicalCluster=lkc-1", "identityPoolId=pool-1", ""];
    assert.ok(wire.text.includes(extensions.join("\u0001")));
    assert.equal(await gateway.stop(), 0);
    assert.equal(issuer.distrusted, 0);
    await using doubting = await Gateway.start({ flags: flagList(common), mayWait: true });
    while (issuer.distrusted === 0) await delay(50);
    const answer = await doubting.post(JSON.stringify({ events: [search("oauth-none")] }));
    assert.equal(answer.status, 503, "an issuer of no known authority gets no secret");
  });

  it("reads topics with a token too", async () => {
    const settings = Object.entries(settingsOf("OAUTHBEARER", CLIENT_SECRET));
    const env = Object.fromEntries(
      settings.map(([name, value]) => [`SLUICE_${name.toUpperCase().replaceAll("-", "_")}`, value]),
    );
    const words = ["tail", "behaviour-interaction", "--from-beginning", "--count", "1"];
    const { code, stdout } = await runCommand(words, { env });
    assert.equal(code, 0);
    assert.match(stdout, /"source":"default"/);
  });
});

describe("Redis over TLS as a user of few rights", () => {
  let redis: Instance;

  before(async () => {
    redis = await startInstance("redis");
  });
  after(() => redis.remove());

  it("keeps streams, sessions and quotas, all with its own authority", async () => {
    const authority = redis.addresses["certificateAuthority"] ?? "";
    const flags = ["--redis-url", redis.addresses["tlsUrl"] ?? "", "--redis-ca-file", authority];
    await using gateway = await Gateway.start({ flags });
    const client = await StreamClient.hello(gateway.streamUrl, { auth: "demo" });
    client.send({ t: "pub", seq: 1, events: [search("tls-1")] });
    await client.acked(1);
    client.close();
    for (const noise of [/NOPERM/, /self.signed/i, /quotas are not shared/, /Redis.*away/i]) {
      assert.doesNotMatch(gateway.output, noise);
    }
    assert.equal(await gateway.stop(), 0);
  });
});

describe("a registry that asks for credentials", () => {
  let guard: Server;
  const password = randomBytes(8).toString("hex");
  const basic = `Basic ${Buffer.from(`sluice:${password}`).toString("base64")}`;
  const taken = new Set<string>();

  before(async () => {
    const target = new URL(testService("registry"));
    guard = createServer((asked, answer) => {
      const { authorization = "" } = asked.headers;
      if (authorization !== basic && authorization !== `Bearer ${password}`) {
        answer.writeHead(401).end('{"error_code":401,"message":"no"}');
        return;
      }
      taken.add(authorization.split(" ")[0] ?? "");
      const { host, authorization: _own, ...headers } = asked.headers;
      assert.ok(host !== undefined);
      const options = { method: asked.method ?? "GET", headers };
      const passed = request(new URL(`${target.origin}${asked.url ?? ""}`), options, (response) => {
        answer.writeHead(response.statusCode ?? 502, response.headers);
        response.pipe(answer);
      });
      asked.pipe(passed);
    });
    await new Promise<void>((resolve) => guard.listen(0, "127.0.0.1", resolve));
  });
  after(() => guard.close());

  const url = () => {
    const { port } = guard.address() as AddressInfo;
    return `http://127.0.0.1:${port}${new URL(testService("registry")).pathname}`;
  };

  const ways = {
    basic: ["--registry-username", "sluice", "--registry-password", password],
    bearer: ["--registry-token", password],
  };
  for (const [name, credentials] of Object.entries(ways)) {
    it(`gives its schemas for ${name} credentials`, async () => {
      const flags = ["--registry-url", url(), "--register-schemas", ...credentials];
      await using gateway = await Gateway.start({ flags });
      const answer = await gateway.post(JSON.stringify({ events: [search(`registry-${name}`)] }));
      assert.match(await answer.text(), /"stored":1/);
      assert.ok(taken.has(name === "basic" ? "Basic" : "Bearer"));
      assert.doesNotMatch(gateway.output, new RegExp(password));
      assert.equal(await gateway.stop(), 0);
    });
  }
});
