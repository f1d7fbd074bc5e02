import assert from "node:assert/strict";
import { test } from "node:test";
import type { HttpRequest } from "uWebSockets.js";
import { TrustedProxies } from "./client-address.ts";
import { subjectText } from "./nearby.ts";
import type { Nearby } from "./nearby.ts";
import { applicantOf, readHead } from "./request.ts";

function request(headers: readonly (readonly [string, string])[], url = "/v1/events"): HttpRequest {
  const [path = "", query = ""] = url.split("?");
  const fake = {
    forEach: (each: (name: string, value: string) => void) => {
      for (const [name, value] of headers) each(name, value);
    },
    getMethod: () => "post",
    getUrl: () => path,
    getQuery: () => query,
  };
  // The part of uWebSockets' request that readHead uses.
  return fake as unknown as HttpRequest;
}

function framingFault(...headers: readonly (readonly [string, string])[]): string | null {
  return readHead(request(headers)).framingFault;
}

test("readHead: keeps what is needed, strips one trailing slash", () => {
  const head = readHead(request([["content-type", "application/json"]], "/v1/events/?key=a"));
  assert.equal(head.method, "POST");
  assert.equal(head.path, "/v1/events");
  assert.equal(head.query, "key=a");
  assert.equal(head.header["content-type"], "application/json");
  assert.equal(head.header.origin, "");
  assert.equal(head.proxied, false);
  assert.equal(head.framingFault, null);
});

test("readHead: framing that cannot be trusted is named", () => {
  assert.match(framingFault(["content-length", "1"], ["content-length", "2"]) ?? "", /twice/);
  assert.match(framingFault(["transfer-encoding", "gzip, chunked"]) ?? "", /chunked/);
  assert.equal(framingFault(["transfer-encoding", "Chunked"]), null);
  assert.match(
    framingFault(["transfer-encoding", "chunked"], ["content-length", "5"]) ?? "",
    /exclude/,
  );
  for (const length of ["+5", "-5", "0x5", "5, 5", "5 ", "9".repeat(20)]) {
    assert.match(framingFault(["content-length", length]) ?? "", /not a number/, length);
  }
  assert.match(framingFault(["expect", "200-ok"]) ?? "", /100-continue/);
  assert.equal(framingFault(["expect", "100-Continue"]), null);
  assert.equal(framingFault(["transfer-encoding", "chunked"]), null);
});

test("readHead: a forwarded request is not a loopback one", () => {
  assert.equal(readHead(request([["x-forwarded-for", "10.0.0.1"]])).proxied, true);
  assert.equal(readHead(request([["forwarded", "for=10.0.0.1"]])).proxied, true);
});

test("applicantOf: a page whose own name leads here is not local", () => {
  const isLocal = (host: string) => applicantOf(readHead(request([["host", host]])), true).loopback;
  for (const host of ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "sluice", "a.localhost"]) {
    assert.equal(isLocal(host), true, host);
  }
  for (const host of ["evil.example", "evil.example:8080", "localhost.evil.example", "evil.dev."]) {
    assert.equal(isLocal(host), false, host);
  }
});

const NEAR = { remote: "10.0.0.1", proxied: "", certificateSubject: "" };
const trusted = new TrustedProxies(["10.0.0.0/8"]);

test("readHead: believes a trusted proxy, all lines of its header, and nobody else", () => {
  const headers = [
    ["x-forwarded-for", "6.6.6.6"],
    ["x-forwarded-for", "203.0.113.7"],
  ] as const;
  assert.equal(readHead(request(headers), { ...NEAR, trusted }).address, "203.0.113.7");
  const stranger = { ...NEAR, remote: "198.51.100.1", trusted };
  assert.equal(readHead(request(headers), stranger).address, "198.51.100.1");
  const viaProxy = readHead(request([]), { ...NEAR, trusted, proxied: "203.0.113.9" });
  assert.deepEqual([viaProxy.address, viaProxy.proxied], ["203.0.113.9", true]);
});

test("readHead: a certificate counts if it was shown here or checked by a trusted proxy", () => {
  const headers = [
    ["x-client-cert-verify", "SUCCESS"],
    ["x-client-cert-subject", "CN=orders"],
  ] as const;
  const subject = (
    near: Partial<Nearby>,
    lines: readonly (readonly [string, string])[] = headers,
  ) => readHead(request(lines), { ...NEAR, trusted, ...near }).certificateSubject;
  assert.equal(subject({}), "CN=orders");
  assert.equal(subject({ remote: "198.51.100.1" }), "");
  assert.equal(subject({}, headers.slice(1)), "");
  assert.equal(subject({}, [["x-client-cert-verify", "FAILED"], ...headers.slice(1)]), "");
  assert.equal(subject({ certificateSubject: "CN=own" }), "CN=own");
  const twice = readHead(request([...headers, ["x-client-cert-subject", "CN=evil"]]), {
    ...NEAR,
    trusted,
  });
  assert.match(twice.framingFault ?? "", /stands twice/);
});

test("subjectText: as RFC 4514, the narrowest part first", () => {
  assert.equal(subjectText("C=DE\nO=Shop\nCN=orders"), "CN=orders,O=Shop,C=DE");
});
