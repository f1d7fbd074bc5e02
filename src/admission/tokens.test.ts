import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { compactVerify, createLocalJWKSet, decodeProtectedHeader } from "jose";
import type { JSONWebKeySet, JWK } from "jose";

import {
  ISSUER_COOLDOWN_MS,
  ISSUER_KEYS_AGE_MS,
  ISSUER_KEYS_STALE_MS,
} from "../limits/admission.ts";
import type { IssuerRules } from "./tenants-file.ts";
import { TOKEN_ALGORITHMS } from "./tenants-schema.ts";
import { TestIssuer } from "./testing/issuer.ts";
import { isTokenLike, Tokens } from "./tokens.ts";

function setUp(issuer: TestIssuer, rules: Partial<IssuerRules> = {}) {
  const clock = { monotonicMs: 0, nowMs: Date.now() };
  const fetches: (string | null)[] = [];
  const tokens = new Tokens({
    issuers: [
      {
        issuer: issuer.url,
        jwksUrl: null,
        audience: ["sluice"],
        algorithms: ["ES256"],
        tenant: { claim: "/org" },
        sourceClaim: "/azp",
        rolesClaim: "/realm_access/roles",
        scopes: new Map([["ingest", ["write:*"]]]),
        ...rules,
      },
    ],
    fetch,
    clockMs: () => clock.monotonicMs,
    nowMs: () => clock.nowMs,
    onFetch: (_issuer, problem) => void fetches.push(problem),
  });
  return { tokens, clock, fetches };
}

const ROLES = { realm_access: { roles: ["ingest", "offline_access"] } };

describe("Tokens", () => {
  it("reads tenant, source, scopes, expiry, issuer and subject of a good token", async () => {
    await using issuer = await TestIssuer.start();
    const { tokens } = setUp(issuer);
    const expires = Math.floor(Date.now() / 1_000) + 60;
    const sender = { tenant: "acme", source: "web", scopes: ["write:*"] };
    const good = { ...sender, expiresAtMs: expires * 1_000, issuer: issuer.url };
    for (const [sub, subject] of [
      ["ada", "ada"],
      ["x".repeat(257), null],
      [undefined, null],
    ] as const) {
      const token = await issuer.token({ claims: { ...ROLES, sub }, expires });
      const claims = { ...good, subject };
      assert.deepEqual(await tokens.check(token), { kind: "claims", claims });
    }
  });

  it("takes scopes themselves where no roles are mapped", async () => {
    await using issuer = await TestIssuer.start();
    const { tokens } = setUp(issuer, { scopes: null, rolesClaim: "/scope" });
    const scope = "openid write:page_viewed profile";
    const checked = await tokens.check(await issuer.token({ claims: { scope } }));
    assert.deepEqual(checked.kind === "claims" ? checked.claims.scopes : checked, [
      "write:page_viewed",
    ]);
  });

  it("refuses what does not hold, and repeats nothing of the token", async () => {
    await using issuer = await TestIssuer.start();
    await using other = await TestIssuer.start();
    const { tokens, clock } = setUp(issuer);
    const second = Math.floor(clock.nowMs / 1_000);
    const cases: readonly (readonly [string, string])[] = [
      [await issuer.token({ expires: second - 60 }), "the token has expired"],
      [await issuer.token({ notBefore: second + 60 }), "the token's claim nbf does not hold here"],
      [await issuer.token({ audience: "account" }), "the token's claim aud does not hold here"],
      [await other.token(), "the token is of no issuer that is trusted here"],
      [await other.token({ issuer: issuer.url }), "the token's signature does not hold"],
      [await issuer.token({ claims: { org: 7 } }), "the token has no claim /org"],
      [await issuer.token({ claims: { azp: null } }), "the token has no claim /azp"],
      [
        await issuer.token({ keyId: "../../etc/passwd" }),
        "the token's key is not one of its issuer",
      ],
      [
        await issuer.token({ keyId: "k".repeat(64 * 1024) }),
        "the token is of no issuer that is trusted here",
      ],
      ["a.b.c", "the token cannot be read"],
      [`${(await issuer.token()).slice(0, -3)}AAA`, "the token's signature does not hold"],
    ];
    for (const [token, detail] of cases) {
      assert.deepEqual(await tokens.check(token), { kind: "refused", detail });
    }
  });

  it("refuses alg none and a signature by another algorithm, whatever the header says", async () => {
    await using issuer = await TestIssuer.start();
    const { tokens } = setUp(issuer, { algorithms: ["RS256"] });
    assert.deepEqual(await tokens.check(await issuer.token()), {
      kind: "refused",
      detail: "the token is signed by another algorithm",
    });
    const [, payload = ""] = (await issuer.token()).split(".");
    const none = Buffer.from('{"alg":"none"}').toString("base64url");
    assert.equal((await tokens.check(`${none}.${payload}.AA`)).kind, "refused");
    assert.equal(isTokenLike(`${none}.${payload}.`), false);
  });

  it("fetches keys once, again for a rotated one, and not more often than the cool-down", async () => {
    await using issuer = await TestIssuer.start();
    const { tokens, clock } = setUp(issuer);
    await Promise.all([tokens.check(await issuer.token()), tokens.check(await issuer.token())]);
    assert.equal(issuer.requests.length, 2, "discovery and keys, once");
    await issuer.rotate();
    assert.equal((await tokens.check(await issuer.token())).kind, "claims");
    assert.equal(issuer.requests.length, 4);
    for (let count = 0; count < 20; count += 1) {
      const forged = await issuer.token({ keyId: `unknown-${count}` });
      assert.equal((await tokens.check(forged)).kind, "refused");
    }
    assert.equal(issuer.requests.length, 4, "unknown keys cause no storm");
    await issuer.rotate();
    assert.equal((await tokens.check(await issuer.token())).kind, "refused");
    clock.monotonicMs += ISSUER_COOLDOWN_MS;
    assert.equal((await tokens.check(await issuer.token())).kind, "claims");
    assert.equal(issuer.requests.length, 6);
  });

  it("goes on with the keys it has while the issuer is away, for a day", async () => {
    await using issuer = await TestIssuer.start();
    const { tokens, clock, fetches } = setUp(issuer);
    const token = await issuer.token({ expires: Math.floor(Date.now() / 1_000) + 9 * 86_400 });
    assert.equal((await tokens.check(token)).kind, "claims");
    issuer.faults.set("/.well-known/openid-configuration", { status: 500, body: "{}" });
    clock.monotonicMs += ISSUER_KEYS_AGE_MS + 1;
    assert.equal((await tokens.check(token)).kind, "claims");
    clock.monotonicMs += ISSUER_KEYS_STALE_MS;
    const late = await tokens.check(token);
    assert.equal(late.kind, "away");
    assert.match(String(fetches.at(-1)), /answered 500/);
    issuer.faults.clear();
    clock.monotonicMs += ISSUER_COOLDOWN_MS;
    assert.equal((await tokens.check(token)).kind, "claims");
  });

  it("is away, and says why, when the issuer never gave good keys", async () => {
    await using issuer = await TestIssuer.start();
    const bad: readonly (readonly [string, number, string, RegExp])[] = [
      ["/.well-known/openid-configuration", 200, '{"issuer":"https://evil.example"}', /another/],
      ["/.well-known/openid-configuration", 200, "not json", /JSON/],
      ["/certs", 200, "{}", /no JWK set/],
      ["/certs", 200, `{"keys":["${"x".repeat(300_000)}"]}`, /more than/],
    ];
    for (const [path, status, body, reason] of bad) {
      const { tokens } = setUp(issuer);
      issuer.faults.set(path, { status, body });
      const checked = await tokens.check(await issuer.token());
      assert.equal(checked.kind, "away");
      assert.match(checked.kind === "away" ? checked.detail : "", reason);
      issuer.faults.clear();
    }
  });
});

interface Vectors {
  readonly testGroups: readonly {
    readonly comment: string;
    readonly private?: JWK | JSONWebKeySet;
    readonly public?: JWK | JSONWebKeySet;
    readonly tests: readonly {
      readonly tcId: number;
      readonly comment: string;
      readonly jws: unknown;
      readonly result: "valid" | "invalid" | "acceptable";
    }[];
  }[];
}

function vectors(name: string): Vectors {
  const path = new URL(`../../test/data/jose/${name}`, import.meta.url);
  return JSON.parse(readFileSync(path, "utf8")) as Vectors;
}

/** As Tokens verifies: a set of keys, and only the algorithms that a tenants file may pin. */
async function isAccepted(jws: unknown, keys: JWK | JSONWebKeySet): Promise<boolean> {
  if (typeof jws !== "string" || !isTokenLike(jws)) return false;
  const set = "keys" in keys ? keys : { keys: [keys] };
  try {
    await compactVerify(jws, createLocalJWKSet(set), { algorithms: [...TOKEN_ALGORITHMS] });
    return true;
  } catch {
    return false;
  }
}

it("input 39: takes no forged signature of the vectors of Wycheproof, and the good ones", async () => {
  const count = { accepted: 0, refused: 0 };
  for (const { comment, tests, ...group } of vectors("json_web_signature_test.json").testGroups) {
    const keys = group.public ?? group.private;
    assert.ok(keys !== undefined);
    for (const { tcId, jws, result } of tests) {
      const accepted = await isAccepted(jws, keys);
      const label = `${comment} ${tcId}`;
      if (result === "invalid") assert.equal(accepted, false, label);
      if (result === "valid" && isServed(jws, keys)) assert.equal(accepted, true, label);
      count[accepted ? "accepted" : "refused"] += 1;
    }
  }
  assert.ok(count.accepted > 5 && count.refused > 100, JSON.stringify(count));
  for (const { tests, ...group } of vectors("json_web_key_test.json").testGroups) {
    for (const { jws, result, tcId, comment } of tests) {
      // An issuer whose own key generator was weak: his keys are trusted by choice, not by look.
      if (comment === "rejectsKeyWithRocaVulnerability") continue;
      const keys = group.public ?? group.private;
      assert.ok(keys !== undefined);
      if (result === "invalid") assert.equal(await isAccepted(jws, keys), false, `key set ${tcId}`);
    }
  }
});

/**
 * Signed by a pinned algorithm, and by the one that the key is for (RFC 7517 §4.4) if it says so.
 */
function isServed(jws: unknown, keys: JWK | JSONWebKeySet): boolean {
  if (typeof jws !== "string" || !isTokenLike(jws)) return false;
  const { alg = "" } = decodeProtectedHeader(jws);
  const isForOther = "alg" in keys && keys.alg !== alg;
  return !isForOther && (TOKEN_ALGORITHMS as readonly string[]).includes(alg);
}
