import assert from "node:assert/strict";
import { test } from "node:test";
import type { HttpRequest } from "uWebSockets.js";
import { readHead } from "./request.ts";

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
