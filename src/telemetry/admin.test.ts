import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";

import { createAdminServer, type AdminServer, type HealthReport } from "./admin.ts";
import { METRICS_CONTENT_TYPE } from "./metric-registry.ts";
import { SilentLogger } from "./silent-logger.ts";

const GOOD: HealthReport = { ok: true, state: "ready", reasons: [] };
const BAD: HealthReport = { ok: false, state: "not-ready", reasons: ["Kafka is unavailable"] };

describe("createAdminServer", () => {
  const log = new SilentLogger();
  let readiness = GOOD;
  let server: AdminServer;
  let url = "";

  before(async () => {
    server = createAdminServer({
      host: "127.0.0.1",
      port: 0,
      names: ["ops.example.com"],
      log,
      health: { live: () => GOOD, ready: () => readiness, started: () => GOOD },
      metrics: async () => "sluice_test 1\n",
      routes: [
        {
          prefix: "/subjects",
          answer: ({ segments, query }) =>
            segments[1] === "none"
              ? null
              : {
                  status: 200,
                  contentType: "text/plain",
                  body: `${segments.join("|")}?${query.toString()}`,
                },
        },
        {
          prefix: "/broken",
          answer: () => {
            throw new Error("boom");
          },
        },
      ],
    });
    url = await server.start();
  });
  after(() => server.stop());

  it("health endpoints say 200 or 503, with state and reasons", async () => {
    for (const path of ["/livez", "/readyz", "/startupz", "/readyz/"]) {
      const answer = await fetch(url + path);
      assert.equal(answer.status, 200, path);
      assert.deepEqual(await answer.json(), { ...GOOD });
    }
    readiness = BAD;
    const answer = await fetch(`${url}/readyz`);
    assert.equal(answer.status, 503);
    assert.deepEqual(await answer.json(), { ...BAD });
    readiness = GOOD;
  });

  it("/metrics has the Prometheus content type", async () => {
    const answer = await fetch(`${url}/metrics`);
    assert.equal(answer.headers.get("content-type"), METRICS_CONTENT_TYPE);
    assert.equal(await answer.text(), "sluice_test 1\n");
  });

  it("a page that points its own name here reads nothing but health", async () => {
    const { port } = new URL(url);
    const statusOf = (path: string, host: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const options = { port, path, headers: { host } };
        httpRequest("http://127.0.0.1", options, (answer) => resolve(answer.resume().statusCode))
          .on("error", reject)
          .end();
      });
    for (const path of ["/metrics", "/subjects/a", "/nothing"]) {
      assert.equal(await statusOf(path, `rebind.example.com:${port}`), 403, path);
    }
    assert.equal(await statusOf("/readyz", "sluice.example.com"), 200);
    for (const host of [`gateway:${port}`, "10.0.0.5", "gateway.prod.svc", "ops.example.com"]) {
      assert.equal(await statusOf("/metrics", host), 200, host);
    }
  });

  it("a plugged-in route gets decoded segments and the query; its null is 404", async () => {
    const answer = await fetch(`${url}/subjects/a%2Fb/versions?x=1`);
    assert.equal(await answer.text(), "subjects|a/b|versions?x=1");
    assert.equal((await fetch(`${url}/subjects/none`)).status, 404);
  });

  it("a route added later is served, the longest prefix wins", async () => {
    const answer = () => ({ status: 200, contentType: "text/plain", body: "longer" });
    server.addRoute({ prefix: "/subjects/special", answer });
    assert.equal(await (await fetch(`${url}/subjects/special/1`)).text(), "longer");
  });

  it("unknown paths, bad escapes, long paths, other methods have their own answers", async () => {
    assert.equal((await fetch(`${url}/`)).status, 404);
    assert.equal((await fetch(`${url}/livezz`)).status, 404);
    assert.equal((await fetch(`${url}/livez/x`)).status, 404);
    assert.equal((await fetch(`${url}/%E0%A4%A`)).status, 400);
    assert.equal((await fetch(`${url}/${"a".repeat(3_000)}`)).status, 414);
    const answer = await fetch(`${url}/metrics`, { method: "POST", body: "x" });
    assert.equal(answer.status, 405);
    assert.equal(answer.headers.get("allow"), "GET, HEAD");
    assert.equal(answer.headers.get("connection"), "close");
    assert.equal(answer.headers.get("content-type"), "application/problem+json");
  });

  it("HEAD has the length and no body", async () => {
    const length = await new Promise((resolve, reject) => {
      const request = httpRequest(`${url}/metrics`, { method: "HEAD" }, (response) => {
        response.on("data", () => reject(new Error("HEAD has no body")));
        response.on("end", () => resolve(response.headers["content-length"]));
      });
      request.on("error", reject);
      request.end();
    });
    assert.equal(length, "14");
  });

  it("a route that throws is 500, logged, and the server lives on", async () => {
    const answer = await fetch(`${url}/broken`);
    assert.equal(answer.status, 500);
    assert.ok(!(await answer.text()).includes("boom"));
    assert.equal(log.count("admin route failed"), 1);
    assert.equal((await fetch(`${url}/livez`)).status, 200);
  });

  it("stop cuts open connections; a taken port is an error", async () => {
    const second = createAdminServer({
      host: "127.0.0.1",
      port: Number(new URL(url).port),
      log,
      health: { live: () => GOOD, ready: () => GOOD, started: () => GOOD },
      metrics: async () => "",
    });
    await assert.rejects(second.start(), { code: "EADDRINUSE" });
    await second.stop();
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    await new Promise((resolve) => socket.once("connect", resolve));
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.resume();
    await server.stop();
    await closed;
    await server.stop();
  });
});
