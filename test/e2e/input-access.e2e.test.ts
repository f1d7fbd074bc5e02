/**
 * The rows of the bad-input matrix about who sends and what it is called: credentials, tenants,
 * addresses, names of schemas, types and events. The gateway logs everything it can all the while;
 * at the end no secret and no payload stands in its log, and every line of it is one.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { keyDigest } from "../../src/admission/keys.ts";
import { TestIssuer } from "../../src/admission/testing/issuer.ts";
import { ISSUER_COOLDOWN_MS } from "../../src/limits/admission.ts";
import { Beside, soundData, soundEvent } from "../beside.ts";
import { Gateway } from "../gateway.ts";
import { RawPeer, closeCodes, soundPost, textFrame } from "../raw-peer.ts";
import { untilAnswered, untilClosed, upgradeHead } from "../raw-peer.ts";
import { StreamClient } from "../stream-client.ts";

/** In everything that must not be logged: keys, tokens, payloads, what clients call themselves. */
const MARK = "MARKED";
const SHOP_KEY = `wk_${MARK}_shop`;
const RIVAL_KEY = `wk_${MARK}_rival`;
const GONE_KEY = `wk_${MARK}_gone`;
const TENANTS = 10_000;
/** A line of the log: all its fields at their greatest length, and their names. */
const LINE_BYTES_MAX = 16 * 1024;

let directory = "";
let gateway: Gateway;
let beside: Beside;
let issuer: TestIssuer;

function tenantsFile({ gone }: { readonly gone: boolean }): string {
  const source = (key: string) => ({ writeKeys: [{ sha256: keyDigest(key) }] });
  const dedupe = { windowSeconds: 3_600 };
  const names = Array.from({ length: TENANTS }, (_, index) => `tenant-${index}`);
  const many = names.map((name) => [name, { sources: { web: source(`key-${name}`) } }]);
  const shop = { web: source(SHOP_KEY), ...(gone ? { gone: source(GONE_KEY) } : {}) };
  return JSON.stringify({
    tenants: {
      ...(Object.fromEntries(many) as object),
      shop: { sources: shop, dedupe },
      rival: { sources: { web: source(RIVAL_KEY) }, dedupe },
    },
    issuers: [
      {
        issuer: issuer.url,
        audience: ["sluice"],
        algorithms: ["ES256"],
        tenant: { name: "shop" },
        source: "/azp",
        roles: "/roles",
      },
    ],
  });
}

before(async () => {
  issuer = await TestIssuer.start();
  directory = await mkdtemp(join(tmpdir(), "sluice-e2e-"));
  const file = join(directory, "tenants.json");
  await writeFile(file, tenantsFile({ gone: true }));
  gateway = await Gateway.start({ flags: ["--tenants-file", file, "--log-level", "debug"] });
  beside = await Beside.start(gateway, { auth: SHOP_KEY });
});

after(async () => {
  await beside.end();
  assert.equal(await gateway.stop(), 0);
  await issuer[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const as = (key: string) => `X-Write-Key: ${key}`;

interface Fault {
  readonly code: string;
  readonly kind?: string;
  readonly detail?: string;
}

interface Answer {
  readonly stored?: number;
  readonly duplicate?: number;
  readonly rejected?: readonly Fault[];
  readonly code?: string;
}

async function post(body: string, headers: readonly string[] = [as(SHOP_KEY)]): Promise<Answer> {
  const bytes = Buffer.from(body).toString("latin1");
  const { body: text } = await untilAnswered(gateway.port, soundPost(bytes, headers));
  return JSON.parse(text) as Answer;
}

/** An event whose payload must not be logged, with further members. */
function marked(members: string, id: string = randomUUID()): string {
  const data = soundData(id).replace('"event":"e"', `"event":"${MARK} payload"`);
  return `{"type":"track",${members && `${members},`}"data":${data}}`;
}

async function fault(members: string): Promise<string> {
  const { rejected, stored, code } = await post(marked(members));
  if (stored === 1) return "stored";
  return rejected?.[0]?.code ?? String(code);
}

/** With which code the server closes after this hello. */
async function closedFor(members: object): Promise<number> {
  const peer = await RawPeer.upgraded(gateway.port);
  peer.send(textFrame({ t: "hello", v: 1, stream: randomUUID(), next: 1, ...members }));
  await peer.closed();
  peer.end();
  return closeCodes(peer.text).at(-1) ?? 0;
}

test("input 26: schema ids that are none, or of others, are refused for good", async () => {
  for (const id of ["0", "-1", "4294967296", "999", '"../../x"', '"other-subject"', '"fp:zz"']) {
    assert.equal(await fault(`"schema":${id}`), "schema_unknown", id);
  }
  for (const id of ["1.5", "{}", "[]", "true"]) {
    assert.equal(await fault(`"schema":${id}`), "schema_invalid", id);
  }
  await beside.unharmed();
});

test("input 29: an event id again is duplicate within its tenant, and new to another", async () => {
  const twice = await post(`[${marked("", "twice")},${marked("", "twice")}]`);
  assert.equal(twice.stored, 1, JSON.stringify(twice));
  const again = await post(marked("", "twice"));
  assert.equal(again.duplicate, 1, JSON.stringify(again));
  const rival = await post(marked("", "twice"), [as(RIVAL_KEY)]);
  assert.equal(rival.stored, 1, "nothing of another tenant's ids is told");
  await beside.unharmed({ stored: 2 });
});

test("input 30: event ids that are empty, long or no strings are bad_id", async () => {
  for (const id of ['""', `"${"x".repeat(10_000)}"`, "7", "{}", "[]", "true"]) {
    assert.equal(await fault(`"id":${id}`), "bad_id", id.slice(0, 20));
  }
  assert.equal(await fault('"id":"a\\r\\n\\u001b[31m"'), "stored", "as text it harms nobody");
  await beside.unharmed({ stored: 1 });
});

test("input 31: times outside of 1970 to 9999, and what is no time, are refused", async () => {
  for (const ts of ["-1", "1795276324342000000", "253402300800000", '"yesterday"', "{}"]) {
    assert.match(await fault(`"ts":${ts}`), /^(?:timestamp_out_of_range|schema_invalid)$/, ts);
  }
  for (const ts of ["0", "32503680000000", '"3000-01-01T00:00:00Z"', '"1970-01-01T00:00:00Z"']) {
    assert.equal(await fault(`"ts":${ts}`), "stored", ts);
  }
  await beside.unharmed({ stored: 4 });
});

test("input 39: forged, foreign and expired tokens are refused; key ids cause no storm", async () => {
  const startMs = performance.now();
  const good = await issuer.token();
  const [head = "", payload = "", signature = ""] = good.split(".");
  const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const nowSeconds = Math.floor(Date.now() / 1_000);
  const bad = [
    `${base64({ alg: "none" })}.${payload}.`,
    `${base64({ alg: "HS256", kid: "first" })}.${payload}.${signature}`,
    `${head}.${base64({ iss: issuer.url, aud: "sluice", azp: "web", [MARK]: 1 })}.${signature}`,
    `${head}.${payload}.${signature.slice(0, -4)}AAAA`,
    `${head}.${payload}`,
    await issuer.token({ expires: nowSeconds - 60 }),
    await issuer.token({ notBefore: nowSeconds + 600 }),
    await issuer.token({ audience: "other" }),
    await issuer.token({ issuer: "http://127.0.0.1:1/evil" }),
    await issuer.token({ claims: { azp: "nobody" } }),
  ];
  const keyIds = ["../../etc/passwd", "' OR 1=1 --", "\u001b[31m", "k".repeat(4_000)];
  for (const keyId of keyIds) bad.push(await issuer.token({ keyId }));
  for (let n = 0; n < 50; n += 1) bad.push(await issuer.token({ keyId: `kid-${n}` }));
  for (const token of bad) {
    const { code } = await post(marked(""), [`Authorization: Bearer ${token}`]);
    assert.match(code ?? "", /^(?:unauthenticated|forbidden)$/, token.slice(0, 40));
  }
  assert.equal(await closedFor({ auth: bad[0] }), 4401);
  const asked = issuer.requests.filter((path) => path === "/certs").length;
  // One at first, one for a key that it does not know, and again after a rest only.
  const rests = Math.floor((performance.now() - startMs) / ISSUER_COOLDOWN_MS);
  assert.ok(asked <= 2 + rests, `${asked} look-ups of keys`);
  await beside.unharmed();
});

test("input 40: keys that are none, unknown, altered, huge or look alike are refused", async () => {
  const cyrillic = SHOP_KEY.replace("o", "\u043e");
  const keys = ["unknown", SHOP_KEY.toLowerCase(), ` ${SHOP_KEY}x`, cyrillic, "k".repeat(12_000)];
  const answers = new Set<string>();
  for (const key of keys) {
    const bytes = Buffer.from(key).toString("latin1");
    const [answer] = (await untilClosed(gateway.port, soundPost(marked(""), [as(bytes)]))).answers;
    assert.equal(answer?.status, 401, key.slice(0, 20));
    answers.add((JSON.parse(answer.body) as { detail: string }).detail);
  }
  assert.equal(answers.size, 1, "no answer says what is wrong with a key");
  const basic = ["Authorization: Basic ", "Authorization: Basic %%%", "Authorization: Bearer "];
  for (const header of [...basic, "X-Other: 1"]) {
    assert.equal((await post(marked(""), [header])).code, "unauthenticated", header);
  }
  for (const auth of ["", "unknown", cyrillic]) assert.equal(await closedFor({ auth }), 4401);
  assert.equal(await closedFor({ auth: "k".repeat(9_000) }), 4408, "a hello of 9 kB");
  await beside.unharmed();
});

test("input 40: a key that is revoked closes its stream with 4401, and is refused", async () => {
  const gone = await StreamClient.hello(gateway.streamUrl, { auth: GONE_KEY });
  await writeFile(join(directory, "tenants.json"), tenantsFile({ gone: false }));
  assert.equal((await gone.closed).code, 4401);
  assert.equal((await post(marked(""), [as(GONE_KEY)])).code, "unauthenticated");
  await beside.unharmed();
});

test("input 41: nobody is believed about an address; PROXY headers open nothing", async () => {
  const forged = ["X-Forwarded-For: 127.0.0.1", "X-Forwarded-For: fe80::1%eth0\"'", "Forwarded: x"];
  for (const header of forged) {
    assert.equal((await post(marked(""), [header])).code, "unauthenticated", header);
    assert.equal((await post(marked(""), [header, as(SHOP_KEY)])).stored, 1);
  }
  const signature = Buffer.from("0d0a0d0a000d0a515549540a", "hex");
  const loopback = Buffer.from("2111000c7f0000017f00000100010002", "hex");
  const sound = Buffer.concat([signature, loopback, Buffer.from(soundPost(marked("")))]);
  const { status } = await untilAnswered(gateway.port, sound);
  assert.equal(status, 401, "a loopback address of a PROXY header is no credential");
  const [long, torn] = await Promise.all([
    untilClosed(gateway.port, Buffer.concat([signature, Buffer.from("2111ffff7f", "hex")])),
    untilClosed(gateway.port, `PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n${soundPost(marked(""))}`),
  ]);
  for (const peer of [long, torn]) assert.ok(peer.answers.every((each) => each.status !== 200));
  await beside.unharmed({ stored: forged.length });
});

test("input 43: types that name topics, files or nothing are unknown, and make no topic", async () => {
  const types = ["../x", "__consumer_offsets", "*", "track.dlq", "t".repeat(300), "\\r\\n", ""];
  for (const type of types) {
    const { rejected } = await post(marked("").replace('"type":"track"', `"type":"${type}"`));
    assert.equal(rejected?.[0]?.code, "schema_unknown", type);
  }
  for (const path of ["../x", "..%2fx", "%00", "*", "__consumer_offsets"]) {
    const request = soundPost(marked(""), [as(SHOP_KEY)]).replace(
      "/v1/events",
      `/v1/webhooks/${path}`,
    );
    assert.doesNotMatch((await untilAnswered(gateway.port, request)).body, /"stored":1/, path);
  }
  await beside.unharmed();
});

test("input 44: one hot key takes all of a batch and holds up nobody", async () => {
  const batches = Array.from({ length: 4 }, () =>
    post(`[${Array.from({ length: 500 }, () => marked('"key":"hot"')).join(",")}]`),
  );
  for (const { stored } of await Promise.all(batches)) assert.equal(stored, 500);
  await beside.unharmed({ stored: 2_000 });
});

async function metricsText(): Promise<string> {
  return (await fetch(`${gateway.adminUrl}/metrics`)).text();
}

test("input 45: clients make no series of metrics, tenants beyond the first 100 none", async () => {
  const names = (text: string) =>
    text
      .split("\n")
      .map((line) => line.split(" ")[0] ?? "")
      .filter((name) => name !== "#");
  const earlier = names(await metricsText());
  for (let index = 0; index < TENANTS; index += 200) {
    const { stored } = await post(marked(""), [as(`key-tenant-${index}`)]);
    assert.equal(stored, 1);
  }
  const known = new Set(earlier);
  const added = names(await metricsText()).filter((name) => !known.has(name));
  assert.ok(added.length > 0, "the first tenant of the file has its own");
  for (const name of added) assert.match(name, /tenant="tenant-0"/);
  await beside.unharmed({ stored: TENANTS / 200 });
});

test("a stream, its token and its sessions belong to one tenant", async () => {
  const stream = randomUUID();
  const mine = await StreamClient.hello(gateway.streamUrl, { stream, auth: SHOP_KEY });
  mine.send({ t: "pub", seq: 1, events: [JSON.parse(soundEvent("mine")) as object] });
  await mine.acked(1);
  const resume = String((await mine.next("welcome"))["resume"]);
  const members = { stream, resume, next: 2, auth: RIVAL_KEY };
  const rival = await StreamClient.hello(gateway.streamUrl, members);
  const { resumed, done } = await rival.next("welcome");
  assert.deepEqual({ resumed, done }, { resumed: false, done: 1 }, "what it said itself");
  mine.send({ t: "pub", seq: 2, events: [JSON.parse(soundEvent("mine-2")) as object] });
  await mine.acked(2);
  mine.send({ t: "auth", token: RIVAL_KEY });
  assert.equal((await mine.closed).code, 4403);
  rival.close();
  await beside.unharmed({ stored: 2 });
});

test("input 42: CR LF, ANSI, bidi and 10 kB make no line of the log but their own", async () => {
  const odd = [
    `\u001b[31m${MARK}`,
    `\u202e${MARK}`,
    `${MARK}${"x".repeat(10_000)}`,
    `%0d%0a${MARK}`,
  ];
  for (const text of odd) {
    const bytes = Buffer.from(text).toString("latin1");
    await untilAnswered(gateway.port, soundPost("{}", [`User-Agent: ${bytes}`, as(bytes)]));
    await post(marked(`"id":${JSON.stringify(text)}`).replace("track", MARK));
    await post(`{"${MARK}`);
    await closedFor({ auth: text, client: { name: text, version: "1" } });
    const head = upgradeHead({ "User-Agent": bytes }, `/v1/stream?ticket=${MARK}`);
    const hello = textFrame({ t: "hello", v: 1, stream: randomUUID(), auth: "" });
    const peer = await RawPeer.connect(gateway.port);
    peer.send(head);
    await peer.answered();
    peer.send(hello);
    await peer.closed();
    peer.end();
    await untilClosed(gateway.port, `GET /${MARK}${bytes} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await fetch(`${gateway.adminUrl}/${encodeURIComponent(text)}`);
  }
  const reloads = 'sluice_tenants_reloads_total{result="failed"}';
  const sound = tenantsFile({ gone: false });
  const raw = sound.replace(keyDigest(SHOP_KEY), SHOP_KEY);
  for (const [failures, text] of [raw, `{"${MARK}`].entries()) {
    await writeFile(join(directory, "tenants.json"), text);
    while ((await gateway.metric(reloads)) <= failures) await delay(50);
  }
  await beside.unharmed();
});

test("input 42: no key, token, payload or name of a client stands in the log", () => {
  // What comes this moment may not be whole.
  const lines = gateway.output.split("\n").slice(0, -1);
  assert.ok(lines.length > 10, "it logged");
  for (const line of lines) {
    assert.ok(line.length <= LINE_BYTES_MAX, "capped");
    assert.equal(typeof (JSON.parse(line) as { msg: unknown }).msg, "string");
    // oxlint-disable-next-line no-control-regex -- control characters are what this is about
    assert.doesNotMatch(line, /[\u0000-\u001f\u202a-\u202e]/);
    assert.ok(!line.includes(MARK), line);
  }
});
