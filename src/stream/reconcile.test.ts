import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Ranges } from "../protocol/frames.ts";
import { reconcile } from "./reconcile.ts";
import type { Accounts, StreamView } from "./reconcile.ts";
import type { StreamRecord } from "./store.ts";
import { Window } from "./window.ts";

function view(accounts: Partial<Accounts>): StreamView {
  const result = reconcile({ record: null, isClean: true, held: [], next: 1, ...accounts });
  assert.equal(result.kind, "view", JSON.stringify(result));
  return result.view;
}

const NOTHING = { sack: [], exc: [] } as const;

test("reconcile: an unknown stream that holds nothing is new", () => {
  const fresh = view({ next: 5 });
  assert.deepEqual(fresh, {
    done: 4,
    sack: [],
    open: [],
    unsure: [],
    next: 5,
    exc: [],
    resumed: false,
  });
});

test("reconcile: an unknown stream that holds something is trusted, and may be double", () => {
  const trusted = view({ held: [[3, 4]], next: 7 });
  assert.equal(trusted.done, 2);
  assert.deepEqual(trusted.sack, [[5, 6]]);
  assert.deepEqual(trusted.open, [[3, 4]]);
  assert.deepEqual(trusted.unsure, [[3, 4]]);
  assert.equal(trusted.resumed, false);
});

test("reconcile: the example of the protocol, 41 to 60 held, 57 refused", () => {
  const exc = [{ seq: 57, code: "schema_invalid" }] as const;
  const record: StreamRecord = { done: 55, sack: [[57, 58]], exc };
  const resumed = view({ record, held: [[41, 60]], next: 61 });
  assert.equal(resumed.done, 55);
  assert.deepEqual(resumed.sack, [[57, 58]]);
  assert.deepEqual(resumed.open, [
    [56, 56],
    [59, 60],
  ]);
  assert.deepEqual(resumed.unsure, []);
  assert.deepEqual(resumed.exc, exc);
  assert.equal(resumed.resumed, true);
});

test("reconcile: a memory behind the client is raised to the client's view", () => {
  const raised = view({ record: { done: 10, ...NOTHING }, held: [[30, 31]], next: 32 });
  assert.equal(raised.done, 29);
  assert.deepEqual(raised.open, [[30, 31]]);
  assert.deepEqual(raised.unsure, [], "the last holder told everything");
});

test("reconcile: what the last holder did not tell may be double", () => {
  const record = { done: 10, ...NOTHING };
  const unclean = view({ record, isClean: false, held: [[9, 14]], next: 15 });
  assert.deepEqual(unclean.open, [[11, 14]]);
  assert.deepEqual(unclean.unsure, [[11, 14]]);
});

test("reconcile: a client that forgot numbers it used needs a new stream", () => {
  const behind = (record: StreamRecord) =>
    reconcile({ record, isClean: true, held: [[4, 4]], next: 5 }).kind;
  assert.equal(behind({ done: 4, ...NOTHING }), "view");
  assert.equal(behind({ done: 5, ...NOTHING }), "behind");
  assert.equal(behind({ done: 1, sack: [[5, 5]], exc: [] }), "behind");
});

function numbers(of: Ranges): number[] {
  return of.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => from + i));
}

function rangesOf(list: readonly number[]): Ranges {
  const found: [number, number][] = [];
  for (const number of list) {
    const last = found.at(-1);
    if (last !== undefined && last[1] + 1 === number) last[1] = number;
    else found.push([number, number]);
  }
  return found;
}

/** What really became of an event on the server, and whether its client has heard of it. */
const FATE = fc.record({
  outcome: fc.constantFrom("stored", "rejected", "retry-stored", "retry-lost", "unsent"),
  isHeard: fc.boolean(),
});

type Fate = typeof FATE extends fc.Arbitrary<infer T> ? T : never;

/** Plays the fates through a window, as a connection would, and takes its record. */
function played(fates: readonly Fate[]): Window {
  const window = new Window(view({}));
  for (const [index, { outcome }] of fates.entries()) {
    const seq = index + 1;
    window.send(seq);
    if (outcome === "rejected") window.except({ seq, code: "schema_invalid" });
    if (outcome === "stored" || outcome === "rejected") window.settle(seq);
    else window.reopen(seq, outcome !== "unsent");
  }
  return window;
}

test("reconcile: nothing is told final that is not, nothing double goes unflagged", () => {
  const seed = Date.now() % 1_000_000;
  const fates = fc.array(FATE, { maxLength: 400 });
  fc.assert(
    fc.property(fates, fc.boolean(), fc.boolean(), (history, isKnown, isClean) => {
      const record = isKnown ? played(history).record() : null;
      const isFinal = ({ outcome }: Fate) => outcome === "stored" || outcome === "rejected";
      const held = history.flatMap((fate, index) =>
        isFinal(fate) && fate.isHeard ? [] : [index + 1],
      );
      const next = history.length + 1;
      const found = view({ record, isClean, held: rangesOf(held), next });
      const open = new Set(numbers(found.open));
      const unsure = new Set(numbers(found.unsure));
      const told = new Set(found.exc.map(({ seq }) => seq));
      const final = new Set([...numbers(found.sack), ...upTo(found.done)]);
      assert.equal(final.size + open.size, history.length, "each number is final or open");
      for (const [index, fate] of history.entries()) {
        const seq = index + 1;
        const label = `${seq}: ${fate.outcome}, seed ${seed}`;
        assert.notEqual(final.has(seq), open.has(seq), label);
        if (final.has(seq)) assert.ok(isFinal(fate), label);
        // A refusal the client has not heard of must not look like a success.
        const isUnheard = final.has(seq) && fate.outcome === "rejected" && !fate.isHeard;
        if (isUnheard) assert.ok(told.has(seq), label);
        const isInKafka = fate.outcome === "stored" || fate.outcome === "retry-stored";
        if (open.has(seq) && isInKafka) assert.ok(unsure.has(seq), label);
      }
      for (const seq of unsure) assert.ok(open.has(seq), "only what is open is unsure");
      assert.equal(found.next, next);
      assert.equal(found.resumed, isKnown);
    }),
    { seed, numRuns: 500 },
  );
});

function upTo(done: number): number[] {
  return Array.from({ length: done }, (_, index) => index + 1);
}

test("reconcile: a clean hand-over doubts nothing above the last unknown outcome", () => {
  const seed = Date.now() % 1_000_000;
  fc.assert(
    fc.property(fc.array(FATE, { maxLength: 60 }), (history) => {
      const held = history.map((_, index) => index + 1);
      const record = played(history).record();
      const found = view({ record, held: rangesOf(held), next: history.length + 1 });
      const last = history.findLastIndex(({ outcome }) => outcome.startsWith("retry-")) + 1;
      for (const seq of numbers(found.unsure)) assert.ok(seq <= last, `${seq}, seed ${seed}`);
    }),
    { seed, numRuns: 300 },
  );
});
