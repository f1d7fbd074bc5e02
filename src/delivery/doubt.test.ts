import assert from "node:assert/strict";
import { test } from "node:test";

import { Doubt } from "./doubt.ts";

test("Doubt: one commit that times out while others store is enough, two while nobody does", () => {
  const alone = new Doubt();
  alone.timedOut({ haveOthersStored: false });
  assert.equal(alone.isDoubtful, true);
  assert.equal(alone.isDue, false);
  alone.timedOut({ haveOthersStored: false });
  assert.equal(alone.isDue, true);
  const beside = new Doubt();
  beside.timedOut({ haveOthersStored: true });
  assert.equal(beside.isDue, true);
});

test("Doubt: where another producer does not help, the next comes later, up to a bound", () => {
  const doubt = new Doubt();
  const commitsUntilDue = (): number => {
    let commits = 0;
    while (!doubt.isDue) {
      doubt.timedOut({ haveOthersStored: true });
      commits += 1;
    }
    doubt.replaced();
    return commits;
  };
  assert.deepEqual([0, 1, 2, 3, 4].map(commitsUntilDue), [1, 2, 4, 4, 4]);
  doubt.stored();
  assert.equal(commitsUntilDue(), 1, "what stores begins anew");
});
