import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { SESSION_AGREE_MS } from "../limits/sessions.ts";
import type { SessionsEvent } from "./coalescer.ts";
import { DEFAULT_SESSION_RULES } from "./rules.ts";
import type { StoredSession } from "./rules.ts";
import { SessionRoom } from "./session-room.ts";
import { createSessions } from "./sessions.ts";
import type { SessionRoomOptions } from "./session-room.ts";
import { FakeStore } from "./testing/fake-store.ts";
import { ManualClock } from "./testing/manual-clock.ts";

const rules = DEFAULT_SESSION_RULES;
const FLUSH_MS = 200;
const START_MS = 1_700_000_000_000;

interface Bench {
  readonly clock: ManualClock;
  readonly store: FakeStore;
  readonly room: SessionRoom;
  readonly events: SessionsEvent[];
}

interface BenchOptions extends Partial<SessionRoomOptions> {
  readonly writer?: string;
  readonly held?: Map<string, StoredSession>;
  readonly clock?: ManualClock;
}

async function openRoom(options: BenchOptions = {}): Promise<Bench> {
  const clock = options.clock ?? new ManualClock(START_MS);
  const held = options.held ?? new Map<string, StoredSession>();
  const store = new FakeStore({ rules, writer: options.writer ?? "one", held });
  const events: SessionsEvent[] = [];
  const room = new SessionRoom({
    store,
    rules,
    flushIntervalMs: FLUSH_MS,
    nowMs: () => clock.nowMs,
    timers: clock.timers,
    randomUnit: () => 0.5,
    onEvent: (event) => void events.push(event),
    ...options,
  });
  await room.start();
  return { clock, store, room, events };
}

function touchOf(actor: string, timeMs: number, clientSessionId = "") {
  return { tenant: "demo", source: "web", actor, clientSessionId, timeMs };
}

function touchAndConfirm(room: SessionRoom, actor: string, timeMs: number): string {
  const { id, slot } = room.touch(touchOf(actor, timeMs));
  room.confirm(slot, 1);
  return id;
}

function heldUnder(store: FakeStore, actor: string): StoredSession {
  const session = store.held.get(`sluice:s:{demo:web:${actor}}`);
  assert.ok(session !== undefined, `nothing is stored for ${actor}`);
  return session;
}

describe("touch", () => {
  test("gives one id to an actor's events and another to another actor's", async () => {
    const { room } = await openRoom();
    const first = room.touch(touchOf("a", START_MS)).id;
    assert.equal(room.touch(touchOf("a", START_MS + 1_000)).id, first);
    assert.notEqual(room.touch(touchOf("b", START_MS)).id, first);
    assert.equal(Number.parseInt(first.replace("-", "").slice(0, 12), 16), START_MS);
  });

  test("starts a new session after the gap and after the longest length", async () => {
    const { room } = await openRoom();
    const first = room.touch(touchOf("a", START_MS)).id;
    const atGap = room.touch(touchOf("a", START_MS + rules.gapMs)).id;
    const afterGap = room.touch(touchOf("a", START_MS + 2 * rules.gapMs + 1)).id;
    assert.equal(atGap, first);
    assert.notEqual(afterGap, first);
    let timeMs = START_MS;
    const longest = room.touch(touchOf("b", timeMs)).id;
    while (timeMs + rules.gapMs <= START_MS + rules.lengthMsMax) {
      timeMs += rules.gapMs;
      assert.equal(room.touch(touchOf("b", timeMs)).id, longest);
    }
    assert.notEqual(room.touch(touchOf("b", timeMs + 1)).id, longest);
  });

  test("takes a well-formed id of the client, whatever the gap, and no malformed one", async () => {
    const { room } = await openRoom();
    const far = START_MS + 10 * rules.gapMs;
    assert.equal(room.touch(touchOf("a", START_MS, "mine")).id, "mine");
    assert.equal(room.touch(touchOf("a", far, "mine")).id, "mine");
    assert.equal(room.touch(touchOf("a", far, "mine")).provisional, false);
    const own = room.touch(touchOf("a", START_MS)).id;
    for (const malformed of ["with space", "\u0000", "ü", "x".repeat(101)]) {
      assert.equal(room.touch(touchOf("a", START_MS, malformed)).id, own);
    }
    assert.equal(room.touch(touchOf("", START_MS, "mine")).id, "mine");
  });

  test("keeps actors apart who send the same id, while they come and go", async () => {
    const { room, store, clock } = await openRoom({ sessionsMax: 3 });
    const slots = new Map<string, number>();
    for (const actor of ["a", "b", "c", "a", "b", "c", "d", "b", "c", "d"]) {
      const { id, slot } = room.touch(touchOf(actor, START_MS, "same"));
      assert.equal(id, "same");
      assert.equal(slots.get(actor) ?? slot, slot, actor);
      slots.set(actor, slot);
      room.confirm(slot, 1);
    }
    assert.equal(new Set(slots.values()).size, 4);
    assert.deepEqual([room.stats().started, room.stats().active], [4, 3]);
    await clock.advance(FLUSH_MS);
    const counts = ["a", "b", "c", "d"].map(
      (actor) => store.held.get(`sluice:c:{demo:web:${actor}} same`)?.count,
    );
    assert.deepEqual(counts, [2, 3, 3, 2]);
  });

  test("gives no session to an event without actor and client id", async () => {
    const { room } = await openRoom();
    const { id, slot } = room.touch(touchOf("", START_MS));
    assert.deepEqual([id, slot], ["", -1]);
    room.confirm(slot, 1);
    assert.equal(room.stats().withoutSession, 1);
    assert.equal(room.stats().lateConfirms, 0);
  });

  test("lets late events join the session that covers them and start none", async () => {
    const { room } = await openRoom();
    const first = room.touch(touchOf("a", START_MS)).id;
    room.touch(touchOf("a", START_MS + rules.gapMs));
    const secondMs = START_MS + 3 * rules.gapMs;
    const second = room.touch(touchOf("a", secondMs)).id;
    assert.equal(room.touch(touchOf("a", START_MS + 1_000)).id, first);
    assert.equal(room.touch(touchOf("a", secondMs - rules.graceMs)).id, second);
    assert.equal(room.touch(touchOf("a", secondMs - rules.graceMs - 1)).id, "");
    assert.equal(room.touch(touchOf("a", START_MS - 1)).id, "");
    assert.equal(room.stats().started, 2);
  });
});

describe("coalescing", () => {
  test("writes any number of events of one session as one update of one pipeline", async () => {
    const { room, store, clock, events } = await openRoom();
    for (let index = 0; index < 1_000; index += 1) {
      touchAndConfirm(room, "a", START_MS + index);
    }
    await clock.advance(FLUSH_MS);
    assert.deepEqual(store.pipelines, [1]);
    const { count, startMs, lastMs } = heldUnder(store, "a");
    assert.deepEqual(
      { count, startMs, lastMs },
      { count: 1_000, startMs: START_MS, lastMs: START_MS + 999 },
    );
    await clock.advance(10 * FLUSH_MS);
    assert.deepEqual(store.pipelines, [1], "nothing changed, nothing is written");
    assert.deepEqual(events, [{ kind: "flushed", updates: 1, durationMs: 0 }]);
  });

  test("splits a backlog into pipelines of the bounded size, at once", async () => {
    const { room, store, clock } = await openRoom({ pipelineUpdatesMax: 10 });
    for (let index = 0; index < 35; index += 1) {
      touchAndConfirm(room, `actor-${index}`, START_MS);
    }
    await clock.advance(FLUSH_MS);
    assert.deepEqual(store.pipelines, [10, 10, 10]);
    await clock.advance(FLUSH_MS);
    assert.deepEqual(store.pipelines, [10, 10, 10, 5]);
  });

  test("keeps one pipeline in flight and gathers meanwhile", async () => {
    const { room, store, clock } = await openRoom();
    store.isSlow = true;
    touchAndConfirm(room, "a", START_MS);
    await clock.advance(FLUSH_MS);
    for (let index = 0; index < 50; index += 1) {
      touchAndConfirm(room, "a", START_MS + index);
      touchAndConfirm(room, `b${index}`, START_MS);
      await clock.advance(FLUSH_MS);
      assert.equal(store.inFlight, 1);
    }
    assert.deepEqual(store.pipelines, [1]);
    store.letGo();
    await clock.advance(FLUSH_MS);
    assert.deepEqual(store.pipelines, [1, 51]);
    assert.equal(heldUnder(store, "a").count, 51);
  });

  test("keeps what a failing store refuses, merged, backs off, and heals", async () => {
    const { room, store, clock, events } = await openRoom();
    store.failing = "oom";
    for (let index = 0; index < 100; index += 1) {
      touchAndConfirm(room, "a", START_MS + index);
      await clock.advance(FLUSH_MS);
    }
    assert.ok(store.pipelines.length < 12, `${store.pipelines.length} attempts in 20 s`);
    assert.equal(room.stats().dirty, 1);
    assert.equal(room.stats().failures.oom, store.pipelines.length);
    assert.equal(room.touch(touchOf("a", START_MS)).provisional, true);
    store.failing = null;
    await clock.advance(5_000);
    assert.equal(heldUnder(store, "a").count, 100);
    assert.equal(room.touch(touchOf("a", START_MS)).provisional, false);
    const kinds = events.map((event) => event.kind);
    assert.equal(kinds.filter((kind) => kind === "degraded").length, 1);
    assert.equal(kinds.filter((kind) => kind === "healed").length, 1);
  });

  test("counts nothing twice when an answer was lost", async () => {
    const { room, store, clock } = await openRoom();
    store.isDeaf = true;
    touchAndConfirm(room, "a", START_MS);
    await clock.advance(2 * FLUSH_MS);
    touchAndConfirm(room, "a", START_MS + 1);
    await clock.advance(10_000);
    assert.ok(store.pipelines.length > 2);
    store.isDeaf = false;
    await clock.advance(10_000);
    assert.equal(heldUnder(store, "a").count, 2);
  });

  test("restores counts when the store forgets its last writes", async () => {
    const { room, store, clock } = await openRoom();
    touchAndConfirm(room, "a", START_MS);
    await clock.advance(FLUSH_MS);
    const before = heldUnder(store, "a");
    touchAndConfirm(room, "a", START_MS + 1);
    await clock.advance(FLUSH_MS);
    store.held.set("sluice:s:{demo:web:a}", before);
    touchAndConfirm(room, "a", START_MS + 2);
    await clock.advance(FLUSH_MS);
    assert.equal(heldUnder(store, "a").count, 3);
    store.held.clear();
    touchAndConfirm(room, "a", START_MS + 3);
    await clock.advance(FLUSH_MS);
    assert.equal(heldUnder(store, "a").count, 4);
  });

  test("gives up a session whose key alone is unusable and writes the others", async () => {
    const { room, store, clock } = await openRoom();
    store.poisoned.add("demo:web:bad");
    touchAndConfirm(room, "bad", START_MS);
    touchAndConfirm(room, "good", START_MS);
    await clock.advance(FLUSH_MS);
    assert.equal(heldUnder(store, "good").count, 1);
    const { updatesLost, isFailing, dirty, failures } = room.stats();
    assert.deepEqual(
      { updatesLost, isFailing, dirty, refused: failures.refused },
      { updatesLost: 1, isFailing: false, dirty: 0, refused: 1 },
    );
  });
});

describe("several processes at one store", () => {
  test("agree on the id of the first; the other's is provisional until then", async () => {
    const one = await openRoom();
    const { clock } = one;
    const two = await openRoom({ clock, writer: "two", held: one.store.held });
    const first = one.room.touch(touchOf("a", START_MS));
    const firstId = first.id;
    one.room.confirm(first.slot, 3);
    await clock.advance(FLUSH_MS);
    const other = two.room.touch(touchOf("a", START_MS + 5_000));
    two.room.confirm(other.slot, 2);
    assert.equal(other.provisional, true);
    assert.notEqual(other.id, firstId);
    await clock.advance(FLUSH_MS);
    const adopted = two.room.touch(touchOf("a", START_MS + 6_000));
    assert.deepEqual([adopted.id, adopted.provisional], [firstId, false]);
    assert.equal(one.room.touch(touchOf("a", START_MS + 7_000)).id, firstId);
    assert.equal(heldUnder(one.store, "a").count, 5);
    assert.equal(two.room.stats().adopted, 1);
  });

  test("a newer session replaces a closed one; who was behind follows", async () => {
    const one = await openRoom();
    const { clock } = one;
    const two = await openRoom({ clock, writer: "two", held: one.store.held });
    const oldId = touchAndConfirm(one.room, "a", START_MS);
    await clock.advance(FLUSH_MS);
    const nextMs = START_MS + 2 * rules.gapMs;
    const newId = touchAndConfirm(two.room, "a", nextMs);
    await clock.advance(FLUSH_MS);
    assert.equal(heldUnder(one.store, "a").id, newId);
    assert.equal(touchAndConfirm(one.room, "a", START_MS + 1_000), oldId);
    await clock.advance(FLUSH_MS);
    assert.equal(one.room.touch(touchOf("a", nextMs + 1_000)).id, newId);
    assert.equal(one.room.stats().behind, 1);
    assert.equal(one.room.touch(touchOf("a", START_MS + 500)).id, oldId);
  });
});

describe("bounds", () => {
  test("the least recently used session is written, then forgotten", async () => {
    const { room, store, clock } = await openRoom({ sessionsMax: 3 });
    for (const actor of ["a", "b", "c"]) {
      touchAndConfirm(room, actor, START_MS);
    }
    await clock.advance(FLUSH_MS);
    const victim = room.touch(touchOf("b", START_MS)).slot;
    await clock.advance(FLUSH_MS);
    room.touch(touchOf("c", START_MS));
    await clock.advance(FLUSH_MS);
    const kept = room.touch(touchOf("a", START_MS + 1)).id;
    room.confirm(victim, 1);
    touchAndConfirm(room, "d", START_MS);
    assert.deepEqual([room.stats().active, room.stats().evicted, room.stats().leaving], [3, 1, 1]);
    await clock.advance(FLUSH_MS);
    assert.equal(heldUnder(store, "b").count, 2);
    assert.deepEqual([room.stats().slots, room.stats().leaving], [3, 0]);
    room.confirm(victim, 7);
    assert.equal(room.stats().lateConfirms, 7);
    assert.equal(room.touch(touchOf("a", START_MS + 3)).id, kept);
  });

  test("memory stays bounded while the store is away", async () => {
    const { room, store, clock } = await openRoom({
      sessionsMax: 100,
      leavingMax: 50,
      pipelineUpdatesMax: 20,
    });
    store.failing = "down";
    for (let index = 0; index < 5_000; index += 1) {
      touchAndConfirm(room, `actor-${index}`, START_MS);
      if (index % 50 === 0) {
        await clock.advance(FLUSH_MS);
      }
    }
    const { active, leaving, slots, dirty, updatesLost } = room.stats();
    assert.deepEqual(
      { active, leaving, slots, dirty, updatesLost },
      { active: 100, leaving: 50, slots: 150, dirty: 150, updatesLost: 4_850 },
    );
    store.failing = null;
    await clock.advance(20_000);
    assert.equal(store.held.size, 150);
    assert.deepEqual([room.stats().slots, room.stats().dirty], [100, 0]);
  });

  test("an evicted session that comes back keeps its id and its count", async () => {
    const { room, store, clock } = await openRoom({ sessionsMax: 1 });
    const id = touchAndConfirm(room, "a", START_MS);
    touchAndConfirm(room, "b", START_MS);
    await clock.advance(FLUSH_MS);
    touchAndConfirm(room, "a", START_MS + 1);
    await clock.advance(FLUSH_MS);
    assert.equal(room.touch(touchOf("a", START_MS + 2)).id, id);
    assert.equal(heldUnder(store, "a").count, 2);
  });

  test("idle sessions are forgotten after gap and grace", async () => {
    const { room, clock } = await openRoom();
    touchAndConfirm(room, "a", START_MS);
    await clock.advance(rules.gapMs + rules.graceMs);
    assert.equal(room.stats().active, 1);
    await clock.advance(2 * FLUSH_MS);
    assert.deepEqual([room.stats().active, room.stats().slots, room.stats().expired], [0, 0, 1]);
  });

  test("a slot that is in use again does not count for the session before", async () => {
    const { room, store, clock } = await openRoom({ sessionsMax: 1 });
    const stale = room.touch(touchOf("a", START_MS)).slot;
    room.touch(touchOf("b", START_MS));
    await clock.advance(FLUSH_MS);
    const fresh = room.touch(touchOf("c", START_MS)).slot;
    assert.equal(fresh & 0xfffff, stale & 0xfffff, "the index is in use again");
    room.confirm(stale, 5);
    await clock.advance(FLUSH_MS);
    assert.equal(heldUnder(store, "c").count, 0);
    assert.equal(room.stats().lateConfirms, 5);
    for (const slot of [stale, fresh]) {
      assert.ok(slot >= 0 && slot === (slot | 0), "fits an Int32Array");
    }
  });
});

describe("stop", () => {
  test("writes what is owed", async () => {
    const { room, store } = await openRoom({ pipelineUpdatesMax: 2 });
    for (const actor of ["a", "b", "c", "d", "e"]) {
      touchAndConfirm(room, actor, START_MS);
    }
    await room.stop();
    assert.equal(store.held.size, 5);
    assert.equal(room.stats().updatesLost, 0);
  });

  test("ends at its deadline when the store stays away, and says what was lost", async () => {
    const { room, store, clock } = await openRoom();
    store.failing = "down";
    touchAndConfirm(room, "a", START_MS);
    let isStopped = false;
    const stopped = room.stop().then(() => {
      isStopped = true;
    });
    await clock.advance(10_000);
    assert.equal(isStopped, true);
    await stopped;
    assert.equal(room.stats().updatesLost, 1);
  });
});

describe("createSessions", () => {
  test("serves from memory, where no id is provisional", async () => {
    const { sessions } = createSessions({ store: { kind: "memory" } });
    await sessions.start();
    const { id, slot, provisional } = sessions.touch(touchOf("a", START_MS));
    assert.equal(id.length, 36);
    assert.equal(provisional, false);
    sessions.confirm(slot, 1);
    await sessions.stop();
    assert.equal(sessions.stats().updates, 1);
  });

  test("refuses rules and URLs that cannot work, without repeating a password", () => {
    const store = { kind: "memory" } as const;
    assert.throws(() => createSessions({ store, rules: { gapMs: 0 } }), /gap above 0/);
    assert.throws(() => createSessions({ store, rules: { graceMs: 0.5 } }), /graceMs/);
    assert.throws(
      () => createSessions({ store: { kind: "redis", url: "http://u:hidden@h" } }),
      (error: Error) => /redis:\/\//.test(error.message) && !error.message.includes("hidden"),
    );
  });
});

describe("agree", () => {
  test("waits until the store has agreed, and writes at once for it", async () => {
    const { room, store, clock } = await openRoom();
    store.isSlow = true;
    const first = room.touch(touchOf("a", START_MS));
    const agreed = room.agree([first.slot]);
    assert.ok(agreed !== null);
    assert.deepEqual(store.pipelines, [1]);
    // What comes while the pipeline is away follows it at once, because somebody waits.
    const second = room.agree([room.touch(touchOf("b", START_MS)).slot]);
    store.letGo();
    await agreed;
    assert.equal(room.touch(touchOf("a", START_MS)).provisional, false);
    await clock.advance(0);
    await second;
    assert.deepEqual(store.pipelines, [1, 1]);
    assert.equal(room.agree([first.slot]), null);
  });

  test("waits for a short time only, and not at all while the store fails", async () => {
    const { room, store, clock } = await openRoom();
    store.isSlow = true;
    let isOver = false;
    void room.agree([room.touch(touchOf("a", START_MS)).slot])?.then(() => (isOver = true));
    await clock.advance(SESSION_AGREE_MS - 1);
    assert.equal(isOver, false);
    await clock.advance(1);
    assert.equal(isOver, true);
    assert.equal(room.touch(touchOf("a", START_MS)).provisional, true);
    store.letGo();
    await clock.advance(FLUSH_MS);
    store.failing = "down";
    room.confirm(room.touch(touchOf("b", START_MS)).slot, 1);
    await clock.advance(FLUSH_MS);
    assert.equal(room.agree([room.touch(touchOf("b", START_MS)).slot]), null);
  });
});

describe("rules of a tenant", () => {
  test("hold for its sessions, from the next one on when they change", async () => {
    let gapMs = 60_000;
    const { room } = await openRoom({ rulesOf: (tenant) => (tenant === "demo" ? { gapMs } : {}) });
    const first = room.touch(touchOf("a", START_MS)).id;
    assert.equal(room.touch(touchOf("a", START_MS + 60_000)).id, first);
    const second = room.touch(touchOf("a", START_MS + 120_001)).id;
    assert.notEqual(second, first);
    const other = { ...touchOf("a", START_MS), tenant: "other" };
    const elsewhere = room.touch(other).id;
    assert.equal(room.touch({ ...other, timeMs: START_MS + 60_001 }).id, elsewhere);
    gapMs = 120_000;
    room.renewRules();
    assert.equal(room.touch(touchOf("a", START_MS + 240_001)).id, second);
  });
});

describe("an erased actor", () => {
  test("is forgotten by a process that learns of it from the store", async () => {
    const { room, store, clock } = await openRoom();
    const before = touchAndConfirm(room, "a", START_MS);
    await clock.advance(FLUSH_MS);
    store.erased.add("demo:web:a");
    touchAndConfirm(room, "a", START_MS + 1);
    await clock.advance(FLUSH_MS);
    store.erased.clear();
    assert.notEqual(room.touch(touchOf("a", START_MS + 2)).id, before);
    assert.equal(room.stats().erased, 1);
  });

  test("is forgotten at once by the process that erases", async () => {
    const { room } = await openRoom();
    const before = room.touch(touchOf("a", START_MS)).id;
    room.touch(touchOf("a", START_MS, "mine"));
    room.forget("demo:web:a");
    assert.equal(room.stats().active, 0);
    assert.notEqual(room.touch(touchOf("a", START_MS)).id, before);
  });
});
