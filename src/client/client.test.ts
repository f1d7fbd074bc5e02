import assert from "node:assert/strict";
import { test } from "node:test";

import { startClient } from "./client.ts";
import { createClient } from "./node.ts";
import { memoryStore } from "./memory-store.ts";
import { DeadSocket } from "./testing/dead-socket.ts";
import { ModelServer } from "./testing/model-server.ts";
import { NO_TROUBLE } from "./testing/trouble.ts";
import { seededRandom, VirtualTime } from "./testing/virtual-time.ts";
import type { ClientOptions, Outcome, StateReport, Store } from "./types.ts";
import { uuid7 } from "./uuid.ts";

function setUp(options: Partial<ClientOptions> = {}, store: Store = memoryStore()) {
  const time = new VirtualTime();
  const random = seededRandom(7);
  const server = new ModelServer({ time, random, trouble: { ...NO_TROUBLE } });
  const outcomes: Outcome[] = [];
  const states: StateReport[] = [];
  const dropped: Outcome[] = [];
  const started = startClient(
    {
      url: "http://model/",
      writeKey: "good",
      WebSocket: server.socketClass(),
      clock: time,
      random,
      onDrop: (outcome) => void dropped.push(outcome),
      ...options,
    },
    store,
  );
  const { client } = started;
  client.on("outcome", (outcome) => void outcomes.push(outcome));
  client.on("state", (report) => void states.push(report));
  return { time, server, client, started, outcomes, states, dropped };
}

test("track: events of one batch go in one frame, each with its outcome", async () => {
  const { time, server, client } = setUp();
  const good = client.track("page", { url: "/" });
  const bad = client.track("bad", {}, { id: "mine", key: "user-7" });
  await time.run(1_000);
  assert.deepEqual(await good.outcome(), { id: good.id, outcome: "stored" });
  assert.deepEqual(await bad.outcome(), {
    id: "mine",
    outcome: "rejected",
    code: "schema_invalid",
    path: "/x",
    detail: "bad",
  });
  assert.equal(server.frames, 2, "hello and one pub");
  assert.deepEqual(client.queued, { events: 0, bytes: 0 });
});

test("track: what has no JSON or is too long is refused at once", async () => {
  const { client, outcomes, time } = setUp();
  const cycle: { self?: object } = {};
  cycle.self = cycle;
  assert.equal((await client.track("a", cycle).outcome()).code, "not_json");
  const long = client.track("a", { text: "ä".repeat(17_000) });
  assert.equal((await long.outcome()).code, "too_large");
  await time.run(1_000);
  assert.equal(outcomes.length, 2);
});

test("track: a full queue drops what comes, by name, and says so", async () => {
  const { client, dropped, time } = setUp({ queueEventsMax: 2, WebSocket: DeadSocket });
  client.track("a", {});
  client.track("b", {});
  const third = client.track("c", {});
  assert.deepEqual(await third.outcome(), {
    id: third.id,
    outcome: "dropped",
    code: "queue_full",
  });
  await time.run(100);
  assert.equal(dropped.length, 1);
  assert.equal(client.queued.events, 2);
});

test("flush: resolves once all have outcomes, or tells that they have not in time", async () => {
  const { client, time } = setUp();
  client.track("a", {});
  const late = client.flush(0);
  const done = client.flush();
  await time.run(1_000);
  assert.equal(await late, false);
  assert.equal(await done, true);
});

test("close: flushes, says goodbye; what comes later is dropped", async () => {
  const { client, time, server } = setUp();
  const tracked = client.track("a", {});
  const closed = client.close();
  await time.run(1_000);
  await closed;
  assert.equal((await tracked.outcome()).outcome, "stored");
  assert.equal(client.state, "closed");
  assert.equal(server.openSockets, 0);
  assert.equal((await client.track("b", {}).outcome()).code, "closed");
});

test("close: without a server, a memory store's events are dropped by name", async () => {
  const { client, time, outcomes } = setUp({ WebSocket: DeadSocket });
  client.track("a", {});
  const closed = client.close(1_000);
  await time.run(5_000);
  await closed;
  assert.deepEqual(
    outcomes.map(({ outcome, code }) => [outcome, code]),
    [["dropped", "closed"]],
  );
});

test("connect: pauses have full jitter between 0.5 s and 30 s", async () => {
  const made: number[] = [];
  class Counting extends DeadSocket {
    constructor(url: string) {
      super(url);
      made.push(time.now());
    }
  }
  const { client, time } = setUp({ WebSocket: Counting });
  client.track("a", {});
  await time.run(600_000);
  const pauses = made.slice(1).map((at, index) => at - (made[index] ?? 0));
  assert.ok(pauses.length > 15);
  assert.ok(pauses.every((pause) => pause >= 499 && pause <= 30_001));
  assert.ok(new Set(pauses.slice(8)).size > 5, "they differ");
  assert.ok(Math.max(...pauses) > 15_000);
});

test("connect: a write key that is refused stops, a token is fetched anew once", async () => {
  const { client, time, server } = setUp({ writeKey: "bad" });
  client.track("a", {});
  await time.run(60_000);
  assert.equal(client.state, "stopped");
  assert.equal(server.frames, 1);
  let fetched = 0;
  const second = setUp({
    token: async () => {
      fetched += 1;
      return fetched === 1 ? "stale" : "good";
    },
  });
  const tracked = second.client.track("a", {});
  await second.time.run(60_000);
  assert.equal((await tracked.outcome()).outcome, "stored");
  assert.equal(fetched, 2);
});

/** Says welcome and auth_ok as a server does whose tokens are good for so long. */
function tokenServer(serverNow: () => number, lifeMs: number) {
  return class extends DeadSocket {
    override begin(): void {
      this.onopen?.(undefined as never);
    }
    override send(text: string): void {
      const { t } = JSON.parse(text) as { readonly t: string };
      const life = { auth_exp: serverNow() + lifeMs };
      const welcome = { t: "welcome", time: serverNow(), resume: "r", credit: {}, ...life };
      const renewed = { t: "auth_ok", ...life };
      const answer = { hello: welcome, auth: renewed, ping: { t: "pong" } }[t];
      queueMicrotask(() => this.onmessage?.({ data: JSON.stringify(answer) } as never));
    }
  };
}

test("token: is renewed a minute before it expires by the server's clock", async () => {
  for (const aheadMs of [-7_200_000, 0, 7_200_000]) {
    let fetched = 0;
    const time = new VirtualTime();
    const { client } = setUp({
      token: async () => `${(fetched += 1)}`,
      clock: time,
      WebSocket: tokenServer(() => time.now() - aheadMs, 600_000),
    });
    client.track("a", {});
    await time.run(500_000);
    assert.equal(fetched, 1, `ahead by ${aheadMs} ms`);
    await time.run(60_000);
    assert.equal(fetched, 2, `ahead by ${aheadMs} ms`);
  }
});

test("token: one that is good for seconds or for years is not asked for without pause", async () => {
  for (const lifeMs of [20_000, 365 * 86_400_000]) {
    let fetched = 0;
    const time = new VirtualTime();
    const delays: number[] = [];
    const after = (delayMs: number, action: () => void) => {
      delays.push(delayMs);
      return time.after(delayMs, action);
    };
    const { client } = setUp({
      token: async () => `${(fetched += 1)}`,
      clock: { now: () => time.now(), after },
      WebSocket: tokenServer(() => time.now(), lifeMs),
    });
    client.track("a", {});
    await time.run(60_000);
    assert.ok(fetched <= 7, `${fetched} tokens in a minute`);
    assert.ok(Math.max(...delays) < 2 ** 31, "setTimeout takes no more, and calls at once");
  }
});

test("token: a function that throws is asked again after a pause", async () => {
  let asked = 0;
  const { client, time, states } = setUp({
    token: () => {
      asked += 1;
      if (asked === 1) throw new Error("not logged in");
      return Promise.resolve("good");
    },
  });
  const tracked = client.track("a", {});
  await time.run(60_000);
  assert.equal((await tracked.outcome()).outcome, "stored");
  assert.ok(states.some(({ detail }) => detail?.includes("not logged in")));
});

test("stopped: what only this client has is dropped by name, now and later", async () => {
  const { client, time, dropped } = setUp({ writeKey: "bad" });
  const before = client.track("a", {});
  await time.run(60_000);
  assert.deepEqual(await before.outcome(), { id: before.id, outcome: "dropped", code: "stopped" });
  const after = client.track("b", {});
  assert.deepEqual(await after.outcome(), { id: after.id, outcome: "dropped", code: "stopped" });
  await time.run(1);
  assert.deepEqual(dropped, [await before.outcome(), await after.outcome()]);
  assert.deepEqual(client.queued, { events: 0, bytes: 0 });
});

test("stopped: a durable store keeps what was tracked, and what comes, for a later client", async () => {
  const store: Store = { ...memoryStore(), durable: true };
  const { client, time, outcomes } = setUp({ writeKey: "bad" }, store);
  client.track("a", {}, { id: "before" });
  await time.run(60_000);
  for (const id of ["after", "soon after"]) client.track("a", {}, { id });
  await time.run(1_000);
  await client.close();
  await time.run(1);
  const kept = ["before", "after", "soon after"].map((id) => ({ id, outcome: "kept" }));
  assert.deepEqual(outcomes, kept);
  const later = setUp({}, store);
  await later.time.run(1_000);
  assert.deepEqual(
    later.server.records.map(({ id }) => id),
    ["before", "after", "soon after"],
  );
});

test("close: says of what is on its way into a durable store that it is kept", async () => {
  const store: Store = { ...memoryStore(), durable: true };
  const { client, time, outcomes } = setUp({ WebSocket: DeadSocket }, store);
  const ids = [1, 2, 3].map(() => client.track("a", {}).id);
  const closed = client.close(0);
  await time.run(1);
  await closed;
  assert.deepEqual(
    outcomes,
    ids.map((id) => ({ id, outcome: "kept" })),
  );
  assert.equal((await store.load(0)).events.length, ids.length);
});

test("flush: is not waited for in vain when the server refuses the client", async () => {
  const { client, time } = setUp({ writeKey: "bad" });
  client.track("a", {});
  const during = client.flush();
  await time.run(60_000);
  assert.equal(await during, false);
  client.track("b", {});
  const later = client.flush();
  await time.run(1);
  assert.equal(await later, false);
  await client.close();
});

test("leave: the oldest events go by the twin and stay until a welcome confirms them", async () => {
  const { client, started, time, server } = setUp({ WebSocket: DeadSocket });
  const tracked = client.track("a", { n: 1 });
  await time.run(100);
  const sent: [string, string][] = [];
  started.leave((url, body) => void sent.push([url, body]));
  assert.equal(sent.length, 1);
  const [url, body] = sent[0] ?? ["", ""];
  assert.match(url, /^http:\/\/model\/v1\/streams\/[0-9a-f-]{36}\/events$/);
  const members = JSON.parse(body) as Record<string, unknown>;
  assert.equal(members["auth"], "good");
  assert.equal(members["seq"], 1);
  assert.deepEqual(members["held"], []);
  assert.equal((members["events"] as { id: string }[])[0]?.id, tracked.id);
  assert.equal(client.queued.events, 1);
  server.beacon(body);
  await time.run(10_000);
  assert.equal(server.records.length, 1);
});

for (const { what, code, isFallback } of [
  { what: "cut without a word", code: 1006, isFallback: true },
  { what: "closed by a server that has too much to do", code: 1013, isFallback: false },
]) {
  test(`fallback: a WebSocket that is ${what} is ${isFallback ? "" : "not "}taken for blocked`, async () => {
    class Refused extends DeadSocket {
      override begin(): void {
        this.onclose?.({ code, reason: "" } as never);
      }
    }
    let fallbacks = 0;
    class Fallback extends DeadSocket {
      override begin(): void {
        fallbacks += 1;
        super.begin();
      }
    }
    const { client, time } = setUp({ WebSocket: Refused, fallback: Fallback });
    client.track("a", {});
    await time.run(5 * 60_000);
    assert.equal(fallbacks > 0, isFallback);
  });
}

test("fallback: one that is refused does not keep the client from its WebSocket", async () => {
  let isBlocked = true;
  const { time, server } = setUp();
  const Real = server.socketClass();
  class Fallback extends DeadSocket {
    override begin(): void {
      this.onclose?.({ code: 1013, reason: "" } as never);
    }
  }
  const Chosen = function choose(url: string, protocols: string[]) {
    return isBlocked ? new DeadSocket(url) : new Real(url, protocols);
  } as unknown as typeof Real;
  const second = startClient(
    {
      url: "http://model/",
      writeKey: "good",
      WebSocket: Chosen,
      fallback: Fallback,
      clock: time,
      random: seededRandom(8),
    },
    memoryStore(),
  );
  const tracked = second.client.track("a", {});
  await time.run(5 * 60_000);
  isBlocked = false;
  await time.run(2 * 60_000);
  assert.equal((await tracked.outcome()).outcome, "stored");
});

test("createClient: no WebSocket and no fallback is told at once", () => {
  const { WebSocket } = globalThis;
  Object.defineProperty(globalThis, "WebSocket", { value: undefined, configurable: true });
  try {
    const options = { url: "http://127.0.0.1:9", writeKey: "a" };
    assert.throws(() => startClient(options, memoryStore()), /no WebSocket here/);
    assert.equal(createClient(options).state, "waiting", "Node.js has the twin to fall back to");
  } finally {
    Object.defineProperty(globalThis, "WebSocket", { value: WebSocket, configurable: true });
  }
});

test("uuid7: version, variant, time", () => {
  const id = uuid7(0x0123456789ab, seededRandom(1));
  assert.match(id, /^01234567-89ab-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.notEqual(id, uuid7(0x0123456789ab, seededRandom(2)));
});
