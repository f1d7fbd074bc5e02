import assert from "node:assert/strict";
import { describe, test } from "node:test";

import {
  checkSessionRules,
  DEFAULT_SESSION_RULES,
  isSessionId,
  mergeSession,
  placeEvent,
} from "./rules.ts";
import type { SessionUpdate, StoredSession } from "./rules.ts";
import { SessionRoom } from "./session-room.ts";
import { FakeStore } from "./testing/fake-store.ts";
import { ManualClock } from "./testing/manual-clock.ts";
import { seededRandom } from "./testing/seeded-random.ts";

const MINUTE_MS = 60_000;
const rules = DEFAULT_SESSION_RULES;
const SEEDS = Array.from({ length: 150 }, (_, index) => index + 1);

interface Placed {
  readonly timeMs: number;
  readonly id: string;
  /** The newest event time of the actor before this event; −Infinity for the first. */
  readonly newestMs: number;
}

/** Touches one actor with random event times: steps, pauses around the gap, late ones. */
function randomWalk(seed: number): Placed[] {
  const random = seededRandom(seed);
  const clock = new ManualClock();
  const store = new FakeStore({ rules, writer: "one" });
  const room = new SessionRoom({ store, rules, nowMs: () => clock.nowMs, timers: clock.timers });
  const placed: Placed[] = [];
  let newestMs = Number.NEGATIVE_INFINITY;
  let headMs = 1_700_000_000_000;
  for (let index = 0; index < 600; index += 1) {
    const kind = random();
    let timeMs = headMs;
    if (kind < 0.6) {
      timeMs = headMs += Math.floor(random() * 20 * MINUTE_MS);
    } else if (kind < 0.7) {
      timeMs = headMs += rules.gapMs - 2 + Math.floor(random() * 5);
    } else if (kind < 0.9) {
      timeMs = headMs - Math.floor(random() * 2 * rules.graceMs);
    } else {
      timeMs = headMs - Math.floor(random() * 2 * rules.lengthMsMax);
    }
    const touch = { tenant: "t", source: "s", actor: "a", clientSessionId: "", timeMs };
    placed.push({ timeMs, id: room.touch(touch).id, newestMs });
    newestMs = Math.max(newestMs, timeMs);
  }
  return placed;
}

function bySession(placed: readonly Placed[]): number[][] {
  const sessions = new Map<string, number[]>();
  for (const { id, timeMs } of placed) {
    if (id !== "") {
      sessions.set(id, [...(sessions.get(id) ?? []), timeMs]);
    }
  }
  return [...sessions.values()].map((times) => times.toSorted((left, right) => left - right));
}

describe("touch, over random event times", () => {
  test("no two events of one session are further apart than its longest length", () => {
    for (const seed of SEEDS) {
      for (const times of bySession(randomWalk(seed))) {
        const lengthMs = (times.at(-1) ?? 0) - (times[0] ?? 0);
        assert.ok(lengthMs <= rules.lengthMsMax, `seed ${seed}: a session of ${lengthMs} ms`);
      }
    }
  });

  test("no silence inside a session is longer than the gap", () => {
    for (const seed of SEEDS) {
      for (const times of bySession(randomWalk(seed))) {
        times.forEach((timeMs, index) => {
          const silenceMs = timeMs - (times[index - 1] ?? timeMs);
          assert.ok(silenceMs <= rules.gapMs, `seed ${seed}: a silence of ${silenceMs} ms`);
        });
      }
    }
  });

  test("sessions of one actor do not overlap", () => {
    for (const seed of SEEDS) {
      const sessions = bySession(randomWalk(seed)).toSorted(
        (left, right) => (left[0] ?? 0) - (right[0] ?? 0),
      );
      assert.ok(sessions.length > 3, `seed ${seed} says something`);
      sessions.forEach((times, index) => {
        const endMs = sessions[index - 1]?.at(-1) ?? Number.NEGATIVE_INFINITY;
        assert.ok(endMs < (times[0] ?? 0), `seed ${seed}: sessions overlap`);
      });
    }
  });

  test("an event that is not late always has a session, a late one never starts one", () => {
    for (const seed of SEEDS) {
      const seen = new Set<string>();
      for (const { timeMs, id, newestMs } of randomWalk(seed)) {
        if (timeMs >= newestMs) {
          assert.notEqual(id, "", `seed ${seed}: an event in order without a session`);
        } else {
          assert.ok(id === "" || seen.has(id), `seed ${seed}: a late event started a session`);
        }
        seen.add(id);
      }
    }
  });

  test("events in order are cut exactly at gap and length", () => {
    for (const seed of SEEDS) {
      const placed = randomWalk(seed).filter(({ timeMs, newestMs }) => timeMs >= newestMs);
      let startMs = placed[0]?.timeMs ?? 0;
      placed.forEach(({ timeMs, id }, index) => {
        const before = placed[index - 1] ?? { timeMs, id };
        const isCut = timeMs - before.timeMs > rules.gapMs || timeMs - startMs > rules.lengthMsMax;
        if (id !== before.id) {
          assert.ok(timeMs - before.timeMs > 0, `seed ${seed}: a cut without time passing`);
          startMs = timeMs;
        }
        // A late event may have moved the start back, which can only bring a cut forward.
        assert.ok(!isCut || id !== before.id, `seed ${seed}: no cut at ${timeMs}`);
      });
    }
  });
});

describe("a process alone at a shared store", () => {
  test("never finds its own session under another id, however late events come", async () => {
    for (const seed of SEEDS.slice(0, 60)) {
      const random = seededRandom(seed);
      const clock = new ManualClock();
      const store = new FakeStore({ rules, writer: "one" });
      const { timers } = clock;
      const room = new SessionRoom({ store, rules, nowMs: () => clock.nowMs, timers });
      await room.start();
      let headMs = clock.nowMs;
      for (let index = 0; index < 200; index += 1) {
        headMs += random() < 0.2 ? rules.gapMs + Math.floor(random() * 5 * MINUTE_MS) : 0;
        const timeMs = headMs - (random() < 0.5 ? 0 : Math.floor(random() * rules.graceMs));
        const touch = { tenant: "t", source: "s", actor: "a", clientSessionId: "", timeMs };
        room.confirm(room.touch(touch).slot, 1);
        if (random() < 0.3) {
          await clock.advance(200);
        }
      }
      await room.stop();
      assert.equal(room.stats().adopted, 0, `seed ${seed}`);
    }
  });
});

describe("placeEvent", () => {
  const current = { startMs: 100 * MINUTE_MS, lastMs: 110 * MINUTE_MS };
  const previous = { startMs: 0, lastMs: 20 * MINUTE_MS };
  const cases = [
    { atMinutes: 140, previous: null, place: "current", why: "at the gap" },
    { atMinutes: 140.001, previous: null, place: "next", why: "behind the gap" },
    { atMinutes: 100, previous: null, place: "current", why: "covered, long past the grace" },
    { atMinutes: 99, previous: null, place: "none", why: "before the start, past the grace" },
    { atMinutes: 20, previous, place: "previous", why: "covered by the previous one" },
    { atMinutes: 0, previous, place: "previous", why: "its very start" },
    { atMinutes: -1, previous, place: "none", why: "before everything known" },
    { atMinutes: 21, previous, place: "none", why: "between the two" },
  ] as const;
  for (const { atMinutes, previous: before, place, why } of cases) {
    test(`an event ${why} goes to: ${place}`, () => {
      const known = { ...current, previous: before };
      assert.equal(placeEvent(known, atMinutes * MINUTE_MS, rules), place);
    });
  }

  test("an event within the grace does not move the start into reach of the session before", () => {
    const before = { startMs: 0, lastMs: 20 * MINUTE_MS };
    const known = { startMs: 51 * MINUTE_MS, lastMs: 52 * MINUTE_MS, previous: before };
    assert.equal(placeEvent(known, 50 * MINUTE_MS + 1, rules), "current");
    assert.equal(placeEvent(known, 50 * MINUTE_MS, rules), "none");
    const full = { ...known, previous: { ...before, startMs: -rules.lengthMsMax } };
    assert.equal(placeEvent(full, 50 * MINUTE_MS, rules), "current", "the length parts them");
  });

  test("an event within the grace moves the start back unless the length forbids", () => {
    const short = { startMs: 109 * MINUTE_MS, lastMs: 110 * MINUTE_MS, previous: null };
    assert.equal(placeEvent(short, 105 * MINUTE_MS, rules), "current");
    const strict = { ...rules, gapMs: 5 * MINUTE_MS, lengthMsMax: 5 * MINUTE_MS, graceMs: 300_000 };
    const full = { startMs: 106 * MINUTE_MS, lastMs: 110 * MINUTE_MS, previous: null };
    assert.equal(placeEvent(full, 105 * MINUTE_MS, strict), "current");
    assert.equal(placeEvent(full, 111 * MINUTE_MS, strict), "current");
    assert.equal(placeEvent(full, 111 * MINUTE_MS + 1, strict), "next");
  });
});

describe("isSessionId", () => {
  test("takes 1 to 100 printable ASCII characters without a space, nothing else", () => {
    for (const good of ["1", "x".repeat(100), "1700000000000", "!~{}:'\"\\"]) {
      assert.equal(isSessionId(good), true, good);
    }
    for (const bad of ["", "x".repeat(101), "a b", "a\n", "\u007f", "é", "a\u0000"]) {
      assert.equal(isSessionId(bad), false, JSON.stringify(bad));
    }
  });
});

describe("checkSessionRules", () => {
  test("takes the defaults and refuses rules that contradict each other", () => {
    checkSessionRules(rules);
    assert.throws(() => checkSessionRules({ ...rules, graceMs: rules.gapMs + 1 }));
    assert.throws(() => checkSessionRules({ ...rules, lengthMsMax: rules.gapMs - 1 }));
    assert.throws(() => checkSessionRules({ ...rules, gapMs: Number.NaN }));
  });
});

describe("mergeSession, over random histories", () => {
  /** Updates of one session by three processes, each with rising counts, as they might be sent. */
  function history(random: () => number): { writer: string; update: SessionUpdate }[] {
    const counts = [0, 0, 0];
    return Array.from({ length: 40 }, () => {
      const index = Math.floor(random() * 3);
      const count = (counts[index] ?? 0) + Math.floor(random() * 5);
      counts[index] = count;
      const startMs = 1_000 + Math.floor(random() * 500);
      const lastMs = startMs + Math.floor(random() * 500);
      return { writer: `w${index}`, update: { id: "same", startMs, lastMs, count, life: 1 } };
    });
  }

  function merged(updates: readonly { writer: string; update: SessionUpdate }[]): StoredSession {
    let stored: StoredSession | undefined;
    for (const { writer, update } of updates) {
      stored = mergeSession(stored, update, { writer, rules }).session;
    }
    assert.ok(stored !== undefined);
    return stored;
  }

  function facts({ id, startMs, lastMs, count }: StoredSession) {
    return { id, startMs, lastMs, count };
  }

  test("repeating and reordering updates changes nothing", () => {
    for (const seed of SEEDS) {
      const random = seededRandom(seed);
      const updates = history(random);
      const twice = updates.flatMap((update) => (random() < 0.5 ? [update, update] : [update]));
      const late = [...twice, ...updates.filter(() => random() < 0.3)];
      const shuffled = late
        .map((update) => ({ update, order: random() }))
        .toSorted((left, right) => left.order - right.order)
        .map(({ update }) => update);
      const expected = facts(merged(updates));
      assert.deepEqual(facts(merged(late)), expected, `seed ${seed}`);
      assert.deepEqual(facts(merged(shuffled)), expected, `seed ${seed}`);
    }
  });

  test("a writer that met the session anew adds to what it counted before", () => {
    const by = { writer: "w", rules };
    const update = { id: "a", startMs: 1, lastMs: 1, count: 5, life: 1 };
    const first = mergeSession(undefined, update, by).session;
    const second = mergeSession(first, { ...update, life: 2, count: 3 }, by).session;
    const stale = mergeSession(second, { ...update, life: 1, count: 9 }, by).session;
    assert.deepEqual([first.count, second.count, stale.count], [5, 8, 8]);
  });
});
