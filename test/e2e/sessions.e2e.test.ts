/** Sessions from outside: what the gateway says of them, with everything embedded. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Gateway } from "../gateway.ts";
import { readSessionNews } from "./session-news.ts";
import type { SessionNewsRecord } from "./session-news.ts";

const TOPIC = "sessions-of-test";

let gateway: Gateway;

before(async () => {
  gateway = await Gateway.start({
    flags: ["--session-gap-ms", "1000", "--session-topic", TOPIC],
  });
});

after(async () => {
  assert.equal(await gateway.stop(), 0);
});

async function send(events: readonly object[]): Promise<void> {
  const response = await fetch(`${gateway.url}/v1/events`, {
    method: "POST",
    headers: { "content-type": "application/json" },
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
      source: "default",
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
