/**
 * The live feed on a real Kafka: where a subscription begins, what it gets and what it never gets,
 * what a slow subscriber is told, and that nothing is lost or doubled where the past meets the
 * present.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { after, before, describe, it } from "node:test";

import avsc from "avsc";

import { keyDigest } from "../../src/admission/keys.ts";
import { makeHeader } from "../../src/consumer/testing/make-header.ts";
import { connectProducer, ScratchTopics } from "../../src/delivery/testing/scratch-topic.ts";
import { writeToken } from "../../src/live/token.ts";
import { Gateway } from "../gateway.ts";
import { LiveClient } from "../live-client.ts";
import type { LiveEvent } from "../live-client.ts";
import { RawPeer, textFrame, upgradeHead } from "../raw-peer.ts";
import { testService } from "../services.ts";

const PARTITIONS = 3;
const FIELDS = [
  { name: "id", type: "string" },
  { name: "level", type: ["null", "string"], default: null },
  { name: "n", type: "long" },
  { name: "text", type: "string", default: "" },
];
/** Without a registry schemas are numbered by the order of the types. */
const NOTE_SCHEMA_ID = 2;
const name = `live-${randomBytes(4).toString("hex")}`;
const topic = `${name}-alerts`;

let directory = "";
let gateway: Gateway;

const hashed = (key: string, more: object = {}) => [{ sha256: keyDigest(key), ...more }];
const READ = { scopes: ["read:*", "write:*"] };

const tenants = (shortUntil: string) => ({
  tenants: {
    acme: {
      sources: {
        ops: { secretKeys: hashed("sk_acme", READ) },
        narrow: { secretKeys: hashed("sk_narrow", { scopes: ["read:note"] }) },
        short: { secretKeys: hashed("sk_short", { ...READ, until: shortUntil }) },
        page: { writeKeys: hashed("wk_acme") },
        gone: { secretKeys: hashed("sk_gone", READ) },
      },
    },
    umbrella: { sources: { ops: { secretKeys: hashed("sk_umbrella", READ) } } },
  },
});

const writeTenants = (file: object) =>
  writeFile(join(directory, "tenants.json"), JSON.stringify(file));

async function writePack(): Promise<string> {
  const pack = join(directory, "pack");
  await mkdir(pack);
  const fields = FIELDS;
  for (const type of ["alert", "note"]) {
    const schema = { type: "record", name: type, namespace: `t.${name.replace("-", "")}`, fields };
    await writeFile(join(pack, `${type}.avsc`), JSON.stringify(schema));
  }
  const file = {
    name,
    topics: { [topic]: { partitions: PARTITIONS }, [`${name}-notes`]: { partitions: 1 } },
    defaults: { pointers: { id: ["/id"] } },
    types: {
      alert: { schema: "alert.avsc", topic },
      note: { schema: "note.avsc", topic: `${name}-notes` },
    },
  };
  await writeFile(join(pack, "pack.json"), JSON.stringify(file));
  return pack;
}

const flags = (pack: string): string[] =>
  [
    ["--pack", pack, "--tenants-file", join(directory, "tenants.json")],
    ["--kafka-brokers", testService("kafka"), "--create-topics"],
  ].flat();

let pack = "";

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-live-"));
  await writeTenants(tenants("2036-01-01T00:00:00Z"));
  pack = await writePack();
  gateway = await Gateway.start({ flags: flags(pack) });
});

after(async () => {
  assert.equal(await gateway.stop(), 0);
  await rm(directory, { recursive: true });
});

interface Sent {
  readonly key?: string;
  readonly tenant?: string;
  readonly type?: string;
  readonly data?: object;
}

let sentCount = 0;

/** Sends one event and waits until it is stored; gives its id. */
async function send({ key = "k", tenant = "acme", type = "alert", data = {} }: Sent = {}) {
  const [id] = await sendMany(1, { key: () => key, tenant, type, data });
  return id ?? "";
}

async function sendMany(
  count: number,
  options: { key?: (index: number) => string; tenant?: string; type?: string; data?: object } = {},
): Promise<readonly string[]> {
  const { key = (index: number) => `k${index % 7}`, tenant = "acme", type = "alert" } = options;
  const events = Array.from({ length: count }, (_, index) => {
    sentCount += 1;
    const id = `e-${sentCount}`;
    return { type, key: key(index), data: { id, n: sentCount, ...options.data } };
  });
  const response = await gateway.post(JSON.stringify({ events }), {
    "X-Write-Key": `sk_${tenant}`,
  });
  const answer = (await response.json()) as { readonly stored: number };
  assert.equal(answer.stored, count, JSON.stringify(answer).slice(0, 500));
  return events.map(({ data }) => data.id);
}

const ids = (events: readonly LiveEvent[]) => events.map(({ id }) => id);

/** No offset twice, and within a partition in order. */
function assertInOrder(events: readonly LiveEvent[]): void {
  const last = new Map<string, number>();
  for (const { topic: where, partition, offset } of events) {
    const place = `${where}/${partition}`;
    assert.ok(offset > (last.get(place) ?? -1), `${place}: ${offset} after ${last.get(place)}`);
    last.set(place, offset);
  }
}

const subscribe = (members: object = {}) =>
  LiveClient.subscribed(gateway.url, { auth: "sk_acme", ...members });

describe("where a subscription begins", () => {
  it("now: what comes from here on, decoded, with its place", async () => {
    const earlier = await send();
    const client = await subscribe({ types: ["alert"] });
    const id = await send({ key: "tower-7", data: { level: "CRITICAL" } });
    const [event] = await client.eventsOf(1);
    assert.deepEqual([event?.id, event?.key, event?.topic], [id, "tower-7", topic]);
    assert.deepEqual(event?.value, { id, level: "CRITICAL", n: sentCount, text: "" });
    assert.ok(!ids(client.events).includes(earlier));
    client.close();
  });

  it("at a time: what was stored since then, then what comes", async () => {
    await sendMany(5);
    await delay(5);
    const time = Date.now();
    const since = await sendMany(20);
    const client = await subscribe({ types: ["alert"], from: new Date(time).toISOString() });
    assert.deepEqual(ids(client.events).toSorted(), since.toSorted());
    const next = await send();
    assert.ok(ids(await client.eventsOf(21)).includes(next));
    assertInOrder(client.events);
    client.close();
  });

  it("at a token: what came after it, also at another gateway", async () => {
    const first = await subscribe({ types: ["alert"] });
    await sendMany(10);
    await first.eventsOf(10);
    const { length } = first.frames;
    await first.next("heartbeat", length);
    first.close();
    const missed = await sendMany(15);
    await using other = await Gateway.start({ flags: flags(pack) });
    for (const url of [gateway.url, other.url]) {
      const from = { token: first.token };
      const again = await LiveClient.subscribed(url, { auth: "sk_acme", types: ["alert"], from });
      assert.deepEqual(ids(again.events).toSorted(), missed.toSorted());
      again.close();
    }
    assert.equal(await other.stop(), 0);
  });

  it("behind a topic that is written all the time: every event once, in order", async () => {
    const start = Date.now();
    const sent: string[] = [];
    let isOver = false;
    const writing = (async () => {
      while (!isOver) {
        sent.push(...(await sendMany(40)));
        await delay(10);
      }
    })();
    while (sent.length < 400) await delay(5);
    const clients = await Promise.all(
      Array.from({ length: 5 }, () => subscribe({ types: ["alert"], from: start })),
    );
    while (sent.length < 1_200) await delay(5);
    isOver = true;
    await writing;
    for (const client of clients) {
      const events = (await client.eventsOf(sent.length)).filter(({ id }) => sent.includes(id));
      assert.equal(new Set(ids(events)).size, sent.length);
      assertInOrder(client.events);
      client.close();
    }
  });

  it("a token of a topic that was made anew: a gap says so, and all of it comes", async () => {
    const id = await send();
    const offsets = new Map([0, 1, 2].map((partition) => [partition, 1_000_000] as const));
    const token = writeToken("acme", new Map([[topic, offsets]]));
    const client = await subscribe({ types: ["alert"], from: { token } });
    const gap = await client.next("gap");
    assert.equal(gap["reason"], "reset");
    assert.ok(ids(client.events).includes(id));
    assertInOrder(client.events);
    client.close();
  });
});

/** With credentials that end then; null: they had ended before anybody could subscribe. */
async function subscribedUntil(end: string): Promise<LiveClient | null> {
  for (;;) {
    const client = await LiveClient.open(gateway.url);
    client.send({ t: "subscribe", auth: "sk_short" });
    const answer = client.next("subscribed");
    const told = await Promise.race([answer, client.closed]);
    answer.catch(() => {});
    if ("code" in told) return null;
    // The file is looked at every second.
    if (told["auth_exp"] === Date.parse(end)) return client;
    client.close();
  }
}

describe("what a subscriber gets", () => {
  it("types, keys and conditions: what meets all of them", async () => {
    const keyed = await subscribe({ types: ["alert"], keys: ["a", "b"] });
    const where = [
      { path: "/level", op: "in", value: ["HIGH", "CRITICAL"] },
      { path: "/n", op: "gt", value: 0 },
    ];
    const filtered = await subscribe({ topics: [topic], where });
    const notes = await subscribe({ types: ["note"] });
    const a = await send({ key: "a" });
    const c = await send({ key: "c", data: { level: "HIGH" } });
    const b = await send({ key: "b", data: { level: "LOW" } });
    const note = await send({ type: "note" });
    assert.deepEqual(ids(await keyed.eventsOf(2)).toSorted(), [a, b].toSorted());
    assert.deepEqual(ids(await filtered.eventsOf(1)), [c]);
    assert.deepEqual(ids(await notes.eventsOf(1)), [note]);
    for (const client of [keyed, filtered, notes]) client.close();
  });

  it("a tenant: nothing of another one, live or from the past, whatever it asks for", async () => {
    const start = Date.now();
    await sendMany(10, { tenant: "umbrella" });
    const live = await subscribe();
    const mine = await send();
    await sendMany(10, { tenant: "umbrella" });
    const last = await send();
    await live.eventsOf(2);
    assert.deepEqual(ids(live.events).toSorted(), [mine, last].toSorted());
    const past = await subscribe({ from: start });
    assert.deepEqual(ids(past.events).toSorted(), [mine, last].toSorted());
    const stranger = await LiveClient.open(gateway.url);
    stranger.send({ t: "subscribe", auth: "sk_umbrella", from: { token: live.token } });
    assert.equal((await stranger.closed).code, 4400);
    for (const client of [live, past]) client.close();
  });

  it("without the scope: closed with 4403; a ticket carries the scopes of its buyer", async () => {
    for (const [auth, types] of [
      ["wk_acme", undefined],
      ["sk_narrow", ["alert"]],
    ] as const) {
      const client = await LiveClient.open(gateway.url);
      client.send({ t: "subscribe", auth, types });
      assert.equal((await client.closed).code, 4403, auth);
    }
    const headers = { authorization: "Bearer sk_narrow" };
    const bought = await fetch(`${gateway.url}/v1/tickets`, { method: "POST", headers });
    const { ticket } = (await bought.json()) as { readonly ticket: string };
    const page = await LiveClient.open(gateway.url, `?ticket=${ticket}`);
    page.send({ t: "subscribe" });
    await page.next("caught_up");
    const note = await send({ type: "note" });
    assert.deepEqual(ids(await page.eventsOf(1)), [note]);
    page.close();
  });

  it("credentials that end, or are taken away: closed with 4401", async () => {
    const revoked = await LiveClient.subscribed(gateway.url, { auth: "sk_gone" });
    let expiring: LiveClient | null = null;
    let until = "";
    for (let patienceMs = 2_500; expiring === null; patienceMs *= 2) {
      until = new Date(Date.now() + patienceMs).toISOString();
      await writeTenants(tenants(until));
      expiring = await subscribedUntil(until);
    }
    assert.equal((await expiring.closed).code, 4401);
    assert.ok(Date.now() >= Date.parse(until));
    const { umbrella, acme } = tenants(until).tenants;
    const { gone: _, ...sources } = acme.sources;
    await writeTenants({ tenants: { umbrella, acme: { sources } } });
    assert.equal((await revoked.closed).code, 4401);
  });

  it("nonsense: closed with 4400; frames of no kind are answered", async () => {
    for (const members of [{ topics: "x" }, { types: ["nope"] }, { from: "never" }]) {
      const client = await LiveClient.open(gateway.url);
      client.send({ t: "subscribe", auth: "sk_acme", ...members });
      assert.equal((await client.closed).code, 4400);
    }
    const client = await subscribe();
    client.send({ t: "what" });
    assert.equal((await client.next("error"))["code"], "unknown_type");
    client.send({ t: "ping", n: 7 });
    assert.equal((await client.next("pong"))["n"], 7);
    client.send({ t: "subscribe" });
    assert.equal((await client.closed).code, 4400);
  });
});

describe("server-sent events", () => {
  it("the same frames by their names; Last-Event-ID goes on", async () => {
    const headers = { authorization: "Bearer sk_acme" };
    const url = `${gateway.url}/v1/live/sse?types=alert`;
    const first = await EventReader.open(url, headers);
    await first.until("caught_up");
    const id = await send();
    assert.match((await first.until("event")).data, new RegExp(`"id":"${id}"`));
    const { lastId } = first;
    first.end();
    const missed = await send();
    const again = await EventReader.open(url, { ...headers, "Last-Event-ID": lastId });
    await again.until("caught_up");
    assert.ok(again.seen.some(({ data }) => data.includes(`"id":"${missed}"`)));
    again.end();
    const refused = await fetch(url);
    assert.equal(refused.status, 401);
    assert.equal((await fetch(`${url}&where=x`, { headers })).status, 400);
    assert.equal((await fetch(url, { headers: { "X-Write-Key": "wk_acme" } })).status, 403);
    assert.equal((await fetch(url, { method: "POST", headers })).status, 405);
  });
});

interface ServerSentEvent {
  readonly name: string;
  readonly data: string;
}

class EventReader {
  readonly seen: ServerSentEvent[] = [];
  lastId = "";
  readonly #body: AsyncIterator<Uint8Array, undefined>;
  readonly #abort: AbortController;
  #text = "";

  private constructor(body: AsyncIterator<Uint8Array, undefined>, abort: AbortController) {
    this.#body = body;
    this.#abort = abort;
  }

  static async open(url: string, headers: Record<string, string>): Promise<EventReader> {
    const abort = new AbortController();
    const response = await fetch(url, { headers, signal: abort.signal });
    assert.equal(response.headers.get("content-type"), "text/event-stream");
    assert.ok(response.body !== null);
    return new EventReader(response.body[Symbol.asyncIterator](), abort);
  }

  /** Reads on until an event of this name has come. */
  async until(wanted: string): Promise<ServerSentEvent> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end < 0) {
        const read: IteratorResult<Uint8Array, undefined> = await this.#body.next();
        assert.ok(read.done !== true, `ended before ${wanted}`);
        this.#text += Buffer.from(read.value).toString("utf8");
        continue;
      }
      const block = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + 2);
      const field = (key: string) => new RegExp(`^${key}: (.*)$`, "m").exec(block)?.[1] ?? "";
      if (field("id") !== "") this.lastId = field("id");
      if (field("event") === "") continue;
      const event = { name: field("event"), data: field("data") };
      this.seen.push(event);
      if (event.name === wanted) return event;
    }
  }

  end(): void {
    this.#abort.abort();
  }
}

describe("a slow subscriber", () => {
  it("is told of the gap, may fetch it, and has every event once", async () => {
    const head = upgradeHead({ "Sec-WebSocket-Protocol": "sluice.live.v1.json" }, "/v1/live");
    const peer = await RawPeer.upgraded(gateway.port, head);
    peer.send(textFrame({ t: "subscribe", auth: "sk_acme", types: ["alert"] }));
    await peer.until((text) => text.includes('"t":"caught_up"'));
    peer.socket.pause();
    const watcher = await subscribe({ types: ["alert"] });
    const sent: string[] = [];
    const text = "x".repeat(20_000);
    // More than the kernel and the gateway hold for one who does not read.
    while (sent.length < 700) sent.push(...(await sendMany(20, { data: { text } })));
    await watcher.eventsOf(sent.length);
    peer.socket.resume();
    await peer.until((seen) => seen.includes('"t":"gap"'));
    const marker = await send();
    await peer.until((seen) => seen.includes(`"id":"${marker}"`));
    const gaps = framesOf(peer.text, "gap");
    assert.ok(gaps.length > 0);
    const beforeFetch = framesOf(peer.text, "event").length;
    assert.ok(beforeFetch < sent.length, "there was a gap");
    for (const { topic: where, partition, from, to, reason } of gaps) {
      assert.equal(reason, "slow");
      const count = framesOf(peer.text, "fetched").length;
      peer.send(textFrame({ t: "fetch", topic: where, partition, from, to }));
      await peer.until((seen) => framesOf(seen, "fetched").length > count);
    }
    const got = framesOf(peer.text, "event").map(({ id }) => String(id));
    assert.equal(new Set(got).size, got.length, "none twice");
    assert.deepEqual(got.toSorted(), [...sent, marker].toSorted());
    assert.equal(watcher.frames.filter(({ t }) => t === "gap").length, 0, "others had no gap");
    watcher.close();
    peer.end();
  });
});

describe("more feed than fits its share of the time", () => {
  it("is left out as a gap; with the gaps, nothing is missing", async () => {
    const bounds = ["--live-cpu-percent", "1", "--live-latest-seconds", "1"];
    await using small = await Gateway.start({ flags: [...flags(pack), ...bounds] });
    const client = await LiveClient.subscribed(small.url, { auth: "sk_acme", types: ["alert"] });
    const text = "x".repeat(20_000);
    while (!client.frames.some(({ t }) => t === "gap")) await sendMany(20, { data: { text } });
    // Until one is told: it may be in a gap, too.
    for (let isTold = false; !isTold;) {
      const id = await send();
      await delay(200);
      isTold = ids(client.events).includes(id);
    }
    const next = new Map<unknown, unknown>();
    for (const frame of client.frames) {
      const { t, partition, from, to, offset, reason } = frame;
      if (t !== "event" && t !== "gap") continue;
      const start = t === "gap" ? from : offset;
      assert.equal(start, next.get(partition) ?? start, "nothing is missing, nothing twice");
      next.set(partition, t === "gap" ? to : Number(offset) + 1);
      if (t === "gap") assert.equal(reason, "behind");
    }
    client.close();
    assert.equal(await small.stop(), 0);
  });
});

/** The frames of a kind in what a server has sent; its WebSocket framing is skipped. */
function framesOf(text: string, t: string): Record<string, unknown>[] {
  const found: Record<string, unknown>[] = [];
  const start = `{"t":"${t}"`;
  for (let at = text.indexOf(start); at >= 0; at = text.indexOf(start, at + 1)) {
    found.push(objectAt(text, at));
  }
  return found;
}

/** The JSON object that begins here; no text in it holds a brace. */
function objectAt(text: string, start: number): Record<string, unknown> {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    if (text[at] === "{") depth += 1;
    if (text[at] === "}") depth -= 1;
    if (depth === 0) return JSON.parse(text.slice(start, at + 1)) as Record<string, unknown>;
  }
  return {};
}

describe("a topic that changes", () => {
  const notes = `${name}-notes`;
  const topics = new ScratchTopics(testService("kafka"));
  const tokenAt = (offset: number) =>
    writeToken("acme", new Map([[notes, new Map([[0, offset]])]]));
  const noteType = avsc.Type.forSchema({
    type: "record",
    name: "note",
    fields: FIELDS,
  });

  /** Puts a note into a partition as a gateway would; a gateway learns of new ones late. */
  async function store(partition: number, id: string, text = ""): Promise<void> {
    const producer = await connectProducer(testService("kafka"));
    const head = Buffer.alloc(5);
    head.writeUInt32BE(NOTE_SCHEMA_ID, 1);
    const value = Buffer.concat([head, noteType.toBuffer({ id, level: null, n: 1, text })]);
    const at = Date.now();
    const parts = { tenant: "acme", type: "note", id };
    const header = makeHeader({ ...parts, receivedAtMs: at, eventTimeMs: at });
    await producer.store(notes, [{ partition, key: "k", value, headers: [{ sluice: header }] }]);
    await producer.close();
  }

  it("what retention has taken is a gap, from the very first offset on", async () => {
    const sent = await sendMany(10, { type: "note" });
    const { offset: last } = await lastNote(sent.at(-1) ?? "");
    const low = last - 3;
    await topics.deleteBefore(notes, [{ partition: 0, offset: low }]);
    for (const from of [0, last - 6]) {
      const client = await subscribe({ types: ["note"], from: { token: tokenAt(from) } });
      const gap = await client.next("gap");
      const { reason, from: first, to } = gap;
      assert.deepEqual({ reason, first, to }, { reason: "retention", first: from, to: low });
      assert.deepEqual(ids(client.events), sent.slice(-4));
      client.close();
    }
    const whole = await subscribe({ types: ["note"], from: { token: tokenAt(low) } });
    assert.ok(!whole.frames.some(({ t }) => t === "gap"));
    whole.close();
  });

  it("an event too long for the feed: all but its value, and why", async () => {
    const client = await subscribe({ types: ["note"] });
    await store(0, "long", "x".repeat(300_000));
    const [event] = await client.eventsOf(1);
    assert.deepEqual([event?.id, event?.value], ["long", null]);
    assert.match(String(event?.["reason"]), /too many for the feed/);
    client.close();
  });

  it("a partition that comes later is told from its first record on, and by older tokens", async () => {
    const client = await subscribe({ types: ["note"] });
    const { token } = client;
    await topics.grow(notes, 3);
    await store(2, "early");
    const [event] = await client.eventsOf(1);
    assert.deepEqual([event?.id, event?.partition, event?.offset], ["early", 2, 0]);
    const again = await subscribe({ types: ["note"], from: { token } });
    assert.deepEqual(ids(again.events), ["early"]);
    await store(1, "late");
    for (const each of [client, again]) assert.equal((await each.eventsOf(2))[1]?.id, "late");
    for (const each of [client, again]) each.close();
  });

  async function lastNote(id: string): Promise<LiveEvent> {
    const client = await subscribe({ types: ["note"], from: { token: tokenAt(0) } });
    const event = client.events.find((each) => each.id === id);
    client.close();
    assert.ok(event !== undefined);
    return event;
  }
});
