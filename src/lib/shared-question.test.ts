/** Who shares an answer with whom. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { SharedQuestion } from "./shared-question.ts";

it("who asks while one is under way shares the next one, which begins after that", async () => {
  const asked: PromiseWithResolvers<number>[] = [];
  const question = new SharedQuestion(() => {
    const one = Promise.withResolvers<number>();
    asked.push(one);
    return one.promise;
  });
  const first = question.ask();
  await turn();
  const others = [question.ask(), question.ask()];
  await turn();
  assert.equal(asked.length, 1);
  asked[0]?.reject(new Error("no answer"));
  await assert.rejects(first, /no answer/);
  await turn();
  assert.equal(asked.length, 2);
  asked[1]?.resolve(2);
  assert.deepEqual(await Promise.all(others), [2, 2]);
  await turn();
  assert.equal(asked.length, 2);
});
