import assert from "node:assert/strict";
import { describe, it, test } from "node:test";

import { TICKET_TTL_MS } from "../limits/admission.ts";
import { Admission } from "./admission.ts";
import type { Admitted, Applicant, Principal } from "./admission.ts";
import { authorizationCredentials, credentialsOf, subprotocolCredentials } from "./credentials.ts";
import { createAdmission } from "./create.ts";
import { tableOfKeys } from "./key-list.ts";
import { keyDigest, newKey } from "./keys.ts";
import { readTenants } from "./tenants-file.ts";
import type { TenantTable } from "./tenants-file.ts";
import { TestIssuer } from "./testing/issuer.ts";
import { ProcessOnceMemory, Tickets } from "./tickets.ts";
import { Tokens } from "./tokens.ts";

const DEMO = { tenant: "demo", source: "default" };
const KEYS = [
  { key: "demo", ...DEMO },
  { key: "wk_5f1c9a", tenant: "acme", source: "web" },
];
const admission = createAdmission({ table: tableOfKeys(KEYS), keyless: "demo/default" });

function admitted(result: Admitted): Principal {
  assert.equal(result.kind, "admitted", JSON.stringify(result));
  return result.principal;
}

async function refusal(from: Admission, applicant: Partial<Applicant>): Promise<string> {
  const nobody = { credentials: null, origin: "", loopback: false };
  const result = await from.admit({ ...nobody, ...applicant });
  return result.kind === "refused" ? `${result.code}: ${result.detail}` : "admitted";
}

describe("Admission of keys", () => {
  it("gives a known key its principal", async () => {
    const applicant = { credentials: "wk_5f1c9a", origin: "https://shop.example", loopback: false };
    const principal = admitted(await admission.admit(applicant));
    assert.equal(principal.tenant, "acme");
    assert.equal(principal.source, "web");
    assert.deepEqual(principal.scopes, ["write:*"]);
  });

  it("knows a key again, and looks at origin and façade each time", async () => {
    const writeKeys = [{ sha256: keyDigest("wk_again") }];
    const source = { writeKeys, origins: ["https://a.example"], dialects: ["native"] };
    const file = table({ shop: { sources: { web: source } } });
    const gate = createAdmission({ table: file, keyless: null });
    const shown = { credentials: "wk_again", origin: "https://a.example", loopback: false };
    const first = admitted(await gate.admit(shown));
    assert.equal(admitted(await gate.admit(shown)), first, "one principal for all");
    assert.match(await refusal(gate, { ...shown, origin: "https://b.example" }), /^forbidden/);
    assert.match(await refusal(gate, { ...shown, dialect: "segment" }), /^forbidden/);
    gate.replace(table({ other: SHOP }));
    assert.match(await refusal(gate, shown), /^unauthenticated: unknown write key/);
  });

  it("refuses unknown, differently written and endless keys alike, on loopback too", async () => {
    for (const credentials of ["nope", "DEMO", "demo ", "ｄemo", "", "d".repeat(1_000_000)]) {
      assert.equal(
        await refusal(admission, { credentials, loopback: true }),
        "unauthenticated: unknown write key",
      );
    }
  });

  it("needs no key on loopback only, and only of local pages", async () => {
    const keyless = (origin: string, loopback: boolean) => refusal(admission, { origin, loopback });
    assert.equal(await keyless("", true), "admitted");
    assert.equal(await keyless("http://localhost:5173", true), "admitted");
    const foreign = "forbidden: pages of other hosts need a write key";
    assert.equal(await keyless("https://evil.example", true), foreign);
    assert.equal(await keyless("http://localhost.evil.example", true), foreign);
    assert.equal(await keyless("", false), "unauthenticated: a write key is needed");
    const closed = createAdmission({ table: tableOfKeys([]), keyless: null });
    assert.match(await refusal(closed, { loopback: true }), /^unauthenticated/);
  });
});

function table(tenants: object, issuers: readonly object[] = []): TenantTable {
  const text = JSON.stringify({ tenants, issuers });
  const read = readTenants(text, { readSalt: () => "", types: null, numberOf: () => 0 });
  assert.equal(read.kind, "table", JSON.stringify(read));
  return read.table;
}

const SHOP = {
  sources: {
    web: {
      writeKeys: [{ sha256: keyDigest("wk_shop") }],
      origins: ["https://shop.example"],
      dialects: ["segment"],
    },
    back: {
      secretKeys: [
        { sha256: keyDigest("sk_shop"), scopes: ["write:*", "sessions:read"] },
        { sha256: keyDigest("sk_old"), until: "2020-01-01T00:00:00Z" },
      ],
    },
  },
};

describe("Admission by a tenants file", () => {
  const shop = createAdmission({ table: table({ shop: SHOP }), keyless: null });

  it("holds origins and dialects of a source", async () => {
    const key = { credentials: "wk_shop", dialect: "segment" } as const;
    assert.equal(await refusal(shop, { ...key, origin: "https://shop.example" }), "admitted");
    assert.equal(await refusal(shop, { ...key, origin: "HTTPS://Shop.Example" }), "admitted");
    assert.equal(await refusal(shop, key), "admitted", "apps have no origin");
    assert.match(await refusal(shop, { ...key, origin: "https://evil.example" }), /^forbidden/);
    assert.match(await refusal(shop, { credentials: "wk_shop" }), /not for native clients/);
  });

  it("takes a cookie from pages of origins it names, and from nobody else", async () => {
    const named = { credentials: null, cookie: "wk_shop", dialect: "segment" } as const;
    assert.equal(await refusal(shop, { ...named, origin: "https://shop.example" }), "admitted");
    assert.match(await refusal(shop, { ...named, origin: "" }), /^forbidden: a cookie/);
    assert.match(await refusal(shop, { ...named, origin: "https://evil.example" }), /^forbidden/);
    const bad = { ...named, cookie: "wk_none", origin: "https://shop.example" };
    assert.match(await refusal(shop, bad), /^unauthenticated/);
    const other = { ...bad, credentials: "wk_shop" };
    assert.equal(await refusal(shop, other), "admitted", "other credentials come before it");
    const anywhere = { web: { writeKeys: [{ sha256: keyDigest("wk_all") }] } };
    const starred = { web: { ...anywhere.web, origins: ["*"] } };
    for (const sources of [anywhere, starred]) {
      const all = createAdmission({ table: table({ all: { sources } }), keyless: null });
      const from = { credentials: null, cookie: "wk_all", origin: "https://shop.example" };
      assert.match(await refusal(all, from), /^forbidden: a cookie/);
    }
  });

  it("takes secret keys from servers only, with their scopes, until their time is over", async () => {
    const sender = { credentials: "sk_shop", origin: "", loopback: false };
    const principal = admitted(await shop.admit(sender));
    assert.deepEqual(principal.scopes, ["write:*", "sessions:read"]);
    assert.match(await refusal(shop, { ...sender, origin: "https://a.example" }), /^forbidden/);
    assert.equal(
      await refusal(shop, { credentials: "sk_old" }),
      "unauthenticated: unknown write key",
    );
  });

  it("follows a new table: revoked keys are over, changed policies hold at once", async () => {
    const changing = createAdmission({ table: table({ shop: SHOP }), keyless: null });
    const web = admitted(
      await changing.admit({
        credentials: "wk_shop",
        origin: "",
        loopback: false,
        dialect: "segment",
      }),
    );
    const back = admitted(
      await changing.admit({ credentials: "sk_shop", origin: "", loopback: false }),
    );
    let heard = 0;
    changing.onChange(() => {
      heard += 1;
    });
    const open = { ...SHOP.sources.web, types: ["page"] };
    changing.replace(table({ shop: { sources: { web: open, back: {} } } }));
    assert.equal(heard, 1);
    assert.equal(changing.isOver(web), false);
    assert.deepEqual(web.policy.types, new Set(["page"]));
    assert.equal(changing.isOver(back), true, "its key is gone");
    changing.replace(table({ other: SHOP }));
    assert.equal(changing.isOver(web), true, "its tenant is gone");
  });

  it("ends what a key may no longer do: a time set later, a scope less, another source", async () => {
    const secret = (more: object) => ({ sha256: keyDigest("sk_shop"), ...more });
    const back = (key: object) => table({ shop: { sources: { back: { secretKeys: [key] } } } });
    const scopes = ["read:page", "write:*"];
    const changing = createAdmission({ table: back(secret({ scopes })), keyless: null });
    const sender = { credentials: "sk_shop", origin: "", loopback: false };
    const principal = admitted(await changing.admit(sender));
    assert.equal(changing.endOf(principal), Infinity);
    const until = new Date(Date.now() + 60_000).toISOString();
    changing.replace(back(secret({ scopes: [...scopes, "read:track"], until })));
    assert.equal(changing.endOf(principal), Date.parse(until));
    assert.equal(changing.isOver(principal), false);
    changing.replace(back(secret({ scopes, until: "2020-01-01T00:00:00Z" })));
    assert.equal(changing.isOver(principal), true, "its time is over");
    changing.replace(back(secret({ scopes: ["write:*"] })));
    assert.equal(changing.isOver(principal), true, "it may not read any more");
    const moved = { back: {}, other: { secretKeys: [secret({ scopes })] } };
    changing.replace(table({ shop: { sources: moved } }));
    assert.equal(changing.isOver(principal), true, "it is another source's");
  });
});

describe("Admission by tokens", () => {
  const issuerRules = (url: string) => [
    { issuer: url, audience: ["sluice"], algorithms: ["ES256"], tenant: { claim: "/org" } },
  ];

  it("checks a token once and remembers it, good or bad, until the table changes", async () => {
    await using issuer = await TestIssuer.start();
    const rules = issuerRules(issuer.url);
    const acme = table({ acme: { sources: { web: {} } } }, rules);
    const byToken = createAdmission({ table: acme, keyless: null });
    const token = await issuer.token({ claims: { scope: "write:*" } });
    const applicant = { credentials: token, origin: "", loopback: false };
    assert.ok(byToken.admit(applicant) instanceof Promise);
    const principal = admitted(await byToken.admit(applicant));
    assert.equal(principal.source, "web");
    assert.equal(byToken.admit(applicant) instanceof Promise, false, "the second time at once");
    const bad = { ...applicant, credentials: await issuer.token({ audience: "account" }) };
    assert.match(await refusal(byToken, bad), /aud does not hold/);
    assert.equal(byToken.admit(bad) instanceof Promise, false);
    byToken.replace(acme);
    assert.equal(byToken.isOver(principal), false);
    byToken.replace(table({ acme: { sources: { web: {} } } }));
    assert.equal(byToken.isOver(principal), true, "its issuer is not trusted any more");
    byToken.replace(table({ acme: { sources: { other: {} } } }, rules));
    assert.match(await refusal(byToken, applicant), /no such tenant and source/);
  });

  it("says unavailable while nobody can tell", async () => {
    const rules = issuerRules("http://127.0.0.1:9/none");
    const byToken = createAdmission({
      table: table({ acme: { sources: { web: {} } } }, rules),
      keyless: null,
    });
    await using issuer = await TestIssuer.start();
    const token = await issuer.token({ issuer: "http://127.0.0.1:9/none" });
    assert.match(await refusal(byToken, { credentials: token }), /^unavailable/);
  });
});

describe("Tickets", () => {
  function setUp() {
    const clock = { nowMs: Date.now() };
    let ids = 0;
    const nowMs = () => clock.nowMs;
    const tickets = new Tickets({
      secret: () => "of this test",
      once: new ProcessOnceMemory({ nowMs, idsMax: 2 }),
      nowMs,
      newId: () => `id-${(ids += 1)}`,
    });
    const shop = new Admission({
      table: table({ shop: SHOP }),
      keyless: null,
      nowMs,
      tickets,
      tokens: ({ issuers }) =>
        new Tokens({ issuers, fetch, clockMs: nowMs, nowMs, onFetch: () => {} }),
    });
    return { shop, clock };
  }

  const buy = async (shop: Admission): Promise<string> => {
    const sender = { credentials: "sk_shop", origin: "", loopback: false };
    return shop.ticketFor(admitted(await shop.admit(sender)));
  };

  const opening = (credentials: string) => ({ credentials, isConnection: true });

  it("open one connection, for who bought them", async () => {
    const { shop } = setUp();
    const ticket = await buy(shop);
    const request = { credentials: ticket, origin: "https://any.example", loopback: false };
    assert.match(await refusal(shop, request), /a ticket opens a connection/, "and is not used up");
    const page = { ...request, isConnection: true };
    const principal = admitted(await shop.admit(page));
    assert.equal(principal.source, "back");
    assert.deepEqual(principal.scopes, ["write:*", "sessions:read"]);
    assert.equal(await refusal(shop, page), "unauthenticated: the ticket is used up or not good");
  });

  it("are worth nothing when old, altered, or bought with a key that was revoked", async () => {
    const { shop, clock } = setUp();
    const altered = (await buy(shop)).replace(/^tk_./, "tk_f");
    assert.match(await refusal(shop, opening(altered)), /^unauthenticated/);
    const old = await buy(shop);
    clock.nowMs += TICKET_TTL_MS;
    assert.match(await refusal(shop, opening(old)), /^unauthenticated/);
    const orphan = await buy(shop);
    shop.replace(table({ shop: { sources: { back: {} } } }));
    assert.match(await refusal(shop, opening(orphan)), /^unauthenticated/);
  });

  it("are refused when too many were used to remember them all", async () => {
    const { shop, clock } = setUp();
    for (let count = 0; count < 2; count += 1) {
      assert.equal(await refusal(shop, opening(await buy(shop))), "admitted");
    }
    const third = await buy(shop);
    assert.match(await refusal(shop, opening(third)), /^unauthenticated/);
    clock.nowMs += TICKET_TTL_MS;
    assert.equal(await refusal(shop, opening(await buy(shop))), "admitted");
  });
});

test("newKey: a prefix that says what it is, and 256 random bits", () => {
  const bytes = Buffer.alloc(32, 7);
  const { key, sha256 } = newKey("write", () => bytes);
  assert.equal(key, `wk_${bytes.toString("base64url")}`);
  assert.equal(sha256, keyDigest(key));
  assert.match(newKey("secret", () => bytes).key, /^sk_/);
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

describe("Admission of certificates", () => {
  const sources = { orders: { certificateSubjects: ["CN=orders,O=Shop"] } };
  const options = { types: null, numberOf: () => 0, readSalt: () => "" };
  const read = readTenants(JSON.stringify({ tenants: { shop: { sources } } }), options);
  assert.equal(read.kind, "table");
  const from = createAdmission({ table: read.table, keyless: null });
  const certificateSubject = "CN=orders,O=Shop";

  it("takes the subject that stands in the file, where no credentials are given", async () => {
    const applicant = { credentials: null, origin: "", loopback: false, certificateSubject };
    const principal = admitted(await from.admit(applicant));
    assert.deepEqual([principal.tenant, principal.source], ["shop", "orders"]);
    assert.equal(from.isOver(principal), false);
    from.replace({ ...read.table, keys: new Map() });
    assert.equal(from.isOver(principal), true);
    from.replace(read.table);
    const unknown = "unauthenticated: a write key is needed";
    assert.equal(await refusal(from, { certificateSubject: "CN=orders" }), unknown);
    assert.equal(await refusal(from, { certificateSubject: "" }), unknown);
    assert.match(await refusal(from, { certificateSubject, origin: "https://a.example" }), /page/);
  });

  it("takes no name of a certificate for a key", async () => {
    const credentials = `certificate:${certificateSubject}`;
    assert.match(await refusal(from, { credentials }), /^unauthenticated/);
  });
});
