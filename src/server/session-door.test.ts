/** Who is named when a person is erased: by a key its digest, by a token whom it was given to. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { createAdmission } from "../admission/create.ts";
import { keyDigest } from "../admission/keys.ts";
import { readTenants } from "../admission/tenants-file.ts";
import { TestIssuer } from "../admission/testing/issuer.ts";
import type { RequestHead } from "./request.ts";
import { sessionReply } from "./session-door.ts";
import type { SessionDeskPort } from "./session-door.ts";

const SECRET = "sk-of-the-desk";
const digest = keyDigest(SECRET);

function headOf(credentials: string): RequestHead {
  const header = { authorization: `Bearer ${credentials}`, "x-write-key": "", origin: "" };
  const parts = {
    method: "DELETE",
    path: "/v1/sessions/ada",
    query: "",
    header,
    headers: new Map(),
  };
  const rest = { address: "", certificateSubject: "", framingFault: null, proxied: false };
  // Of the headers only those that are looked at.
  return { ...parts, ...rest } as unknown as RequestHead;
}

test("an erasure names who asked: a key's digest, or a token's issuer and subject", async () => {
  await using issuer = await TestIssuer.start();
  const web = { secretKeys: [{ sha256: digest, scopes: ["sessions:erase"] }] };
  const trusted = {
    issuer: issuer.url,
    audience: ["sluice"],
    algorithms: ["ES256"],
    tenant: { claim: "/org" },
  };
  const file = { tenants: { acme: { sources: { web } } }, issuers: [trusted] };
  const read = readTenants(JSON.stringify(file), {
    readSalt: () => "",
    types: null,
    numberOf: () => 0,
  });
  assert.ok(read.kind === "table");
  const erasures: Parameters<SessionDeskPort["erase"]>[0]["by"][] = [];
  const desk: SessionDeskPort = {
    show: async () => ({ kind: "failed" }),
    erase: async ({ by }) => {
      erasures.push(by);
      return { kind: "found", value: 1 };
    },
  };
  const admission = createAdmission({ table: read.table, keyless: null });
  const parts = { admission, desk, loopback: false, nowMs: () => 0 };
  const token = await issuer.token({ claims: { scope: "sessions:erase", sub: "officer-7" } });
  for (const credentials of [SECRET, token]) {
    const reply = await sessionReply(parts, { head: headOf(credentials), requestId: "r" });
    assert.equal(reply.status, 200);
  }
  assert.deepEqual(erasures, [
    { source: "web", key: digest.slice(0, 12) },
    { source: "web", key: null, issuer: issuer.url, subject: "officer-7" },
  ]);
});
