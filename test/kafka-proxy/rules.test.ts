import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { API } from "./protocol.ts";
import { seededRandom } from "./random.ts";
import { ActiveRule, judge } from "./rules.ts";
import type { Facts, Match, Rule } from "./rules.ts";

const FACTS: Facts = {
  apiKey: API.Produce,
  broker: 2,
  clientId: "sluice",
  parts: [
    { topic: "a", partition: 0 },
    { topic: "b", partition: 3 },
  ],
};

const never = (): number => assert.fail("no random was needed");

/** What a rule does to so many equal requests: 1 for each that it befell. */
function pattern(rule: Rule, requests: number, random: () => number = never): string {
  const active = new ActiveRule(rule);
  return Array.from({ length: requests }, () => Number(active.take(FACTS, random))).join("");
}

const RESET = { kind: "reset", when: "before" } as const;

describe("ActiveRule", () => {
  for (const [match, isMatching] of [
    [{}, true],
    [{ api: "Produce" }, true],
    [{ api: "Fetch" }, false],
    [{ broker: 2 }, true],
    [{ broker: 1 }, false],
    [{ clientId: "sluice" }, true],
    [{ clientId: "other" }, false],
    [{ topic: "b" }, true],
    [{ topic: "c" }, false],
    [{ topic: "b", partition: 3 }, true],
    [{ topic: "b", partition: 0 }, false],
    [{ api: "Produce", broker: 2, topic: "a", partition: 0 }, true],
  ] satisfies Array<[Match, boolean]>) {
    it(`${JSON.stringify(match)}: ${isMatching ? "matches" : "does not match"}`, () => {
      assert.equal(pattern({ match, fault: RESET }, 1), isMatching ? "1" : "0");
    });
  }

  it("after and times: so many pass, so many are befallen, the rest pass", () => {
    assert.equal(pattern({ after: 2, times: 3, fault: RESET }, 8), "00111000");
  });

  it("probability: the same seed befalls the same requests", () => {
    const rule = { probability: 0.5, fault: RESET };
    const run = () => pattern(rule, 64, seededRandom(7));
    assert.equal(run(), run());
    const befallen = run().replaceAll("0", "").length;
    assert.ok(befallen > 16 && befallen < 48, `${befallen} of 64`);
  });

  it("until: resolves with the request that makes it true; remove ends the rule", async () => {
    const active = new ActiveRule({ fault: RESET });
    const twice = active.until(2);
    active.take(FACTS, never);
    active.take(FACTS, never);
    await twice;
    active.remove();
    assert.equal(active.take(FACTS, never), false);
    assert.deepEqual([active.matched, active.applied], [2, 2]);
  });
});

describe("judge", () => {
  it("delays add up until the first other fault; what comes later is not even counted", () => {
    const delay = (ms: number, what: "request" | "answer") =>
      new ActiveRule({ fault: { kind: "delay", ms, what } });
    const rules = [delay(1, "request"), delay(2, "answer"), delay(4, "request")];
    const reset = new ActiveRule({ fault: RESET });
    const late = new ActiveRule({ fault: RESET });
    const verdict = judge([...rules, reset, late], FACTS, never);
    assert.deepEqual(verdict, { fault: RESET, requestDelayMs: 5, answerDelayMs: 2 });
    assert.equal(late.matched, 0);
  });
});
