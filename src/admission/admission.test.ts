import assert from "node:assert/strict";
import { test } from "node:test";
import { Admission } from "./admission.ts";
import { authorizationCredentials, credentialsOf, subprotocolCredentials } from "./credentials.ts";

const DEMO = { tenant: "demo", source: "demo" };
const admission = new Admission({
  writeKeys: [
    { key: "demo", ...DEMO },
    { key: "wk_5f1c9a", tenant: "acme", source: "web" },
  ],
  keyless: DEMO,
});

test("Admission: a known key gives its principal, whatever the origin", () => {
  const admitted = admission.admit({
    credentials: "wk_5f1c9a",
    origin: "https://shop.example",
    loopback: false,
  });
  assert.deepEqual(admitted, {
    kind: "admitted",
    principal: { tenant: "acme", source: "web" },
  });
});

test("Admission: unknown, differently written and endless keys are refused alike, on loopback too", () => {
  for (const credentials of ["nope", "DEMO", "demo ", "", "d".repeat(1_000_000)]) {
    const admitted = admission.admit({ credentials, origin: "", loopback: true });
    assert.ok(admitted.kind === "refused");
    assert.equal(admitted.code, "unauthenticated");
    assert.equal(admitted.detail, "unknown write key");
  }
});

test("Admission: without a key only loopback may, and only for local pages", () => {
  const keyless = (origin: string, loopback: boolean) =>
    admission.admit({ credentials: null, origin, loopback });
  assert.equal(keyless("", true).kind, "admitted");
  assert.equal(keyless("http://localhost:5173", true).kind, "admitted");
  assert.deepEqual(keyless("https://evil.example", true), {
    kind: "refused",
    code: "forbidden",
    detail: "pages of other hosts need a write key",
  });
  assert.equal(keyless("http://localhost.evil.example", true).kind, "refused");
  assert.equal(keyless("", false).kind, "refused");
  const closed = new Admission({ writeKeys: [], keyless: null });
  assert.equal(closed.admit({ credentials: null, origin: "", loopback: true }).kind, "refused");
});

test("authorizationCredentials: Bearer, Basic with and without its colon, a bare key", () => {
  const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;
  assert.equal(authorizationCredentials("Bearer abc"), "abc");
  assert.equal(authorizationCredentials(basic("demo:")), "demo");
  assert.equal(authorizationCredentials(basic("demo")), "demo");
  assert.equal(authorizationCredentials(basic("demo:secret")), "demo");
  assert.equal(authorizationCredentials("demo"), "demo");
  assert.equal(authorizationCredentials(""), null);
});

test("credentialsOf: a header wins over the query", () => {
  const none = { authorization: "", writeKey: "", query: "" };
  assert.equal(credentialsOf(none), null);
  assert.equal(credentialsOf({ ...none, query: "key=a%20b&x=1" }), "a b");
  assert.equal(credentialsOf({ ...none, query: "key=a", writeKey: "b" }), "b");
  assert.equal(credentialsOf({ authorization: "Bearer c", query: "key=a", writeKey: "b" }), "c");
});

test("subprotocolCredentials: base64url behind sluice.auth.", () => {
  const token = Buffer.from("wk_5f1c9a").toString("base64url");
  assert.equal(subprotocolCredentials(["sluice.v1.json", `sluice.auth.${token}`]), "wk_5f1c9a");
  assert.equal(subprotocolCredentials(["sluice.v1.json"]), null);
});
