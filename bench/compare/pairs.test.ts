import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { compare, compareInTurns, judged } from "./pairs.ts";

describe("compare", () => {
  it("leaves out at each end what the tables of the sign test leave out", () => {
    const cutOf = (pairs: number): number =>
      compare(
        Array.from({ length: pairs }, (_, index) => index),
        0,
      ).interval[0];
    assert.deepEqual([3, 5, 6, 8, 9, 12, 20].map(cutOf), [0, 0, 0, 0, 1, 2, 5]);
  });

  it("one wild pair decides nothing", () => {
    const { median, verdict } = compare([1, 1.01, 0.99, 1, 7, 1.01, 1, 0.98, 1.01], 1.02);
    assert.deepEqual([median, verdict], [1, "met"]);
  });

  it("says that it cannot tell where the limit lies among the pairs, and of few pairs", () => {
    assert.equal(compare([0.9, 1.1, 0.95, 1.08, 0.97, 1.2], 1.02).verdict, "undecided");
    assert.equal(compare([0.5, 0.5], 1.02).verdict, "undecided");
    assert.equal(compare([1.2, 1.3, 1.2, 1.25, 1.21, 1.3], 1.15).verdict, "missed");
  });
});

describe("compareInTurns", () => {
  const run = async (costOf: (arm: "one" | "two") => number, secondsMax = 0) => {
    const order: string[] = [];
    const { compared } = await compareInTurns({
      arms: ["one", "two"],
      turn: async (arm) => {
        order.push(arm);
        return costOf(arm);
      },
      limit: 1.15,
      pairsMin: 6,
      secondsMax,
    });
    return { compared, order };
  };

  it("takes turns in going first, and compares the second arm with the first", async () => {
    const { compared, order } = await run((arm) => (arm === "one" ? 10 : 11));
    assert.deepEqual(order.slice(0, 4), ["one", "two", "two", "one"]);
    assert.deepEqual([compared.pairs, compared.verdict], [6, "met"]);
    assert.ok(judged("two workers", compared, 1.15).isMet);
  });

  it("goes on while noise would decide", async () => {
    let pairs = 0;
    const noisy = (arm: "one" | "two"): number => {
      if (arm === "one") return 10;
      pairs += 1;
      if (pairs > 6) return 10;
      return pairs % 2 === 0 ? 9 : 14;
    };
    const { compared } = await run(noisy, 60);
    assert.ok(compared.pairs > 6, String(compared.pairs));
    assert.equal(compared.verdict, "met");
  });

  it("a turn that carried nothing is no pair; where none carries anything, nothing is met", async () => {
    let turns = 0;
    const { compared } = await run(() => ((turns += 1) === 1 ? Infinity : 10));
    assert.deepEqual([compared.pairs, compared.median], [6, 1]);
    const { compared: none } = await run(() => Infinity);
    assert.equal(none.pairs, 0);
    assert.ok(!judged("two workers", none, 1.15).isMet);
  });

  it("does not pretend to be sure of few pairs", () => {
    const { sentence } = judged("two workers", compare([1, 1.1, 1.05], 1.15), 1.15);
    assert.match(sentence, /median of 3 pairs, too few to be sure; they lie between 1 and 1.1\)/);
  });

  it("a limit that is surely missed is not met", async () => {
    const { compared } = await run((arm) => (arm === "one" ? 10 : 13), 60);
    const { sentence, isMet } = judged("two workers", compared, 1.15);
    assert.ok(!isMet);
    assert.match(sentence, /1\.3 \(median of 6 pairs.*not met$/);
  });
});
