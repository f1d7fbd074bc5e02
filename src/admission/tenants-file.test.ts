import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { keyDigest } from "./keys.ts";
import { allowsOrigin, hasScope, originRules } from "./policy.ts";
import { readTenants } from "./tenants-file.ts";

const KEY = { sha256: keyDigest("wk_one") };
const SOUND = {
  tenants: {
    acme: {
      sources: {
        web: {
          writeKeys: [KEY],
          origins: ["https://shop.example", "https://*.shop.example"],
          types: ["page_viewed"],
          dialects: ["native"],
          limits: { eventsPerSecond: 100 },
        },
        back: { secretKeys: [{ sha256: keyDigest("sk_two"), until: "2027-01-01T00:00:00Z" }] },
      },
      topics: { page_viewed: "acme.pages" },
      priority: "high",
      privacySaltFile: "acme.salt",
    },
  },
  issuers: [
    {
      issuer: "https://id.example/realms/acme",
      audience: ["sluice"],
      algorithms: ["RS256"],
      tenant: { claim: "/org" },
    },
  ],
};

function read(file: unknown, types: ReadonlySet<string> | null = null) {
  return readTenants(typeof file === "string" ? file : JSON.stringify(file), {
    readSalt: (path) => (path === "acme.salt" ? "0123456789abcdef\n" : "short"),
    types,
    numberOf: () => 0,
  });
}

function faults(file: unknown, types: ReadonlySet<string> | null = null): readonly string[] {
  const result = read(file, types);
  assert.equal(result.kind, "faults");
  return result.kind === "faults" ? result.faults : [];
}

/** The sound file with one member somewhere replaced. */
function edited(path: readonly string[], value: unknown): unknown {
  const copy = structuredClone(SOUND) as Record<string, unknown>;
  let at = copy;
  for (const step of path.slice(0, -1)) at = at[step] as Record<string, unknown>;
  at[path.at(-1) ?? ""] = value;
  return copy;
}

const WEB = ["tenants", "acme", "sources", "web"];

describe("readTenants", () => {
  it("makes a table of a sound file", () => {
    const result = read(SOUND);
    assert.equal(result.kind, "table");
    if (result.kind !== "table") return;
    const { keys, sources, issuers } = result.table;
    assert.deepEqual([...sources.keys()], ["acme/web", "acme/back"]);
    const key = keys.get(keyDigest("wk_one"));
    assert.equal(key?.kind, "write");
    assert.equal(key.source.tenant.priority, "high");
    assert.equal(key.source.tenant.topics.get("page_viewed"), "acme.pages");
    assert.equal(key.source.tenant.privacySalt, "0123456789abcdef");
    assert.equal(keys.get(keyDigest("sk_two"))?.untilMs, Date.UTC(2027, 0, 1));
    assert.deepEqual(issuers[0]?.sourceClaim, "/azp");
  });

  it("says everything that is wrong, with its place", () => {
    assert.match(faults("{")[0] ?? "", /not JSON/);
    assert.deepEqual(faults(edited([...WEB, "orgins"], [])), [
      '/tenants/acme/sources/web: unknown member "orgins"; known are writeKeys, ' +
        "certificateSubjects, secretKeys, origins, types, dialects, limits, note",
    ]);
    assert.match(
      faults(edited([...WEB, "dialects"], ["segmnt"]))[0] ?? "",
      /expected one of native/,
    );
    assert.match(
      faults(edited([...WEB, "limits"], { eventsPerSecond: 0 }))[0] ?? "",
      /\/limits\/eventsPerSecond: must be >= 1, got 0/,
    );
    assert.match(faults(edited(["tenants", "acme", "sources"], {}))[0] ?? "", /fewer than 1/);
    assert.match(faults(edited([...WEB, "writeKeys"], [{ sha256: "wk_one" }]))[0] ?? "", /pattern/);
    assert.match(faults(edited(["issuers", "0", "algorithms"], ["HS256"]))[0] ?? "", /RS256/);
    assert.match(faults({ tenants: { "a:b": { sources: {} } } }).join("\n"), /"a:b"/);
  });

  it("finds what no schema can: keys twice, unknown types, short salts, issuers twice", () => {
    const twice = edited(["tenants", "acme", "sources", "back"], { writeKeys: [KEY] });
    assert.match(faults(twice)[0] ?? "", /twice/);
    assert.match(faults(SOUND, new Set(["order"]))[0] ?? "", /the pack has no type "page_viewed"/);
    const short = edited(["tenants", "acme", "privacySaltFile"], "other.salt");
    assert.match(faults(short)[0] ?? "", /at least 16 bytes/);
    const issuers = [...SOUND.issuers, ...SOUND.issuers];
    assert.match(faults({ ...SOUND, issuers })[0] ?? "", /twice/);
    const scopes = [{ ...KEY, scopes: ["admin:read"] }];
    assert.match(faults(edited([...WEB, "writeKeys"], scopes))[0] ?? "", /may send, nothing else/);
  });

  it("never goes on for ever about one file", () => {
    const types = Array.from({ length: 1_000 }, (_, index) => `type-${index}`);
    assert.equal(faults(edited([...WEB, "types"], types), new Set(["a"])).length, 50);
  });
});

describe("originRules", () => {
  it("knows exact origins, labels below a domain, and no look-alikes", () => {
    const rules = originRules(["https://shop.example", "https://*.shop.example"]);
    for (const good of [
      "https://shop.example",
      "https://a.shop.example",
      "https://a.b.shop.example",
    ])
      assert.equal(allowsOrigin(rules, good), true, good);
    for (const bad of [
      "http://shop.example",
      "https://evilshop.example",
      "https://shop.example.evil",
      "https://.shop.example",
      "https://evil.example/.shop.example",
      "https://evil.example:1#.shop.example",
      "null",
    ])
      assert.equal(allowsOrigin(rules, bad), false, bad);
    assert.equal(allowsOrigin(null, "https://any.example"), true);
    assert.equal(allowsOrigin(originRules(["*"]), "https://any.example"), true);
    assert.equal(allowsOrigin(originRules([]), "https://any.example"), false);
  });
});

describe("hasScope", () => {
  it("matches exactly, or up to a star at the end", () => {
    assert.equal(hasScope(["write:*"], "write:page"), true);
    assert.equal(hasScope(["write:order.*"], "write:order.created"), true);
    assert.equal(hasScope(["write:order"], "write:order.created"), false);
    assert.equal(hasScope(["read:*"], "write:page"), false);
    assert.equal(hasScope([], "write:page"), false);
  });
});
