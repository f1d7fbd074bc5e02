import assert from "node:assert/strict";
import { describe, it } from "node:test";

import fc from "fast-check";

import { FakeClock } from "../lib/clock.ts";
import { Shares, shareOf } from "./shares.ts";
import type { Demand, LeaseMemory } from "./shares.ts";

/** What several processes tell one memory. */
class FakeMemory implements LeaseMemory {
  readonly told: Map<string, Map<string, number>>;
  readonly #process: string;
  isAway = false;

  constructor(told: Map<string, Map<string, number>>, process: string) {
    this.told = told;
    this.#process = process;
  }

  get processes(): number {
    return 2;
  }

  async renew(demands: readonly Demand[]) {
    if (this.isAway) return null;
    return demands.map(({ key, taken }) => {
      const byProcess = this.told.get(key) ?? new Map<string, number>();
      this.told.set(key, byProcess.set(this.#process, taken));
      const all = [...byProcess.values()];
      return { taken: all.reduce((sum, each) => sum + each, 0), processes: all.length };
    });
  }
}

const onFailure = (error: unknown) => assert.fail(String(error));

describe("Shares", () => {
  it("follow what each process needs, and are even where nobody answers", async () => {
    const told = new Map<string, Map<string, number>>();
    const [left, right] = [new FakeMemory(told, "left"), new FakeMemory(told, "right")];
    const clock = new FakeClock();
    const a = new Shares(left, { clock, onFailure });
    const b = new Shares(right, { clock, onFailure });
    assert.equal(a.share("q"), 0.5);
    for (let round = 0; round < 3; round += 1) {
      a.took("q", 300);
      b.took("q", 100);
      await a.renew();
      await b.renew();
    }
    assert.ok(Math.abs(a.share("q") - 0.725) < 0.001, String(a.share("q")));
    assert.ok(Math.abs(b.share("q") - 0.275) < 0.001);
    left.isAway = true;
    a.took("q", 300);
    await a.renew();
    assert.equal(a.share("q"), 0.5);
  });

  it("never give out more than there is, if everybody tells the truth", () => {
    const needs = fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(needs, (taken) => {
        const all = taken.reduce((sum, each) => sum + each, 0);
        const shares = taken.map((each) => shareOf(each, { taken: all, processes: taken.length }));
        const sum = shares.reduce((total, share) => total + share, 0);
        assert.ok(sum <= 1.000_001, String(sum));
        assert.ok(shares.every((share) => share > 0));
      }),
    );
  });

  it("are renewed by the clock, until they are stopped", async () => {
    const clock = new FakeClock();
    let renewals = 0;
    const memory: LeaseMemory = {
      processes: 1,
      renew: async () => {
        renewals += 1;
        return null;
      },
    };
    const shares = new Shares(memory, { clock, onFailure });
    shares.start();
    for (let second = 0; second < 3; second += 1) {
      shares.took("q", 1);
      clock.advance(1_000);
      await new Promise(setImmediate);
    }
    assert.equal(renewals, 3);
    shares.stop();
    clock.advance(10_000);
    assert.equal(renewals, 3);
  });
});
