/** What every store has to do, as tests: memory, the fake and Redis go through the same ones. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { DEFAULT_SESSION_RULES, mergeSession } from "../rules.ts";
import type { SessionRules, StoredSession } from "../rules.ts";
import type { KeyedUpdate, SessionStore, StoreAnswer } from "../store.ts";
import { storeKey } from "../store.ts";
import { seededRandom } from "./seeded-random.ts";

interface StoreUnderTest {
  readonly store: SessionStore;
  readonly close: () => Promise<void>;
}

export interface StoreContract {
  readonly name: string;
  readonly rules: SessionRules;
  /** Opens a store of a process called `writer`; shared stores see each other's sessions. */
  readonly open: (writer: string) => Promise<StoreUnderTest>;
  /** A tenant nobody else uses. */
  readonly tenant: () => string;
}

const START_MS = 1_700_000_000_000;

export function updateOf(
  actorKey: string,
  change: Partial<KeyedUpdate> & { readonly id: string },
): KeyedUpdate {
  return {
    actorKey,
    isClientId: false,
    rules: DEFAULT_SESSION_RULES,
    entry: "page",
    exit: "page",
    user: "",
    bornAtMs: START_MS,
    isRefreshDue: true,
    startMs: START_MS,
    lastMs: START_MS,
    life: 1,
    count: 0,
    ...change,
  };
}

async function applyOne(store: SessionStore, update: KeyedUpdate): Promise<StoreAnswer> {
  const answers = await store.apply([update]);
  assert.equal(answers.length, 1);
  const answer = answers[0];
  assert.ok(answer !== undefined);
  return answer;
}

export function describeStore(contract: StoreContract): void {
  const { rules } = contract;

  function contractTest(
    name: string,
    run: (store: SessionStore, actorKey: string) => Promise<void>,
  ): void {
    test(name, async () => {
      const { store, close } = await contract.open("one");
      try {
        await run(store, `${contract.tenant()}:web:actor`);
      } finally {
        await close();
      }
    });
  }

  describe(`${contract.name} as a session store`, () => {
    contractTest("keeps the first update of a session as it is", async (store, actorKey) => {
      const update = updateOf(actorKey, { id: "a", lastMs: START_MS + 5, count: 2 });
      const { startMs, lastMs, count } = update;
      assert.deepEqual(await applyOne(store, update), {
        kind: "kept",
        id: "a",
        startMs,
        lastMs,
        count,
      });
    });

    contractTest("widens the interval and never narrows it", async (store, actorKey) => {
      const [startMs, lastMs] = [START_MS - 10, START_MS + 10];
      await applyOne(store, updateOf(actorKey, { id: "a" }));
      await applyOne(store, updateOf(actorKey, { id: "a", startMs, lastMs }));
      const answer = await applyOne(store, updateOf(actorKey, { id: "a" }));
      assert.deepEqual(answer, { kind: "kept", id: "a", startMs, lastMs, count: 0 });
    });

    contractTest("counts a repeated update once", async (store, actorKey) => {
      const update = updateOf(actorKey, { id: "a", count: 3 });
      await store.apply([update, update]);
      await store.apply([{ ...update, count: 5 }]);
      const answer = await applyOne(store, update);
      assert.equal(answer.kind === "kept" && answer.count, 5);
    });

    contractTest("lets the stored id win for one and the same session", async (store, actorKey) => {
      await applyOne(store, updateOf(actorKey, { id: "first", count: 1 }));
      const startMs = START_MS - rules.gapMs;
      const second = updateOf(actorKey, {
        id: "second",
        startMs,
        lastMs: startMs,
        life: 2,
        count: 1,
      });
      const answer = await applyOne(store, second);
      assert.deepEqual(answer, {
        kind: "adopted",
        id: "first",
        startMs,
        lastMs: START_MS,
        count: 2,
      });
    });

    contractTest("replaces an ended session by the newer one", async (store, actorKey) => {
      await applyOne(store, updateOf(actorKey, { id: "old", count: 9 }));
      const startMs = START_MS + rules.gapMs + 1;
      const next = updateOf(actorKey, { id: "new", startMs, lastMs: startMs, life: 2, count: 1 });
      const answer = await applyOne(store, next);
      assert.deepEqual(answer, { kind: "kept", id: "new", startMs, lastMs: startMs, count: 1 });
      const late = await applyOne(store, updateOf(actorKey, { id: "old", count: 10 }));
      assert.deepEqual(late, { kind: "behind", id: "new", startMs, lastMs: startMs, count: 1 });
    });

    contractTest("does not adopt beyond the longest length", async (store, actorKey) => {
      const lastMs = START_MS + rules.lengthMsMax;
      await applyOne(store, updateOf(actorKey, { id: "old", lastMs }));
      const next = updateOf(actorKey, { id: "new", startMs: lastMs + 1, lastMs: lastMs + 1 });
      const answer = await applyOne(store, next);
      assert.equal(answer.kind === "kept" && answer.id, "new");
    });

    contractTest("keeps sessions under ids of clients apart", async (store, actorKey) => {
      const own = { isClientId: true, count: 1 };
      const answers = await store.apply([
        updateOf(actorKey, { id: "server" }),
        updateOf(actorKey, { ...own, id: "tab-1" }),
        updateOf(actorKey, { ...own, id: "tab-2" }),
        updateOf(actorKey, { ...own, id: "tab-1", count: 4 }),
      ]);
      const seen = answers.map((answer) => answer.kind === "kept" && [answer.id, answer.count]);
      assert.deepEqual(seen, [
        ["server", 0],
        ["tab-1", 1],
        ["tab-2", 1],
        ["tab-1", 4],
      ]);
    });

    contractTest("takes any characters in an actor", async (store, actorKey) => {
      const actors = ["", "a}:b{", "ü€😀", "a b", "\r\n$3\r\n", "\u0000", "x".repeat(1_024)];
      const updates = actors.map((actor, index) =>
        updateOf(`${actorKey}:${actor}`, { id: `id-${index}`, count: index }),
      );
      const answers = await store.apply(updates);
      answers.forEach((answer, index) => {
        assert.equal(answer.kind === "kept" && answer.id, `id-${index}`);
      });
    });

    contractTest("answers nothing for nothing", async (store) => {
      assert.deepEqual(await store.apply([]), []);
    });

    contractTest("does as mergeSession says, over random updates", async (store, actorKey) => {
      for (let seed = 1; seed <= 20; seed += 1) {
        await compareWithRules(store, { actorKey: `${actorKey}${seed}`, seed, rules });
      }
    });
  });
}

/** Random updates of a few actors, ids and lives: each answer equals that of the pure function. */
async function compareWithRules(
  store: SessionStore,
  options: { readonly actorKey: string; readonly seed: number; readonly rules: SessionRules },
): Promise<void> {
  const { rules, seed } = options;
  const random = seededRandom(seed);
  const model = new Map<string, StoredSession>();
  const below = (limit: number): number => Math.floor(random() * limit);
  for (let round = 0; round < 10; round += 1) {
    const updates = Array.from({ length: 1 + below(20) }, () => {
      const startMs = START_MS + below(3) * rules.gapMs + below(5) + below(2) * rules.lengthMsMax;
      return updateOf(`${options.actorKey}:${below(3)}`, {
        id: `id-${below(3)}`,
        isClientId: random() < 0.2,
        isRefreshDue: random() < 0.5,
        startMs,
        lastMs: startMs + below(2) * rules.gapMs,
        life: 1 + below(3),
        count: below(6),
      });
    });
    const answers = await store.apply(updates);
    updates.forEach((update, index) => {
      const key = storeKey(update);
      const by = { writer: "one", rules };
      const { outcome, session } = mergeSession(model.get(key), update, by);
      model.set(key, session);
      const { id, startMs, lastMs, count } = session;
      const expected = { kind: outcome, id, startMs, lastMs, count };
      assert.deepEqual(answers[index], expected, `seed ${seed}, round ${round}, ${index}`);
    });
  }
}
