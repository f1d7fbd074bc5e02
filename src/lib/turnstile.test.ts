import assert from "node:assert/strict";
import { test } from "node:test";
import { Turnstile } from "./turnstile.ts";

test("Turnstile: never more at once than its bound, in order, also after failures", async () => {
  const turnstile = new Turnstile(2);
  const begun: number[] = [];
  let running = 0;
  let most = 0;
  const work = (number: number) => async () => {
    begun.push(number);
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    if (number === 1) throw new Error("one fails");
  };
  const all = Array.from({ length: 7 }, (_, number) => turnstile.run(work(number)));
  const results = await Promise.allSettled(all);
  assert.equal(most, 2);
  assert.deepEqual(begun, [0, 1, 2, 3, 4, 5, 6]);
  assert.equal(results.filter(({ status }) => status === "rejected").length, 1);
});
