/** The HTTP twin of streams on a real gateway: one numbering, whatever the transport. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";

import { checkAnswer } from "../contract.ts";
import { Gateway } from "../gateway.ts";
import { StreamClient } from "../stream-client.ts";

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Headers;
}

let gateway: Gateway;
before(async () => {
  gateway = await Gateway.start();
});
after(() => gateway.stop());

function event(index: number, query: unknown = "green tea"): object {
  const timestamp = "2026-11-21T10:00:00Z";
  const messageId = `e-${index}`;
  const data = { messageId, timestamp, anonymousId: "visitor-7", query, resultCount: 42 };
  return { type: "search", id: messageId, data };
}

function events(from: number, to: number): object[] {
  return Array.from({ length: to - from + 1 }, (_, index) => event(from + index));
}

async function stored(): Promise<number> {
  return (await gateway.ledger())["stored"] ?? NaN;
}

async function post(
  stream: string,
  body: object | string,
  { query = "", headers = {} }: { query?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const path = `/v1/streams/${stream}/events`;
  const response = await fetch(`${gateway.url}${path}${query}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  await checkAnswer({ method: "POST", path }, response);
  const members = (await response.json()) as Readonly<Record<string, unknown>>;
  return { status: response.status, body: members, headers: response.headers };
}

describe("POST /v1/streams/{stream}/events", () => {
  test("stores events, tells their outcomes, and gives a token to go on with", async () => {
    const stream = randomUUID();
    const first = await post(stream, { seq: 1, events: events(1, 3) });
    assert.equal(first.status, 200, JSON.stringify(first.body));
    assert.deepEqual([first.body["upto"], first.body["resumed"]], [3, false]);
    const { resume, epoch } = first.body;
    const second = await post(stream, {
      resume,
      seq: 4,
      events: [event(4), event(5, 7), event(6)],
    });
    assert.deepEqual([second.body["upto"], second.body["resumed"]], [6, true]);
    assert.ok(Number(second.body["epoch"]) > Number(epoch));
    const rej = second.body["rej"] as readonly { readonly seq: number }[];
    assert.deepEqual(
      rej.map(({ seq }) => seq),
      [5],
    );
    const credit = second.body["credit"] as { readonly seq: number };
    assert.ok(credit.seq > 6);
  });

  test("the same beacon again: dup, and nothing is stored twice", async () => {
    const stream = randomUUID();
    const { body } = await post(stream, { next: 1 });
    const beacon = JSON.stringify({
      key: "demo",
      resume: body["resume"],
      held: [[1, 2]],
      next: 3,
      seq: 1,
      events: events(1, 2),
      sentAt: Date.now(),
    });
    const headers = { "content-type": "text/plain;charset=UTF-8" };
    const storedBefore = await stored();
    const sent = await post(stream, beacon, { headers });
    assert.deepEqual([sent.status, sent.body["upto"], sent.body["dup"]], [200, 2, undefined]);
    const again = await post(stream, beacon, { headers });
    assert.deepEqual([again.status, again.body["upto"], again.body["dup"]], [200, 2, [[1, 2]]]);
    assert.equal(await stored(), storedBefore + 2);
  });

  test("a beacon brings its key in the body or the query; a wrong one is refused", async () => {
    const body = { seq: 1, events: events(1, 1) };
    assert.equal((await post(randomUUID(), { ...body, auth: "demo" })).status, 200);
    assert.equal((await post(randomUUID(), body, { query: "?key=demo" })).status, 200);
    assert.equal((await post(randomUUID(), { ...body, auth: "wrong" })).status, 401);
    assert.equal((await post(randomUUID(), body, { query: "?key=wrong" })).status, 401);
  });

  test("takes the stream from a WebSocket, and gives it back: every event once", async () => {
    const stream = randomUUID();
    const socket = await StreamClient.hello(gateway.streamUrl, { stream });
    const welcome = await socket.next("welcome");
    socket.send({ t: "pub", seq: 1, events: events(1, 5) });
    await socket.acked(5);
    const { resume } = welcome;
    const taken = await post(stream, {
      resume,
      held: [[4, 7]],
      next: 8,
      seq: 4,
      events: events(4, 7),
    });
    assert.equal(taken.status, 200, JSON.stringify(taken.body));
    assert.deepEqual([taken.body["upto"], taken.body["dup"]], [7, [[4, 5]]]);
    assert.equal((await socket.closed).code, 4409);
    assert.ok(Number(taken.body["epoch"]) > Number(welcome["epoch"]));
    const back = await StreamClient.hello(gateway.streamUrl, {
      stream,
      resume: taken.body["resume"],
      held: [[7, 8]],
      next: 9,
    });
    const again = await back.next("welcome");
    assert.deepEqual([again["done"], again["resumed"], again["dup_possible"]], [7, true, false]);
    back.send({ t: "pub", seq: 8, events: events(8, 8) });
    await back.acked(8);
    back.close();
  });

  test("a known stream without its token, or with another's: 409 resume_denied", async () => {
    const [stream, other] = [randomUUID(), randomUUID()];
    await post(stream, { seq: 1, events: events(1, 1) });
    const { body } = await post(other, { seq: 1, events: events(1, 1) });
    for (const resume of [undefined, "", "forged", body["resume"]]) {
      const denied = await post(stream, { resume, seq: 2, events: events(2, 2) });
      assert.deepEqual([denied.status, denied.body["code"]], [409, "resume_denied"]);
      assert.equal(denied.body["resume"], undefined);
    }
  });

  test("a number that was skipped: 409 seq_gap, and nothing is taken", async () => {
    const stream = randomUUID();
    const gap = await post(stream, { next: 1, seq: 3, events: events(3, 3) });
    assert.deepEqual([gap.status, gap.body["code"]], [409, "seq_gap"]);
  });

  test("two at once: the later one wins, the other is told or done; nothing is lost", async () => {
    const stream = randomUUID();
    const { body } = await post(stream, { next: 1 });
    const { resume } = body;
    const one = { resume, held: [[1, 3]], next: 4, seq: 1, events: events(1, 3) };
    const answers = await Promise.all([post(stream, one), post(stream, one), post(stream, one)]);
    for (const { status, body: members } of answers) {
      assert.ok(status === 200 || members["code"] === "superseded", JSON.stringify(members));
    }
    assert.ok(answers.some(({ status, body: members }) => status === 200 && members["upto"] === 3));
    const last = await post(stream, { resume, held: [[1, 3]], next: 4 });
    assert.equal(last.body["upto"], 3);
  });

  test("what is no such request is told so", async () => {
    const stream = randomUUID();
    const big = "x".repeat(300 * 1024);
    assert.equal((await post(stream, big)).status, 413);
    assert.equal((await post(stream, "")).status, 400);
    assert.equal((await post(stream, "{")).status, 400);
    assert.equal((await post("mine", { next: 1 })).status, 400);
    const headers = { "content-type": "application/x-ndjson" };
    assert.equal((await post(stream, "{}", { headers })).status, 415);
    assert.equal((await post(stream, Buffer.from([0x1f, 0x8b, 8]).toString("latin1"))).status, 400);
    const path = `/v1/streams/${stream}/events`;
    const got = await fetch(`${gateway.url}${path}`);
    await checkAnswer({ method: "GET", path }, got);
    assert.equal(got.status, 405);
    const asked = await fetch(`${gateway.url}${path}`, {
      method: "OPTIONS",
      headers: { origin: "https://shop.example", "access-control-request-method": "POST" },
    });
    await checkAnswer({ method: "OPTIONS", path }, asked);
    assert.equal(asked.status, 204);
  });
});
