/** What every book of sessions has to do, as tests: memory and Redis go through the same ones. */
import assert from "node:assert/strict";

import { SESSION_CLAIM_MS, SESSION_SETTLE_MS } from "../../limits/sessions.ts";
import type { SessionBook } from "../book.ts";
import { DEFAULT_SESSION_RULES } from "../rules.ts";
import type { SessionStore } from "../store.ts";
import { idleMs } from "../store.ts";
import { Sweeper } from "../sweeper.ts";
import type { SessionNews } from "../sweeper.ts";
import { updateOf } from "./store-contract.ts";

export interface BookUnderTest {
  readonly store: SessionStore & { readonly book: SessionBook };
  /** Another process; null: the store is not shared. */
  readonly other: (SessionStore & { readonly book: SessionBook }) | null;
  readonly close: () => Promise<void>;
}

export interface BookContract {
  /** Empty, and with announcements on. */
  readonly open: (nowMs: () => number) => Promise<BookUnderTest>;
}

const rules = DEFAULT_SESSION_RULES;
const IDLE_MS = idleMs(rules);

interface Bench extends BookUnderTest {
  readonly actorKey: string;
  /** What has been said so far, as `kind id count`. */
  readonly said: string[];
  advance(byMs: number): number;
  sweep(how?: { readonly fails?: boolean; readonly by?: SessionBook }): Promise<void>;
}

/** One test, for the file that registers it: a run counts tests by the file they stand in. */
export interface BookTest {
  readonly name: string;
  readonly run: () => Promise<void>;
}

export function bookTests(contract: BookContract): readonly BookTest[] {
  const tests: BookTest[] = [];
  let actors = 0;

  function bookTest(name: string, run: (bench: Bench) => Promise<void>): void {
    const runOnce = async (): Promise<void> => {
      let nowMs = Date.now();
      actors += 1;
      const under = await contract.open(() => nowMs);
      const said: string[] = [];
      const sweep: Bench["sweep"] = async ({ fails = false, by = under.store.book } = {}) => {
        const sweeper = new Sweeper({
          book: by,
          say: async (news) => {
            if (!fails) said.push(...news.map(describeNews));
            return news.map(() => !fails);
          },
          nowMs: () => nowMs,
          after: () => {},
          randomUnit: () => 0,
          onEvent: (event) => assert.notEqual(event.kind, "failed", JSON.stringify(event)),
        });
        await sweeper.sweep();
      };
      const advance = (byMs: number): number => (nowMs += byMs);
      try {
        await run({ ...under, actorKey: `demo:web:actor-${actors}`, said, sweep, advance });
      } finally {
        await under.close();
      }
    };
    tests.push({ name, run: runOnce });
  }

  bookTest("says a start once, and an end once it is over", async (bench) => {
    const { store, actorKey, said, sweep, advance } = bench;
    await store.apply([updateOf(actorKey, { id: "a", count: 2 })]);
    await sweep();
    assert.deepEqual(said, []);
    advance(SESSION_SETTLE_MS);
    await sweep();
    await sweep();
    assert.deepEqual(said, ["started a 2"]);
    advance(IDLE_MS);
    await sweep();
    advance(IDLE_MS);
    await sweep();
    assert.deepEqual(said, ["started a 2", "ended a 2 rev 0"]);
  });

  bookTest("waits with the end as long as events come", async (bench) => {
    const { store, actorKey, said, sweep, advance } = bench;
    await store.apply([updateOf(actorKey, { id: "a", count: 1 })]);
    for (let count = 2; count < 6; count += 1) {
      advance(IDLE_MS - 1);
      await store.apply([updateOf(actorKey, { id: "a", count, isRefreshDue: count % 2 === 0 })]);
      await sweep();
    }
    assert.deepEqual(said, ["started a 2"]);
    advance(IDLE_MS + SESSION_SETTLE_MS);
    await sweep();
    assert.deepEqual(said, ["started a 2", "ended a 5 rev 0"]);
  });

  bookTest("says nothing of a session without a stored event", async (bench) => {
    const { store, actorKey, said, sweep, advance } = bench;
    await store.apply([updateOf(actorKey, { id: "a" })]);
    for (let round = 0; round < 5; round += 1) {
      advance(IDLE_MS);
      await sweep();
    }
    assert.deepEqual(said, []);
  });

  bookTest("ends a session soon after a newer one has begun", async (bench) => {
    const { store, actorKey, said, sweep, advance } = bench;
    const timeMs = 1_700_000_000_000;
    await store.apply([updateOf(actorKey, { id: "a", count: 3, startMs: timeMs, lastMs: timeMs })]);
    const nextMs = timeMs + rules.gapMs + 1;
    const next = { id: "b", startMs: nextMs, lastMs: nextMs, life: 2, count: 1 };
    await store.apply([updateOf(actorKey, next)]);
    // What the process counted for the old one meanwhile is not lost.
    await store.apply([updateOf(actorKey, { id: "a", count: 4, isRefreshDue: false })]);
    advance(SESSION_SETTLE_MS);
    await sweep();
    assert.deepEqual(said.toSorted(), ["ended a 4 rev 0", "started a 4", "started b 1"]);
    advance(IDLE_MS);
    await sweep();
    assert.deepEqual(said.slice(3), ["ended b 1 rev 0"]);
  });

  bookTest("says an end anew, as a revision, if late events join", async (bench) => {
    const { store, actorKey, said, sweep, advance } = bench;
    await store.apply([updateOf(actorKey, { id: "a", count: 1 })]);
    advance(IDLE_MS + SESSION_SETTLE_MS);
    await sweep();
    await store.apply([updateOf(actorKey, { id: "b", life: 2, count: 2 })]);
    advance(IDLE_MS + SESSION_SETTLE_MS);
    await sweep();
    advance(IDLE_MS + SESSION_SETTLE_MS);
    await sweep();
    assert.deepEqual(said, ["started a 1", "ended a 1 rev 0", "ended a 3 rev 1"]);
  });

  bookTest("says later what could not be said", async (bench) => {
    const { store, actorKey, said, sweep, advance } = bench;
    await store.apply([updateOf(actorKey, { id: "a", count: 1 })]);
    advance(IDLE_MS + SESSION_SETTLE_MS);
    await sweep({ fails: true });
    await sweep();
    assert.deepEqual(said, []);
    advance(10_000);
    await sweep();
    await sweep();
    assert.deepEqual(said, ["started a 1", "ended a 1 rev 0"]);
  });

  bookTest("leaves a claim to another process when its own is gone", async (bench) => {
    const { store, other, actorKey, said, sweep, advance } = bench;
    if (other === null) return;
    await store.apply([updateOf(actorKey, { id: "a", count: 1 })]);
    advance(IDLE_MS + SESSION_SETTLE_MS);
    const claimed = await store.book.claim();
    assert.equal(claimed.kind === "found" && claimed.value.length, 1);
    await sweep({ by: other.book });
    assert.deepEqual(said, [], "it is claimed");
    advance(SESSION_CLAIM_MS + 1_000);
    await sweep({ by: other.book });
    await sweep();
    assert.deepEqual(said, ["started a 1", "ended a 1 rev 0"]);
  });

  bookTest("finds and erases everything of an actor", async (bench) => {
    const { store, actorKey, said, sweep, advance } = bench;
    const bornAtMs = advance(0);
    const nextMs = 1_700_000_000_000 + 2 * rules.gapMs;
    const next = { id: "b", startMs: nextMs, lastMs: nextMs, life: 2, count: 1 };
    const updates = [
      updateOf(actorKey, { id: "a", count: 1, bornAtMs, user: "known" }),
      updateOf(actorKey, { ...next, bornAtMs }),
      updateOf(actorKey, { id: "tab}1", isClientId: true, count: 1, bornAtMs }),
    ];
    await store.apply(updates);
    const found = await store.book.find(actorKey);
    assert.deepEqual(found.kind === "found" && found.value.map(({ id }) => id).toSorted(), [
      "a",
      "b",
      "tab}1",
    ]);
    const linked = await store.book.linkedTo("demo:web:known");
    assert.deepEqual(linked.kind === "found" && linked.value, [actorKey.slice(9)]);
    assert.deepEqual(await store.book.erase(actorKey, 60_000), { kind: "found", value: 3 });
    assert.deepEqual(await store.book.find(actorKey), { kind: "found", value: [] });
    const again = await store.apply(updates);
    assert.deepEqual(
      again.map(({ kind }) => kind),
      ["erased", "erased", "erased"],
    );
    advance(IDLE_MS + SESSION_SETTLE_MS);
    await sweep();
    assert.deepEqual(said, []);
    const [fresh] = await store.apply([updateOf(actorKey, { id: "c", bornAtMs: advance(1) })]);
    assert.equal(fresh?.kind, "kept");
  });

  return tests;
}

function describeNews({ kind, session: { id, count, revision } }: SessionNews): string {
  return `${kind} ${id} ${count}${kind === "ended" ? ` rev ${revision}` : ""}`;
}
