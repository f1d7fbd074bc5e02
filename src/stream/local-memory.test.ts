import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeClock } from "../lib/clock.ts";
import { LocalMemory } from "./local-memory.ts";
import { describeMemory } from "./testing/memory-contract.ts";

describeMemory({
  name: "LocalMemory",
  open: async () => {
    return new LocalMemory({ ttlSeconds: 60, clock: new FakeClock(), onForgotten: () => {} });
  },
});

test("LocalMemory, full, forgets the stream that was changed longest ago, and says so", async () => {
  let forgotten = 0;
  const onForgotten = () => void (forgotten += 1);
  const clock = new FakeClock();
  const memory = new LocalMemory({ ttlSeconds: 60, clock, streamsMax: 2, onForgotten });
  const claim = (key: string) =>
    memory.claim({ key, owner: memory.owner, epochMin: 1, hasProof: true, birth: "b" });
  for (const key of ["a", "b", "a", "c"]) await claim(key);
  assert.deepEqual([memory.size, forgotten], [2, 1]);
  const answer = await claim("b");
  assert.equal(answer.kind === "claimed" && answer.record, null);
  for (let index = 0; index < 100; index += 1) await claim(`${index}`);
  assert.equal(memory.size, 2);
});
