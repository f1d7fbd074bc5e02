import assert from "node:assert/strict";
import { test } from "node:test";

import { Throttling } from "./throttling.ts";

test("Throttling: the longest of the last half minute", () => {
  const throttling = new Throttling();
  assert.equal(throttling.longestMs(0), 0);
  throttling.heard(200, 1_000);
  throttling.heard(1_500, 2_000);
  throttling.heard(0, 3_000);
  assert.equal(throttling.longestMs(31_999), 1_500);
  assert.equal(throttling.longestMs(32_000), 0);
  throttling.heard(40, 33_000);
  assert.equal(throttling.longestMs(34_000), 40);
});
