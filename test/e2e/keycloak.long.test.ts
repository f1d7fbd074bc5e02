/**
 * Tokens of a real Keycloak at a running gateway: discovery, keys, audience, claims, roles, expiry,
 * and a realm whose key is rotated meanwhile. Long because of Keycloak, which is slow and large.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { decodeProtectedHeader } from "jose";

import { startInstance } from "../../scripts/services/control.mjs";
import type { Instance } from "../../scripts/services/control.mjs";
import { parseHeader } from "../../src/consumer/header.ts";
import { Gateway } from "../gateway.ts";
import { StreamClient } from "../stream-client.ts";
import { byId, readAll } from "./read-back.ts";

const DEVICE = { id: "device", secret: "device-secret" };

function search(id: string) {
  const timestamp = "2026-11-21T10:00:00Z";
  const data = { messageId: id, timestamp, anonymousId: "v", query: "tea", resultCount: 1 };
  return { type: "search", id, data };
}

describe("tokens of a Keycloak", () => {
  let keycloak: Instance;
  let directory: string;
  let gateway: Gateway;

  const tenantsFile = () => ({
    tenants: { demo: { sources: { device: {}, brief: {}, idle: {}, stray: {} } } },
    issuers: [
      {
        issuer: keycloak.addresses["issuer"],
        audience: ["sluice"],
        algorithms: ["RS256"],
        tenant: { claim: "/tenant" },
        source: "/azp",
        roles: "/realm_access/roles",
        scopes: { ingest: ["write:search"] },
      },
    ],
  });

  before(async () => {
    keycloak = await startInstance("keycloak");
    directory = await mkdtemp(join(tmpdir(), "sluice-keycloak-"));
    const file = join(directory, "tenants.json");
    await writeFile(file, JSON.stringify(tenantsFile()));
    gateway = await Gateway.start({ flags: ["--tenants-file", file, "--create-topics"] });
  });

  after(async () => {
    assert.equal(await gateway.stop(), 0);
    await keycloak.remove();
    await rm(directory, { recursive: true });
  });

  async function tokenOf({ id, secret }: { readonly id: string; readonly secret: string }) {
    const grant = { grant_type: "client_credentials", client_id: id, client_secret: secret };
    const body = new URLSearchParams(grant);
    const answer = await fetch(keycloak.addresses["token"] ?? "", { method: "POST", body });
    assert.equal(answer.status, 200);
    return ((await answer.json()) as { readonly access_token: string }).access_token;
  }

  /** One request to the admin API; the answer's body, null if it has none. */
  async function administer(path: string, body: object | null = null): Promise<unknown> {
    const id = keycloak.addresses["operatorId"] ?? "";
    const token = await tokenOf({ id, secret: keycloak.addresses["operatorSecret"] ?? "" });
    const answer = await fetch(`${keycloak.addresses["admin"]}${path}`, {
      method: body === null ? "GET" : "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      ...(body === null ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    assert.ok(answer.ok, `${path}: ${answer.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
  }

  interface ClientParts {
    readonly audience?: string;
    readonly role?: string;
    readonly lifespanSeconds?: number;
  }

  /** A further client of the realm, with a service account. */
  async function addClient(id: string, parts: ClientParts) {
    const { audience, role, lifespanSeconds } = parts;
    const toToken = { "access.token.claim": "true" };
    const mappers = [
      {
        name: "tenant",
        protocolMapper: "oidc-hardcoded-claim-mapper",
        config: { ...toToken, "claim.name": "tenant", "claim.value": "demo" },
      },
      ...(audience === undefined
        ? []
        : [
            {
              name: "audience",
              protocolMapper: "oidc-audience-mapper",
              config: { ...toToken, "included.custom.audience": audience },
            },
          ]),
    ];
    await administer("/clients", {
      clientId: id,
      secret: `${id}-secret`,
      publicClient: false,
      serviceAccountsEnabled: true,
      attributes:
        lifespanSeconds === undefined ? {} : { "access.token.lifespan": `${lifespanSeconds}` },
      protocolMappers: mappers.map((mapper) => ({ protocol: "openid-connect", ...mapper })),
    });
    if (role !== undefined) await grantRole(id, role);
    return { id, secret: `${id}-secret` };
  }

  async function grantRole(clientId: string, role: string): Promise<void> {
    const clients = (await administer(`/clients?clientId=${clientId}`)) as {
      readonly id: string;
    }[];
    const account = (await administer(`/clients/${clients[0]?.id}/service-account-user`)) as {
      readonly id: string;
    };
    const granted = (await administer(`/roles/${role}`)) as object;
    await administer(`/users/${account.id}/role-mappings/realm`, [granted]);
  }

  const post = (token: string, id: string) =>
    gateway.post(JSON.stringify({ events: [search(id)] }), { Authorization: `Bearer ${token}` });

  it("are found by discovery; their claims say whose events they are", async () => {
    const answer = await post(await tokenOf(DEVICE), "kc-1");
    assert.equal(answer.status, 200, gateway.output);
    assert.match(await answer.text(), /"stored":1/);
    const records = byId(await readAll(gateway.run.brokers, ["behaviour-interaction"]));
    const header = records.get("kc-1")?.[0]?.headers.find(([name]) => name === "sluice")?.[1];
    const said = parseHeader(header ?? new Uint8Array());
    assert.deepEqual([said?.tenant, said?.source, said?.type], ["demo", "device", "search"]);
  });

  it("write what their roles allow, and nothing without a role", async () => {
    const token = await tokenOf(DEVICE);
    const idle = await addClient("idle", { audience: "sluice" });
    const other = JSON.stringify({ events: [{ ...search("kc-2"), type: "page" }] });
    for (const refused of [
      await gateway.post(other, { Authorization: `Bearer ${token}` }),
      await post(await tokenOf(idle), "kc-3"),
    ]) {
      assert.match(await refused.text(), /"type_not_allowed"/);
    }
  });

  it("are refused when they are for somebody else", async () => {
    const stray = await addClient("stray", { audience: "billing", role: "ingest" });
    const answer = await post(await tokenOf(stray), "kc-4");
    assert.equal(answer.status, 401);
    assert.match(await answer.text(), /aud/);
  });

  it("carry a stream until they end, and on when it gets fresh ones", async () => {
    const lifespanSeconds = 6;
    const brief = await addClient("brief", { audience: "sluice", role: "ingest", lifespanSeconds });
    const first = await tokenOf(brief);
    const left = await StreamClient.hello(gateway.streamUrl, { auth: first });
    const kept = await StreamClient.hello(gateway.streamUrl, { auth: first });
    let isLeftClosed = false;
    const closed = left.closed.then(({ code }) => {
      isLeftClosed = true;
      return code;
    });
    while (!isLeftClosed) {
      kept.send({ t: "auth", token: await tokenOf(brief) });
      await Promise.race([closed, delay(500)]);
    }
    assert.equal(await closed, 4401);
    kept.send({ t: "pub", seq: 1, events: [search("kc-5")] });
    await kept.acked(1);
    kept.close();
  });

  it("hold through a rotation of the realm's key, the old ones and the new ones", async () => {
    const old = await tokenOf(DEVICE);
    await administer("/components", {
      name: "next",
      providerId: "rsa-generated",
      providerType: "org.keycloak.keys.KeyProvider",
      config: { priority: ["200"], enabled: ["true"], active: ["true"], algorithm: ["RS256"] },
    });
    const fresh = await tokenOf(DEVICE);
    assert.notEqual(decodeProtectedHeader(fresh).kid, decodeProtectedHeader(old).kid);
    for (const [id, token] of Object.entries({ "kc-6": fresh, "kc-7": old })) {
      const answer = await post(token, id);
      assert.equal(answer.status, 200, id);
    }
  });

  it("are taken on while Keycloak is away, those of known keys", async () => {
    const [first, second] = [await tokenOf(DEVICE), await tokenOf(DEVICE)];
    assert.equal((await post(first, "kc-8")).status, 200);
    await keycloak.kill();
    assert.equal((await post(second, "kc-9")).status, 200);
  });
});
