import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Ranges } from "../protocol/frames.ts";
import { reconcile } from "./reconcile.ts";
import { Window } from "./window.ts";

function opened(held: Ranges, next: number): Window {
  const result = reconcile({ record: null, isClean: true, held, next });
  assert.equal(result.kind, "view");
  return new Window(result.view);
}

function all(window: Window): { final: number[]; open: number[]; inFlight: number[] } {
  const list = (ranges: readonly (readonly [number, number])[]) =>
    ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => from + i));
  return {
    final: list(window.final.ranges()),
    open: list(window.open.ranges()),
    inFlight: list(window.inFlight.ranges()),
  };
}

test("Window: a new stream takes 1 first and refuses to skip", () => {
  const window = opened([], 1);
  assert.equal(window.done, 0);
  assert.equal(window.standing(1), "fresh");
  assert.equal(window.standing(2), "gap");
});

test("Window: outcomes out of order raise done once the hole is filled", () => {
  const window = opened([], 1);
  for (const seq of [1, 2, 3, 4]) window.send(seq);
  window.settle(3);
  window.settle(2);
  assert.equal(window.done, 0);
  assert.deepEqual(window.final.ranges(), [[2, 3]]);
  window.settle(1);
  assert.equal(window.done, 3);
  assert.deepEqual(window.final.ranges(), []);
  assert.equal(window.standing(4), "in-flight");
});

test("Window: held numbers are open, what lies between them is final", () => {
  const window = opened(
    [
      [41, 50],
      [56, 60],
    ],
    61,
  );
  assert.equal(window.done, 40);
  assert.deepEqual(window.final.ranges(), [[51, 55]]);
  assert.equal(window.standing(50), "fresh");
  assert.equal(window.standing(51), "final");
  assert.equal(window.standing(61), "fresh");
  assert.equal(window.standing(62), "gap");
});

test("Window: a retried number may be sent again and is final then", () => {
  const window = opened([], 1);
  window.send(1);
  window.send(2);
  window.settle(2);
  window.reopen(1, true);
  assert.equal(window.standing(1), "fresh");
  assert.equal(window.send(1), true, "it may be stored already");
  window.settle(1);
  assert.equal(window.done, 2);
});

test("Window: every number up to next is in exactly one place, whatever happens", () => {
  const seed = Date.now() % 1_000_000;
  const step = fc.record({
    pick: fc.nat(1_000),
    kind: fc.constantFrom("send", "store", "store-all", "retry"),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const window = opened([], 1);
      const settled = new Set<number>();
      for (const { pick, kind } of steps) {
        const { open, inFlight } = all(window);
        if (kind === "send") {
          const candidates = [...open, window.next];
          window.send(candidates[pick % candidates.length] ?? window.next);
        } else if (inFlight.length > 0) {
          const seq = inFlight[pick % inFlight.length] ?? 0;
          if (kind === "store-all") {
            const runs = window.inFlight.ranges();
            const [from, to] = runs[pick % runs.length] ?? [1, 0];
            window.settleAll(from, to);
            for (let each = from; each <= to; each += 1) settled.add(each);
          } else if (kind === "retry") window.reopen(seq, pick % 2 === 0);
          else {
            window.settle(seq);
            settled.add(seq);
          }
        }
        const now = all(window);
        const places = [...now.final, ...now.open, ...now.inFlight].toSorted((a, b) => a - b);
        const expected = Array.from(
          { length: window.next - 1 - window.done },
          (_, index) => window.done + 1 + index,
        );
        assert.deepEqual(places, expected);
        assert.equal(settled.size, window.done + now.final.length);
      }
    }),
    { seed, numRuns: 200 },
  );
});
