import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FakeClock } from "../lib/clock.ts";
import { CANARY_STORED_MS_MAX } from "../limits/watching.ts";
import { Canary, withinStoreTime } from "./canary.ts";
import type { CanaryPerch, CanaryResult } from "./canary.ts";

function setUp(perch: Partial<CanaryPerch> = {}) {
  const clock = new FakeClock();
  const results: [string, CanaryResult][] = [];
  const marks: string[] = [];
  let closed = 0;
  const canary = new Canary({
    topics: ["a", "b"],
    intervalMs: 1_000,
    clock,
    processId: "p",
    open: async (topic) => {
      if (topic === "b") throw new Error("no such topic");
      return {
        store: async (mark) => {
          marks.push(mark);
          clock.advance(5);
          return true;
        },
        find: async () => {
          clock.advance(7);
          return true;
        },
        close: async () => {
          closed += 1;
        },
        ...perch,
      };
    },
    onResult: (topic, result) => results.push([topic, result]),
  });
  const round = async (): Promise<void> => {
    clock.advance(1_000);
    // A round is made of promises alone.
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { canary, clock, results, marks, round, closed: () => closed };
}

describe("Canary", () => {
  it("visits every topic once an interval, and says how long it took", async () => {
    const { canary, results, marks, round, closed } = setUp();
    canary.start();
    await round();
    assert.deepEqual(results, [
      ["a", { kind: "seen", storedMs: 5, seenMs: 12 }],
      ["b", { kind: "unread", reason: "no such topic" }],
    ]);
    await round();
    assert.equal(results.length, 4);
    assert.deepEqual(marks, ["p-1", "p-2"]);
    assert.equal(closed(), 2);
    await canary.stop();
    await round();
    assert.equal(results.length, 4);
  });

  it("tells a record that was not confirmed from one that was and is not there", async () => {
    const lost = setUp({ find: async () => false });
    lost.canary.start();
    await lost.round();
    assert.equal(lost.results[0]?.[1].kind, "missing");
    const refused = setUp({ store: async () => false });
    refused.canary.start();
    await refused.round();
    assert.equal(refused.results[0]?.[1].kind, "not_stored");
  });
});

describe("withinStoreTime", () => {
  it("gives up on an outcome that does not come", async () => {
    const clock = new FakeClock();
    const outcome = withinStoreTime(new Promise(() => {}), clock);
    clock.advance(CANARY_STORED_MS_MAX);
    assert.equal(await outcome, false);
    assert.equal(await withinStoreTime(Promise.resolve(true), clock), true);
  });
});
