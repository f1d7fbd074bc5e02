/** Many who read again at once: each goes on once, in turns. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { systemClock } from "../lib/clock.ts";
import { Allowance } from "./allowance.ts";
import { Returning } from "./returning.ts";

test("each once, not all in a turn; who has gone is left alone", async () => {
  let inTurn = 0;
  let most = 0;
  let turnsTaken = 0;
  const soon = (action: () => void): void => {
    turnsTaken += 1;
    setImmediate(() => {
      inTurn = 0;
      action();
    });
  };
  const clock = { ...systemClock, monotonicMs: () => 0 };
  const allowance = new Allowance({ share: 1_000, clock, soon, utilization: () => 0 });
  const returning = new Returning(allowance, clock);
  const times = new Map<number, number>();
  const all = Array.from({ length: 1_000 }, (_, number) => ({
    goOn: () => {
      times.set(number, (times.get(number) ?? 0) + 1);
      inTurn += 1;
      most = Math.max(most, inTurn);
      return 1;
    },
  }));
  for (const one of all) returning.add(one);
  for (const one of all.slice(0, 500)) returning.add(one);
  for (const one of all.slice(900)) returning.delete(one);
  while (times.size < 900) await turn();
  for (let turns = 0; turns < 200; turns += 1) await turn();
  assert.deepEqual([times.size, Math.max(...times.values())], [900, 1]);
  assert.ok(most <= 128, `${most} in a turn`);
  assert.ok(turnsTaken < 50, `${turnsTaken} turns were taken`);
  const [first] = all;
  if (first !== undefined) returning.add(first);
  while (times.get(0) === 1) await turn();
});
