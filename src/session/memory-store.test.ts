import assert from "node:assert/strict";
import { test } from "node:test";

import { MemoryStore } from "./memory-store.ts";
import { DEFAULT_SESSION_RULES } from "./rules.ts";
import { timeToLiveMs } from "./store.ts";
import { FakeStore } from "./testing/fake-store.ts";
import { describeStore, updateOf } from "./testing/store-contract.ts";

const rules = DEFAULT_SESSION_RULES;

describeStore({
  name: "MemoryStore",
  rules,
  tenant: () => "t",
  open: async () => {
    const store = new MemoryStore({ nowMs: () => 0 });
    return { store, close: () => store.stop() };
  },
});

describeStore({
  name: "FakeStore",
  rules,
  tenant: () => "t",
  open: async (writer) => {
    const store = new FakeStore({ rules, writer });
    return { store, close: () => store.stop() };
  },
});

test("MemoryStore forgets a session after its time to live, refreshed only when due", async () => {
  let nowMs = 0;
  const store = new MemoryStore({ nowMs: () => nowMs });
  const countAfter = async (afterMs: number, isRefreshDue: boolean) => {
    nowMs += afterMs;
    const [answer] = await store.apply([
      updateOf("k", { id: "a", isRefreshDue, life: nowMs + 1, count: 1 }),
    ]);
    return answer?.kind === "kept" ? answer.count : -1;
  };
  const ttlMs = timeToLiveMs(rules, { announces: false });
  assert.equal(await countAfter(0, false), 1);
  assert.equal(await countAfter(ttlMs - 1, true), 2);
  assert.equal(await countAfter(ttlMs - 1, false), 3);
  assert.equal(await countAfter(1, false), 1);
});

test("MemoryStore holds no more sessions than its bound, the ones written last", async () => {
  const store = new MemoryStore({ nowMs: () => 0, sessionsMax: 2 });
  await store.apply(["a", "b", "c"].map((key) => updateOf(key, { id: "x", count: 1 })));
  const answers = await store.apply(
    ["c", "b", "a"].map((key) => updateOf(key, { id: "x", count: 1, life: 2 })),
  );
  const counts = answers.map((answer) => answer.kind === "kept" && answer.count);
  assert.deepEqual(counts, [2, 2, 1]);
});
