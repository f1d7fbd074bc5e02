/**
 * Sessions from outside, with everything embedded: what the gateway says of them, what it shows to
 * those who may ask, and that it erases what it should.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { keyDigest } from "../../src/admission/keys.ts";
import { documentedSessionAnswers, seen } from "../contract.ts";
import { Gateway } from "../gateway.ts";
import { readAll } from "./read-back.ts";
import { readSessionNews } from "./session-news.ts";
import type { SessionNewsRecord } from "./session-news.ts";

const run = promisify(execFile);
const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const TOPIC = "sessions-of-test";
const KEYS = { web: "wk_web", desk: "sk_desk", other: "sk_other" };

let gateway: Gateway;
let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-sessions-"));
  const scopes = ["sessions:read", "sessions:erase"];
  const desk = { secretKeys: [{ sha256: keyDigest(KEYS.desk), scopes }] };
  const web = { writeKeys: [{ sha256: keyDigest(KEYS.web) }] };
  const other = { secretKeys: [{ sha256: keyDigest(KEYS.other), scopes }] };
  const tenants = { demo: { sources: { web, desk } }, other: { sources: { desk: other } } };
  const file = join(directory, "tenants.json");
  await writeFile(file, JSON.stringify({ tenants }));
  const sessions = ["--session-gap-ms", "3000", "--session-topic", TOPIC];
  gateway = await Gateway.start({ flags: [...sessions, "--tenants-file", file] });
});

after(async () => {
  assert.equal(await gateway.stop(), 0);
  await rm(directory, { recursive: true });
});

async function send(events: readonly object[]): Promise<void> {
  const response = await fetch(`${gateway.url}/v1/events`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-write-key": KEYS.web },
    body: JSON.stringify({ events }),
  });
  const answer = (await response.json()) as { readonly stored: number };
  assert.equal(answer.stored, events.length, JSON.stringify(answer));
}

function event(type: string, actor: string, more: object = {}) {
  const record = {
    page: { name: "shop", url: "https://shop.example/" },
    search: { query: "tea", resultCount: 1 },
    identify: {},
  };
  const own = record[type as keyof typeof record];
  const messageId = crypto.randomUUID();
  const timestamp = new Date().toISOString();
  const data = { messageId, timestamp, anonymousId: actor, ...own, ...more };
  return { type, id: messageId, data };
}

async function newsOf(actor: string, count: number): Promise<readonly SessionNewsRecord[]> {
  for (;;) {
    const all = await readSessionNews(gateway.run.brokers, TOPIC);
    const own = all.filter(({ value }) => value["actor"] === actor);
    if (own.length >= count) return own;
    await delay(100);
  }
}

test("a session's start and end are said once each, as Avro, with counts and ends", async () => {
  await send([event("page", "visitor-1")]);
  await send([
    event("identify", "visitor-1", { userId: "customer-9" }),
    event("search", "visitor-1"),
  ]);
  const [started, ended] = await newsOf("visitor-1", 2);
  assert.ok(started !== undefined && ended !== undefined);
  assert.deepEqual([started.kind, ended.kind], ["started", "ended"]);
  const { sessionId } = started.value;
  assert.equal(started.key, sessionId);
  assert.equal(ended.key, sessionId);
  assert.equal(started.value["entry"], "page");
  const { startedAt, endedAt, durationMs, ...rest } = ended.value;
  assert.equal(Number(endedAt) - Number(startedAt), durationMs);
  assert.deepEqual(
    { ...rest },
    {
      sessionId,
      tenant: "demo",
      source: "web",
      actor: "visitor-1",
      userId: "customer-9",
      events: 3,
      entry: "page",
      exit: "search",
      reason: "idle",
      revision: 0,
    },
  );
});

test("the schemas of session news are served beside those of the pack", async () => {
  const subjects = (await (await fetch(`${gateway.adminUrl}/subjects`)).json()) as string[];
  assert.ok(subjects.includes(`${TOPIC}-sluice.sessions.SessionEnded`), subjects.join(" "));
  const response = await fetch(`${gateway.adminUrl}/schemas/ids/100001`);
  assert.equal(response.status, 200);
});

async function ask(method: string, key: string, credentials: string) {
  const headers = { authorization: `Bearer ${credentials}` };
  const path = `/v1/sessions/${encodeURIComponent(key)}`;
  const response = await gateway.request(path, { method, headers });
  const body = (await response.json()) as {
    readonly sessions?: readonly Readonly<Record<string, unknown>>[];
    readonly erased?: number;
  };
  return { status: response.status, ...body };
}

test("a person's sessions are shown to those of the tenant who may see them", async () => {
  await send([event("page", "visitor/2 ü")]);
  await send([event("identify", "visitor/2 ü", { userId: "customer-2" })]);
  const own = await ask("GET", "visitor/2 ü", KEYS.desk);
  for (const key of ["visitor/2 ü", "customer-2"]) {
    for (;;) {
      const { sessions } = await ask("GET", key, KEYS.desk);
      if (sessions?.[0]?.["events"] === 2) break;
      await delay(20);
    }
  }
  assert.ok(own.status === 200 || own.status === 404);
  const { sessions = [] } = await ask("GET", "customer-2", KEYS.desk);
  const [shown] = sessions;
  assert.equal(sessions.length, 1);
  assert.deepEqual(
    [shown?.["source"], shown?.["actor"], shown?.["user_id"], shown?.["entry"]],
    ["web", "visitor/2 ü", "customer-2", "page"],
  );
  assert.equal((await ask("GET", "visitor/2 ü", KEYS.other)).status, 404);
  assert.equal((await ask("GET", "visitor/2 ü", KEYS.web)).status, 403);
  assert.equal((await ask("GET", "visitor/2 ü", "nobody")).status, 401);
  assert.equal((await ask("GET", "x".repeat(1_025), KEYS.desk)).status, 400);
  assert.equal((await ask("PUT", "visitor/2 ü", KEYS.desk)).status, 405);
});

test("a person's sessions are erased on request, which is noted without the person", async () => {
  await send([event("page", "visitor-3")]);
  await send([event("identify", "visitor-3", { userId: "customer-3" })]);
  while ((await ask("GET", "customer-3", KEYS.desk)).sessions?.[0]?.["events"] !== 2) {
    await delay(20);
  }
  assert.equal((await ask("DELETE", "customer-3", KEYS.web)).status, 403);
  assert.equal((await ask("DELETE", "customer-3", "nobody")).status, 401);
  assert.equal((await ask("DELETE", "x".repeat(1_025), KEYS.desk)).status, 400);
  assert.equal((await ask("DELETE", "customer-3", KEYS.other)).erased, 0);
  const keyFile = join(directory, "desk.key");
  await writeFile(keyFile, `${KEYS.desk}\n`);
  const flags = ["--key-file", keyFile, "--url", gateway.url];
  const args = [MAIN, "sessions", "erase", "customer-3", ...flags];
  const { stdout } = await run(process.execPath, args, { env: { PATH: process.env["PATH"] } });
  assert.equal((JSON.parse(stdout) as { readonly erased: number }).erased, 1);
  for (const key of ["visitor-3", "customer-3"]) {
    assert.equal((await ask("GET", key, KEYS.desk)).status, 404);
  }
  const records = await readAll(gateway.run.brokers, ["sluice.audit"]);
  const texts = records.map(({ value }) => Buffer.from(value ?? []).toString("utf8"));
  assert.ok(!texts.join().includes("customer-3"));
  const notes = texts.map((text) => JSON.parse(text) as Readonly<Record<string, unknown>>);
  const [note] = notes.filter(({ tenant }) => tenant === "demo");
  const { at, person, requestId, ...rest } = note ?? {};
  assert.ok(!Number.isNaN(Date.parse(String(at))));
  assert.match(String(person), /^[0-9a-f]{64}$/);
  assert.match(String(requestId), /^\S+$/);
  const by = { source: "desk", key: keyDigest(KEYS.desk).slice(0, 12) };
  assert.deepEqual(rest, { what: "sessions_erased", tenant: "demo", by, sessions: 1 });
  await send([event("page", "visitor-3")]);
  while ((await ask("GET", "visitor-3", KEYS.desk)).sessions?.[0]?.["events"] !== 1) {
    await delay(20);
  }
});

test("every documented answer has been seen, save those of what is broken, away or too much", () => {
  const unseen = documentedSessionAnswers().filter((answer) => !seen.answers.has(answer));
  assert.deepEqual(
    unseen.filter((answer) => !/ (429|500|503)$/.test(answer)),
    [],
  );
});
