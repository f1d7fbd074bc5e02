/** What is made of Kafka's answers for several partitions. */
import assert from "node:assert/strict";
import { it } from "node:test";

import { offsetsIn } from "./offset-answer.ts";

it("partitions with an offset; those without are left out", () => {
  const answer = [{ partition: 0, offset: 7 }, { partition: 1, offset: -1 }, { partition: 2 }];
  assert.deepEqual(offsetsIn(answer), new Map([[0, 7]]));
});

it("a partition that failed is no partition without an offset", () => {
  const answer = [{ partition: 0, offset: 7 }, new Error("Local: Unknown partition")];
  assert.equal(offsetsIn(answer), "Local: Unknown partition");
});
