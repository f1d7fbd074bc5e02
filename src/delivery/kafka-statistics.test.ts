import assert from "node:assert/strict";
import { test } from "node:test";

import { parseProgress } from "./kafka-statistics.ts";

test("statistics say up to which record a partition is confirmed; what is missing is not", () => {
  const partitions = { "-1": {}, 0: { acked_msgid: 17 }, 1: { msgs: 3 } };
  const progress = parseProgress(JSON.stringify({ topics: { events: { partitions } } }));
  assert.equal(progress.confirmed("events", 0), 17);
  assert.equal(progress.confirmed("events", 1), 0);
  assert.equal(progress.confirmed("events", 2), 0);
  assert.equal(progress.confirmed("others", 0), 0);
  assert.equal(parseProgress("{}").confirmed("events", 0), 0);
});
