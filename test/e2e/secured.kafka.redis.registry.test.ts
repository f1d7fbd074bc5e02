/**
 * Servers that want to know who comes, each through a gateway: Kafka with SASL over TLS, Redis with
 * a user of few rights over TLS, a registry behind basic and bearer authentication.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer, request } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";

import { startInstance } from "../../scripts/services/control.mjs";
import type { Instance } from "../../scripts/services/control.mjs";
import { Gateway } from "../gateway.ts";
import { testService } from "../services.ts";
import { StreamClient } from "../stream-client.ts";
import { byId, readAll } from "./read-back.ts";

function search(id: string) {
  const timestamp = "2026-11-21T10:00:00Z";
  const data = { messageId: id, timestamp, anonymousId: "v", query: "tea", resultCount: 1 };
  return { type: "search", id, data };
}

describe("Kafka over SASL_SSL", () => {
  let kafka: Instance;

  before(async () => {
    kafka = await startInstance("kafka");
  });
  after(() => kafka.remove());

  const flagsOf = (mechanism: string, password: string) => [
    ...["--kafka-brokers", kafka.addresses["saslSsl"] ?? "", "--create-topics"],
    ...["--kafka-security-protocol", "sasl_ssl", "--kafka-sasl-mechanism", mechanism],
    ...["--kafka-sasl-username", kafka.addresses["username"] ?? ""],
    ...["--kafka-sasl-password", password],
    ...["--kafka-ca-location", kafka.addresses["certificateAuthority"] ?? ""],
  ];

  for (const mechanism of ["SCRAM-SHA-512", "PLAIN"]) {
    it(`stores events with ${mechanism}`, async () => {
      const flags = flagsOf(mechanism, kafka.addresses["password"] ?? "");
      await using gateway = await Gateway.start({ flags });
      const id = `sasl-${mechanism}`;
      const answer = await gateway.post(JSON.stringify({ events: [search(id)] }));
      assert.match(await answer.text(), /"stored":1/);
      const records = byId(await readAll(kafka.address, ["behaviour-interaction"]));
      assert.equal(records.get(id)?.length, 1);
      assert.equal(await gateway.stop(), 0);
    });
  }

  it("is not ready with another password, and takes no event", async () => {
    const flags = flagsOf("SCRAM-SHA-512", "another");
    await using gateway = await Gateway.start({ flags, mayWait: true });
    const answer = await gateway.post(JSON.stringify({ events: [search("sasl-none")] }));
    assert.equal(answer.status, 503);
    assert.doesNotMatch(gateway.output, /another/);
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
