/** What subscribers ask for, by frame and by URL, and what of it they may have. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { tableOfKeys } from "../admission/key-list.ts";
import type { Principal } from "../admission/admission.ts";
import { readQuery, readRequest } from "./request.ts";
import type { LiveRequest } from "./request.ts";
import { plan } from "./subscription.ts";
import { writeToken } from "./token.ts";

const KEYS = [{ key: "k", tenant: "acme", source: "web" }];
const POLICY = tableOfKeys(KEYS).sources.get("acme/web");
const CATALOGUE = new Map([
  ["alert", "alerts"],
  ["order.created", "orders"],
  ["order.cancelled", "orders"],
]);

function principal(...scopes: readonly string[]): Principal {
  assert.ok(POLICY !== undefined);
  const who = {
    tenant: "acme",
    source: "web",
    expiresAtMs: Infinity,
    keyDigest: null,
    issuer: null,
    subject: null,
  };
  return { ...who, scopes, policy: POLICY };
}

function request(members: Readonly<Record<string, unknown>>): LiveRequest {
  const read = readRequest(members);
  assert.ok(typeof read === "object", JSON.stringify(read));
  return read;
}

function topicsOf(members: Readonly<Record<string, unknown>>, ...scopes: readonly string[]) {
  const planned = plan(request(members), principal(...scopes), () => CATALOGUE);
  if (planned.kind === "refused") return `${planned.code}: ${planned.detail}`;
  return [...planned.subscription.topics].map(([topic, types]) => [topic, ...types]);
}

describe("readRequest", () => {
  it("a start, is now, a time or a token", () => {
    assert.deepEqual(request({}).start, { kind: "now" });
    assert.deepEqual(request({ from: 5 }).start, { kind: "time", timeMs: 5 });
    const time = { kind: "time", timeMs: Date.parse("2026-11-21T10:00:00Z") };
    assert.deepEqual(request({ from: "2026-11-21T11:00:00+01:00" }).start, time);
    assert.deepEqual(request({ from: { time: "2026-11-21T10:00:00Z" } }).start, time);
    assert.deepEqual(request({ from: { token: "abc" } }).start, { kind: "token", token: "abc" });
  });

  it("nonsense, is refused in a sentence", () => {
    const bad = [
      { topics: "alerts" },
      { topics: [] },
      { types: [5] },
      { keys: Array.from({ length: 65 }, String) },
      { from: "yesterday" },
      { from: -1 },
      { from: {} },
      { from: { time: {} } },
      { from: null },
      { where: "x" },
    ];
    for (const members of bad) {
      assert.equal(typeof readRequest(members), "string", JSON.stringify(members));
    }
  });
});

describe("readQuery", () => {
  it("a URL, says the same as a frame", () => {
    const where = encodeURIComponent('[{"path":"/a","value":1}]');
    const read = readQuery(`topics=a,b&types=x&types=y&keys=k&from=7&where=${where}`, "");
    assert.ok(typeof read === "object", JSON.stringify(read));
    assert.deepEqual(
      [read.topics, read.types, [...(read.keys ?? [])]],
      [["a", "b"], ["x", "y"], ["k"]],
    );
    assert.deepEqual(read.start, { kind: "time", timeMs: 7 });
    assert.equal(read.filter?.passes({ a: 1 }), true);
    assert.equal(typeof readQuery("where=x", ""), "string");
  });

  it("Last-Event-ID, wins over the URL", () => {
    const read = readQuery("from=now&token=old", "new");
    assert.ok(typeof read === "object");
    assert.deepEqual(read.start, { kind: "token", token: "new" });
  });
});

describe("plan", () => {
  it("types, lead to their topics, each with its scope", () => {
    assert.deepEqual(topicsOf({ types: ["alert"] }, "read:alert"), [["alerts", "alert"]]);
    assert.match(String(topicsOf({ types: ["alert"] }, "write:*")), /^forbidden: .*read:"alert"/);
    assert.match(String(topicsOf({ types: ["nope"] }, "read:*")), /^bad_frame/);
  });

  it("a topic, stands for the types in it that may be read", () => {
    const orders = { topics: ["orders"] };
    assert.deepEqual(topicsOf(orders, "read:order.*"), [
      ["orders", "order.created", "order.cancelled"],
    ]);
    assert.deepEqual(topicsOf(orders, "read:order.created"), [["orders", "order.created"]]);
    assert.match(String(topicsOf(orders, "read:alert")), /^forbidden/);
    assert.match(String(topicsOf({ topics: ["orders", "alerts"] }, "read:alert")), /^forbidden/);
    assert.match(String(topicsOf({ topics: ["other"] }, "read:*")), /^bad_frame/);
  });

  it("nothing named, is all that may be read; nothing to read is forbidden", () => {
    assert.deepEqual(topicsOf({}, "read:alert"), [["alerts", "alert"]]);
    assert.equal(topicsOf({}, "read:*").length, 2);
    assert.match(String(topicsOf({}, "write:*", "sessions:read")), /^forbidden/);
  });

  it("another tenant's token, is refused", () => {
    const token = writeToken("umbrella", new Map());
    assert.match(String(topicsOf({ from: { token } }, "read:*")), /^bad_frame: .*token/);
    assert.equal(topicsOf({ from: { token: writeToken("acme", new Map()) } }, "read:*").length, 2);
  });
});
